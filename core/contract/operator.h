/* The contract between the engine and everything that handles rows: operators (ops/), outputs (output/) and
 * sources (sources/). Written once, here, so that an operator is short.
 *
 * An operator is a static const struct sl_op and one line in its registry. Its descriptor says what it is
 * called, what it takes and shows an example that runs. What it does is one of:
 *
 *   narrow  map, filter ...: rows in, rows out, nothing remembered beyond the partition. The engine makes one
 *           instance per task and fuses consecutive ones: open, push..., close. push() may push any number of
 *           chunks to self->out; what it pushes lives in task->scratch or in its input. It keeps the order
 *           of rows.
 *   wide    reduceByKey, join, window ...: sees all rows of its inputs, gives one dataset. begin (one
 *           thread); then for each lane, on the lane's worker: lane_open, push..., lane_close; then finish
 *           (one thread; it may spread work over stage->pool). Lanes are collected by their position, so
 *           that results do not depend on which worker did what.
 *   source  has no inputs: core/contract/source.h.
 *   output  a wide operator without a result, plus the steps of the commit.
 *   meta    evaluated while the graph is built (union of several, transform ...): engine/ only.
 *
 * Plan and instances are apart: struct sl_node is immutable while batches run; whatever changes is in the
 * instance, the stage or the node's memory. */
#pragma once

#include "core/base/pool.h"
#include "core/contract/columns.h"
#include "core/contract/descriptor.h"
#include "core/contract/function.h"
#include "core/contract/site.h"
#include "core/contract/task.h"
#include "core/rows/chunk.h"
#include "core/rows/dataset.h"

struct sl_source_ops;
struct sl_services;
struct sl_manifest;
struct sl_state_writer;
struct sl_section;
struct sl_sorted_groups;
struct sl_op;
struct sl_buf;

/* One operator of the graph with its checked arguments. */
struct sl_node {
    const struct sl_op *op;
    unsigned number; /* in the graph, from 0; inputs have lower numbers */
    struct sl_site site;
    const char *name; /* given by :name("x"), or NULL */
    unsigned inputs;
    struct sl_node **input;
    struct sl_arg arg[SL_PARAMS_MAX];     /* by op->params; kind SL_ARG_NONE where not given */
    struct sl_arg option[SL_OPTIONS_MAX]; /* by op->options */
    int table;                            /* of a table (sl_op.is_table): its number in the job; else -1 */
    const char *dir;                      /* of the job: relative paths start here; borrowed */
    int64_t slide_ms;                     /* emits at multiples of it */
    int64_t interval_ms;                  /* of the whole graph */
    int64_t window_ms;                    /* reach of the windows above it; 0: unwindowed */
    size_t view;                          /* of a mount output: its number among them */
    bool timed;                           /* its records have event times: see withWatermark */
    const struct sl_columns *columns;     /* of what it gives (core/contract/columns.h); NULL: not known */
};

/* The names and types of the columns of the node's records; NULL: not known. */
static inline const struct sl_columns *sl_node_columns(const struct sl_node *node)
{
    return node->columns;
}

/* The function, text, number ... given for parameter i; the fallback where it was not given or is nil. */
const struct sl_function *sl_node_function(const struct sl_node *node, unsigned i);
int64_t sl_node_integer(const struct sl_node *node, unsigned i, int64_t fallback);
bool sl_node_boolean(const struct sl_node *node, unsigned i, bool fallback);
struct sl_field sl_node_value(const struct sl_node *node, unsigned i); /* nil where not given */
/* Option by name; kind SL_ARG_NONE where not given. */
struct sl_arg sl_node_option(const struct sl_node *node, const char *name);
/* The option's value, integer, boolean; nil, the fallback, where it was not given or is of another kind. */
struct sl_field sl_node_option_value(const struct sl_node *node, const char *name);
int64_t sl_node_option_integer(const struct sl_node *node, const char *name, int64_t fallback);
bool sl_node_option_boolean(const struct sl_node *node, const char *name, bool fallback);

/* The watermark when no more data comes. */
#define SL_END_OF_TIME INT64_MAX

/* ---- narrow ---- */

