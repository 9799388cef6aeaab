/* requires: pjlib.h */
pj_status_t pjlib_util_init(void);
