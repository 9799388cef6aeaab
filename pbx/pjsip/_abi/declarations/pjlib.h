/* requires: */
/* PJLIB: basic types, pools, timers, sockets addresses, locks, log. Laid out as 2.15.1 builds them for 64-bit Linux. */

typedef int pj_int32_t;
typedef unsigned int pj_uint32_t;
typedef unsigned short pj_uint16_t;
typedef unsigned char pj_uint8_t;
typedef int16_t pj_int16_t;
typedef size_t pj_size_t;
typedef long pj_ssize_t;
typedef int pj_status_t;
typedef int pj_bool_t;
typedef void pj_sockaddr_t;

typedef struct pj_str_t { char *ptr; pj_ssize_t slen; } pj_str_t;
typedef struct pj_time_val { long sec; long msec; } pj_time_val;
typedef union pj_timestamp { uint64_t u64; } pj_timestamp;

typedef struct pj_list { void *prev; void *next; } pj_list;

/* pool.h: a pool is known by address only; the caching pool is allocated by us, so its size matters. */
typedef struct pj_pool_t pj_pool_t;
typedef struct pj_lock_t pj_lock_t;
typedef struct pj_grp_lock_t pj_grp_lock_t;
typedef struct pj_mutex_t pj_mutex_t;
typedef struct pj_atomic_t pj_atomic_t;
typedef struct pj_timer_heap_t pj_timer_heap_t;
typedef struct pj_ioqueue_t pj_ioqueue_t;

typedef struct pj_pool_factory_policy {
    void *block_alloc;
    void *block_free;
    void *callback;
    unsigned flags;
} pj_pool_factory_policy;

typedef struct pj_pool_factory {
    pj_pool_factory_policy policy;
    void *create_pool;
    void *release_pool;
    void *dump_status;
    void *on_block_alloc;
    void *on_block_free;
} pj_pool_factory;

typedef struct pj_caching_pool {
    pj_pool_factory factory;
    pj_size_t capacity;
    pj_size_t max_capacity;
    pj_size_t used_count;
    pj_size_t used_size;
    pj_size_t peak_used_size;
    pj_list free_list[16];
    pj_list used_list;
    char pool_buf[512];
    pj_lock_t *lock;
} pj_caching_pool;

const pj_pool_factory_policy *pj_pool_factory_get_default_policy(void);
void pj_caching_pool_init(pj_caching_pool *caching, const pj_pool_factory_policy *policy, pj_size_t max_capacity);
void pj_caching_pool_destroy(pj_caching_pool *caching);
pj_pool_t *pj_pool_create(pj_pool_factory *factory, const char *name, pj_size_t initial, pj_size_t increment,
                          void *callback);
void pj_pool_release(pj_pool_t *pool);
void pj_pool_reset(pj_pool_t *pool);
void *pj_pool_alloc(pj_pool_t *pool, pj_size_t size);
void *pj_pool_calloc(pj_pool_t *pool, pj_size_t count, pj_size_t size);
pj_size_t pj_pool_get_used_size(pj_pool_t *pool);

/* types.h, os.h, errno.h, log.h */
pj_status_t pj_init(void);
void pj_shutdown(void);
const char *pj_get_version(void);
void pj_srand(unsigned seed);
pj_str_t pj_strerror(pj_status_t status, char *buffer, pj_size_t size);
void pj_gettickcount(pj_time_val *now);
pj_status_t pj_gettimeofday(pj_time_val *now);
pj_bool_t pj_thread_is_registered(void);
typedef struct pj_thread_t pj_thread_t;
/* desc: PJ_THREAD_DESC_SIZE longs, PJLIB's for as long as the thread uses it */
pj_status_t pj_thread_register(const char *thread_name, long *desc, pj_thread_t **thread);

pj_status_t pj_atomic_create(pj_pool_t *pool, long initial, pj_atomic_t **atomic);
pj_status_t pj_atomic_destroy(pj_atomic_t *atomic);
long pj_atomic_get(pj_atomic_t *atomic);
pj_status_t pj_lock_create_recursive_mutex(pj_pool_t *pool, const char *name, pj_lock_t **lock);
pj_status_t pj_lock_destroy(pj_lock_t *lock);

typedef void pj_log_func(int level, const char *data, int length);
void pj_log_set_log_func(pj_log_func *function);
void pj_log_set_level(int level);
void pj_log_set_decor(unsigned decor);

/* timer.h */
typedef struct pj_timer_entry {
    void *user_data;
    int id;
    void *cb;
    int _timer_id;
} pj_timer_entry;

pj_status_t pj_timer_heap_earliest_time(pj_timer_heap_t *heap, pj_time_val *when);
unsigned pj_timer_heap_poll(pj_timer_heap_t *heap, pj_time_val *next_delay);
pj_size_t pj_timer_heap_count(pj_timer_heap_t *heap);
unsigned pj_timer_heap_set_max_timed_out_per_poll(pj_timer_heap_t *heap, unsigned count);

/* sock.h */
typedef struct pj_in_addr { pj_uint32_t s_addr; } pj_in_addr;
typedef struct pj_sockaddr_in {
    pj_uint16_t sin_family;
    pj_uint16_t sin_port;
    pj_in_addr sin_addr;
    char sin_zero_pad[8];
} pj_sockaddr_in;
typedef struct pj_sockaddr_in6 {
    pj_uint16_t sin6_family;
    pj_uint16_t sin6_port;
    pj_uint32_t sin6_flowinfo;
    pj_uint8_t sin6_addr[16];
    pj_uint32_t sin6_scope_id;
} pj_sockaddr_in6;
typedef struct pj_addr_hdr { pj_uint16_t sa_family; } pj_addr_hdr;
typedef union pj_sockaddr {
    pj_addr_hdr addr;
    pj_sockaddr_in ipv4;
    pj_sockaddr_in6 ipv6;
} pj_sockaddr;

/* ioqueue.h: only its size counts, inside receive and transmit buffers */
typedef struct pj_ioqueue_op_key_t {
    void *internal__[32];
    void *activesock_data;
    void *user_data;
} pj_ioqueue_op_key_t;
