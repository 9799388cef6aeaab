/* requires: pjsip_auth.h pjsip_endpoint.h pjsip_ua.h */
/* sip_dialog.h and sip_ua_layer.h */
typedef struct pjsip_dialog pjsip_dialog;
typedef struct pjsip_target {
    struct pjsip_target *prev, *next;
    pjsip_uri *uri;
    int q1000;
    int code;
    pj_str_t reason;
} pjsip_target;
typedef struct pjsip_target_set { pjsip_target head; pjsip_target *current; } pjsip_target_set;
typedef struct pjsip_dlg_party {
    pjsip_fromto_hdr *info;
    pj_str_t info_str;
    pj_uint32_t tag_hval;
    pjsip_contact_hdr *contact;
    pj_int32_t first_cseq;
    pj_int32_t cseq;
} pjsip_dlg_party;
enum pjsip_dialog_state { PJSIP_DIALOG_STATE_NULL, PJSIP_DIALOG_STATE_ESTABLISHED };
struct pjsip_dialog {
    pjsip_dialog *prev, *next;
    char obj_name[32];
    pj_pool_t *pool;
    pjsip_module *ua;
    pjsip_endpoint *endpt;
    pj_grp_lock_t *grp_lock_;
    void *dlg_set;
    int state;
    pjsip_uri *target;
    pjsip_target_set target_set;
    pjsip_hdr inv_hdr;
    pjsip_dlg_party local;
    pjsip_dlg_party remote;
    pjsip_hdr rem_cap_hdr;
    int role;
    pj_bool_t uac_has_2xx;
    pj_bool_t secure;
    pj_bool_t add_allow;
    pj_bool_t ack_sent;
    pjsip_cid_hdr *call_id;
    pjsip_routing_hdr route_set;
    pj_bool_t route_set_frozen;
    pjsip_auth_clt_sess auth_sess;
    pj_str_t initial_dest;
    int sess_count;
    int tsx_count;
    pjsip_tpselector tp_sel;
    unsigned usage_cnt;
    pjsip_module *usage[32];
    void *mod_data[32];
    pjsip_host_port via_addr;
    const void *via_tp;
};
pjsip_module *pjsip_ua_instance(void);
unsigned pjsip_ua_get_dlg_set_count(void);
pjsip_dialog *pjsip_ua_find_dialog(const pj_str_t *call_id, const pj_str_t *local_tag, const pj_str_t *remote_tag,
                                   pj_bool_t lock);
pj_status_t pjsip_dlg_create_uac(pjsip_module *ua, const pj_str_t *local_uri, const pj_str_t *local_contact,
                                 const pj_str_t *remote_uri, const pj_str_t *target, pjsip_dialog **dialog);
pj_status_t pjsip_dlg_create_uas_and_inc_lock(pjsip_module *ua, pjsip_rx_data *rdata, const pj_str_t *contact,
                                              pjsip_dialog **dialog);
pj_status_t pjsip_dlg_set_transport(pjsip_dialog *dialog, const pjsip_tpselector *selector);
pj_status_t pjsip_dlg_set_route_set(pjsip_dialog *dialog, const pjsip_routing_hdr *route_set);
pj_status_t pjsip_dlg_terminate(pjsip_dialog *dialog);
void pjsip_dlg_inc_lock(pjsip_dialog *dialog);
void pjsip_dlg_dec_lock(pjsip_dialog *dialog);
pjsip_dialog *pjsip_rdata_get_dlg(pjsip_rx_data *rdata);
pjsip_dialog *pjsip_tdata_get_dlg(pjsip_tx_data *tdata);
pjsip_dialog *pjsip_tsx_get_dlg(pjsip_transaction *transaction);
pj_status_t pjsip_dlg_inc_session(pjsip_dialog *dialog, pjsip_module *user);
pj_status_t pjsip_dlg_dec_session(pjsip_dialog *dialog, pjsip_module *user);
pj_status_t pjsip_dlg_create_request(pjsip_dialog *dialog, const pjsip_method *method, int cseq, pjsip_tx_data **tdata);
pj_status_t pjsip_dlg_send_request(pjsip_dialog *dialog, pjsip_tx_data *tdata, int module_id, void *module_data);
pj_status_t pjsip_dlg_create_response(pjsip_dialog *dialog, pjsip_rx_data *rdata, int code, const pj_str_t *reason,
                                      pjsip_tx_data **tdata);
pj_status_t pjsip_dlg_send_response(pjsip_dialog *dialog, pjsip_transaction *transaction, pjsip_tx_data *tdata);
