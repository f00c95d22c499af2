/* What the engine lends to sources and outputs for the length of a run. No globals: what needs the outside
 * finds it here. A pointer may be NULL only where its comment allows it. */
#pragma once

#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/log.h"
#include "core/contract/arrivals.h"
#include "core/contract/history.h"
#include "core/contract/view.h"

#include <pthread.h>
#include <stdio.h>

struct sl_claim;
struct sl_spill;
struct sl_pool;
struct sl_bucket;
struct sl_bucket_settings;
struct sl_task;

/* What outputs of a run share, such as a connection: a list of their own, empty when all of them are closed. */
struct sl_shared {
    pthread_mutex_t lock; /* guards first and claims */
    void *first;
    struct sl_claim *claims; /* core/contract/claim.h */
};

/* What open_arrivals gives in a trial for the name of a source that is not of files: files of lines, each a record; one
 * that begins with these bytes holds rows instead (text/row_codec.h). */
#define SL_GIVEN_ROWS "\0rows\n"
enum { SL_GIVEN_ROWS_LEN = sizeof SL_GIVEN_ROWS - 1 };

struct sl_services {
    struct sl_io *io;
    struct sl_log *log; /* may be NULL */
    struct sl_clock *clock;
    int job_dirfd;             /* relative paths of the job start here */
    const char *job_dir;       /* its path, for messages */
    struct sl_shared *shared;  /* NULL: nothing is shared */
    const char *job;           /* its name */
    const char *checkpoint_id; /* unlike that of any other checkpoint, new after a reset; NULL without one */
    FILE *out;                 /* what print writes to */
    struct sl_viewer *viewer;  /* NULL: nothing is mounted */
    char owner[9]; /* in hidden names: no other checkpoint, or run without one, has it; "" in tests */
    bool durable;  /* false: no checkpoint, nothing is synced */
    const char *checkpoint; /* its directory, relative to AT_FDCWD; NULL without one */
    bool until_end;         /* the run takes what there is and ends: sources receive until they have ended */
    bool trial;             /* nothing is connected to: sources get what open_arrivals gives for their name */
    /* Any thread: what a source reports has changed, and people may want to know before the batch that runs now is
     * done. May be NULL. */
    void (*changed)(void *arg);
    /* Any thread: the batch that runs waits for a server, and why. May be NULL. */
    void (*waits)(void *arg, const char *why);
    void *changed_arg;        /* of both */
    int64_t keep_received_ms; /* received logs stay so long after a batch has used them; 0: they do not */
    const volatile int *stop; /* not 0: the run was asked to end; may be NULL */
    int stop_fd;              /* readable when *stop changed; -1: none */
    uint64_t record_bytes_max;
    /* Effects of the batch add the U+FFFD that they write to JSON for bytes that are no UTF-8. Main thread; may be NULL. */
    uint64_t *replaced;
    bool replay;        /* this batch was planned by an earlier process */
    bool empty_batches; /* outputs without records make a directory */
    /* Opens a watched directory (watcher/). Relative to job_dirfd. */
    int (*open_arrivals)(const struct sl_services *services, const char *dir,
                         const struct sl_arrivals_options *options, struct sl_arrivals **ret,
                         struct sl_error *err);
    /* Opens an object store (core/contract/bucket.h). NULL in a trial, which writes to none. */
    int (*open_bucket)(const struct sl_services *services, const struct sl_bucket_settings *settings,
                       struct sl_bucket **ret, struct sl_error *err);
    /* Whether a branch below the source has this name (engine/graph/pipelines.h), and which operator is at its
     * end: NULL, the source itself. */
    bool (*find_branch)(const struct sl_services *services, const struct sl_node *source, const char *branch,
                        const struct sl_node **ret);
    const void *branches; /* of find_branch */
    int deadletter_fd;    /* <checkpoint>/deadletter; -1: there is none */
    void *arrivals_arg;   /* of open_arrivals: the watcher */
    /* Of the first worker: the main thread's between batches, for calls of functions. */
    struct sl_task *main_task;
    struct sl_pool *pool;       /* core/base/pool.h: the main thread's between batches; NULL: there is none */
    struct sl_spill *spill;     /* core/rows/spill.h; NULL: no memoryLimit */
    struct sl_history *history; /* core/contract/history.h; NULL: no checkpoint */
    uint64_t inputs; /* files of this batch that the output depends on, and the first of their paths */
    size_t first_count;
    const char *const *first;
};

/* What one output made visible in a batch: a directory and its files. */
struct sl_manifest_file {
    char name[32];
    uint64_t bytes;
    uint64_t hash; /* XXH3-64 of the contents */
};

/* What of one source it was made of: its batches later than from_ms, up to its own. */
struct sl_manifest_input {
    size_t source;
    int64_t from_ms;
};

struct sl_manifest {
    char *path; /* of the directory, as the job names it */
    uint64_t records;
    uint64_t replaced; /* U+FFFD written to JSON for bytes that were no UTF-8; the catalog does not keep it */
    bool retained;     /* the output will ask what it made (core/contract/history.h) */
    char *series;      /* of `retained`: what all directories of the output have in common; else NULL */
    size_t count;
    struct sl_manifest_file *file; /* [count]; of a complete directory in the order of names */
    size_t inputs;
    struct sl_manifest_input *input; /* [inputs]; set by the engine; none: all sources, its own batch only */
};
void sl_manifest_done(struct sl_manifest *manifest);
/* The file of this name in one that is complete; NULL: there is none. */
const struct sl_manifest_file *sl_manifest_find(const struct sl_manifest *manifest, const char *name);
/* Of an output that is no directory: `records` in one "file" `name`, below a path of printf's kind. SL_ENOMEM: *ret is
 * empty. */
int sl_manifest_of_one(struct sl_manifest *ret, uint64_t records, const char *name, struct sl_error *err,
                       const char *path, ...) __attribute__((format(printf, 5, 6)));
