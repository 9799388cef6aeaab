/* requires: pjmedia.h */
/* codec.h, frame.h: a codec used directly. The virtual table's members are called through a cast. */
typedef struct pjmedia_frame {
    int type;
    void *buf;
    pj_size_t size;
    pj_timestamp timestamp;
    pj_uint32_t bit_info;
} pjmedia_frame;

typedef struct pjmedia_codec_op {
    void *init;
    void *open;
    void *close;
    void *modify;
    void *parse;
    void *encode;
    void *decode;
    void *recover;
} pjmedia_codec_op;

typedef struct pjmedia_codec {
    void *prev;
    void *next;
    void *codec_data;
    void *factory;
    pjmedia_codec_op *op;
} pjmedia_codec;

pj_status_t pjmedia_codec_mgr_alloc_codec(pjmedia_codec_mgr *manager, const pjmedia_codec_info *info,
                                          pjmedia_codec **codec);
pj_status_t pjmedia_codec_mgr_dealloc_codec(pjmedia_codec_mgr *manager, pjmedia_codec *codec);
