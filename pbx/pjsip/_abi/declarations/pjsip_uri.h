/* requires: pjlib.h */
/* sip_uri.h */
typedef struct pjsip_param {
    struct pjsip_param *prev, *next;
    pj_str_t name;
    pj_str_t value;
} pjsip_param;

typedef struct pjsip_uri_vptr {
    void *p_get_scheme;
    void *p_get_uri;
    void *p_print;
    void *p_compare;
    void *p_clone;
} pjsip_uri_vptr;

typedef struct pjsip_uri { pjsip_uri_vptr *vptr; } pjsip_uri;

typedef struct pjsip_sip_uri {
    pjsip_uri_vptr *vptr;
    pj_str_t user;
    pj_str_t passwd;
    pj_str_t host;
    int port;
    pj_str_t user_param;
    pj_str_t method_param;
    pj_str_t transport_param;
    int ttl_param;
    int lr_param;
    pj_str_t maddr_param;
    pjsip_param other_param;
    pjsip_param header_param;
} pjsip_sip_uri;

typedef struct pjsip_name_addr {
    pjsip_uri_vptr *vptr;
    pj_str_t display;
    pjsip_uri *uri;
} pjsip_name_addr;
