/* requires: pjlib.h */
/* PJMEDIA: types.h, event.h, endpoint.h, codec.h, port.h, null_port.h, conference.h, master_port.h, wav_port.h, and the
   codecs' entry points of pjmedia-codec. Built without video, sound devices, RTCP XR and stream keep-alive. */

/* types.h: PJMEDIA_TYPE_AUDIO 1; directions are bits: encoding 1, decoding 2; RTP/AVP is 4 | 1 << 15. */
typedef int pjmedia_type;
typedef int pjmedia_dir;
typedef int pjmedia_tp_proto;

typedef struct pjmedia_event_mgr pjmedia_event_mgr;
pj_status_t pjmedia_event_mgr_create(pj_pool_t *pool, unsigned options, pjmedia_event_mgr **manager);
pjmedia_event_mgr *pjmedia_event_mgr_instance(void);
void pjmedia_event_mgr_destroy(pjmedia_event_mgr *manager);

typedef struct pjmedia_endpt pjmedia_endpt;
typedef struct pjmedia_codec_mgr pjmedia_codec_mgr;
pj_status_t pjmedia_endpt_create2(pj_pool_factory *factory, pj_ioqueue_t *ioqueue, unsigned workers,
                                  pjmedia_endpt **endpoint);
pj_status_t pjmedia_endpt_destroy2(pjmedia_endpt *endpoint);
pjmedia_codec_mgr *pjmedia_endpt_get_codec_mgr(pjmedia_endpt *endpoint);

typedef struct pjmedia_codec_info {
    pjmedia_type type;
    unsigned pt;
    pj_str_t encoding_name;
    unsigned clock_rate;
    unsigned channel_cnt;
} pjmedia_codec_info;

typedef struct pjmedia_codec_fmtp_param { pj_str_t name; pj_str_t val; } pjmedia_codec_fmtp_param;
typedef struct pjmedia_codec_fmtp {
    pj_uint8_t cnt;
    pjmedia_codec_fmtp_param param[16];
} pjmedia_codec_fmtp;

typedef struct pjmedia_codec_param_info {
    unsigned clock_rate;
    unsigned channel_cnt;
    pj_uint32_t avg_bps;
    pj_uint32_t max_bps;
    unsigned max_rx_frame_size;
    pj_uint16_t frm_ptime;
    pj_uint8_t frm_ptime_denum;
    pj_uint16_t enc_ptime;
    pj_uint8_t enc_ptime_denum;
    pj_uint8_t pcm_bits_per_sample;
    pj_uint8_t pt;
    int fmt_id;
} pjmedia_codec_param_info;

typedef struct pjmedia_codec_param_setting {
    pj_uint8_t frm_per_pkt;
    unsigned vad : 1;
    unsigned cng : 1;
    unsigned penh : 1;
    unsigned plc : 1;
    unsigned reserved : 1;
    pjmedia_codec_fmtp enc_fmtp;
    pjmedia_codec_fmtp dec_fmtp;
    unsigned packet_loss;
    unsigned complexity;
    pj_bool_t cbr;
} pjmedia_codec_param_setting;

typedef struct pjmedia_codec_param {
    pjmedia_codec_param_info info;
    pjmedia_codec_param_setting setting;
} pjmedia_codec_param;

pj_status_t pjmedia_codec_mgr_get_default_param(pjmedia_codec_mgr *manager, const pjmedia_codec_info *info,
                                                pjmedia_codec_param *param);

/* pjmedia-codec: each registers its factory with one endpoint for the life of that endpoint. */
pj_status_t pjmedia_codec_g711_init(pjmedia_endpt *endpoint);
pj_status_t pjmedia_codec_g722_init(pjmedia_endpt *endpoint);
pj_status_t pjmedia_codec_gsm_init(pjmedia_endpt *endpoint);
pj_status_t pjmedia_codec_ilbc_init(pjmedia_endpt *endpoint, int mode);
pj_status_t pjmedia_codec_speex_init_default(pjmedia_endpt *endpoint);
pj_status_t pjmedia_codec_l16_init(pjmedia_endpt *endpoint, unsigned options);

/* format.h, port.h: only put_frame is ever written; the rest is there for its place. */
typedef struct pjmedia_audio_format_detail {
    unsigned clock_rate;
    unsigned channel_count;
    unsigned frame_time_usec;
    unsigned bits_per_sample;
    pj_uint32_t avg_bps;
    pj_uint32_t max_bps;
} pjmedia_audio_format_detail;