/* Where the rows of a task come from: a partition of a source as the outside cuts it (of a queue, of a topic), or
 * a wide operator. */
struct sl_channel {
    const struct sl_node *root;
    uint32_t number; /* of the outside's partition; 0 where it has none */
};

/* What a batch takes in, as far as it is known before its rows are read. */
struct sl_incoming {
    /* Whether the channel brings something, or may have brought something at a time that was missed; false where its
     * root is no source. */
    bool (*brings)(const struct sl_incoming *self, const struct sl_channel *channel);
};

struct sl_instance {
    const struct sl_node *node;
    struct sl_task *task;
    struct sl_outlet *out;
    void *state; /* narrow->state_size bytes, of which narrow->state_cleared are cleared before open */
    struct sl_channel channel;
    struct sl_stage *stage; /* of a narrow operator that keeps something: it has op->wide too */
};

struct sl_narrow {
    size_t state_size;
    size_t state_cleared;                  /* 0: all of it */
    int (*open)(struct sl_instance *self); /* optional: a partition begins */
    int (*push)(struct sl_instance *self, const struct sl_chunk *in);
    int (*close)(struct sl_instance *self); /* optional: a partition ends; may push */
    void (*done)(struct sl_instance *self); /* optional: frees; always called, also after failures */
    bool whole_partitions;                  /* sees a partition from beginning to end: it must not be cut */
    bool loses_time; /* what it gives has no event times: a record is made of several, or of something else */
    bool partition_index; /* needs task->ordinal to be the partition's number in its stream */
};

/* ---- wide ---- */

/* The position of a lane's rows in the order of the operator's input: by input, path (ways through unions,
 * left to right), partition, piece of it. */
struct sl_position {
    uint32_t input, path, partition, piece;
};
int sl_position_compare(const struct sl_position *a, const struct sl_position *b);

/* The rows of one task on their way into one wide operator; belongs to the task's worker. */
struct sl_lane {
    struct sl_position position;
    struct sl_task *task;
    void *state;
    uint64_t first_row; /* its number among the rows of the input, where absorb needs it: struct sl_sharded */
    /* Row by row what record errors are about, where the operator made other rows of them. */
    const struct sl_chunk *shown;
};

struct sl_stage {
    const struct sl_node *node;
    const struct sl_services *services;
    struct sl_pool *pool;
    struct sl_task *tasks; /* one per worker, for work in finish: tasks[worker] */
    int64_t batch_ms;
    int64_t watermark_ms; /* of the inputs in this batch: the oldest; SL_NO_TIME: none yet; SL_END_OF_TIME */
    bool is_in_parts;     /* its groups may be given out, or come from other processes: struct sl_partial */
    bool is_shard;        /* its memory has the keys of one partition: struct sl_sharded */
    bool reports_late;    /* late records of its input are counted here */
    bool emits;           /* batch_ms is a multiple of the slide: otherwise finish only takes note */
    /* Of a window: the groups that this batch brought; an error of another one was the error of an earlier batch, and says
     * nothing of this one. NULL: all. */
    const struct sl_sorted_groups *brought;
    uint64_t first_rows; /* of its result no more than the first ones are looked at; 0: all */
    bool has_input;      /* some input had something to say (docs/manual.md, "Differences from Spark") */
    bool again;          /* in load and loaded: a batch was taken back; views go on to show what they did */
    bool said;    /* set by finish: this stream has something to say; begin finds it equal to has_input */
    void *state;  /* wide->state_size bytes, cleared before begin */
    void *memory; /* wide->memory_size bytes that the node keeps from batch to batch */
    const void *input_memory; /* the first input's, for operators that show it; may be NULL */
    struct sl_error *err;
};

/* What an operator keeps from batch to batch, as it is now; -1: it does not know, or has no such thing. */
struct sl_held {
    int64_t keys;
    int64_t batches; /* of a window: those that have data */
    int64_t rows;    /* of a window: in these batches; of one that reduces: groups */
    int64_t bytes;   /* in memory */
};

/* ---- partial results: a lane's rows combined in one process, the groups finished in another (engine/remote/) ---- */

