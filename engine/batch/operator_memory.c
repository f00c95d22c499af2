#include "engine/batch/operator_memory.h"

#include "engine/batch/run.h"

#include <stdlib.h>

static int open_memory(struct sl_run *run, const struct sl_node *node, struct sl_error *err)
{
    const struct sl_wide *wide = node->op->wide;
    if (!wide || !wide->memory_size)
        return 0;
    void *memory = run->memory[node->number] = calloc(1, wide->memory_size);
    if (!memory)
        return sl_error_nomem(err);
    return wide->memory_open ? wide->memory_open(node, memory, err) : 0;
}

int sl_operator_memory_open(struct sl_run *run, struct sl_error *err)
{
    int r = 0;
    run->memory = calloc(run->pipelines->nodes + 1, sizeof *run->memory);
    if (!run->memory)
        return sl_error_nomem(err);
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++)
        r = open_memory(run, run->pipelines->node[n], err);
    return r;
}

void sl_operator_memory_close(struct sl_run *run)
{
    for (size_t n = 0; run->memory && n < run->pipelines->nodes; n++) {
        const struct sl_wide *wide = run->pipelines->node[n]->op->wide;
        if (run->memory[n] && wide->memory_done)
            wide->memory_done(run->memory[n]);
        free(run->memory[n]);
    }
    free(run->memory);
    run->memory = NULL;
}
