/* requires: pjsip_dlg.h */
/* sip_inv.h, sip_100rel.h, sip_timer.h, and of pjmedia what carries a session description through them */
typedef struct pjmedia_sdp_session pjmedia_sdp_session;
typedef struct pjmedia_sdp_neg pjmedia_sdp_neg;
enum pjmedia_sdp_neg_state {
    PJMEDIA_SDP_NEG_STATE_NULL, PJMEDIA_SDP_NEG_STATE_LOCAL_OFFER, PJMEDIA_SDP_NEG_STATE_REMOTE_OFFER,
    PJMEDIA_SDP_NEG_STATE_WAIT_NEGO, PJMEDIA_SDP_NEG_STATE_DONE
};
pj_status_t pjmedia_sdp_parse(pj_pool_t *pool, char *text, pj_size_t size, pjmedia_sdp_session **session);
int pjmedia_sdp_neg_get_state(pjmedia_sdp_neg *negotiator);

enum pjsip_inv_state {
    PJSIP_INV_STATE_NULL, PJSIP_INV_STATE_CALLING, PJSIP_INV_STATE_INCOMING, PJSIP_INV_STATE_EARLY,
    PJSIP_INV_STATE_CONNECTING, PJSIP_INV_STATE_CONFIRMED, PJSIP_INV_STATE_DISCONNECTED
};
enum pjsip_inv_option {
    PJSIP_INV_SUPPORT_100REL = 1, PJSIP_INV_SUPPORT_TIMER = 2, PJSIP_INV_SUPPORT_UPDATE = 4,
    PJSIP_INV_REQUIRE_100REL = 32, PJSIP_INV_REQUIRE_TIMER = 64, PJSIP_INV_ALWAYS_USE_TIMER = 128
};
typedef struct pjsip_inv_session {
    char obj_name[32];
    pj_pool_t *pool;
    pj_pool_t *pool_prov;
    pj_pool_t *pool_active;
    int state;
    pj_bool_t cancelling;
    pj_bool_t pending_cancel;
    pjsip_tx_data *pending_bye;
    int cause;
    pj_str_t cause_text;
    pj_bool_t notify;
    pj_bool_t sdp_done_early_rel;
    unsigned cb_called;
    pjsip_dialog *dlg;
    int role;
    unsigned options;
    pjmedia_sdp_neg *neg;
    unsigned sdp_neg_flags;
    pjsip_transaction *invite_tsx;
    pjsip_tx_data *invite_req;
    pjsip_tx_data *last_answer;
    pjsip_tx_data *last_ack;
    pj_int32_t last_ack_cseq;
    void *mod_data[32];
    void *timer;
    pj_bool_t following_fork;
    pj_atomic_t *ref_cnt;
    pj_bool_t updated_sdp_answer;
} pjsip_inv_session;
typedef struct pjsip_inv_on_rx_offer_cb_param {
    const pjmedia_sdp_session *offer;
    const pjsip_rx_data *rdata;
} pjsip_inv_on_rx_offer_cb_param;
struct pjsip_inv_callback {
    void *on_state_changed;
    void *on_new_session;
    void *on_tsx_state_changed;
    void *on_rx_offer;
    void *on_rx_offer2;
    void *on_rx_reinvite;
    void *on_create_offer;
    void *on_media_update;
    void *on_send_ack;
    void *on_redirected;
};
typedef struct pjsip_sdp_info pjsip_sdp_info;
pj_status_t pjsip_create_sdp_body(pj_pool_t *pool, pjmedia_sdp_session *sdp, pjsip_msg_body **body);
const pjsip_hdr *pjsip_endpt_get_capability(pjsip_endpoint *endpt, int type, const pj_str_t *name);
pj_status_t pjsip_inv_usage_init(pjsip_endpoint *endpt, const pjsip_inv_callback *callback);
pjsip_module *pjsip_inv_usage_instance(void);
pj_status_t pjsip_inv_create_uac(pjsip_dialog *dialog, const pjmedia_sdp_session *offer, unsigned options,
                                 pjsip_inv_session **session);
pj_status_t pjsip_inv_create_uas(pjsip_dialog *dialog, pjsip_rx_data *rdata, const pjmedia_sdp_session *answer,
                                 unsigned options, pjsip_inv_session **session);
pj_status_t pjsip_inv_add_ref(pjsip_inv_session *session);
pj_status_t pjsip_inv_dec_ref(pjsip_inv_session *session);
pj_status_t pjsip_inv_terminate(pjsip_inv_session *session, int code, pj_bool_t notify);
pj_status_t pjsip_inv_invite(pjsip_inv_session *session, pjsip_tx_data **tdata);
pj_status_t pjsip_inv_initial_answer(pjsip_inv_session *session, pjsip_rx_data *rdata, int code,
                                     const pj_str_t *reason, const pjmedia_sdp_session *sdp, pjsip_tx_data **tdata);
pj_status_t pjsip_inv_answer(pjsip_inv_session *session, int code, const pj_str_t *reason,
                             const pjmedia_sdp_session *sdp, pjsip_tx_data **tdata);
pj_status_t pjsip_inv_set_local_sdp(pjsip_inv_session *session, const pjmedia_sdp_session *sdp);
pj_status_t pjsip_inv_set_sdp_answer(pjsip_inv_session *session, const pjmedia_sdp_session *sdp);
pj_status_t pjsip_inv_end_session(pjsip_inv_session *session, int code, const pj_str_t *reason, pjsip_tx_data **tdata);
pj_status_t pjsip_inv_reinvite(pjsip_inv_session *session, const pj_str_t *contact, const pjmedia_sdp_session *offer,
                               pjsip_tx_data **tdata);
pj_status_t pjsip_inv_update(pjsip_inv_session *session, const pj_str_t *contact, const pjmedia_sdp_session *offer,
                             pjsip_tx_data **tdata);
pj_status_t pjsip_inv_uac_restart(pjsip_inv_session *session, pj_bool_t new_offer);
pj_status_t pjsip_inv_send_msg(pjsip_inv_session *session, pjsip_tx_data *tdata);
pjsip_inv_session *pjsip_dlg_get_inv_session(pjsip_dialog *dialog);
pjsip_sdp_info *pjsip_tdata_get_sdp_info(pjsip_tx_data *tdata);
pj_status_t pjsip_100rel_attach(pjsip_inv_session *session);

typedef struct pjsip_timer_setting { unsigned min_se; unsigned sess_expires; } pjsip_timer_setting;
pj_status_t pjsip_timer_setting_default(pjsip_timer_setting *setting);
pj_status_t pjsip_timer_init_session(pjsip_inv_session *session, const pjsip_timer_setting *setting);
