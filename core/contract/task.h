/* What code that handles rows may touch: a struct sl_task belongs to one worker while it works on one
 * partition.
 *
 * scratch: memory for what is pushed; the root of the pipeline resets it between the chunks it pushes, so all
 * of it is valid until the current push returns to the root, and nothing is to be freed.
 *
 * Record errors: a function or built-in that cannot process a record calls sl_task_explain and returns
 * SL_EREJECT; the operator that called it calls sl_task_reject with the record and continues with the next. The
 * sink decides what becomes of it (dead letter, failed batch, nothing). */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/contract/site.h"
#include "core/rows/chunk.h"

#include <stdatomic.h>

struct sl_counts;
struct sl_lookup;
struct sl_task;

/* Where record errors go; implemented by engine/. Called from many threads, each with its own task. */
struct sl_reject_sink {
    /* `node` is the operator's number in the graph, `fields` the record, `line` SL_NO_LINE where there is
     * none; the message is task->message. Copies what it keeps. 0, or a failure that ends the batch. */
    int (*reject)(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                  const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                  uint32_t line);
    /* The same for a record that comes too late for the windows of operator `node`: its event time is
     * task->event_ms. */
    int (*late)(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                const struct sl_field *fields, uint32_t width, const struct sl_origin *origin, uint32_t line);
    /* A group of operator `node` failed with task->message in this batch, and is reported by a later one, when its window
     * is due: maxErrorRate counts it here. NULL: no matter. */
    void (*postpone)(struct sl_reject_sink *sink, struct sl_task *task, unsigned node);
};

/* Times [from_ms, to_ms). */
struct sl_span {
    int64_t from_ms, to_ms;
};

#define SL_NO_LINE    UINT32_MAX
#define SL_GROUP_LINE (UINT32_MAX - 1) /* no record but a group: fields are its key and a value */

struct sl_task {
    unsigned worker;  /* 0 .. workers-1: index of per-worker things (Lua states, tables) */
    int64_t batch_ms; /* the batch's time */
    uint64_t seed;    /* of the process, for tables */
    bool replay;      /* the batch was planned by an earlier process: children see SLUICE_REPLAY=1 */
    uint64_t attempt; /* grows whenever a batch begins again, as after a file was quarantined */
    uint32_t ordinal; /* of the task within its root: the place its rows have in the order. The number of the
                         partition, where partitions are not cut into pieces */
    /* [rows that a function is called with]; not NULL: what math.random gives depends on the batch and on keys[row], and
     * begins anew with each call; else on the batch and the ordinal. */
    const struct sl_field *keys;
    /* With keys: not on the batch. The call combines batches of a window, and may be made in any of them. */
    bool is_over_batches;
    uint32_t row;     /* set by call_rows, else by what calls */
    int64_t event_ms; /* event time of the record that a function is called with; SL_NO_TIME: it has none */
    struct sl_arena *scratch;
    struct sl_lookup *const
        *table; /* [tables of the job]: the versions that the batch uses; NULL: there are none */
    size_t tables;
    uint64_t replaced; /* U+FFFD that operators wrote for bytes that were no UTF-8, in this batch so far */
    struct sl_counts *counts; /* what functions count (engine/batch/counters.h); NULL: nothing is */
    struct sl_reject_sink *sink;
    const _Atomic int *stop;     /* not 0: give up with SL_ESTOP; looked at between chunks */
    int64_t function_timeout_ms; /* for one call of a function; 0: none */
    int64_t group_records;       /* of the group that is handed to the sink; 0: unknown */
    struct sl_span group_window; /* of event time, where the group is left out of one; empty: of none */
    bool
        is_counted_elsewhere; /* maxErrorRate does not count a group error: the batch did not bring the group, or
                                  the error was postponed */
    bool is_counted_by_file; /* record errors are the file's that is being read, and no operator's */
    bool is_record_cut;      /* what is handed to the sink is only the beginning of a record */
    struct sl_error *err;    /* details of a batch failure */
    char message[SL_MESSAGE_MAX];
};

/* Sets task->message. Returns SL_EREJECT. */
int sl_task_explain(struct sl_task *task, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says that the only field of a record is no pair, and what to write where it is a list. SL_EREJECT. */
int sl_task_explain_pair(struct sl_task *task, const char *name, const struct sl_field *field);

/* Hands row `row` of `chunk` to the sink with task->message. 0, or a failure that ends the batch. */
int sl_task_reject(struct sl_task *task, unsigned node, const struct sl_chunk *chunk, uint32_t row);
/* The same where the row has only the beginning of the record: its dead letter is marked as truncated, and is not replayed. */
int sl_task_reject_cut(struct sl_task *task, unsigned node, const struct sl_chunk *chunk, uint32_t row);

/* Counts row `row` as late for operator `node`; it must have an event time. 0, or a failure that ends the batch. */
int sl_task_late(struct sl_task *task, unsigned node, const struct sl_chunk *chunk, uint32_t row);

/* The same for a group or state that had an error: key and value are what is shown (NULL: no value), `records` how many
 * it had, 0 where that is not known. */
int sl_task_reject_group(struct sl_task *task, unsigned node, const struct sl_field *key,
                         const struct sl_field *value, int64_t records);

/* Notes that a group failed in this batch, with task->message, and is reported later; what reports it sets
 * task->is_counted_elsewhere. */
void sl_task_postpone_group(struct sl_task *task, unsigned node);
