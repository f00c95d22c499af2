/* Reducing windows on disk.
 *
 *     BATCH           the groups of one batch: rows (key, state), of those that failed (key, what is known of it, true);
 *                     the part is the generation of ops/window/span.h
 *     KEYED  part 0   countByWindow: a row once there was data; of a running result that the batches do not give
 *                     (sl_window_keeps_running) the groups that changed: ops/window/incremental_save.c
 *            part 1   ops/window/span.h
 *
 * When the job has another window or interval than the one that saved a running result, batches that the window reaches no
 * more are taken out of the result, and those that had left it before are not taken in again: a longer window fills up. */
#include "ops/window/window_reduce_running.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/state_writer.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>
#include <string.h>

/* ---- saving ---- */

static int save_entries(const struct sl_reducer *reducer, struct sl_task *task,
                        const struct sl_sorted_groups *groups, struct sl_state_writer *keeper)
{
    struct sl_field row[SL_ENTRY_FIELDS_MAX];
    uint32_t width;
    int r = 0;
    for (size_t i = 0; r == 0 && i < groups->count; i++) {
        sl_arena_reset(task->scratch);
        r = sl_entry_to_row(reducer, task, &groups->entry[i], row, &width);
        r = r < 0 ? r : keeper->ops->row(keeper, row, width);
    }
    return r;
}

/* A row that cannot be read back ends it; the engine finds out before the batch is committed. */
static int save_rows(const struct sl_dataset *rows, struct sl_state_writer *keeper)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_arena block = {0};
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = keeper->ops->row(keeper, row, width);
    sl_arena_done(&block);
    return r;
}

int sl_window_save_groups(struct sl_stage *stage, struct sl_state_writer *keeper, uint32_t generation,
                          int64_t t, const struct sl_sorted_groups *groups)
{
    const struct sl_reduced_window *window = stage->state;
    struct sl_section section = {SL_SECTION_BATCH, generation, t,
                                 t + sl_window_of(stage->node) + stage->node->slide_ms};
    int r = keeper->ops->begin(keeper, &section);
    if (r < 0)
        return r;
    return groups->rows ? save_rows(groups->rows, keeper)
                        : save_entries(window->by_key.aggregate.reducer, &stage->tasks[0], groups, keeper);
}

/* Once: the batches that say so are forgotten some day. */
static int save_began(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    const struct sl_field row[2] = {sl_nil(), sl_boolean(true)};
    if (!window->zero_when_empty || !memory->began || memory->began_saved)
        return 0;
    memory->began_saved = true;
    int r = keeper->ops->begin(keeper, &section);
    return r < 0 ? r : keeper->ops->row(keeper, row, 2);
}

/* When the job has another window than before. */
static int save_span(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    struct sl_window_memory *memory = stage->memory;
    const struct sl_window_span now = sl_window_span_after(&memory->span, stage->node);
    int r = 0;
    if (sl_window_span_equals(&memory->span, &now))
        return 0;
    memory->span = now;
    for (size_t i = 0; r == 0 && i < memory->kept.count; i++)
        r = sl_window_save_groups(stage, keeper, now.generation, memory->kept.batch[i].t,
                                  memory->kept.batch[i].groups);
    sl_window_kept_done(&memory->kept);
    return r < 0 ? r : sl_window_span_save(&now, stage->batch_ms, keeper);
}

int sl_window_reduce_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    bool is_new = memory->arrived && memory->arrived->count && memory->arrived_ms == stage->batch_ms;
    int r = save_span(stage, keeper);
    if (r == 0 && is_new)
        r = sl_window_save_groups(stage, keeper, memory->span.generation, stage->batch_ms, memory->arrived);
    if (r == 0 && sl_window_running_is_stored(stage))
        r = sl_window_running_save(stage, keeper);
    else if (r == 0 && sl_window_keeps_running(stage))
        r = sl_incremental_save(&memory->running, stage, window->by_key.aggregate.reducer, keeper);
    return r < 0 ? r : save_began(stage, keeper);
}

/* ---- loading ---- */

static int damaged(struct sl_stage *stage)
{
    return sl_error_set(stage->err, SL_EDAMAGED, "the batches that %s kept are damaged",
                        stage->node->op->name);
}

