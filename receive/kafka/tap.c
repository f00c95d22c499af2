#include "receive/kafka/tap.h"

#include "core/base/clock.h"
#include "core/base/condition.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { LOOK_MS = 50, TURN_MS = 2000, NS_PER_MS = 1000000 };

static void init_lock(struct sl_kafka_tap *tap)
{
    pthread_mutex_init(&tap->lock, NULL);
    sl_condition_init(&tap->changed);
}

void sl_kafka_tap_init(struct sl_kafka_tap *tap)
{
    init_lock(tap);
    tap->owner = SL_KAFKA_NO_SPLIT;
    tap->at = -1;
}

static void drop_all(struct sl_kafka_tap *tap)
{
    while (tap->count)
        sl_kafka_tap_drop(tap, true);
}

void sl_kafka_tap_done(struct sl_kafka_tap *tap)
{
    drop_all(tap);
    sl_kafka_reader_stop(tap->reader);
    free(tap->message);
    pthread_cond_destroy(&tap->changed);
    pthread_mutex_destroy(&tap->lock);
}

void sl_kafka_tap_begin(struct sl_kafka_tap *tap)
{
    tap->owner = SL_KAFKA_NO_SPLIT;
    tap->next_split = 0;
}

/* ---- turns ---- */

static void wait_a_little(struct sl_kafka_tap *tap)
{
    const struct timespec until = sl_condition_end(LOOK_MS);
    (void)pthread_cond_timedwait(&tap->changed, &tap->lock, &until); /* it looks again in any case */
}

/* The earlier splits were begun before this one, but their readers may not have come here yet: for a while they are
 * waited for, so that the tap is not moved to and fro. */
static bool is_turn(const struct sl_kafka_tap *tap, size_t split, int64_t since_ns)
{
    if (tap->owner != SL_KAFKA_NO_SPLIT && tap->owner < split)
        return false;
    return tap->owner != SL_KAFKA_NO_SPLIT || tap->next_split >= split ||
           sl_monotonic_ns() - since_ns > (int64_t)TURN_MS * NS_PER_MS;
}

bool sl_kafka_tap_enter(struct sl_kafka_tap *tap, size_t split, const _Atomic int *stop)
{
    int64_t since_ns = sl_monotonic_ns();
    pthread_mutex_lock(&tap->lock);
    while (!is_turn(tap, split, since_ns)) {
        wait_a_little(tap);
        if (stop && atomic_load_explicit(stop, memory_order_relaxed)) {
            pthread_mutex_unlock(&tap->lock);
            return false;
        }
    }
    tap->owner = split;
    return true;
}

void sl_kafka_tap_leave(struct sl_kafka_tap *tap, size_t split, bool is_done)
{
    if (is_done) {
        tap->owner = SL_KAFKA_NO_SPLIT;
        if (tap->next_split <= split)
            tap->next_split = split + 1;
        pthread_cond_broadcast(&tap->changed);
    }
    pthread_mutex_unlock(&tap->lock);
}

/* ---- messages ---- */

void sl_kafka_tap_stop(struct sl_kafka_tap *tap)
{
    drop_all(tap);
    sl_kafka_reader_stop(tap->reader);
    tap->reader = NULL;
    tap->at = -1;
}

int sl_kafka_tap_move(struct sl_kafka_tap *tap, struct sl_kafka_consumer *consumer, const char *topic,
                      int32_t partition, int64_t offset, struct sl_error *err)
{
    if (tap->at == offset)
        return 0;
    sl_kafka_tap_stop(tap);
    if (!tap->message)
        tap->message = calloc(SL_KAFKA_TAP_MESSAGES, sizeof *tap->message);
    if (!tap->message)
        return sl_error_nomem(err);
    int r = sl_kafka_reader_start(consumer, topic, partition, offset, &tap->reader, err);
    if (r == 0)
        tap->at = tap->known = offset;
    return r;
}

struct sl_kafka_message *sl_kafka_tap_peek(struct sl_kafka_tap *tap, int timeout_ms, int *ret,
                                           struct sl_error *err)
{
    *ret = 0;
    if (!tap->count) {
        *ret = sl_kafka_reader_fetch(tap->reader, timeout_ms, tap->message, SL_KAFKA_TAP_MESSAGES, err);
        tap->first = 0;
        tap->count = *ret > 0 ? (size_t)*ret : 0;
    }
    return tap->count ? &tap->message[tap->first] : NULL;
}

void sl_kafka_tap_drop(struct sl_kafka_tap *tap, bool releases)
{
    if (releases)
        sl_kafka_message_release(&tap->message[tap->first]);
    tap->first++;
    tap->count--;
}
