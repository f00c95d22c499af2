/* The pipelines: how rows flow through a graph. Made once, immutable while batches run.
 *
 * A root is a node that has a dataset in a batch: a source, or a wide operator. Below it hangs a tree of
 * pipes: runs of narrow operators, each ending in sinks (wide operators and outputs). Every task of a root
 * runs its whole tree in one pass, chunk by chunk. Where rows can reach a sink on several ways (unions), each
 * way is a path; paths are numbered in the order of the union's rows. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/operator.h"

struct sl_pipe {
    const struct sl_node *node;
    bool sink;
    uint32_t input; /* sink: which input of the node; narrow: which input it was entered by */
    uint32_t path;  /* sink */
    size_t number;  /* of the pipe in its tree, parents first */
    size_t children, capacity;
    struct sl_pipe **child;
};

struct sl_root {
    const struct sl_node *node;
    size_t pipes;       /* in the tree, the top not counted */
    struct sl_pipe top; /* only its children count */
};

struct sl_pipelines {
    size_t nodes;
    const struct sl_node *const *node; /* [nodes], borrowed */
    struct sl_root **root;             /* [nodes], NULL where the node is no root */
    uint32_t **paths;                  /* [nodes][inputs]: ways into each input of a sink */
    uint64_t *first_rows; /* [nodes]: those that are used look at no others of its result; 0: at all */
    bool *used;           /* [nodes]: an output depends on it; what is not used is not run */
};

/* The branch of a record that `node` refuses as the source gave it: the names of the operators from the source
 * to the node, "filter/map"; of siblings of one name the second and later with their number, "map#2"; "" for the
 * source itself. False: no such record (an operator on the way makes other rows, or the node is reached on several
 * ways), or out of memory. */
bool sl_pipelines_branch(const struct sl_pipelines *pipelines, const struct sl_node *source,
                         const struct sl_node *node, struct sl_buf *ret);
/* The other way round. *ret NULL: all of the source's tree, which is the only branch where it has but one.
 * False: the job has no such branch any more. */
bool sl_pipelines_find_branch(const struct sl_pipelines *pipelines, const struct sl_node *source,
                              const char *branch, const struct sl_node **ret);

struct sl_context;

/* SL_EUSAGE: unions nested so that rows take more than 65,536 ways. */
int sl_pipelines_new(const struct sl_context *context, struct sl_pipelines **ret, struct sl_error *err);
/* Whether an output depends on each node: ret_used[nodes]. */
void sl_pipelines_find_used(const struct sl_context *context, bool *ret_used);
void sl_pipelines_free(struct sl_pipelines *plan);
