/* requires: pjsip_endpoint.h */
/* sip_auth.h: the client's side of digest authentication */
enum pjsip_cred_data_type { PJSIP_CRED_DATA_PLAIN_PASSWD = 0, PJSIP_CRED_DATA_DIGEST = 1, PJSIP_CRED_DATA_EXT_AKA = 16 };
enum pjsip_auth_algorithm_type {
    PJSIP_AUTH_ALGORITHM_NOT_SET = 0, PJSIP_AUTH_ALGORITHM_MD5, PJSIP_AUTH_ALGORITHM_SHA256,
    PJSIP_AUTH_ALGORITHM_SHA512_256
};
typedef struct pjsip_cred_aka { pj_str_t k; pj_str_t op; pj_str_t amf; void *cb; } pjsip_cred_aka;
typedef struct pjsip_cred_info {
    pj_str_t realm;
    pj_str_t scheme;
    pj_str_t username;
    int data_type;
    pj_str_t data;
    int algorithm_type;
    pjsip_cred_aka ext;
} pjsip_cred_info;
typedef struct pjsip_cached_auth {
    struct pjsip_cached_auth *prev, *next;
    pj_pool_t *pool;
    pj_str_t realm;
    pj_bool_t is_proxy;
    int qop_value;
    unsigned stale_cnt;
    pj_uint32_t nc;
    pj_str_t cnonce;
    void *last_chal;
    int challenge_algorithm_type;
} pjsip_cached_auth;
typedef struct pjsip_auth_clt_pref { pj_bool_t initial_auth; pj_str_t algorithm; } pjsip_auth_clt_pref;
typedef struct pjsip_auth_clt_sess {
    pj_pool_t *pool;
    pjsip_endpoint *endpt;
    pjsip_auth_clt_pref pref;
    unsigned cred_cnt;
    pjsip_cred_info *cred_info;
    pjsip_cached_auth cached_auth;
} pjsip_auth_clt_sess;
pj_status_t pjsip_auth_clt_set_credentials(pjsip_auth_clt_sess *session, int count, const pjsip_cred_info *credentials);
unsigned pj_ssl_cipher_get_availables(int *ciphers, unsigned *count);
