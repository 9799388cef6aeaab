/* requires: pjmedia.h */
/* PJMEDIA: transport.h, transport_udp.h, rtcp.h, rtcp_fb.h, stream.h. */

/* transport.h: the virtual table's members are called through a cast; only some are used. */
typedef struct pjmedia_transport_op {
    void *get_info;
    void *attach;
    void *detach;
    void *send_rtp;
    void *send_rtcp;
    void *send_rtcp2;
    void *media_create;
    void *encode_sdp;
    void *media_start;
    void *media_stop;
    void *simulate_lost;
    void *destroy;
    void *attach2;
} pjmedia_transport_op;

typedef struct pjmedia_transport {
    char name[32];
    int type;
    pjmedia_transport_op *op;
    void *user_data;
    pj_grp_lock_t *grp_lock;
} pjmedia_transport;

typedef struct pjmedia_sock_info {
    long rtp_sock;
    pj_sockaddr rtp_addr_name;
    long rtcp_sock;
    pj_sockaddr rtcp_addr_name;
} pjmedia_sock_info;

typedef struct pjmedia_transport_specific_info {
    int type;
    int cbsize;
    char buffer[400];
    pjmedia_transport *tp;
} pjmedia_transport_specific_info;

typedef struct pjmedia_transport_info {
    pjmedia_sock_info sock_info;
    pj_sockaddr src_rtp_name;
    pj_sockaddr src_rtcp_name;
    unsigned specific_info_cnt;
    pjmedia_transport_specific_info spc_info[4];
} pjmedia_transport_info;

/* Option 1: the remote address is not switched to where packets come from. */
pj_status_t pjmedia_transport_udp_attach(pjmedia_endpt *endpoint, const char *name, const pjmedia_sock_info *sockets,
                                         unsigned options, pjmedia_transport **transport);

/* math.h, rtcp.h: times of statistics are microseconds. */
typedef struct pj_math_stat {
    int n;
    int max;
    int min;
    int last;
    int mean;
    float fmean_;
    double m2_;
} pj_math_stat;

typedef struct pjmedia_rtcp_stream_stat {
    pj_time_val update;
    unsigned update_cnt;
    pj_uint32_t pkt;
    pj_uint32_t bytes;
    unsigned discard;
    unsigned loss;
    unsigned reorder;
    unsigned dup;
    pj_math_stat loss_period;
    struct { unsigned burst : 1; unsigned random : 1; } loss_type;
    pj_math_stat jitter;
} pjmedia_rtcp_stream_stat;

typedef struct pjmedia_rtcp_sdes {
    pj_str_t cname;
    pj_str_t name;
    pj_str_t email;
    pj_str_t phone;
    pj_str_t loc;
    pj_str_t tool;
    pj_str_t note;
} pjmedia_rtcp_sdes;

typedef struct pjmedia_rtcp_stat {
    pj_time_val start;
    pjmedia_rtcp_stream_stat tx;
    pjmedia_rtcp_stream_stat rx;
    pj_math_stat rtt;
    pj_uint32_t rtp_tx_last_ts;
    pj_uint16_t rtp_tx_last_seq;
    pjmedia_rtcp_sdes peer_sdes;
    char peer_sdes_buf_[64];
} pjmedia_rtcp_stat;

typedef struct pjmedia_rtcp_fb_cap {
    pj_str_t codec_id;
    int type;
    pj_str_t type_name;
    pj_str_t param;
} pjmedia_rtcp_fb_cap;

typedef struct pjmedia_rtcp_fb_info {
    unsigned cap_count;
    pjmedia_rtcp_fb_cap caps[16];
} pjmedia_rtcp_fb_info;

/* stream.h */
typedef struct pjmedia_stream pjmedia_stream;

typedef struct pjmedia_stream_info {
    pjmedia_type type;
    pjmedia_tp_proto proto;
    pjmedia_dir dir;
    pj_sockaddr local_addr;
    pj_sockaddr rem_addr;
    pj_sockaddr rem_rtcp;
    pj_bool_t rtcp_mux;
    pjmedia_rtcp_fb_info loc_rtcp_fb;
    pjmedia_rtcp_fb_info rem_rtcp_fb;
    pjmedia_codec_info fmt;
    pjmedia_codec_param *param;
    unsigned tx_pt;
    unsigned rx_pt;
    unsigned tx_maxptime;
    int tx_event_pt;
    int rx_event_pt;
    pj_uint32_t ssrc;
    pj_str_t cname;
    pj_bool_t has_rem_ssrc;
    pj_uint32_t rem_ssrc;
    pj_str_t rem_cname;
    pj_uint32_t rtp_ts;
    pj_uint16_t rtp_seq;
    pj_uint8_t rtp_seq_ts_set;
    int jb_init;
    int jb_min_pre;
    int jb_max_pre;
    int jb_max;
    int jb_discard_algo;
    pj_bool_t rtcp_sdes_bye_disabled;
} pjmedia_stream_info;

typedef struct pjmedia_rtp_seq_session {
    pj_uint16_t max_seq;
    pj_uint32_t cycles;
    pj_uint32_t base_seq;
    pj_uint32_t bad_seq;
    pj_uint32_t probation;
} pjmedia_rtp_seq_session;

/* out_hdr is a packet header of 12 bytes, made of bit fields. */
typedef struct pjmedia_rtp_session {
    pj_uint32_t out_hdr[3];
    pjmedia_rtp_seq_session seq_ctrl;
    pj_uint16_t out_pt;
    pj_uint32_t out_extseq;
    pj_bool_t has_peer_ssrc;
    pj_uint32_t peer_ssrc;
    pj_uint32_t received;
} pjmedia_rtp_session;

typedef struct pjmedia_stream_rtp_sess_info {
    const pjmedia_rtp_session *rx_rtp;
    const pjmedia_rtp_session *tx_rtp;
    const void *rtcp;
} pjmedia_stream_rtp_sess_info;

/* Flags: 1 an update of an event told before, 2 its end. */
typedef struct pjmedia_stream_dtmf_event {
    int digit;
    pj_uint32_t timestamp;
    pj_uint16_t duration;
    pj_uint16_t flags;
} pjmedia_stream_dtmf_event;

pj_status_t pjmedia_stream_create(pjmedia_endpt *endpoint, pj_pool_t *pool, const pjmedia_stream_info *info,
                                  pjmedia_transport *transport, void *user_data, pjmedia_stream **stream);
pj_status_t pjmedia_stream_destroy(pjmedia_stream *stream);
pj_status_t pjmedia_stream_start(pjmedia_stream *stream);
pj_status_t pjmedia_stream_pause(pjmedia_stream *stream, pjmedia_dir direction);
pj_status_t pjmedia_stream_resume(pjmedia_stream *stream, pjmedia_dir direction);
pj_status_t pjmedia_stream_get_port(pjmedia_stream *stream, pjmedia_port **port);
pj_status_t pjmedia_stream_get_info(const pjmedia_stream *stream, pjmedia_stream_info *info);
pj_status_t pjmedia_stream_get_stat(const pjmedia_stream *stream, pjmedia_rtcp_stat *statistics);
pj_status_t pjmedia_stream_get_rtp_session_info(pjmedia_stream *stream, pjmedia_stream_rtp_sess_info *session_info);
pj_status_t pjmedia_stream_dial_dtmf2(pjmedia_stream *stream, const pj_str_t *digits, unsigned duration);
pj_status_t pjmedia_stream_set_dtmf_event_callback(pjmedia_stream *stream, void *callback, void *user_data);
