/* requires: pjlib.h pjsip_msg.h */
/* sip_transport.h and sip_resolve.h: buffers, transports, their factories, name resolution */
typedef struct pjsip_endpoint pjsip_endpoint;
typedef struct pjsip_tpmgr pjsip_tpmgr;
typedef struct pjsip_transport pjsip_transport;
typedef struct pjsip_tpfactory pjsip_tpfactory;
typedef struct pjsip_tx_data pjsip_tx_data;
typedef struct pjsip_rx_data pjsip_rx_data;
typedef struct pjsip_resolver_t pjsip_resolver_t;

enum pjsip_transport_type_e {
    PJSIP_TRANSPORT_UNSPECIFIED = 0, PJSIP_TRANSPORT_UDP = 1, PJSIP_TRANSPORT_TCP = 2, PJSIP_TRANSPORT_TLS = 3,
    PJSIP_TRANSPORT_IPV6 = 128, PJSIP_TRANSPORT_UDP6 = 129, PJSIP_TRANSPORT_TCP6 = 130, PJSIP_TRANSPORT_TLS6 = 131
};
enum pjsip_transport_flags_e {
    PJSIP_TRANSPORT_RELIABLE = 1, PJSIP_TRANSPORT_SECURE = 2, PJSIP_TRANSPORT_DATAGRAM = 4
};
enum pjsip_transport_dir { PJSIP_TP_DIR_NONE, PJSIP_TP_DIR_OUTGOING, PJSIP_TP_DIR_INCOMING };
enum pjsip_transport_state {
    PJSIP_TP_STATE_CONNECTED, PJSIP_TP_STATE_DISCONNECTED, PJSIP_TP_STATE_SHUTDOWN, PJSIP_TP_STATE_DESTROY
};

typedef struct pjsip_buffer { char *start; char *cur; char *end; } pjsip_buffer;
typedef struct pjsip_host_info { unsigned flag; int type; pjsip_host_port addr; } pjsip_host_info;

typedef struct pjsip_server_address_record {
    int type;
    unsigned priority;
    unsigned weight;
    pj_sockaddr addr;
    int addr_len;
} pjsip_server_address_record;
typedef struct pjsip_server_addresses {
    unsigned count;
    pjsip_server_address_record entry[16];
} pjsip_server_addresses;
typedef void pjsip_resolver_callback(pj_status_t status, void *token, const pjsip_server_addresses *addresses);
typedef struct pjsip_ext_resolver { void *resolve; } pjsip_ext_resolver;

enum pjsip_tpselector_type {
    PJSIP_TPSELECTOR_NONE, PJSIP_TPSELECTOR_TRANSPORT, PJSIP_TPSELECTOR_LISTENER, PJSIP_TPSELECTOR_IP_VER
};
typedef struct pjsip_tpselector {
    int type;
    pj_bool_t disable_connection_reuse;
    void *ptr;
} pjsip_tpselector;

typedef struct pjsip_rx_data_op_key { pj_ioqueue_op_key_t op_key; pjsip_rx_data *rdata; } pjsip_rx_data_op_key;

typedef struct pjsip_rx_tp_info {
    pj_pool_t *pool;
    pjsip_transport *transport;
    void *tp_data;
    pjsip_rx_data_op_key op_key;
} pjsip_rx_tp_info;
typedef struct pjsip_rx_pkt_info {
    pj_time_val timestamp;
    char packet[4000];
    pj_uint32_t zero;
    pj_ssize_t len;
    pj_sockaddr src_addr;
    int src_addr_len;
    char src_name[46];
    int src_port;
} pjsip_rx_pkt_info;
typedef struct pjsip_rx_msg_info {
    char *msg_buf;
    int len;
    pjsip_msg *msg;
    char *info;
    pjsip_cid_hdr *cid;
    pjsip_fromto_hdr *from;
    pjsip_fromto_hdr *to;
    pjsip_via_hdr *via;
    pjsip_cseq_hdr *cseq;
    pjsip_generic_int_hdr *max_fwd;
    pjsip_routing_hdr *route;
    pjsip_routing_hdr *record_route;
    pjsip_ctype_hdr *ctype;
    pjsip_clen_hdr *clen;
    pjsip_generic_array_hdr *require;
    pjsip_generic_array_hdr *supported;
    pjsip_parser_err_report parse_err;
} pjsip_rx_msg_info;
typedef struct pjsip_rx_endpt_info { void *mod_data[32]; } pjsip_rx_endpt_info;
struct pjsip_rx_data {
    pjsip_rx_tp_info tp_info;
    pjsip_rx_pkt_info pkt_info;
    pjsip_rx_msg_info msg_info;
    pjsip_rx_endpt_info endpt_info;
};
pjsip_msg *pjsip_parse_rdata(char *buffer, pj_size_t size, pjsip_rx_data *rdata);
pj_status_t pjsip_find_msg(const char *buffer, pj_size_t size, pj_bool_t is_datagram, pj_size_t *message_size);

