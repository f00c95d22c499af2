/* What becomes of a window that reduces in a batch: batches that no window reaches any more leave, the new one enters, and then
 * the window may have something to show. Its groups come from the rows of the batch, or from shards
 * (ops/window/window_reduce_shards.c). */
#include "core/contract/services.h"
#include "ops/window/window_reduce.h"

/* Takes the batches before `first` out of the running result. */
static int leave(struct sl_stage *stage, int64_t first)
{
    struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    const struct sl_partials_level *batches = &memory->blocks.level[0];
    int r = 0;
    for (size_t i = 0; r == 0 && i < batches->count && batches->first + (int64_t)i < first; i++)
        if (batches->block[i].groups)
            r = sl_incremental_leave(&memory->running, stage, window->by_key.aggregate.reducer,
                                     batches->block[i].groups, window->forgets);
    return r;
}

bool sl_window_arrive(struct sl_stage *stage, struct sl_sorted_groups *groups)
{
    struct sl_window_memory *memory = stage->memory;
    sl_sorted_groups_unref(memory->arrived);
    memory->arrived = groups;
    memory->arrived_ms = stage->batch_ms;
    memory->began = memory->began || groups->count;
    return groups->count > 0;
}

int sl_window_enter(struct sl_stage *stage, struct sl_sorted_groups *groups)
{
    struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    const struct sl_reducer *reducer = window->by_key.aggregate.reducer;
    if (!sl_window_arrive(stage, groups))
        return 0;
    int64_t number = sl_window_batch_number(stage->node, stage->batch_ms);
    const struct sl_sorted_groups *before = sl_window_partials_batch(&memory->blocks, number);
    sl_window_leave_memory(stage, groups);
    int r = sl_window_runs(stage) ? sl_incremental_enter(&memory->running, stage, reducer, groups) : 0;
    if (r == 0 && sl_window_runs(stage) && before)
        sl_incremental_united(&memory->running, stage, before, groups);
    return r < 0 ? r
                 : sl_window_partials_add(&memory->blocks, stage, reducer, number,
                                          sl_sorted_groups_ref(groups));
}

int sl_window_move_on(struct sl_stage *stage)
{
    struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    int64_t first = sl_window_first_number(stage->node, stage->batch_ms);
    memory->running.tracks = sl_window_keeps_running(stage) && stage->services->durable;
    int r = sl_incremental_tidy(&memory->running, stage, window->by_key.aggregate.reducer);
    if (r == 0 && sl_window_runs(stage))
        r = leave(stage, first);
    if (r < 0)
        return r;
    sl_window_partials_forget(&memory->blocks, first);
    sl_window_return_to_memory(stage);
    return sl_incremental_show_first(&memory->running, stage, window->by_key.aggregate.reducer,
                                     &memory->blocks.level[0]);
}

bool sl_window_will_emit(struct sl_stage *stage)
{
    struct sl_window_memory *memory = stage->memory;
    if (!stage->emits)
        return false;
    bool holds =
        memory->blocks.any && memory->blocks.last >= sl_window_first_number(stage->node, stage->batch_ms);
    stage->said = stage->has_input || holds || memory->shown;
    memory->shown = holds;
    return stage->said;
}
