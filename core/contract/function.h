/* Functions over records: functions of users (Lua, C) and native built-ins, with one interface.
 *
 * call() gets the record's fields and reports what the function returned. Operators interpret that (the table
 * of docs/manual.md, "Functions"); a function never knows which operator called it. Built-ins may offer
 * flat_map(), map() and filter(): the same for a whole chunk, without a call per row, where an operator asks
 * for it; they must give what call() would give row by row.
 *
 * A function object is immutable while batches run and is called from many workers at once: everything that
 * is a worker's own (a lua_State) is found by task->worker. Owned by the graph it was made for. */
#pragma once

#include "core/contract/task.h"

/* What call() returned. values points to caller's memory for SL_WIDTH_MAX fields; what the fields point to
 * lives in task->scratch or is what the arguments point to (never argv itself, which is not valid afterwards). */
struct sl_returned {
    uint32_t count; /* 0: nothing at all; several values: more than 1 */
    struct sl_field *values;
};

/* How flatMap and map read what a built-in returns. */
enum sl_gives {
    SL_GIVES_ANY,    /* a user's function: by the table of docs/manual.md, "Functions" */
    SL_GIVES_ROW,    /* one record of `count` fields; nothing at all: no match (flatMap drops it) */
    SL_GIVES_LIST,   /* one list: flatMap's records, map's one field */
    SL_GIVES_TRUTH,  /* one boolean: a predicate */
    SL_GIVES_NOTHING /* cannot be called: a reducer */
};

#define SL_NO_INDEX UINT32_MAX

struct sl_buf;
struct sl_columns;
struct sl_dataset;
struct sl_function;
struct sl_receiver;
struct sl_reducer;
struct sl_rows;
struct sl_services;

/* The state of one key while a function of mapWithState looks at it. update and remove change the cell; the
 * operator keeps what is in it when the function returns without an error. */
struct sl_state_cell {
    bool exists;
    bool changed;          /* updated or removed */
    bool timing_out;       /* the key was idle for too long: this is its last call */
    struct sl_field value; /* nil where there is none; a new one lives in task->scratch */
};

/* What calls for several rows returned, in sequence. */
struct sl_called {
    uint32_t rows;                /* that were called */
    uint8_t count[SL_CHUNK_ROWS]; /* values of each of them */
    struct sl_field *values;      /* of all */
};

struct sl_function_ops {
    /* 0, SL_EREJECT (the message is set), or a failure that ends the batch. */
    int (*call)(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                uint32_t argc, struct sl_returned *ret);

    /* Optional, built-ins only. flatMap: adds the records of every row of `in` to `out` (its origin is set).
     * May keep nothing. A record error is reported through sl_task_reject(task, node, in, row). */
    int (*flat_map)(const struct sl_function *fn, struct sl_task *task, unsigned node,
                    const struct sl_chunk *in, struct sl_builder *out);

    /* Optional. map without record errors: fills out->column[] and out->width for all
     * in->rows rows; memory from task->scratch; columns of `in` may be reused. SL_EREJECT with nothing done:
     * this chunk has rows that do not fit, go row by row. */
    int (*map)(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
               struct sl_chunk *out);

    /* Optional, built-ins only. filter without record errors: keep[row] = 0 or 1. SL_EREJECT as in map. */
    int (*filter)(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                  uint8_t *keep);

    /* Optional: mapPartitions. Like call(), with an iterator over all rows of a partition as its argument,
     * after the partition's number where index is not SL_NO_INDEX. The rows are borrowed. */
    int (*call_partition)(const struct sl_function *fn, struct sl_task *task, uint32_t index,
                          const struct sl_rows *rows, struct sl_returned *ret);

    /* Optional: call() for rows `from` and on, one after the other, at less cost; task->row is set for each. Stops
     * before a row of which call() has something to say, or when there is no more room: ret->rows may be less than
     * asked for, even 0. 0, or a failure that ends the batch. */
    int (*call_rows)(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                     uint32_t from, struct sl_called *ret);

    /* Optional: *cells[k] = f(*cells[k], values[row[k]]) for k = 0, 1 ..., of functions that reduce; what the
     * cells then point to lives in `keep`. Returns how many it did; it stops before one of which call() has
     * something to say. */
    uint32_t (*fold_rows)(const struct sl_function *fn, struct sl_task *task, struct sl_arena *keep,
                          struct sl_field *const *cells, const struct sl_field *values, const uint16_t *row,
                          uint32_t count);

    /* Optional, of functions that sortBy calls: whether it is certain that what call() would give comes after `bound`, in
     * the order of fields. False: call() finds out. */
    bool (*comes_after)(const struct sl_function *fn, const struct sl_field *argv, uint32_t argc,
                        const struct sl_field *bound);

    /* mapWithState: f(key, value, state, time); of Lua functions and those of C programs. */
    int (*call_state)(const struct sl_function *fn, struct sl_task *task, const struct sl_field *key,
                      const struct sl_field *value, struct sl_state_cell *cell, int64_t time_ms,
                      struct sl_returned *ret);

    /* foreachRDD: on the main thread, one call at a time, in batch order. Borrows the dataset for the call.
     * 0, or a failure that ends the batch and says where in the job. Such a function need not depend on its
     * arguments only. */
    int (*call_dataset)(const struct sl_function *fn, struct sl_dataset *dataset,
                        const struct sl_services *services, int64_t time_ms, struct sl_error *err);

    /* Optional, built-ins only: the columns of the records that map makes of records with these columns, in
     * the arena of the graph; NULL: they are not known. */
    const struct sl_columns *(*columns)(const struct sl_function *fn, const struct sl_columns *in,
                                        struct sl_arena *arena);

    /* Optional, of functions in a job's script: appends their text, by which a change is noticed. Between
     * batches. False: out of memory. */
    bool (*text)(const struct sl_function *fn, struct sl_buf *buf);

    /* Receivers of C programs only: the functions of sluice.h, and what they are called with. */
    const struct sl_receiver *(*receiver)(const struct sl_function *fn, void **ret_user);

    void (*free)(struct sl_function *fn);
};

/* The records of a function are as wide as those it was given. */
#define SL_WIDTH_SAME UINT32_MAX

struct sl_function {
    const struct sl_function_ops *ops;
    enum sl_gives gives;
    const struct sl_reducer *reducer; /* not NULL: usable where a reducer is wanted */
    const char *name;    /* of a built-in with its arguments, as in signatures: "split(\" \")"; "" */
    struct sl_site site; /* where it was made */
    /* The context that frees it, and whose calls may use it. NULL: whose it is is the caller's concern. */
    const void *owner;
    /* What is known of its records before there are any; 0: nothing. */
    uint32_t width;                  /* of every record it makes, or SL_WIDTH_SAME */
    uint32_t fields_min, fields_max; /* of the records it can work on */
};

/* Calls fn, with a scratch result. Convenience over ops->call. */
static inline int sl_function_call(const struct sl_function *fn, struct sl_task *task,
                                   const struct sl_field *argv, uint32_t argc, struct sl_returned *ret)
{
    return fn->ops->call(fn, task, argv, argc, ret);
}