/* What would exceed memoryLimit goes to disk. */
static int load_groups(struct sl_stage *stage, const struct sl_dataset *rows, struct sl_sorted_groups **ret)
{
    const struct sl_reduced_window *window = stage->state;
    const struct sl_reducer *reducer = window->by_key.aggregate.reducer;
    struct sl_group_store *store = &((struct sl_window_memory *)stage->memory)->store;
    struct sl_sorted_groups *groups;
    int r = sl_group_store_read(store, stage, reducer, rows, &groups);
    if (r < 0)
        return r;
    size_t bytes = sl_group_store_bytes(groups);
    if (store->spill && store->held + bytes > sl_group_store_bytes_max(store))
        r = sl_group_store_put(store, stage, reducer, groups);
    store->held += sl_group_store_bytes(groups);
    if (r == 0)
        *ret = groups;
    else
        sl_sorted_groups_unref(groups);
    return r;
}

/* Takes the groups over. */
static int add_block(struct sl_stage *stage, int64_t t, struct sl_sorted_groups *groups)
{
    const struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    return sl_window_partials_add(&memory->blocks, stage, window->by_key.aggregate.reducer,
                                  sl_window_batch_number(stage->node, t), groups);
}

/* In the order of time. Takes the groups over. */
static int keep_batch(struct sl_stage *stage, const struct sl_section *section,
                      struct sl_sorted_groups *groups)
{
    struct sl_window_kept *kept = &((struct sl_window_memory *)stage->memory)->kept;
    struct sl_kept_batch *grown = sl_array_grow(kept->batch, kept->count, &kept->capacity, sizeof *grown);
    size_t at = kept->count;
    if (!grown) {
        sl_sorted_groups_unref(groups);
        return SL_ENOMEM;
    }
    while (at > 0 && grown[at - 1].t > section->t)
        at--;
    memmove(grown + at + 1, grown + at, (kept->count - at) * sizeof *grown);
    grown[at] = (struct sl_kept_batch){section->t, section->part, groups};
    kept->batch = grown;
    kept->count++;
    return 0;
}

void sl_window_kept_done(struct sl_window_kept *kept)
{
    for (size_t i = 0; i < kept->count; i++)
        sl_sorted_groups_unref(kept->batch[i].groups);
    free(kept->batch);
    *kept = (struct sl_window_kept){0};
}

/* What no window reaches any more may be years away, and lie in a segment still. */
static int load_batch(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows)
{
    const struct sl_window_span now = sl_window_span_of(stage->node);
    struct sl_sorted_groups *groups;
    bool is_reached = sl_window_span_shows(&now, stage->batch_ms, section->t);
    bool may_be_held = sl_window_keeps_running(stage) && section->until_ms > stage->batch_ms;
    if (!is_reached && !may_be_held)
        return 0;
    int r = load_groups(stage, rows, &groups);
    return r < 0 ? r : keep_batch(stage, section, groups);
}

int sl_window_reduce_load(struct sl_stage *stage, const struct sl_section *section,
                          const struct sl_dataset *rows)
{
    const struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    if (section->kind == SL_SECTION_BATCH)
        return load_batch(stage, section, rows);
    if (section->part == SL_PART_SPAN)
        return sl_window_span_load(rows, &memory->span) < 0 ? damaged(stage) : 0;
    if (window->zero_when_empty) {
        memory->began = memory->began_saved = true;
        return 0;
    }
    return memory->store.spill
               ? sl_window_running_load(stage, rows)
               : sl_incremental_load(&memory->running, stage, window->by_key.aggregate.reducer, rows);
}

/* ---- what is loaded becomes the window ---- */

