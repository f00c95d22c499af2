/* Watches directories for files that arrive. One watcher per process run, one thread of its own for inotify;
 * the directory scan is the truth, events are hints (SPEC 5).
 *
 * sl_watcher_new, then sl_watcher_open_arrivals per watched directory (this is services->open_arrivals), then
 * the calls of core/arrivals.h from the engine's main thread; close all arrivals, then sl_watcher_free. */
#pragma once

#include "core/services.h"

struct sl_watcher;

/* wake() is called from the watcher's thread whenever something may have arrived; it must not block.
 * Initialises libinotifytools, so call it early (its file descriptor must be below 1024). */
int sl_watcher_new(struct sl_io *io, struct sl_log *log, void (*wake)(void *arg), void *wake_arg,
                   struct sl_watcher **ret, struct sl_error *err);
void sl_watcher_free(struct sl_watcher *watcher);

/* Errors: the directory does not exist or is none (SL_EUSAGE, "watched directory in: No such file or
 * directory; make it or correct the job"), no watches left (names fs.inotify.max_user_watches). */
int sl_watcher_open_arrivals(const struct sl_services *services, const char *dir,
                             const struct sl_arrivals_options *options, struct sl_arrivals **ret,
                             struct sl_error *err);
