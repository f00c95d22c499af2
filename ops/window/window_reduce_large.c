/* Reducing windows beyond memoryLimit.
 *
 * A window without an inverse holds groups of batches and their combinations; those go to disk (ops/window/group_store.h).
 * One with a native inverse also holds every key of the window in a table, and what it shows of them: when that is too much
 * both are dropped, and the result is combined of the batches as if there were no inverse. It is the same, for native
 * reducers that have an inverse are exact. Once the window holds no batch any more it begins anew in memory.
 *
 * What a user's inverse makes depends on its history: ops/window/window_reduce_running.h. Only once that is on disk may the
 * batches, too, that are to be taken out of it. */
#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/contract/services.h"
#include "ops/window/window_reduce_running.h"

int sl_window_store_open(struct sl_stage *stage)
{
    struct sl_window_memory *memory = stage->memory;
    const struct sl_reduced_window *window = stage->state;
    memory->blocks.store = &memory->store;
    bool is_one_value = sl_window_keeps_running(stage) && window->by_key.shape != SL_FORM_PAIR;
    return is_one_value ? 0 : sl_group_store_open(&memory->store, stage);
}

int sl_window_batch_groups(struct sl_stage *stage, struct sl_sorted_groups **ret)
{
    struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    struct sl_aggregate *aggregate = &window->by_key.aggregate;
    struct sl_dataset *rows;
    if (!sl_aggregate_is_large(aggregate))
        return sl_aggregate_finish(aggregate, ret);
    int r = sl_aggregate_states(aggregate, memory->store.file, &rows);
    if (r < 0)
        return r;
    r = sl_group_store_read(&memory->store, stage, aggregate->reducer, rows, ret);
    sl_dataset_unref(rows);
    return r;
}

size_t sl_window_bytes(struct sl_stage *stage)
{
    struct sl_window_memory *memory = stage->memory;
    struct sl_held held;
    sl_window_partials_held(&memory->blocks, &held);
    return (size_t)held.bytes + sl_incremental_bytes(&memory->running);
}

void sl_window_leave_memory(struct sl_stage *stage, const struct sl_sorted_groups *groups)
{
    struct sl_window_memory *memory = stage->memory;
    if (!memory->store.spill || !sl_window_runs(stage) || sl_window_keeps_running(stage))
        return;
    sl_assert(((struct sl_reduced_window *)stage->state)->by_key.aggregate.reducer->ops->exact);
    bool is_stored = groups && groups->rows;
    if (!is_stored && sl_window_bytes(stage) <= sl_group_store_bytes_max(&memory->store))
        return;
    sl_incremental_done(&memory->running);
    memory->is_large = true;
}

void sl_window_return_to_memory(struct sl_stage *stage)
{
    struct sl_window_memory *memory = stage->memory;
    if (!memory->is_large || memory->blocks.level[0].count)
        return;
    sl_window_partials_done(&memory->blocks);
    memory->is_large = false;
}

int sl_window_make_room(struct sl_stage *stage)
{
    struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    struct sl_group_store *store = &memory->store;
    const struct sl_reducer *reducer = window->by_key.aggregate.reducer;
    if (!store->spill || (sl_window_keeps_running(stage) && !memory->stored.table))
        return 0;
    sl_window_leave_memory(stage, NULL);
    sl_group_store_tidy(store);
    store->held = sl_window_bytes(stage);
    if (store->held <= sl_group_store_bytes_max(store))
        return 0;
    int r = sl_window_partials_put(&memory->blocks, stage, reducer);
    if (r == 0 && memory->arrived)
        r = sl_group_store_put(store, stage, reducer, memory->arrived);
    store->held = sl_window_bytes(stage);
    sl_heap_trim();
    return r;
}
