/* requires: pjsip_transport.h */
/* sip_endpoint.h, sip_module.h, sip_config.h, sip_event.h, sip_transaction.h, sip_util.h */
typedef struct pjsip_module {
    struct pjsip_module *prev, *next;
    pj_str_t name;
    int id;
    int priority;
    void *load;
    void *start;
    void *stop;
    void *unload;
    void *on_rx_request;
    void *on_rx_response;
    void *on_tx_request;
    void *on_tx_response;
    void *on_tsx_state;
} pjsip_module;

typedef struct pjsip_cfg_endpt {
    pj_bool_t allow_port_in_fromto_hdr;
    pj_bool_t accept_replace_in_early_state;
    pj_bool_t allow_tx_hash_in_uri;
    pj_bool_t disable_rport;
    pj_bool_t disable_tcp_switch;
    pj_bool_t disable_tls_switch;
    pj_bool_t follow_early_media_fork;
    pj_bool_t req_has_via_alias;
    pj_bool_t resolve_hostname_to_get_interface;
    pj_bool_t disable_secure_dlg_check;
    pj_bool_t use_compact_form;
    pj_bool_t accept_multiple_sdp_answers;
    pj_bool_t keep_inv_after_tsx_timeout;
} pjsip_cfg_endpt;
typedef struct pjsip_cfg_tsx {
    unsigned max_count;
    unsigned t1;
    unsigned t2;
    unsigned t4;
    unsigned td;
} pjsip_cfg_tsx;
typedef struct pjsip_cfg_t {
    pjsip_cfg_endpt endpt;
    pjsip_cfg_tsx tsx;
    pj_bool_t regc_check_contact;
    pj_bool_t regc_add_xuid_param;
    long tcp_keep_alive_interval;
    long tls_keep_alive_interval;
} pjsip_cfg_t;
extern pjsip_cfg_t pjsip_sip_cfg_var;

pj_status_t pjsip_endpt_create(pj_pool_factory *factory, const char *name, pjsip_endpoint **endpt);
void pjsip_endpt_destroy(pjsip_endpoint *endpt);
pj_timer_heap_t *pjsip_endpt_get_timer_heap(pjsip_endpoint *endpt);
pj_status_t pjsip_endpt_register_module(pjsip_endpoint *endpt, pjsip_module *module);
pj_status_t pjsip_endpt_unregister_module(pjsip_endpoint *endpt, pjsip_module *module);
pjsip_tpmgr *pjsip_endpt_get_tpmgr(pjsip_endpoint *endpt);
pj_status_t pjsip_endpt_set_ext_resolver(pjsip_endpoint *endpt, pjsip_ext_resolver *resolver);
pj_status_t pjsip_endpt_process_rx_data(pjsip_endpoint *endpt, pjsip_rx_data *rdata, void *parameters,
                                        pj_bool_t *handled);
pj_status_t pjsip_endpt_add_capability(pjsip_endpoint *endpt, pjsip_module *module, int type, const pj_str_t *name,
                                       unsigned count, const pj_str_t *tags);
pjsip_hdr *pjsip_endpt_get_request_headers(pjsip_endpoint *endpt);
pj_pool_t *pjsip_endpt_create_pool(pjsip_endpoint *endpt, const char *name, pj_size_t initial, pj_size_t increment);
void pjsip_endpt_release_pool(pjsip_endpoint *endpt, pj_pool_t *pool);

/* sip_event.h */
typedef struct pjsip_transaction pjsip_transaction;
enum pjsip_event_id_e {
    PJSIP_EVENT_UNKNOWN, PJSIP_EVENT_TIMER, PJSIP_EVENT_TX_MSG, PJSIP_EVENT_RX_MSG,
    PJSIP_EVENT_TRANSPORT_ERROR, PJSIP_EVENT_TSX_STATE, PJSIP_EVENT_USER
};
typedef union pjsip_event_source {
    pjsip_rx_data *rdata;
    pjsip_tx_data *tdata;
    pj_timer_entry *timer;
    pj_status_t status;
    void *data;
} pjsip_event_source;
typedef struct pjsip_event_tsx_state {
    pjsip_event_source src;
    pjsip_transaction *tsx;
    int prev_state;
    int type;
} pjsip_event_tsx_state;
typedef struct pjsip_event_rx_msg { pjsip_rx_data *rdata; } pjsip_event_rx_msg;
typedef struct pjsip_event_user { void *user1; void *user2; void *user3; void *user4; } pjsip_event_user;
typedef union pjsip_event_body {
    pjsip_event_tsx_state tsx_state;
    pjsip_event_rx_msg rx_msg;
    pjsip_event_user user;
} pjsip_event_body;
typedef struct pjsip_event {
    struct pjsip_event *prev, *next;
    int type;
    pjsip_event_body body;
} pjsip_event;