/* How the rows of a result are ordered: whether groups may be finished apart from each other, by keys. */
enum sl_result_order {
    SL_RESULT_WHOLE,     /* it is made in one piece */
    SL_RESULT_BY_FIRST,  /* in the order of first fields, which are the keys of the groups */
    SL_RESULT_BY_RECORD, /* in the order of records, which are the keys */
    /* In the order of keys that are not in the records: groups() gives (key, nil, the record as a list); equal keys in
     * the order of the input. Down: the largest key first. */
    SL_RESULT_SORTED_UP,
    SL_RESULT_SORTED_DOWN,
};

/* What a lane has for a key: (key, kind, state); kind and state are the operator's own. */
enum { SL_PARTIAL_FIELDS = 3 };
typedef int sl_partial_row(void *arg, const struct sl_field row[SL_PARTIAL_FIELDS]);

struct sl_partial {
    enum sl_result_order (*order)(const struct sl_node *node);
    /* In place of lane_close, where there is one worker: gives what the lane has, in the order of keys, the same
     * bytes whenever it is done again. Rows are borrowed until row() returns; what it returns below 0 ends it. */
    int (*emit)(struct sl_stage *stage, struct sl_lane *lane, sl_partial_row *row, void *arg);
    /* In place of push: the lane, which has the position of the one that emitted, gets such a row (borrowed). */
    int (*absorb)(struct sl_stage *stage, struct sl_lane *lane, const struct sl_field row[SL_PARTIAL_FIELDS]);
    /* Not of SL_RESULT_WHOLE: what finish does after all groups are rows (numPartitions), to a result that was merged of
     * several. Replaces *dataset. */
    int (*cut)(struct sl_stage *stage, struct sl_dataset **dataset);
    /* In place of finish, of an operator with memory or SL_RESULT_SORTED: the groups of the batch in the order of the
     * result, each once, as rows that absorb takes. With memory the operator is finished where that is. NULL: it gives
     * none. */
    int (*groups)(struct sl_stage *stage, sl_partial_row *row, void *arg);
};

/* ---- state by key of which other processes may keep shards (engine/remote/): each has the keys of one partition. Such a
 * process loads its shard (load, loaded), finishes a batch (finish) and gives what changed (save) ---- */

struct sl_sharded {
    /* Its functions are called for records, in the order of the input. Lanes of absorb have first_row; emit gives a record as
     * (key, its number in the lane, the list of its other fields). With is_shard finish gives rows (place in the result, nil, the
     * record as a list), which are merged by place, as SL_RESULT_SORTED_UP has it. Without shards rows are not cut by key. */
    bool of_records;
    /* Of windows: how many batches a task reads and combines for what the node shows; 0: tasks do not, there are no shards of
     * this node. finish of a shard gives rows of the result, in the order that struct sl_partial says. NULL: it is no window. */
    int64_t (*batches)(const struct sl_node *node);
    /* The rest is done where all of the state is, in this order. begin: optional. */
    int (*begin)(struct sl_stage *stage);
    /* All that is kept: rows (key, value...) in the order of keys, as one SL_SECTION_KEYED has them. NULL in *ret: nothing.
     * The caller unrefs. Of a shard, too. */
    int (*all)(struct sl_stage *stage, struct sl_dataset **ret);
    /* Of windows, in place of it: a section for each batch, of rows that begin with the key. May be asked for again. */
    int (*write)(struct sl_stage *stage, struct sl_state_writer *keeper);
    /* What the batch changed in a shard, as save gave it. */
    int (*change)(struct sl_stage *stage, const struct sl_dataset *rows);
    /* In place of finish, after all changes. The result as finish makes it; of records and windows *ret is what shards gave,
     * merged. */
    int (*revise)(struct sl_stage *stage, struct sl_dataset **ret);
};

