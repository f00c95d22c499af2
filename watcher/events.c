#include "watcher/events.h"

#include "core/base/error.h"

#include <string.h>

enum {
    NAMES_BYTES_MAX = 64 << 20, /* a scan is cheaper than more */
    NAMES_BYTES_KEPT = 1 << 20, /* memory held while nothing happens */
};

int sl_events_init(struct sl_events *hints)
{
    *hints = (struct sl_events){0};
    sl_buf_init(&hints->names);
    return pthread_mutex_init(&hints->lock, NULL) ? SL_EFAIL : 0;
}

void sl_events_done(struct sl_events *hints)
{
    sl_buf_done(&hints->names);
    pthread_mutex_destroy(&hints->lock);
}

static bool append(struct sl_buf *names, enum sl_hint_kind kind, const char *name, size_t len)
{
    if (names->len > NAMES_BYTES_MAX || !sl_buf_reserve(names, len + 3))
        return false;
    uint8_t *at = names->bytes + names->len;
    at[0] = (uint8_t)kind;
    at[1] = (uint8_t)len;
    memcpy(at + 2, name, len);
    at[len + 2] = 0;
    names->len += len + 3;
    return true;
}

/* `any` changes under the lock, so that it is never true for what was taken already. */
static void unlock(struct sl_events *hints, bool any)
{
    atomic_store(&hints->any, any);
    pthread_mutex_unlock(&hints->lock);
}

void sl_events_add(struct sl_events *hints, enum sl_hint_kind kind, const char *name, size_t len)
{
    sl_assert(len > 0 && len <= UINT8_MAX);
    pthread_mutex_lock(&hints->lock);
    if (!append(&hints->names, kind, name, len))
        hints->rescan = true;
    unlock(hints, true);
}

void sl_events_rescan(struct sl_events *hints)
{
    pthread_mutex_lock(&hints->lock);
    hints->rescan = true;
    unlock(hints, true);
}

void sl_events_lost(struct sl_events *hints)
{
    pthread_mutex_lock(&hints->lock);
    hints->lost = true;
    unlock(hints, true);
}

void sl_events_tick(struct sl_events *hints)
{
    pthread_mutex_lock(&hints->lock);
    hints->ticked = true;
    unlock(hints, true);
}

bool sl_events_any(struct sl_events *hints)
{
    return atomic_load(&hints->any);
}

static void forget_big(struct sl_buf *names)
{
    if (names->capacity > NAMES_BYTES_KEPT) {
        sl_buf_done(names);
        sl_buf_init(names);
    }
    names->len = 0;
}

void sl_events_take(struct sl_events *hints, struct sl_hint_batch *batch)
{
    struct sl_buf names = batch->names;
    forget_big(&names);
    pthread_mutex_lock(&hints->lock);
    batch->names = hints->names;
    batch->rescan = hints->rescan;
    batch->lost = hints->lost;
    batch->ticked = hints->ticked;
    hints->names = names;
    hints->rescan = hints->lost = hints->ticked = false;
    unlock(hints, false);
}

bool sl_events_next(const struct sl_hint_batch *batch, size_t *at, struct sl_hint *ret)
{
    if (*at >= batch->names.len)
        return false;
    const uint8_t *hint = batch->names.bytes + *at;
    ret->kind = hint[0];
    ret->len = hint[1];
    ret->name = (const char *)hint + 2;
    *at += ret->len + 3;
    return true;
}
