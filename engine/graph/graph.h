/* The graph of a job: what sluice.h builds and sl_run executes. Immutable once it runs.
 *
 * struct sl_context owns everything: nodes, their checked arguments, functions and strings. Nodes are
 * numbered in the order they were made, so inputs have lower numbers than what they feed. */
#pragma once

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/contract/operator.h"
#include "engine/graph/options.h"

#include <sluice.h>

struct sl_counted;

struct sl_stream {
    struct sl_context *context;
    struct sl_node node;
    struct sl_node *input[]; /* node.input points here */
};

/* A log that hands its lines to the program's function. */
struct sl_context_log {
    struct sl_log log;       /* first */
    sl_log_function *on_log; /* NULL: lines are dropped */
    void *arg;
};

struct sl_context {
    char *name, *dir;
    struct sl_context_log log;
    struct sl_arena arena; /* streams, strings, argument values */
    struct sl_error error;
    struct sl_site site; /* of the next calls; name: of what they make together, or NULL */
    size_t nodes, nodes_capacity;
    struct sl_stream **stream; /* [nodes] */
    int tables;                /* nodes that are tables, numbered as they were made */
    size_t functions, functions_capacity;
    struct sl_function **function; /* owned */
    size_t counters;
    struct sl_counted *counter;   /* [counters]: names (owned) and totals (engine/batch/counters.h) */
    pthread_mutex_t counter_lock; /* guards both */
    struct sl_options options;
    int (*on_workers)(void *arg, unsigned workers, char *message, size_t message_size);
    void *on_workers_arg;
    /* A digest of what the functions are and have captured, which a graph does not show; NULL: of none. Before the first batch. */
    int (*digest_functions)(void *arg, uint64_t *ret, struct sl_error *err);
    void *digest_functions_arg;
    int64_t loaded_s;    /* the time that the job saw while it was loaded, in seconds; 0: the program's own */
    _Atomic int stopped; /* the job asked for the end of the run (stop() in a function of foreachRDD) */
    _Atomic int abandoned; /* the batch under way is given up: tasks and functions look at it */
};

/* Adds an operator to the graph, also one that no registry has; first: NULL of sources. NULL: the context has
 * the error. */
struct sl_stream *sl_stream_add(struct sl_context *context, const struct sl_op *op, struct sl_stream *first,
                                const struct sl_arg *argv, size_t argc);

/* The operator of that name in any registry (ops, outputs, sources); NULL if there is none. */
const struct sl_op *sl_op_find(const char *name);
/* Every operator once, for help and nearest names: index 0, 1 ... until NULL. */
const struct sl_op *sl_op_at(size_t index);
/* How many sl_op_at has. */
size_t sl_ops_length(void);
/* The nearest operator name of these kinds (bits 1 << enum sl_op_kind), or NULL. */
const char *sl_op_nearest(const char *name, unsigned kinds);

/* Sets the sticky error, unless there is one already: "<file>:<line>: <format>". Returns its code. */
int sl_context_fail(struct sl_context *context, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a function of a program can be added to the context, which may be NULL. False: its sticky error says why not. */
bool sl_context_takes_function(struct sl_context *context, bool is_given);

/* Hands a function object over to the context; frees it and returns NULL when there is no memory. */
struct sl_function *sl_context_own(struct sl_context *context, struct sl_function *fn);

/* One line per node: number, operator, inputs, arguments, job line. The same on every machine; two loads of
 * one job that differ are found by it. False: out of memory. */
bool sl_context_describe(struct sl_context *context, struct sl_buf *buf);