struct sl_wide {
    size_t state_size;
    int (*begin)(struct sl_stage *stage);                           /* optional */
    int (*lane_open)(struct sl_stage *stage, struct sl_lane *lane); /* optional */
    int (*push)(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in);
    int (*lane_close)(struct sl_stage *stage,
                      struct sl_lane *lane); /* optional; not called after a failure */
    /* Optional: an input that is a dataset already is handed over whole (borrowed) instead
     * of being pushed. */
    int (*take)(struct sl_stage *stage, unsigned input, struct sl_dataset *dataset);
    /* Optional: the rows of a partition may come in several lanes, its pieces, at the same time; what is made
     * of them depends on their order by position, not on where they were cut. NULL: they may not. */
    bool (*takes_pieces)(const struct sl_node *node);
    /* Optional: how many of the first rows of its input it looks at, and at no others. */
    uint64_t (*first_rows)(const struct sl_node *node);
    bool keeps_time;     /* rows of its result have the event times of the input's */
    bool takes_deferred; /* take does not look at rows: a dataset may be handed over deferred */
    /* The result; NULL in *ret means no records. Outputs leave *ret alone. */
    int (*finish)(struct sl_stage *stage, struct sl_dataset **ret);
    void (*done)(struct sl_stage *stage); /* optional: frees; always called, also after failures */

    const struct sl_partial *partial; /* optional */

    /* What it holds of a batch stays below services->spill->bytes for each worker, so many times (for an
     * operator that holds several things at once): the rest goes to disk. 0: it does not know of a limit. */
    unsigned bounded;

    /* What is kept from batch to batch (windows, state). */
    size_t memory_size;
    int (*memory_open)(const struct sl_node *node, void *memory, struct sl_error *err);
    void (*memory_done)(void *memory);
    /* Whether batch t must run although no input arrived: the window still holds data or has just lost its
     * last, a time-out is due, there are keys to update. Optional; NULL: never. */
    bool (*wants)(const struct sl_node *node, const void *memory, int64_t t);
    /* The same for event time: whether something became due by the watermark. Cheap. Optional. */
    bool (*due)(const struct sl_node *node, const void *memory, int64_t watermark_ms);
    /* Of a narrow operator that gives event times (withWatermark): the watermark of the batch at t, which takes in
     * `incoming` (NULL: nothing), and the newest event time so far, SL_NO_TIME where there is none. */
    int64_t (*watermark)(const struct sl_node *node, const void *memory, int64_t t,
                         const struct sl_incoming *incoming);
    int64_t (*newest)(const void *memory);
    /* Of what event time closes: how many windows, sessions or keys are open. Optional. */
    uint64_t (*open)(const void *memory);
    /* Of windows and state, for metrics: sets what it knows of *ret. Cheap. Optional. */
    void (*held)(const void *memory, struct sl_held *ret);
    /* wants() is about windows: times that were missed are made up for it. */
    bool windowed;
    bool times_out; /* wants() is about time-outs: those that were missed are made up for, once */
    /* What is kept on disk (core/contract/state_writer.h). save: what the batch changed, after finish, before
     * the commit. load: one section at a start, oldest first, in a stage that was begun but gets no rows;
     * rows is its own. loaded: the last section was given; last_ms is the newest committed batch. */
    int (*save)(struct sl_stage *stage, struct sl_state_writer *keeper);
    int (*load)(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows);
    int (*loaded)(struct sl_stage *stage, int64_t last_ms);
    const struct sl_sharded *sharded; /* optional */
};

/* ---- output: the steps of the commit, in this order; each is optional; 0 or a failure of the batch ---- */

struct sl_output {
    /* Optional: hands the rows that push would refuse to the task's sink, and does nothing else: for rows that are read
     * in one process and pushed in another. Without it push refuses none. */
    int (*refuse)(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in);
    int (*effect)(struct sl_stage *stage); /* print, foreachRDD: happens at least once */
    int (*write)(struct sl_stage *stage);  /* complete, hashed and synced under a hidden name */
    int (*reveal)(struct sl_stage *stage); /* rename, never over anything; sync the parent */
    /* What was revealed, for the catalog. */
    int (*manifest)(struct sl_stage *stage, struct sl_manifest *manifest);
    int (*publish)(struct sl_stage *stage); /* after the commit: links, views */
    /* Optional, not per batch: once at start, refuses what could not work (SL_EUSAGE): an output's names that
     * are taken. */
    int (*open)(const struct sl_node *node, const struct sl_services *services, struct sl_error *err);
    /* Optional, for `sluice check`: looks whether what it needs outside can be reached and fits, and appends
     * lines that say what it found. SL_EUSAGE: it cannot work. */
    int (*probe)(const struct sl_node *node, const struct sl_services *services, struct sl_buf *found,
                 struct sl_error *err);
    /* Optional, once at start: batch t, the newest, was committed by an earlier process, which may not have
     * come to publish it. Its outputs made `path`; an output to which that does not belong does nothing. */
    int (*renew)(const struct sl_node *node, const struct sl_services *services, int64_t t, const char *path,
                 struct sl_error *err);
    /* Optional, of outputs that print: appends the lines it would print of a dataset, without a heading. False:
     * out of memory. For tests of jobs. */
    bool (*text)(const struct sl_node *node, const struct sl_dataset *dataset, struct sl_buf *buf);
};

