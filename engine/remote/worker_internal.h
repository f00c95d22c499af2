/* The process that runs tasks, shared by worker*.c, capture.c and results.c only. */
#pragma once

#include "engine/batch/batch.h"
#include "engine/graph/stages.h"
#include "engine/remote/peer.h"
#include "engine/remote/task.h"

struct sl_capture;

struct sl_worker_process {
    struct sl_run run; /* first: stages find the process by it */
    struct sl_run_options options;
    struct sl_fed_files *given; /* arrivals of sources: none */
    struct sl_stages *stages;
    struct sl_peer peer;
    int64_t only_stage;        /* of struct sl_stages; -1: any */
    struct sl_source **source; /* [nodes], opened when first needed */

    /* Of one task. */
    const struct sl_remote_task *task;
    struct sl_stage **stage;          /* [nodes]: as they are in a batch */
    _Atomic uint64_t *rows_out;       /* [nodes] */
    _Atomic uint64_t *rows;           /* [nodes] */
    struct sl_op *capture_op;         /* [nodes]: what is in the place of sinks */
    struct sl_node *capture;          /* [nodes] */
    struct sl_capture *first, **last; /* what sinks got, in the order of lanes */
    struct sl_buf *block;             /* [partitions] of one operator */
    size_t split;                     /* the one under way */
    struct sl_files files;            /* of its splits, each once; the source borrows them */
    size_t *number;                   /* [splits] of files: which partition of the opened source it is */
    struct sl_buf found;              /* of its splits so far, as the report has it */
    int64_t blocks;                   /* sent */
    int64_t lanes;                    /* of operators that number their rows (struct sl_sharded) */
    struct sl_buf lane;               /* the same as the report has them */
    struct sl_message message;
};

/* worker_map.c, worker_reduce.c: do the task, send its blocks and append the rest of the report, which begins with stage
 * and task. */
int sl_worker_map(struct sl_worker_process *process, struct sl_buf *report, struct sl_error *err);
int sl_worker_reduce(struct sl_worker_process *process, struct sl_message *blocks, size_t count,
                     struct sl_buf *report, struct sl_error *err);

/* capture.c: sinks that keep what they get. */
struct sl_capture {
    struct sl_capture *next;
    struct sl_lane lane; /* the operator's own */
    const struct sl_node *node;
    bool by_key;
    struct sl_buf rows; /* chunks */
};
/* It gives what the operator has combined of the rows, else the rows. */
bool sl_capture_combines(const struct sl_capture *capture);
/* Puts captures in the place of the sinks of all pipelines. */
int sl_capture_open(struct sl_worker_process *process, struct sl_error *err);
void sl_capture_close(struct sl_worker_process *process);
void sl_capture_reset(struct sl_worker_process *process); /* after a task */

/* results.c: the sections of a report and where their bytes are; appended to it. Large ones go to a file. */
struct sl_results {
    struct sl_buf list, data;
    int64_t sections;
};
bool sl_results_add(struct sl_results *results, const struct sl_node *node,
                    const struct sl_position *position, int what, const struct sl_buf *bytes);
int sl_results_put(struct sl_worker_process *process, const struct sl_results *results, struct sl_buf *report,
                   struct sl_error *err);
void sl_results_done(struct sl_results *results);
/* A name in the directory for results that no other attempt has. */
void sl_attempt_name(const struct sl_worker_process *process, const char *end, char ret[SL_SHARD_NAME_BYTES]);

/* worker_shard.c: what the task's operator keeps of its shard, loaded, in the place of what the process keeps: the stage's
 * memory. save, after finish: writes what changed, and the whole where that is due; appended to the report. close frees it,
 * after the stage; NULL is fine. */
int sl_worker_shard_open(struct sl_worker_process *process, struct sl_stage *stage, struct sl_error *err);
int sl_worker_shard_save(struct sl_worker_process *process, struct sl_stage *stage, struct sl_buf *report,
                         struct sl_error *err);
void sl_worker_shard_close(const struct sl_node *node, void *memory);