typedef struct pjmedia_format {
    pj_uint32_t id;
    pjmedia_type type;
    int detail_type;
    pjmedia_audio_format_detail aud;
} pjmedia_format;

typedef struct pjmedia_port_info {
    pj_str_t name;
    pj_uint32_t signature;
    pjmedia_dir dir;
    pjmedia_format fmt;
} pjmedia_port_info;

typedef struct pjmedia_port {
    pjmedia_port_info info;
    void *pdata;
    long ldata;
    pj_grp_lock_t *grp_lock;
    void *get_clock_src;
    void *put_frame;
    void *get_frame;
    void *on_destroy;
} pjmedia_port;

/* resample.h: option 4 leaves the other port alone when the resampling port is destroyed. */
pj_status_t pjmedia_resample_port_create(pj_pool_t *pool, pjmedia_port *port, unsigned rate, unsigned options,
                                         pjmedia_port **resampling);
pj_status_t pjmedia_port_destroy(pjmedia_port *port);
pj_status_t pjmedia_null_port_create(pj_pool_t *pool, unsigned rate, unsigned channels, unsigned samples_per_frame,
                                     unsigned bits_per_sample, pjmedia_port **port);

/* conference.h: option 2 is "no sound device"; 4 small resampling filter, 8 linear resampling. */
typedef struct pjmedia_conf pjmedia_conf;
pj_status_t pjmedia_conf_create(pj_pool_t *pool, unsigned slots, unsigned rate, unsigned channels,
                                unsigned samples_per_frame, unsigned bits_per_sample, unsigned options,
                                pjmedia_conf **conference);
pj_status_t pjmedia_conf_destroy(pjmedia_conf *conference);
pjmedia_port *pjmedia_conf_get_master_port(pjmedia_conf *conference);
pj_status_t pjmedia_conf_add_port(pjmedia_conf *conference, pj_pool_t *pool, pjmedia_port *port, const pj_str_t *name,
                                  unsigned *slot);
pj_status_t pjmedia_conf_remove_port(pjmedia_conf *conference, unsigned slot);
pj_status_t pjmedia_conf_connect_port(pjmedia_conf *conference, unsigned source, unsigned sink, int level);
pj_status_t pjmedia_conf_disconnect_port(pjmedia_conf *conference, unsigned source, unsigned sink);
unsigned pjmedia_conf_get_port_count(pjmedia_conf *conference);
unsigned pjmedia_conf_get_connect_count(pjmedia_conf *conference);
pj_status_t pjmedia_conf_get_signal_level(pjmedia_conf *conference, unsigned slot, unsigned *to_port,
                                          unsigned *from_port);

typedef struct pjmedia_master_port pjmedia_master_port;
pj_status_t pjmedia_master_port_create(pj_pool_t *pool, pjmedia_port *upstream, pjmedia_port *downstream,
                                       unsigned options, pjmedia_master_port **master);
pj_status_t pjmedia_master_port_start(pjmedia_master_port *master);
pj_status_t pjmedia_master_port_stop(pjmedia_master_port *master);
pj_status_t pjmedia_master_port_destroy(pjmedia_master_port *master, pj_bool_t destroy_ports);

/* wav_port.h: player option 1 is "do not loop"; writer format 0 PCM, 1 A-law, 2 u-law. */
pj_status_t pjmedia_wav_player_port_create(pj_pool_t *pool, const char *path, unsigned ptime, unsigned options,
                                           pj_ssize_t buffer_size, pjmedia_port **port);
pj_status_t pjmedia_wav_player_port_set_pos(pjmedia_port *port, pj_uint32_t bytes);
pj_ssize_t pjmedia_wav_player_port_get_pos(pjmedia_port *port);
pj_status_t pjmedia_wav_player_set_eof_cb2(pjmedia_port *port, void *user_data, void *callback);
pj_status_t pjmedia_wav_writer_port_create(pj_pool_t *pool, const char *path, unsigned rate, unsigned channels,
                                           unsigned samples_per_frame, unsigned bits_per_sample, unsigned format,
                                           pj_ssize_t buffer_size, pjmedia_port **port);
pj_ssize_t pjmedia_wav_writer_port_get_pos(pjmedia_port *port);
