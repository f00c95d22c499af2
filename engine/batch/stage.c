#include "engine/batch/stage.h"

#include <stdlib.h>

int sl_stage_new(struct sl_run *run, const struct sl_node *node, int64_t t, struct sl_stage **ret,
                 struct sl_error *err)
{
    const struct sl_wide *wide = node->op->wide;
    struct sl_stage *stage = *ret = calloc(1, sizeof *stage);
    if (!stage)
        return sl_error_nomem(err);
    *stage = (struct sl_stage){
        .node = node,
        .services = &run->services,
        .pool = run->pool,
        .tasks = run->task,
        .batch_ms = t,
        .first_rows =
            run->observer ? 0 : run->pipelines->first_rows[node->number], /* it sees whole results */
        .emits = t % node->slide_ms == 0,
        .is_in_parts = run->executor || run->is_task,
        .memory = run->memory[node->number],
        .input_memory = node->inputs ? run->memory[node->input[0]->number] : NULL,
        .err = err,
    };
    stage->state = wide->state_size ? calloc(1, wide->state_size) : NULL;
    if (wide->state_size && !stage->state)
        return sl_error_nomem(err);
    return wide->begin ? wide->begin(stage) : 0;
}

void sl_stage_free(struct sl_stage *stage)
{
    if (!stage)
        return;
    const struct sl_wide *wide = stage->node->op->wide;
    bool is_made = stage->state || !wide->state_size; /* there was memory for it */
    if (is_made && wide->done)
        wide->done(stage);
    free(stage->state);
    free(stage);
}
