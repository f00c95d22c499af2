/* One run of a job: everything that lives from start to stop. Private to engine/.
 *
 * engine/run/start.c begins and ends it, engine/run/open.c gives it what it needs; engine/run/schedule.c says which batch
 * comes next, engine/run/run_batch.c runs it; batch.c is one batch, flow.c moves rows, commit.c is the order of durability. */
#pragma once

#include "core/contract/services.h"
#include "core/contract/source.h"
#include "engine/batch/deadletter_limit.h"
#include "engine/batch/rejects.h"
#include "engine/batch/service.h"
#include "engine/batch/window_counts.h"
#include "engine/graph/graph.h"
#include "engine/graph/pipelines.h"
#include "state/catalog/catalog.h"

#include <stdatomic.h>

struct sl_batch;
struct sl_observer;
struct sl_progress_line;
struct sl_run_hooks;
struct sl_status;
struct sl_store;
struct sl_dry_run;
struct sl_executor;
struct sl_watcher;

/* A worker's own memory and the context that operators see. */
struct sl_worker {
    struct sl_arena scratch; /* task.scratch */
    struct sl_arena flow;    /* instances and lanes of one task */
};

struct sl_run {
    struct sl_context *context;
    const struct sl_run_options *options;
    struct sl_pipelines *pipelines;
    struct sl_services services;
    struct sl_shared shared; /* services.shared */
    uint64_t replaced;       /* services.replaced: of the effects of the batch */
    struct sl_pool *pool;
    struct sl_worker *worker;   /* [workers] */
    struct sl_task *task;       /* [workers] */
    struct sl_catalog *catalog; /* NULL: checkpoint = false */
    char *job_text;             /* engine/batch/plan_job.h */
    char *checkpoint;           /* its directory, absolute or relative to the job; NULL without one */
    struct sl_watcher *watcher;
    size_t sources;
    struct sl_source **source; /* [sources], in graph order */
    char **source_key;         /* [sources] */
    struct sl_files *gone;     /* [sources]: what need not be remembered from the next commit on */
    bool has_forgotten_tables; /* engine/batch/sources.h */
    struct sl_lookup **table;  /* [context->tables]: the versions of tables that the batch uses; borrowed */
    void **memory;             /* [nodes]: what windows and state keep */
    struct sl_store *store;    /* segments of state; NULL: nothing is kept */
    char **state_key;          /* [nodes]: by which an operator finds its state; NULL: it keeps none */
    const char *segments;      /* the list to commit; NULL: as it was */
    struct sl_codes codes; /* what the operators that keep something are like (engine/batch/fingerprint.h) */
    bool codes_are_new;    /* the catalog has others until the next commit */
    struct sl_observer *observer;     /* looks at rows (engine/batch/observer.h); NULL: none */
    struct sl_dry_run *trial;         /* engine/trial/dry_run.h; NULL: a run in earnest */
    const struct sl_run_hooks *hooks; /* engine/batch/hooks.h; NULL: none */
    struct sl_rejects rejects, late;
    uint64_t late_records; /* of batches committed in this run */
    struct sl_deadletters letters;
    struct sl_counted *counters_next;  /* [context->counters]: totals once the batch is committed */
    struct sl_service service;         /* the service manager, where there is one */
    struct sl_progress_line *progress; /* engine/run/progress.h */
    struct sl_status *status;          /* engine/run/status.h */
    /* It waits for something that people have to do, and why: what engine/run shows. */
    void (*waiting)(struct sl_run *run, const char *why);
    /* Called by any worker: the number of finished tasks that read a source in this batch. NULL in tests. */
    void (*advanced)(struct sl_batch *batch, size_t done, size_t tasks);
    struct sl_clock_virtual virtual_clock;
    int wake_fd;                            /* eventfd: something may have arrived, or a signal came */
    struct sl_abandon *abandon;             /* waits for the second signal; NULL: there are none */
    size_t once_more;                       /* files that the batch takes because sluice replay asks for it */
    bool any;                               /* some batch was committed */
    int64_t last_ms;                        /* the newest committed batch */
    uint64_t batches;                       /* committed over the life of the checkpoint */
    uint64_t mounts_lost;                   /* how often the mount was taken away in this run */
    struct sl_window_counts *window_counts; /* [sources]: of committed batches; NULL: no view has a window */
    int64_t window_reach_ms;                /* of the longest */
    uint64_t spoilt;                        /* batches in a row of whose files all had too many errors */
    uint64_t committed;                     /* in this run */
    uint64_t left_out;                      /* records set aside and files quarantined in this run */
    bool leaves_input;                      /* --once leaves what waits for a later batch time */

    /* Who runs rows elsewhere (engine/batch/executor.h); NULL: this process does. */
    struct sl_executor *executor;
    /* It runs tasks of another process: no catalog; nothing is watched, shown or written. */
    bool is_task;
};

/* The source at a node. */
struct sl_source *sl_run_source(const struct sl_run *run, const struct sl_node *node);
/* It was asked to end after the batch; to give the batch up. */
bool sl_run_wants_stop(const struct sl_run *run);
bool sl_run_abandoned(struct sl_run *run);
