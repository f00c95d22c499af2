/* What events say about names in one directory: a queue between the watcher's thread, which only adds, and
 * the main thread, which takes everything at once and looks for itself. A hint that cannot be kept (no
 * memory, too many) becomes a request to scan, so nothing is ever lost by it.
 *
 * sl_events_init; _add, _rescan, _lost, _tick from the watcher's thread; _any, _take from the main thread;
 * sl_events_done when the watcher's thread does not know it any more. */
#pragma once

#include "core/base/buf.h"

#include <pthread.h>
#include <stdatomic.h>

enum sl_hint_kind {
    SL_HINT_NONE,
    SL_HINT_CREATED,  /* created or linked: it may be being written */
    SL_HINT_CLOSED,   /* closed after writing */
    SL_HINT_MOVED_IN, /* renamed in: complete, says who renamed it */
    SL_HINT_LEFT,     /* deleted or renamed away (or exchanged: then there is another one) */
};

struct sl_events {
    pthread_mutex_t lock; /* guards all of it */
    struct sl_buf names;  /* per hint: kind, length of the name (1..255), name, NUL */
    bool rescan, lost, ticked;
    atomic_bool any; /* something can be taken; read without the lock */
};

/* What was taken: walk `names` with sl_events_next. */
struct sl_hint_batch {
    struct sl_buf names;
    bool rescan; /* hints were lost: only a scan tells */
    bool lost;   /* the directory is not watched any more */
    bool ticked; /* the interval has passed */
};

struct sl_hint {
    enum sl_hint_kind kind;
    const char *name; /* NUL-terminated */
    size_t len;
};

/* 0 or SL_EFAIL. */
int sl_events_init(struct sl_events *hints);
void sl_events_done(struct sl_events *hints);

void sl_events_add(struct sl_events *hints, enum sl_hint_kind kind, const char *name, size_t len);
void sl_events_rescan(struct sl_events *hints);
void sl_events_lost(struct sl_events *hints);
void sl_events_tick(struct sl_events *hints);

/* No lock and no system call. */
bool sl_events_any(struct sl_events *hints);
/* Everything so far; the batch must be zero or one that was taken before: its memory is used again. */
void sl_events_take(struct sl_events *hints, struct sl_hint_batch *batch);
/* The hint at *at, which is 0 at first. False at the end. */
bool sl_events_next(const struct sl_hint_batch *batch, size_t *at, struct sl_hint *ret);
