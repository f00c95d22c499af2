/* One watched directory as the main thread knows it: shared by the rooms that bring it up to date
 * (watcher/update.c, watcher/dir_scan.c), judge one name (watcher/classify.c) and hand files over (watcher/arrivals.c).
 *
 * Invariants:
 *  1. Every name in the directory that is not ignored by rule has an entry, or a hint or a due scan will make
 *     one.
 *  2. An entry is SL_STANDING_TAKEN exactly while its file, as it is there, must not be taken.
 *  3. Whatever fails leaves scan_due: the next call looks at everything again, so no hint is lost by a
 *     failure. */
#pragma once

#include "watcher/dir_path.h"
#include "watcher/entry.h"
#include "watcher/events.h"
#include "watcher/notify.h"

struct sl_watched_dir {
    struct sl_arrivals arrivals; /* first: what the sources hold */
    struct sl_io *io;
    struct sl_log *log;
    struct sl_clock *clock;
    struct sl_notify *notify;
    struct sl_pool *pool; /* of struct sl_services; may be NULL */
    struct sl_arrivals_options options;
    struct sl_dir_path place;
    struct sl_watched_home home; /* which the next run will know, where has_home; the path is place's */
    bool has_home;
    bool home_due;    /* another directory may have the path since it was asked for */
    bool awaits_home; /* that of an earlier run */
    struct sl_events hints;
    struct sl_watching *watching; /* NULL: it is not being made */
    struct sl_hint_batch batch;
    struct sl_entries entries;
    struct sl_entry **touched; /* have hints, to be looked at */
    size_t touched_count, touched_capacity;
    struct sl_files gone; /* may have come again meanwhile */
    bool durable;         /* taken files are remembered, and removed ones are asked for */
    bool polling;         /* no events */
    bool watch_due;       /* the watch was lost */
    bool scan_due;
    bool missing; /* the directory cannot be entered, which was reported */
    bool
        removed; /* it is one of several, and is missing because it was removed: what was taken is forgotten */
    enum sl_dir_path_state absence; /* why it is missing */
    int64_t missing_ms;             /* since when */
    bool baseline;                  /* what this scan finds was there before (newFilesOnly) */
    bool told_birthless;            /* the file system keeps no birth times */
    uint64_t round;                 /* of updates */
    int64_t refreshed_ns;           /* when the last refresh ended, monotonic */
    uint64_t scans, ignored, changed, again;
    uint64_t told;        /* lines logged about single names in this round */
    int64_t aging_due_ms; /* the earliest time at which minAge is over for a file; INT64_MAX: none ages */
};

/* Logs about one name, its bytes made safe: "<dir>/<name>: <what>". After a few lines in a round the rest is
 * only counted. */
void sl_watched_dir_tell(struct sl_watched_dir *intake, enum sl_log_level level, const char *name,
                         const char *what);

/* The taken file need not be remembered any more. 0 or SL_ENOMEM. */
int sl_watched_dir_add_gone(struct sl_watched_dir *intake, const struct sl_file *file);

/* "<dir>/<name>", or "<dir>/<name>/<part>" where part is not NULL; malloc'ed. NULL: out of memory. */
char *sl_watched_dir_path(const struct sl_watched_dir *intake, const char *name, const char *part);

/* Looks at the entry's name and gives it its standing; frees the entry when nothing is there. */
int sl_watched_dir_classify(struct sl_watched_dir *intake, struct sl_entry *entry, struct sl_error *err);

/* What system calls tell of one name: a look, and whether the file is being written. Zero: nothing yet. */
struct sl_seen {
    bool is_seen, is_asked;
    bool has_writer, is_fresh;       /* of is_asked */
    struct sl_file_stat look, again; /* again: after the question, where there was no writer */
};
/* Any thread, while no other one changes what is known: looks at a name that is not taken. A failure leaves it unseen. */
void sl_watched_dir_see(const struct sl_watched_dir *intake, const struct sl_entry *entry,
                        struct sl_seen *ret);
/* As sl_watched_dir_classify, without the calls that were made already. */
int sl_watched_dir_classify_seen(struct sl_watched_dir *intake, struct sl_entry *entry, struct sl_seen *seen,
                                 struct sl_error *err);

/* Enters the directory, which the caller has to leave whatever happens, merges what was hinted at, looks at
 * it, scans where that is due; with `scan` in any case. */
int sl_watched_dir_update(struct sl_watched_dir *intake, bool scan, struct sl_error *err);

/* Looks at every name of the directory and at every entry. */
int sl_watched_dir_scan(struct sl_watched_dir *intake, struct sl_error *err);

/* Watches the directory, or polls it where that is allowed and watching is not possible. */
int sl_watched_dir_watch(struct sl_watched_dir *intake, struct sl_error *err);
/* The same without waiting where that would be long, and it may be polled: sl_watched_dir_update waits for it. */
int sl_watched_dir_begin_watch(struct sl_watched_dir *intake, struct sl_error *err);