typedef struct pjsip_tx_data_op_key {
    pj_ioqueue_op_key_t key;
    pjsip_tx_data *tdata;
    void *token;
    void *callback;
} pjsip_tx_data_op_key;
typedef struct pjsip_tx_dest_info {
    pj_str_t name;
    pjsip_server_addresses addr;
    unsigned cur_addr;
} pjsip_tx_dest_info;
typedef struct pjsip_tx_tp_info {
    pjsip_transport *transport;
    pj_sockaddr dst_addr;
    int dst_addr_len;
    char dst_name[46];
    int dst_port;
} pjsip_tx_tp_info;
struct pjsip_tx_data {
    pjsip_tx_data *prev, *next;
    pj_pool_t *pool;
    char obj_name[32];
    char *info;
    pj_time_val rx_timestamp;
    pjsip_tpmgr *mgr;
    pjsip_tx_data_op_key op_key;
    pj_lock_t *lock;
    pjsip_msg *msg;
    pjsip_routing_hdr *saved_strict_route;
    pjsip_buffer buf;
    pj_atomic_t *ref_cnt;
    int is_pending;
    void *token;
    void *cb;
    pjsip_tx_dest_info dest_info;
    pjsip_tx_tp_info tp_info;
    pjsip_tpselector tp_sel;
    pj_bool_t auth_retry;
    void *mod_data[32];
    pjsip_host_port via_addr;
    const void *via_tp;
};
void pjsip_tx_data_add_ref(pjsip_tx_data *tdata);
pj_status_t pjsip_tx_data_dec_ref(pjsip_tx_data *tdata);
pj_status_t pjsip_tx_data_set_transport(pjsip_tx_data *tdata, const pjsip_tpselector *selector);
void pjsip_tx_data_invalidate_msg(pjsip_tx_data *tdata);

typedef void (*pjsip_transport_callback)(pjsip_transport *transport, void *token, pj_ssize_t sent);
typedef struct pjsip_transport_key { long type; pj_sockaddr rem_addr; } pjsip_transport_key;

struct pjsip_transport {
    char obj_name[32];
    pj_pool_t *pool;
    pj_atomic_t *ref_cnt;
    pj_lock_t *lock;
    pj_grp_lock_t *grp_lock;
    pj_bool_t tracing;
    pj_bool_t is_shutdown;
    pj_bool_t is_destroying;
    pjsip_transport_key key;
    char *type_name;
    unsigned flag;
    char *info;
    int addr_len;
    pj_sockaddr local_addr;
    pjsip_host_port local_name;
    pjsip_host_port remote_name;
    int dir;
    pjsip_endpoint *endpt;
    pjsip_tpmgr *tpmgr;
    pjsip_tpfactory *factory;
    pj_timer_entry idle_timer;
    pj_timestamp last_recv_ts;
    pj_size_t last_recv_len;
    void *data;
    unsigned initial_timeout;
    void *send_msg;
    void *do_shutdown;
    void *destroy;
};
pj_status_t pjsip_transport_register(pjsip_tpmgr *manager, pjsip_transport *transport);
pj_status_t pjsip_transport_shutdown(pjsip_transport *transport);
pj_status_t pjsip_transport_shutdown2(pjsip_transport *transport, pj_bool_t force);
pj_status_t pjsip_transport_destroy(pjsip_transport *transport);
pj_status_t pjsip_transport_add_ref(pjsip_transport *transport);
pj_status_t pjsip_transport_dec_ref(pjsip_transport *transport);
pj_status_t pjsip_transport_register_type(unsigned flag, const char *name, int default_port, int *type);

typedef struct pjsip_transport_state_info {
    pj_status_t status;
    void *ext_info;
    void *user_data;
} pjsip_transport_state_info;
typedef void (*pjsip_tp_state_callback)(pjsip_transport *transport, int state,
                                        const pjsip_transport_state_info *info);
pjsip_tp_state_callback pjsip_tpmgr_get_state_cb(const pjsip_tpmgr *manager);
pj_status_t pjsip_tpmgr_set_state_cb(pjsip_tpmgr *manager, pjsip_tp_state_callback callback);

pj_ssize_t pjsip_tpmgr_receive_packet(pjsip_tpmgr *manager, pjsip_rx_data *rdata);
unsigned pjsip_tpmgr_get_transport_count(pjsip_tpmgr *manager);

typedef struct pjsip_tp_dropped_data {
    pjsip_transport *tp;
    void *data;
    pj_size_t len;
    pj_status_t status;
} pjsip_tp_dropped_data;
pj_status_t pjsip_tpmgr_set_drop_data_cb(pjsip_tpmgr *manager, void *callback);

struct pjsip_tpfactory {
    pjsip_tpfactory *prev, *next;
    char obj_name[32];
    pj_pool_t *pool;
    pj_lock_t *lock;
    int type;
    char *type_name;
    unsigned flag;
    char *info;
    pj_sockaddr local_addr;
    pjsip_host_port addr_name;
    void *create_transport;
    void *create_transport2;
    void *destroy;
};
pj_status_t pjsip_tpmgr_register_tpfactory(pjsip_tpmgr *manager, pjsip_tpfactory *factory);
pj_status_t pjsip_tpmgr_unregister_tpfactory(pjsip_tpmgr *manager, pjsip_tpfactory *factory);
