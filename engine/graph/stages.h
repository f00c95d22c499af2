/* Which parts of a graph can run in tasks of a cluster, and what stays in one process, the driver: decided from the
 * graph alone, so that every process that loads the job decides the same.
 *
 *   map      a source whose partitions any process can read, and the narrow operators below it: a task for each
 *            partition. What it gives to a wide operator is what its lane has combined (struct sl_partial), or rows
 *   reduce   a wide operator whose groups can be finished apart from each other, by hash of the key, and that gets
 *            rows from map stages only: a task for each of a number of partitions
 *            Of windows and state by key it makes the groups of the batch; what is kept is the driver's. It calls functions of
 *            state, and combines the batches of a window, where what is kept is dealt to shards
 *   driver   all else: the operators that follow a shuffle, event time, outputs
 *
 * Stages are numbered: maps in the order of sources, reduces in the order of operators, the driver last. */
#pragma once

#include "engine/graph/pipelines.h"

#include <stdio.h>

struct sl_context;

/* Of the JSON that `sluice graph --json` prints. */
enum { SL_GRAPH_VERSION = 1 };

enum sl_role { SL_ROLE_MAP, SL_ROLE_REDUCE, SL_ROLE_DRIVER };

struct sl_stages {
    const struct sl_pipelines *pipelines;
    enum sl_role *role; /* [nodes]: of a wide operator: where it is finished */
    const char **why;   /* [nodes]: of SL_ROLE_DRIVER: the reason */
    size_t *number;     /* [nodes]: of the stage it is in */
    size_t count;       /* of stages, with the driver */
    bool **fed;         /* [nodes][nodes]: sink, root: the root's rows reach the sink */
};

/* The pipelines must outlive it. */
int sl_stages_new(const struct sl_pipelines *pipelines, struct sl_stages **ret, struct sl_error *err);
void sl_stages_free(struct sl_stages *stages);

/* What the job is, the same on every machine: 16 hexadecimal digits of its graph, its files and what its functions have
 * captured. SL_ENOMEM. */
int sl_stages_hash(struct sl_context *context, char ret[17], struct sl_error *err);

/* Prints them to `out`, for `sluice check --spark`. 0, or a failure that the context has. */
int sl_stages_print(struct sl_context *context, FILE *out);
/* The graph as JSON, with version, hash and stages: `sluice graph --json`. */
int sl_stages_print_json(struct sl_context *context, FILE *out);
/* A reduce whose groups enter what the operator keeps on the driver; or whose records meet it in shards. */
bool sl_stages_keeps_state(const struct sl_node *node);
/* The latter: its functions are called for records. */
bool sl_stages_maps_records(const struct sl_node *node);
/* Tasks may have shards of what it keeps (struct sl_sharded). */
bool sl_stages_has_shards(const struct sl_node *node);
/* Tasks that have shards give rows of its result, which are merged. */
bool sl_stages_shards_give_rows(const struct sl_node *node);
/* What `operator` of a graph may do in tasks: the words of the manual's table. */
const char *sl_stages_of_operator(const struct sl_op *op);
