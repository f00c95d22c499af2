#ifdef SLUICE_HAS_S3

#include "sinks/bucket/part_pool.h"

#include <pthread.h>

static struct {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t given;
    size_t uploads, sending, spares;
    struct sl_buf spare[SL_PART_POOL_SENDING];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .given = PTHREAD_COND_INITIALIZER};

void sl_part_pool_open(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.uploads++;
    pthread_mutex_unlock(&pool.lock);
}

void sl_part_pool_close(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.uploads--;
    while (pool.uploads == 0 && pool.spares)
        sl_buf_done(&pool.spare[--pool.spares]);
    pthread_mutex_unlock(&pool.lock);
}

struct sl_buf sl_part_pool_take(void)
{
    struct sl_buf bytes = {0};
    pthread_mutex_lock(&pool.lock);
    while (pool.sending >= SL_PART_POOL_SENDING)
        pthread_cond_wait(&pool.given, &pool.lock);
    if (pool.spares)
        bytes = pool.spare[--pool.spares];
    pthread_mutex_unlock(&pool.lock);
    return bytes;
}

void sl_part_pool_begin_sending(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.sending++;
    pthread_mutex_unlock(&pool.lock);
}

void sl_part_pool_give(struct sl_buf *bytes, bool was_sent)
{
    pthread_mutex_lock(&pool.lock);
    pool.sending -= was_sent;
    if (bytes->bytes && pool.spares < SL_PART_POOL_SENDING) {
        sl_buf_clear(bytes);
        pool.spare[pool.spares++] = *bytes;
        *bytes = (struct sl_buf){0};
    }
    pthread_cond_broadcast(&pool.given);
    pthread_mutex_unlock(&pool.lock);
    sl_buf_done(bytes);
}

#endif