/* sip_transaction.h */
enum pjsip_role_e { PJSIP_ROLE_UAC, PJSIP_ROLE_UAS };
enum pjsip_tsx_state_e {
    PJSIP_TSX_STATE_NULL, PJSIP_TSX_STATE_CALLING, PJSIP_TSX_STATE_TRYING, PJSIP_TSX_STATE_PROCEEDING,
    PJSIP_TSX_STATE_COMPLETED, PJSIP_TSX_STATE_CONFIRMED, PJSIP_TSX_STATE_TERMINATED, PJSIP_TSX_STATE_DESTROYED
};
typedef struct pjsip_response_addr {
    pjsip_transport *transport;
    pj_sockaddr addr;
    int addr_len;
    pjsip_host_info dst_host;
} pjsip_response_addr;
struct pjsip_transaction {
    pj_pool_t *pool;
    pjsip_module *tsx_user;
    pjsip_endpoint *endpt;
    pj_bool_t terminating;
    pj_grp_lock_t *grp_lock;
    pj_mutex_t *mutex_b;
    char obj_name[32];
    int role;
    pjsip_method method;
    pj_int32_t cseq;
    pj_str_t transaction_key;
    pj_str_t transaction_key2;
    pj_uint32_t hashed_key;
    pj_uint32_t hashed_key2;
    pj_str_t branch;
    int status_code;
    pj_str_t status_text;
    int state;
    int handle_200resp;
    int tracing;
    void *state_handler;
    pjsip_transport *transport;
    pj_bool_t is_reliable;
    pj_sockaddr addr;
    int addr_len;
    pjsip_response_addr res_addr;
    unsigned transport_flag;
    pj_status_t transport_err;
    pjsip_tpselector tp_sel;
    pjsip_tx_data *pending_tx;
    void *tp_st_key;
    pjsip_tx_data *last_tx;
    int retransmit_count;
    pj_timer_entry retransmit_timer;
    pj_timer_entry timeout_timer;
    void *mod_data[32];
};
pj_status_t pjsip_tsx_layer_init_module(pjsip_endpoint *endpt);
unsigned pjsip_tsx_layer_get_tsx_count(void);
void pjsip_tsx_set_timers(unsigned t1, unsigned t2, unsigned t4, unsigned td);
pj_status_t pjsip_tsx_create_uas(pjsip_module *user, pjsip_rx_data *rdata, pjsip_transaction **tsx);
void pjsip_tsx_recv_msg(pjsip_transaction *tsx, pjsip_rx_data *rdata);
pj_status_t pjsip_tsx_send_msg(pjsip_transaction *tsx, pjsip_tx_data *tdata);
pj_status_t pjsip_tsx_terminate(pjsip_transaction *tsx, int code);
pj_status_t pjsip_tsx_set_transport(pjsip_transaction *tsx, const pjsip_tpselector *selector);
pjsip_transaction *pjsip_rdata_get_tsx(pjsip_rx_data *rdata);

/* sip_util.h */
pj_status_t pjsip_endpt_create_request(pjsip_endpoint *endpt, const pjsip_method *method, const pj_str_t *target,
                                       const pj_str_t *from, const pj_str_t *to, const pj_str_t *contact,
                                       const pj_str_t *call_id, int cseq, const pj_str_t *text,
                                       pjsip_tx_data **tdata);
pj_status_t pjsip_endpt_create_response(pjsip_endpoint *endpt, const pjsip_rx_data *rdata, int code,
                                        const pj_str_t *reason, pjsip_tx_data **tdata);
pj_status_t pjsip_endpt_send_response2(pjsip_endpoint *endpt, pjsip_rx_data *rdata, pjsip_tx_data *tdata,
                                       void *token, void *callback);
pj_status_t pjsip_endpt_send_request(pjsip_endpoint *endpt, pjsip_tx_data *tdata, pj_int32_t timeout_ms, void *token,
                                     void *callback);
