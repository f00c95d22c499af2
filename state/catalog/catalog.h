/* The catalog: the SQLite database in the checkpoint that makes a batch true. One writer connection, WAL,
 * synchronous=FULL; users read it with sqlite3 -readonly at any time (documented views: batches, files,
 * outputs, errors) and never delay a batch.
 *
 * Order of calls: sl_catalog_open (takes the checkpoint's lock; makes directory and schema when new),
 * sl_catalog_load; then per batch sl_catalog_plan, and sl_catalog_commit once everything is revealed. A
 * planned batch that was not committed is found by load and redone by the engine. */
#pragma once

#include "core/base/buf.h"
#include "core/base/io.h"
#include "core/contract/arrivals.h"
#include "core/contract/services.h"

struct sl_catalog;

/* SL_EHELD: another process holds the checkpoint (names its pid); SL_EDAMAGED: not a catalog, damaged, or a
 * newer schema. The directory is made 0700 with its parents. */
int sl_catalog_open(struct sl_io *io, int dirfd, const char *dir, struct sl_catalog **ret,
                    struct sl_error *err);
void sl_catalog_close(struct sl_catalog *catalog);

/* Its directory, open until it is closed: whatever becomes of the path. */
int sl_catalog_dirfd(const struct sl_catalog *catalog);

/* Eight digits that no other checkpoint on this machine has, and that stay over restarts: of the inode of its
 * directory. */
int sl_catalog_owner(const struct sl_catalog *catalog, char ret[static 9], struct sl_error *err);
/* 32 hexadecimal digits, drawn at random when the catalog was made: what is stored elsewhere is known by them to be
 * of this checkpoint. Borrowed. */
const char *sl_catalog_id(const struct sl_catalog *catalog);

/* The list of segments (state/store/store.h) of the newest committed batch, "" without one. Borrowed until the next
 * commit. */
const char *sl_catalog_segments(const struct sl_catalog *catalog);

/* For services->history. Lives as long as the catalog. */
struct sl_history *sl_catalog_history(struct sl_catalog *catalog);

/* A file of a batch that is not read, and why. */
struct sl_quarantined {
    size_t source, file; /* plan.files[source].file[file] */
    char *reason;        /* owned */
};

/* How far event time had come for an operator that gives event times. */
struct sl_planned_watermark {
    char *op_key; /* its key; owned */
    int64_t watermark_ms;
};

/* A batch as the catalog knows it. files[] is per source, in the graph's order of sources. */
struct sl_batch_plan {
    int64_t batch_ms;
    uint64_t number; /* 0, 1, ... over the life of the checkpoint */
    size_t sources;
    struct sl_files *files; /* [sources] */
    struct sl_buf *range; /* [sources]: what it reads of sources that are not files (core/contract/source.h);
                               empty: not known */
    size_t quarantined_count, quarantined_capacity;
    struct sl_quarantined *quarantined;
    const char
        *job; /* what the job is like (engine/batch/plan_job.h); borrowed; NULL: nothing is kept of it */
    size_t watermarks, watermarks_capacity;
    struct sl_planned_watermark *watermark;
};
/* Copies the reason. 0 or SL_ENOMEM. */
int sl_batch_plan_add_quarantined(struct sl_batch_plan *plan, size_t source, size_t file, const char *reason);
/* Removes the files of a source for which out[file] is set, and what is known of them. 0 or SL_ENOMEM. */
int sl_batch_plan_leave_out(struct sl_batch_plan *plan, size_t source, const bool *out);
/* Copies the key. 0 or SL_ENOMEM. */
int sl_batch_plan_add_watermark(struct sl_batch_plan *plan, const char *op_key, int64_t watermark_ms);
void sl_batch_plan_done(struct sl_batch_plan *plan);

/* A source that the catalog knows and the job does not have. */
struct sl_lost_source {
    char *key;             /* owned */
    struct sl_buf reached; /* its newest committed range; empty: none is known */
};

