#include "ops/window/window_reduce_running.h"

#include "core/base/error.h"
#include "core/contract/services.h"
#include "ops/window/running_pass.h"

#include <stdlib.h>

static struct sl_window_memory *memory_of(const struct sl_stage *stage)
{
    return stage->memory;
}

static const struct sl_reducer *reducer_of(const struct sl_stage *stage)
{
    return ((const struct sl_reduced_window *)stage->state)->by_key.aggregate.reducer;
}

/* ---- a batch ---- */

/* Batches before `first`, which leave. */
static int list_leaving(struct sl_running_pass *pass, int64_t first)
{
    const struct sl_partials_level *batches = &memory_of(pass->stage)->blocks.level[0];
    struct sl_sorted_groups **groups = calloc(batches->count + 1, sizeof *groups);
    size_t count = 0;
    for (size_t i = 0; groups && i < batches->count && batches->first + (int64_t)i < first; i++)
        if (batches->block[i].groups)
            groups[count++] = batches->block[i].groups;
    int r = groups ? sl_slices_list_open(&pass->leaving, groups, count) : SL_ENOMEM;
    free(groups);
    return r;
}

/* The batches as they are before one joins them. */
static int copy_older(struct sl_running_pass *pass)
{
    const struct sl_partials_level *batches = &memory_of(pass->stage)->blocks.level[0];
    pass->older = *batches;
    pass->older.block = calloc(batches->count + 1, sizeof *batches->block);
    for (size_t i = 0; pass->older.block && i < batches->count; i++)
        pass->older.block[i] = batches->block[i];
    return pass->older.block ? 0 : SL_ENOMEM;
}

/* Slices are opened once the batch is one of the window's: groups that are united with others move to disk where they are
 * too large. */
static int add_groups(struct sl_running_pass *pass, struct sl_sorted_groups *before,
                      struct sl_sorted_groups *groups)
{
    struct sl_stage *stage = pass->stage;
    int64_t number = sl_window_batch_number(stage->node, stage->batch_ms);
    int r = sl_window_partials_add(&memory_of(stage)->blocks, stage, reducer_of(stage), number,
                                   sl_sorted_groups_ref(groups));
    if (r == 0 && before)
        sl_group_slices_open(&pass->before, before);
    if (r == 0)
        sl_group_slices_open(&pass->entering, groups);
    return r;
}

/* Takes the groups over. */
static int add_batch(struct sl_running_pass *pass, struct sl_sorted_groups *groups)
{
    struct sl_stage *stage = pass->stage;
    struct sl_window_memory *memory = memory_of(stage);
    int64_t number = sl_window_batch_number(stage->node, stage->batch_ms);
    struct sl_sorted_groups *before =
        (struct sl_sorted_groups *)sl_window_partials_batch(&memory->blocks, number);
    if (!sl_window_arrive(stage, groups))
        return 0;
    before = before ? sl_sorted_groups_ref(before) : NULL;
    int r = add_groups(pass, before, groups);
    sl_sorted_groups_unref(before);
    return r;
}

static int do_batch(struct sl_running_pass *pass, struct sl_sorted_groups *groups, struct sl_dataset **ret)
{
    struct sl_stage *stage = pass->stage;
    int64_t first = sl_window_first_number(stage->node, stage->batch_ms);
    int r = list_leaving(pass, first);
    sl_window_partials_forget(&memory_of(stage)->blocks, first);
    r = r < 0 ? r : copy_older(pass);
    if (r < 0) {
        sl_sorted_groups_unref(groups);
        return r;
    }
    r = add_batch(pass, groups);
    pass->emits = r == 0 && sl_window_will_emit(stage);
    sl_running_drop_changes(stage);
    if (r < 0 || (!pass->leaving.count && !groups->count && !pass->emits))
        return r;
    return sl_running_pass_run(pass, ret);
}

int sl_window_running_pass(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_reduced_window *window = stage->state;
    struct sl_running_pass pass = {
        .stage = stage, .forgets = window->forgets, .spill = memory_of(stage)->store.spill};
    struct sl_sorted_groups *groups;
    int r = sl_window_batch_groups(stage, &groups);
    if (r < 0)
        return r;
    r = do_batch(&pass, groups, ret);
    sl_running_pass_close(&pass);
    if (r == 0 && pass.emits)
        r = sl_cut_partitions(stage, window->by_key.partitions_param, ret);
    return r < 0 ? r : sl_window_make_room(stage);
}

/* ---- after a load ---- */

int sl_window_running_count(struct sl_stage *stage, struct sl_sorted_groups *const *leaving, size_t count)
{
    const struct sl_partials_level *batches = &memory_of(stage)->blocks.level[0];
    struct sl_running_pass pass = {.stage = stage, .counts = true, .spill = memory_of(stage)->store.spill};
    struct sl_sorted_groups **held = calloc(batches->count + 1, sizeof *held);
    size_t holds = 0;
    for (size_t i = 0; held && i < batches->count; i++)
        if (batches->block[i].groups)
            held[holds++] = batches->block[i].groups;
    int r = held ? sl_slices_list_open(&pass.leaving, leaving, count) : SL_ENOMEM;
    r = r < 0 ? r : sl_slices_list_open(&pass.counted, held, holds);
    r = r < 0 ? r : sl_running_pass_run(&pass, NULL);
    sl_running_pass_close(&pass);
    free(held);
    return r;
}