/* ---- the descriptor ---- */

enum sl_op_kind { SL_OP_SOURCE, SL_OP_NARROW, SL_OP_WIDE, SL_OP_OUTPUT, SL_OP_META };
const char *sl_op_kind_name(enum sl_op_kind kind); /* "source" ..., as in JSON */

/* Why an operator that could run in other processes by its kind does not: docs/spark.md, "What runs where". */
enum sl_one_process {
    SL_ONE_PROCESS_NOT,
    SL_ONE_PROCESS_WHOLE,      /* what it is made of gives a result in one piece */
    SL_ONE_PROCESS_EVENT_TIME, /* it needs event times */
    SL_ONE_PROCESS_QUERY,      /* what a query does not become of other operators */
};

struct sl_op {
    const char *name; /* as users type it */
    enum sl_op_kind kind;
    const char *family;  /* "narrow", "shuffle", "two streams", "window", "state", "output", "source" */
    const char *summary; /* one sentence */
    const char *example; /* Lua: an expression over `s` (and `s2`) */
    const struct sl_param *params;  /* ends with a NULL name; NULL: none */
    const struct sl_param *options; /* named options in a last table argument; the same */
    const struct sl_narrow *narrow;
    const struct sl_wide *wide;
    const struct sl_output *output;
    const struct sl_source_ops *source;
    /* What tells this operator from others of its family that share `wide`; the family says of which type it is. */
    const void *spec;
    /* Of meta operators: what takes the stream's place, made of other operators. arg[SL_PARAMS_MAX] was checked
     * against params. NULL: the context has the error. */
    struct sl_stream *(*compose)(struct sl_stream *stream, const struct sl_arg *arg);
    /* Optional: puts arguments that may be written in several ways (Spark's overloads) where params expects
     * them. `given` holds count arguments, at most SL_PARAMS_MAX; ret has room for one more; what must be
     * made for them comes from the arena. Returns how many are in ret, 0 or more: without memory what was
     * given. */
    size_t (*arrange)(const struct sl_arg *given, size_t count, struct sl_arena *arena, struct sl_arg *ret);
    /* Optional: checks what params cannot say and may set node->slide_ms (which starts as
     * the first input's). */
    int (*check)(struct sl_node *node, struct sl_error *err);
    /* Optional, ends with NULL: URI schemes that its directory, prefix or path may have besides file. */
    const char *const *schemes;
    /* Optional, after check: the columns of what the node gives, in the arena of the graph. Leaves *ret alone
     * where they are not known. NULL: the operator makes new fields. For an operator that passes records on:
     * sl_columns_of_input, sl_columns_of_inputs. */
    int (*columns)(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                   struct sl_error *err);
    /* The last parameter may repeat: its values arrive as one list, which may be given as a list, too. */
    bool variadic;
    /* A source whose rows are looked up (core/rows/lookup.h) and flow nowhere: input of operators that say
     * takes_tables, which find its version for the batch by task->table[input->table]. */
    bool is_table, takes_tables;
    enum sl_one_process one_process;
    /* Optional, where options decide the form of what operators after it keep: a word for the form, which is part of their
     * signature. NULL: the usual one. */
    const char *(*state_form)(const struct sl_node *node);
    /* Optional: how it is executed, a word for `sluice check` and `graph`. */
    const char *note;
};

/* The operator's name as the job called it, for messages: zip is made of several. */
static inline const char *sl_node_called(const struct sl_node *node)
{
    return node->site.name ? node->site.name : node->op->name;
}
