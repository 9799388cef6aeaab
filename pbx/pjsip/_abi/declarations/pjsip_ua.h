/* requires: pjsip_endpoint.h */
/* sip_ua_layer.h and pjsip-ua: the start-up of the layers that stand on the transaction layer */
typedef struct pjsip_ua_init_param { void *on_dlg_forked; } pjsip_ua_init_param;
typedef struct pjsip_inv_callback pjsip_inv_callback;
pj_status_t pjsip_ua_init_module(pjsip_endpoint *endpt, const pjsip_ua_init_param *parameters);
pj_status_t pjsip_100rel_init_module(pjsip_endpoint *endpt);
pj_status_t pjsip_timer_init_module(pjsip_endpoint *endpt);
pj_status_t pjsip_replaces_init_module(pjsip_endpoint *endpt);
pj_status_t pjsip_evsub_init_module(pjsip_endpoint *endpt);
pj_status_t pjsip_xfer_init_module(pjsip_endpoint *endpt);