int sl_window_groups_add(struct sl_window_groups *list, struct sl_sorted_groups *groups)
{
    struct sl_sorted_groups **grown =
        sl_array_grow(list->groups, list->count, &list->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    list->groups = grown;
    list->groups[list->count++] = sl_sorted_groups_ref(groups);
    return 0;
}

void sl_window_groups_done(struct sl_window_groups *list)
{
    for (size_t i = 0; i < list->count; i++)
        sl_sorted_groups_unref(list->groups[i]);
    free(list->groups);
    *list = (struct sl_window_groups){0};
}

/* Takes it out of a running result that held it and does not any more; of one on disk that is done later, for all at once. */
static int settle_running(struct sl_stage *stage, const struct sl_kept_batch *kept, bool was_held,
                          bool is_held)
{
    const struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    if (was_held && !is_held && sl_window_running_is_stored(stage))
        return sl_window_groups_add(&memory->gone, kept->groups);
    return was_held && !is_held ? sl_incremental_leave(&memory->running, stage,
                                                       window->by_key.aggregate.reducer, kept->groups, false)
                                : 0;
}

/* Whether the last emission showed one of the batches: also one that left a running result since. Where the window has changed,
 * those that are saved once more, so that a later start finds the same. */
static bool has_shown(const struct sl_stage *stage, int64_t last_ms)
{
    const struct sl_window_memory *memory = stage->memory;
    const struct sl_window_span now = sl_window_span_of(stage->node);
    const struct sl_window_span *saved = memory->span.window_ms ? &memory->span : &now;
    bool any_held = !sl_window_keeps_running(stage) || sl_window_span_equals(saved, &now), any = false;
    for (size_t i = 0; i < memory->kept.count; i++) {
        const struct sl_kept_batch *batch = &memory->kept.batch[i];
        bool counts = batch->generation == saved->generation &&
                      (any_held || sl_window_span_holds(saved, last_ms, batch->t));
        any = any || (counts && sl_window_span_has_shown(&now, last_ms, batch->t));
    }
    return any;
}

/* Those that stay in `kept` are saved once more. */
static int settle_kept(struct sl_stage *stage, int64_t last_ms)
{
    struct sl_window_memory *memory = stage->memory;
    struct sl_window_kept *kept = &memory->kept;
    const struct sl_window_span now = sl_window_span_of(stage->node);
    const struct sl_window_span *saved = memory->span.window_ms ? &memory->span : &now;
    bool keeps = sl_window_keeps_running(stage);
    size_t stay = 0;
    int r = 0;
    memory->running.tracks = keeps && stage->services->durable;
    for (size_t i = 0; i < kept->count; i++) {
        struct sl_kept_batch *batch = &kept->batch[i];
        bool was_held = batch->generation == saved->generation &&
                        (keeps ? sl_window_span_holds : sl_window_span_shows)(saved, last_ms, batch->t);
        bool is_held = sl_window_span_shows(&now, last_ms, batch->t);
        if (r == 0 && keeps)
            r = settle_running(stage, batch, was_held, sl_window_span_holds(&now, last_ms, batch->t));
        if (r == 0 && was_held && is_held)
            r = add_block(stage, batch->t, sl_sorted_groups_ref(batch->groups));
        if (was_held && is_held)
            kept->batch[stay++] = *batch;
        else
            sl_sorted_groups_unref(batch->groups);
    }
    kept->count = stay;
    if (sl_window_span_equals(&memory->span, &now))
        sl_window_kept_done(kept);
    return r;
}

/* Keys are counted by the batches that hold them: several of a shorter interval are one now. */
static int count_batches(struct sl_stage *stage)
{
    const struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    const struct sl_partials_level *batches = &memory->blocks.level[0];
    if (sl_window_running_is_stored(stage))
        return sl_window_running_count(stage, memory->gone.groups, memory->gone.count);
    sl_incremental_uncount(&memory->running);
    for (size_t i = 0; i < batches->count; i++)
        if (batches->block[i].groups)
            sl_incremental_count(&memory->running, stage, batches->block[i].groups);
    return window->forgets ? sl_incremental_forget(&memory->running) : 0;
}

/* A result that is not kept comes from the batches. */
static int enter_all(struct sl_stage *stage)
{
    const struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    const struct sl_partials_level *batches = &memory->blocks.level[0];
    int r = 0;
    for (size_t i = 0; r == 0 && i < batches->count && sl_window_runs(stage); i++) {
        if (!batches->block[i].groups)
            continue;
        sl_window_leave_memory(stage, batches->block[i].groups);
        if (sl_window_runs(stage))
            r = sl_incremental_enter(&memory->running, stage, window->by_key.aggregate.reducer,
                                     batches->block[i].groups);
    }
    return r;
}

int sl_window_reduce_loaded(struct sl_stage *stage, int64_t last_ms)
{
    struct sl_window_memory *memory = stage->memory;
    if (stage->is_shard) { /* the stage began with other memory; the span is the driver's to save */
        memory->blocks.store = &memory->store;
        memory->span = sl_window_span_of(stage->node);
    }
    int r = sl_window_running_gather(stage);
    memory->shown = has_shown(stage, last_ms);
    r = r < 0 ? r : settle_kept(stage, last_ms);
    if (r < 0)
        return r;
    sl_window_partials_forget(&memory->blocks, sl_window_first_number(stage->node, last_ms));
    if (sl_window_keeps_running(stage)) {
        r = sl_window_running_follow(stage);
        r = r < 0 ? r : count_batches(stage);
        sl_window_groups_done(&memory->gone);
        return r < 0 ? r : sl_window_make_room(stage);
    }
    r = sl_window_has_inverse(stage->state) ? enter_all(stage) : 0;
    return r < 0 ? r : sl_window_make_room(stage);
}