struct sl_progress {
    bool any;         /* some batch was committed */
    int64_t last_ms;  /* the newest committed batch */
    uint64_t batches; /* committed so far */
    uint64_t spoilt;  /* as it was given with the newest commit */
    bool planned;     /* `plan` is a batch that was planned and not committed */
    struct sl_batch_plan plan;
    /* The newest committed batch; empty where history does not hold it any more, or it is not wanted. */
    struct sl_batch_plan last;
    size_t sources;
    size_t lost_count;
    struct sl_lost_source *lost; /* [lost_count] */
    bool *undecided;             /* [sources]: see sl_catalog_decide */
    struct sl_buf *reached;      /* [sources]: the newest committed range of each; empty: none is known */
    char *job;                   /* of the newest plan; NULL: an older version planned it; owned */
    char *segments;              /* the list of state/store/store.h, "" where there is none; owned */
};
void sl_progress_done(struct sl_progress *progress);

/* Sources are identified by a key (the directory and options as given in the job), so that a changed job
 * keeps what it has taken. Calls `remember` with the files that a source has taken and that are still there, some at a
 * time, in no order: there may be millions. One call at a time, of any thread of the pool. NULL: not wanted. What it was given
 * does not hold if loading fails. */
struct sl_catalog_wants {
    bool last; /* progress.last */
    int (*remember)(void *arg, size_t source, const struct sl_files *files, struct sl_error *err);
    void *arg;
    struct sl_pool *pool; /* NULL: one thread reads */
    /* [sources]: a source that is new is undecided until sl_catalog_decide. NULL: none is. */
    const bool *only_new;
};
int sl_catalog_load(struct sl_catalog *catalog, size_t sources, const char *const *source_key,
                    const struct sl_catalog_wants *wants, struct sl_progress *ret_progress,
                    struct sl_error *err);

/* old[sources]: the files that were there before the first start of an undecided source and are never taken; all of the
 * job's sources are decided. Durable when it returns. */
int sl_catalog_decide(struct sl_catalog *catalog, const struct sl_files *old, struct sl_error *err);

/* Durable when it returns. gone[i]: remembered files that need not be remembered any more. */
int sl_catalog_plan(struct sl_catalog *catalog, const struct sl_batch_plan *plan, struct sl_error *err);

/* The planned batch with other ranges, before anything of it was shown. Durable when it returns. */
int sl_catalog_plan_again(struct sl_catalog *catalog, const struct sl_batch_plan *plan, struct sl_error *err);

/* Files of the planned batch that are not read: those of plan->quarantined from `first` on. Durable when it
 * returns, which is before the batch shows anything: a batch that is redone leaves out the same. */
int sl_catalog_quarantine(struct sl_catalog *catalog, const struct sl_batch_plan *plan, size_t first,
                          struct sl_error *err);

/* ---- quarantined files that were neither replayed nor forgotten, whatever the history drops ---- */

struct sl_in_quarantine {
    size_t source; /* of the job's; their number if the job has it no more */
    struct sl_file file;
    int64_t batch_ms;
    const char *reason;
};
/* Texts are borrowed until the visit returns. */
typedef int sl_catalog_visit_quarantine(void *arg, const struct sl_in_quarantine *file, struct sl_error *err);
int sl_catalog_each_quarantined(struct sl_catalog *catalog, sl_catalog_visit_quarantine *visit, void *arg,
                                struct sl_error *err);
/* Those of this path, or in the directory of this path. Durable when it returns. *ret: how many. */
int sl_catalog_forget_quarantined(struct sl_catalog *catalog, const char *path, int64_t *ret,
                                  struct sl_error *err);

/* ---- which directories the paths of a source name ---- */

/* *ret: the source has taken nothing yet, and of the files that sources of this key have taken is_there finds one. */
int sl_catalog_taken_before(struct sl_catalog *catalog, size_t source, const char *key,
                            bool (*is_there)(void *arg, const char *path), void *arg, bool *ret,
                            struct sl_error *err);

/* Appends those of earlier runs, by path. */
int sl_catalog_get_homes(struct sl_catalog *catalog, size_t source, struct sl_watched_homes *ret,
                         struct sl_error *err);
