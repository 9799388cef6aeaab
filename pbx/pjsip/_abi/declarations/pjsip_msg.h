/* requires: pjlib.h pjsip_uri.h */
/* sip_msg.h: messages, headers, bodies */
typedef struct pjsip_method { int id; pj_str_t name; } pjsip_method;

enum pjsip_method_e {
    PJSIP_INVITE_METHOD, PJSIP_CANCEL_METHOD, PJSIP_ACK_METHOD, PJSIP_BYE_METHOD,
    PJSIP_REGISTER_METHOD, PJSIP_OPTIONS_METHOD, PJSIP_OTHER_METHOD
};
void pjsip_method_init(pjsip_method *method, pj_pool_t *pool, const pj_str_t *name);
void pjsip_method_init_np(pjsip_method *method, pj_str_t *name);

enum pjsip_hdr_e {
    PJSIP_H_ALLOW = 4, PJSIP_H_CALL_ID = 7, PJSIP_H_CONTACT = 9, PJSIP_H_CONTENT_LENGTH = 13,
    PJSIP_H_CONTENT_TYPE = 14, PJSIP_H_CSEQ = 15, PJSIP_H_FROM = 19, PJSIP_H_MAX_FORWARDS = 21,
    PJSIP_H_RECORD_ROUTE = 29, PJSIP_H_REQUIRE = 31, PJSIP_H_ROUTE = 33, PJSIP_H_SUPPORTED = 36,
    PJSIP_H_TO = 38, PJSIP_H_VIA = 41, PJSIP_H_OTHER = 44
};

typedef struct pjsip_hdr_vptr {
    void *clone;
    void *shallow_clone;
    void *print_on;
} pjsip_hdr_vptr;

typedef struct pjsip_hdr {
    struct pjsip_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
} pjsip_hdr;
int pjsip_hdr_print_on(void *header, char *buffer, pj_size_t size);
void *pjsip_hdr_clone(pj_pool_t *pool, const void *header);

typedef struct pjsip_media_type {
    pj_str_t type;
    pj_str_t subtype;
    pjsip_param param;
} pjsip_media_type;

typedef struct pjsip_msg_body {
    pjsip_media_type content_type;
    void *data;
    unsigned len;
    void *print_body;
    void *clone_data;
} pjsip_msg_body;
pjsip_msg_body *pjsip_msg_body_create(pj_pool_t *pool, const pj_str_t *type, const pj_str_t *subtype,
                                      const pj_str_t *text);

typedef struct pjsip_request_line { pjsip_method method; pjsip_uri *uri; } pjsip_request_line;
typedef struct pjsip_status_line { int code; pj_str_t reason; } pjsip_status_line;

enum pjsip_msg_type_e { PJSIP_REQUEST_MSG, PJSIP_RESPONSE_MSG };

typedef union pjsip_start_line {
    pjsip_request_line req;
    pjsip_status_line status;
} pjsip_start_line;

typedef struct pjsip_msg {
    int type;
    pjsip_start_line line;
    pjsip_hdr hdr;
    pjsip_msg_body *body;
} pjsip_msg;
void *pjsip_msg_find_hdr(const pjsip_msg *message, int type, const void *start);
void *pjsip_msg_find_hdr_by_name(const pjsip_msg *message, const pj_str_t *name, const void *start);
pj_ssize_t pjsip_msg_print(const pjsip_msg *message, char *buffer, pj_size_t size);
const pj_str_t *pjsip_get_status_text(int code);

typedef struct pjsip_generic_string_hdr {
    struct pjsip_generic_string_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    pj_str_t hvalue;
} pjsip_generic_string_hdr;
pjsip_generic_string_hdr *pjsip_generic_string_hdr_create(pj_pool_t *pool, const pj_str_t *name,
                                                          const pj_str_t *value);

typedef struct pjsip_generic_int_hdr {
    struct pjsip_generic_int_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    pj_uint32_t ivalue;
} pjsip_generic_int_hdr;

typedef struct pjsip_generic_array_hdr {
    struct pjsip_generic_array_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    unsigned count;
    pj_str_t values[32];
} pjsip_generic_array_hdr;

typedef struct pjsip_cid_hdr {
    struct pjsip_cid_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    pj_str_t id;
} pjsip_cid_hdr;

typedef struct pjsip_clen_hdr {
    struct pjsip_clen_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    int len;
} pjsip_clen_hdr;

typedef struct pjsip_cseq_hdr {
    struct pjsip_cseq_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    pj_int32_t cseq;
    pjsip_method method;
} pjsip_cseq_hdr;

typedef struct pjsip_contact_hdr {
    struct pjsip_contact_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    int star;
    pjsip_uri *uri;
    int q1000;
    pj_uint32_t expires;
    pjsip_param other_param;
} pjsip_contact_hdr;

typedef struct pjsip_ctype_hdr {
    struct pjsip_ctype_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    pjsip_media_type media;
} pjsip_ctype_hdr;

typedef struct pjsip_fromto_hdr {
    struct pjsip_fromto_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    pjsip_uri *uri;
    pj_str_t tag;
    pjsip_param other_param;
} pjsip_fromto_hdr;

typedef struct pjsip_routing_hdr {
    struct pjsip_routing_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    pjsip_name_addr name_addr;
    pjsip_param other_param;
} pjsip_routing_hdr;
pjsip_routing_hdr *pjsip_route_hdr_create(pj_pool_t *pool);

typedef struct pjsip_host_port { pj_str_t host; int port; } pjsip_host_port;

typedef struct pjsip_via_hdr {
    struct pjsip_via_hdr *prev, *next;
    int type;
    pj_str_t name;
    pj_str_t sname;
    pjsip_hdr_vptr *vptr;
    pj_str_t transport;
    pjsip_host_port sent_by;
    int ttl_param;
    int rport_param;
    pj_str_t maddr_param;
    pj_str_t recvd_param;
    pj_str_t branch_param;
    pjsip_param other_param;
    pj_str_t comment;
} pjsip_via_hdr;

/* sip_parser.h */
typedef struct pjsip_parser_err_report {
    struct pjsip_parser_err_report *prev, *next;
    int except_code;
    int line;
    int col;
    pj_str_t hname;
} pjsip_parser_err_report;
void *pjsip_parse_hdr(pj_pool_t *pool, const pj_str_t *name, char *line, pj_size_t size, int *parsed_len);
pjsip_uri *pjsip_parse_uri(pj_pool_t *pool, char *buffer, pj_size_t size, unsigned options);
