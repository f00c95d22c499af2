#include "engine/batch/run.h"

#include "engine/batch/abandon.h"

struct sl_source *sl_run_source(const struct sl_run *run, const struct sl_node *node)
{
    for (size_t s = 0; s < run->sources; s++)
        if (run->source[s]->node == node)
            return run->source[s];
    sl_assert(!"every source node has its source");
    return NULL;
}

bool sl_run_wants_stop(const struct sl_run *run)
{
    return sl_stop_count(run->options->stop) > 0 || atomic_load(&run->context->stopped);
}

bool sl_run_abandoned(struct sl_run *run)
{
    if (sl_stop_count(run->options->stop) > 1)
        atomic_store(&run->context->abandoned, 1);
    return atomic_load(&run->context->abandoned) != 0;
}
