/* Watches directories for files that arrive. One watcher per process run, one thread of its own for inotify;
 * the directory scan is the truth, events are hints (docs/manual.md, "Files").
 *
 * sl_watcher_new, then sl_watcher_open_arrivals per watched directory (this is
 * services->open_arrivals), then the calls of core/contract/arrivals.h from the engine's main thread;
 * close all arrivals, then sl_watcher_free. */
#pragma once

#include "core/contract/services.h"

struct sl_watcher;

/* wake() is called from the watcher's thread whenever something may have arrived; it must not block.
 * Initialises libinotifytools, so call it early (its file descriptor must be below 1024). */
int sl_watcher_new(struct sl_io *io, void (*wake)(void *arg), void *wake_arg, struct sl_watcher **ret,
                   struct sl_error *err);
void sl_watcher_free(struct sl_watcher *watcher);

/* Errors: the directory does not exist or is none (SL_EUSAGE, "watched directory in: No such file or
 * directory; make it or correct the job"), no watches left (names fs.inotify.max_user_watches; with watch =
 * "auto" that is a warning, and the directory is scanned every pollInterval). */
int sl_watcher_open_arrivals(const struct sl_services *services, const char *dir,
                             const struct sl_arrivals_options *options, struct sl_arrivals **ret,
                             struct sl_error *err);

/* ---- what became of the names of a directory: for status and why ---- */

enum sl_file_class {
    SL_STANDING_NEW,        /* not looked at yet, or not there */
    SL_STANDING_WAITING,    /* queued for the next batch */
    SL_STANDING_WRITING,    /* it is open for writing */
    SL_STANDING_AGING,      /* younger than minAge */
    SL_STANDING_UNMARKED,   /* its marker is missing */
    SL_STANDING_UNFINISHED, /* a directory without _SUCCESS */
    SL_STANDING_TAKEN,
    SL_STANDING_OLD,       /* was there at the start, and the job wants new files only */
    SL_STANDING_FILTERED,  /* the job's filter does not want it */
    SL_STANDING_IRREGULAR, /* a symlink, FIFO, socket or device */
    SL_STANDINGS
};

struct sl_watcher_counts {
    uint64_t standing[SL_STANDINGS]; /* names of each standing now */
    uint64_t ignored;                /* names ignored by rule in the last scan */
    uint64_t changed;                /* changed in place after they were taken */
    uint64_t again;                  /* arrivals under a name that had been taken before */
    uint64_t scans;
    bool polling;        /* no events: scanned every pollInterval */
    int64_t missing_ms;  /* since when the directory has not been read, for it is missing; 0: it is there */
    const char *missing; /* with missing_ms: why, as "it does not exist"; static */
    const char *path;    /* of the directory, as the job names it; borrowed */
    /* Since when the file has been there that has waited for its batch the longest; 0: none waits. */
    int64_t oldest_ms;
};

/* `arrivals` must be of sl_watcher_open_arrivals; main thread only, no system calls. */
void sl_watcher_counts(const struct sl_arrivals *arrivals, struct sl_watcher_counts *ret);
enum sl_file_class sl_watcher_standing(const struct sl_arrivals *arrivals, const char *name);

/* Directories without _SUCCESS, the longest there first, at most `most` of them; where very many names wait, of the first
 * of them only. path: as the log has it, valid until the visit returns; without memory there is none. */
typedef void sl_watcher_visit_unfinished(void *arg, const char *path, int64_t since_ms);
void sl_watcher_each_unfinished(const struct sl_arrivals *arrivals, size_t most,
                                sl_watcher_visit_unfinished *visit, void *arg);
