/* The one room that knows libinotifytools, and the thread that owns it: kernel events of watched directories
 * become hints, and every interval members that want it get a tick.
 *
 * sl_notify_new once per process and early (the library's descriptor must be below 1024); then
 * sl_notify_join per directory, sl_notify_watch to have its events (again, after they were lost),
 * sl_notify_leave; sl_notify_free when everybody has left. All of these from one thread, the main one. */
#pragma once

#include "core/base/io.h"
#include "watcher/events.h"

struct sl_notify;

enum { SL_NOTIFY_REST_MS = 2 }; /* events make it call wake() no more often than that */

/* Without inotify (no instances left, the library in use elsewhere in this process) it still gives
 * ticks; sl_notify_watch then says why. wake() is called on the notify thread. */
int sl_notify_new(struct sl_io *io, void (*wake)(void *arg), void *wake_arg, struct sl_notify **ret,
                  struct sl_error *err);
void sl_notify_free(struct sl_notify *notify);

/* From now on `hints` gets a tick every interval. Borrowed until sl_notify_leave has returned. */
int sl_notify_join(struct sl_notify *notify, struct sl_events *hints, int64_t interval_ms,
                   struct sl_error *err);
/* Watches the directory open as `dirfd` for `hints`, instead of the one before. Errors name the limit to
 * raise. */
int sl_notify_watch(struct sl_notify *notify, struct sl_events *hints, int dirfd, struct sl_error *err);
/* The same without waiting for it, which takes long where a directory has very many names. Nothing else is asked for `hints` before its
 * end. NULL: it cannot be begun. */
struct sl_watching;
struct sl_watching *sl_notify_watch_begin(struct sl_notify *notify, struct sl_events *hints, int dirfd);
/* Waits until it is watched, and frees it. */
int sl_notify_watch_end(struct sl_notify *notify, struct sl_watching *watching, struct sl_error *err);
void sl_notify_unwatch(struct sl_notify *notify, struct sl_events *hints);
void sl_notify_leave(struct sl_notify *notify, struct sl_events *hints);