/* Those that are not mounted are forgotten. Durable when it returns. */
int sl_catalog_put_homes(struct sl_catalog *catalog, size_t source, const struct sl_watched_homes *homes,
                         struct sl_error *err);

/* ---- the files that a window reaches ---- */

/* Of committed batches after this time, oldest first: how many files a batch read of a source of the job. */
typedef int sl_catalog_visit_count(void *arg, int64_t batch_ms, size_t source, uint64_t count);
int sl_catalog_count_files(struct sl_catalog *catalog, int64_t after_ms, sl_catalog_visit_count *visit,
                           void *arg, struct sl_error *err);
/* The files of batches in (after_ms, until_ms], planned ones included, until visit returns other than 0: a failure, or
 * enough. The path is borrowed for the visit. */
typedef int sl_catalog_visit_first(void *arg, int64_t batch_ms, size_t source, const char *path);
int sl_catalog_first_files(struct sl_catalog *catalog, int64_t after_ms, int64_t until_ms,
                           sl_catalog_visit_first *visit, void *arg, struct sl_error *err);

/* ---- files that could not be archived or deleted yet ---- */

/* Adds and drops what the source's lists name, of source number `source` of the job. Durable when it returns. */
int sl_catalog_change_owed(struct sl_catalog *catalog, size_t source, const struct sl_owed *owed,
                           struct sl_error *err);
/* Those of sources that the job has. The path is borrowed until the visit returns. */
typedef int sl_catalog_visit_owed(void *arg, size_t source, const struct sl_file *file, int64_t batch_ms,
                                  struct sl_error *err);
int sl_catalog_each_owed(struct sl_catalog *catalog, sl_catalog_visit_owed *visit, void *arg,
                         struct sl_error *err);

/* Calls visit for every directory that the newest committed batch made. */
int sl_catalog_each_newest(struct sl_catalog *catalog, int (*visit)(void *arg, const char *path), void *arg,
                           struct sl_error *err);

/* What an operator that keeps something was like. */
struct sl_code {
    char *op_key; /* its key; owned */
    int64_t digest;
};
struct sl_codes {
    size_t count;
    struct sl_code *code;
};
/* 0 or SL_ENOMEM. Copies the key. */
int sl_codes_add(struct sl_codes *codes, const char *op_key, int64_t digest);
void sl_codes_done(struct sl_codes *codes);
int sl_catalog_get_codes(struct sl_catalog *catalog, struct sl_codes *ret, struct sl_error *err);

struct sl_counted; /* state/catalog/counters.h */

struct sl_committed {
    const struct sl_batch_plan *plan;
    size_t manifests;
    const struct sl_manifest *manifest;
    const struct sl_files *gone;      /* [sources], may be NULL */
    const char *segments;             /* the list of state/store/store.h; NULL: as it was */
    const struct sl_codes *codes;     /* in the place of those before, no key is empty; NULL: as they were */
    uint64_t rejected;                /* record errors of the batch */
    uint64_t spoilt;                  /* batches in a row of whose files all had too many errors */
    uint64_t late;                    /* records that came too late for their windows */
    const struct sl_counted *counted; /* [counters]: totals with this batch */
    size_t counters;
    int64_t history_from_ms;         /* removes what is known of batches before it, a few with every commit */
    int64_t started_ms, finished_ms; /* real time, for people */
};
/* Between two batches: gone[sources] need not be remembered any more. Durable when it returns; writes nothing where there
 * are none. */
int sl_catalog_forget(struct sl_catalog *catalog, const struct sl_files *gone, struct sl_error *err);
/* Whether a file, as a source has taken it, is remembered: 1 or 0, or a failure. */
int sl_catalog_remembers(const struct sl_catalog *catalog, size_t source, const struct sl_file *file,
                         struct sl_error *err);

/* One transaction, durable when it returns. */
int sl_catalog_commit(struct sl_catalog *catalog, const struct sl_committed *batch, struct sl_error *err);
