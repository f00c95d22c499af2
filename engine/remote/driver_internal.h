/* Internals of the driver, shared by driver*.c, requests.c and sections.c only. */
#pragma once

#include "engine/batch/executor.h"
#include "engine/graph/stages.h"
#include "engine/remote/driver.h"
#include "engine/remote/peer.h"
#include "engine/remote/report.h"
#include "engine/remote/shard.h"
#include "engine/remote/task.h"

/* What a map task gave of an operator that numbers its rows. */
struct sl_counted_lane {
    unsigned node;
    struct sl_position position;
    uint64_t rows;
};

/* A map stage of the batch under way. */
struct sl_map_stage {
    int64_t id;
    unsigned source; /* operator */
    size_t tasks;
    struct sl_remote_block **block; /* [tasks]: what each of them made */
    size_t *blocks;                 /* [tasks] */
    size_t lanes, lanes_capacity;
    struct sl_counted_lane *lane; /* of all tasks */
};

/* The shards of the state of one operator, [partitions] each. */
struct sl_shards {
    struct sl_shard *now; /* as of the newest committed batch; NULL: the state is not dealt */
    /* As the batch at next_ms leaves them; NULL: it has not begun with them. */
    struct sl_shard *next;
    int64_t next_ms;
    bool is_due; /* where that is decided by what batches cost: in tasks from the next batch on */
};

struct sl_remote_driver {
    struct sl_executor executor; /* first */
    struct sl_peer peer;
    int64_t cores;        /* that tasks run on */
    int64_t partitions;   /* of a reduce stage */
    const char *exchange; /* directory for results, which all machines see; NULL: they travel in reports */

    struct sl_run *run;
    struct sl_stages *stages;
    char hash[17];
    int64_t next_stage;
    bool *takes;    /* [sources] in this batch */
    bool *finishes; /* [nodes] */
    size_t maps, maps_capacity;
    struct sl_map_stage *map; /* of this batch */
    int64_t first_stage;      /* of this batch: from here they are dropped */
    struct sl_message message;
    uint64_t sequence; /* of record errors that come from other processes */
    enum sl_state_place state_place;
    struct sl_shards *shards; /* [nodes] */
    uint64_t deals;           /* names of files */
};

/* requests.c: what is asked for and what comes back. */
int sl_request_hello(struct sl_remote_driver *driver, struct sl_error *err);
/* The tasks follow, each with sl_request_task. list: numbers with commas, the member `name`. */
int sl_request_stage(struct sl_remote_driver *driver, int64_t id, const char *role, size_t tasks,
                     unsigned node, const char *name, const struct sl_buf *list, struct sl_error *err);
int sl_request_task(struct sl_remote_driver *driver, const struct sl_remote_task *task, struct sl_error *err);
int sl_request_drop(struct sl_remote_driver *driver, struct sl_error *err);
/* Waits for the reports of all tasks and gives each to `take`, in the order of tasks. The wire is positioned after
 * stage and task. */
typedef int sl_report_taker(void *arg, size_t task, struct sl_wire *wire, struct sl_error *err);
int sl_request_wait(struct sl_remote_driver *driver, int64_t id, size_t tasks, sl_report_taker *take,
                    void *arg, struct sl_error *err);

/* sections.c: the end of a report, after what was counted: sections, data and blocks. The data are unpacked to `data`; a
 * file that they came in is removed. */
struct sl_report_end {
    size_t sections, blocks;
    struct sl_remote_section *section; /* in the wire's arena */
    struct sl_remote_block *block;
};
int sl_report_take_end(struct sl_remote_driver *driver, struct sl_wire *wire, struct sl_report_end *ret,
                       struct sl_buf *data, struct sl_error *err);

/* driver_shards.c: shards of the operators' states (engine/remote/shard.h).
 *
 *     open, close    with the process
 *     begin          of a batch, or once more: which shards are those of the newest committed batch
 *     wanted         the operator's part of the batch is done by tasks that have shards; of one that maps records that is decided
 *                    when the batch begins
 *     deal           before the stage: all shards are there
 *     take           the end of the report of task p: what changed is given to the operator
 *     forget         the operator's state changes here: its shards are past
 *     sweep          at the end of a batch: files that are no more wanted are removed */
int sl_shards_open(struct sl_remote_driver *driver, struct sl_error *err);
void sl_shards_close(struct sl_remote_driver *driver);
void sl_shards_begin(struct sl_remote_driver *driver, const struct sl_batch *batch);
bool sl_shards_wanted(const struct sl_remote_driver *driver, const struct sl_batch *batch,
                      const struct sl_node *node, bool has_groups);
int sl_shards_deal(struct sl_remote_driver *driver, const struct sl_batch *batch, const struct sl_node *node,
                   struct sl_error *err);
int sl_shards_take(struct sl_remote_driver *driver, struct sl_stage *stage, size_t p, struct sl_wire *wire,
                   struct sl_error *err);
void sl_shards_forget(struct sl_remote_driver *driver, const struct sl_node *node);
void sl_shards_sweep(struct sl_remote_driver *driver);
/* Time that calls of functions take, of a clock and of all processors, in nanoseconds: until now, or of a batch. */
struct sl_calls_cost {
    int64_t ns, processor_ns;
};
struct sl_calls_cost sl_calls_cost_now(void);
/* Whether they would be worth tasks, for so many keys and records. Other work on the machine changes the clock's time only. */
bool sl_calls_cost_is_long(const struct sl_calls_cost *cost, uint64_t items);
/* The operator's part of a batch, which brought so many rows, was done here from then on. */
void sl_shards_note_cost(struct sl_remote_driver *driver, const struct sl_stage *stage, uint64_t rows,
                         const struct sl_calls_cost *begun);

/* driver_map.c, driver_reduce.c */
int sl_remote_driver_read(struct sl_executor *executor, struct sl_batch *batch, size_t s,
                          struct sl_error *err);
int sl_remote_driver_finish(struct sl_executor *executor, struct sl_batch *batch, const struct sl_node *node,
                            struct sl_dataset **ret, struct sl_error *err);
void sl_map_stage_done(struct sl_map_stage *map);
