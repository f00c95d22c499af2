#include "core/base/array.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"
#include "ops/event/event_reduce.h"
#include "ops/event/window_key.h"
#include "ops/key/failed_group.h"
#include "ops/reducer/reducers.h"

#include <stdlib.h>

/* ---- windows that are due, windows that changed ---- */

struct spans {
    struct sl_event_span *span;
    size_t count, capacity;
};

static int add_span(struct spans *spans, int64_t start, int64_t stop, bool final)
{
    struct sl_event_span *grown = sl_array_grow(spans->span, spans->count, &spans->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    spans->span = grown;
    spans->span[spans->count++] = (struct sl_event_span){start, stop, final};
    return 0;
}

/* The windows that hold the pane and stop in (from, to], except those that start before `start`. *start: the next. */
static int add_windows(const struct sl_event_windows *windows, int64_t pane, int64_t from, int64_t to,
                       bool final, int64_t *start, struct spans *spans)
{
    int64_t last = sl_floor_multiple(pane, windows->slide, windows->offset);
    int64_t first = sl_first_window(windows, pane);
    int r = 0;
    for (first = first > *start ? first : *start; r == 0 && first <= last; first += windows->slide) {
        int64_t stop = first + windows->size;
        if (stop > to)
            break;
        if (stop > from)
            r = add_span(spans, first, stop, final);
        *start = first + windows->slide;
    }
    return r;
}

/* The first pane at or after `from` that is open and holds something, in memory or on disk; INT64_MAX: none. */
static int64_t next_pane(const struct sl_event_memory *memory, int64_t from)
{
    if (from < memory->panes.floor)
        from = memory->panes.floor;
    return sl_pane_store_is_used(&memory->store) ? sl_pane_list_next(&memory->store.list, from)
                                                 : sl_pane_runs_next(&memory->panes, from);
}

/* changed: only keys that the batch changed. */
static int emit(struct sl_stage *stage, const struct spans *spans, bool changed, struct sl_dataset *dataset)
{
    const struct sl_event_reduce *reduce = stage->state;
    if (!spans->count)
        return 0;
    if (sl_event_panes_are_stored(stage))
        return sl_event_emit_stored(stage, spans->span, spans->count, changed, dataset);
    return sl_event_emit(stage, spans->span, spans->count, changed ? reduce->changed : NULL, dataset);
}

/* Windows with data that the watermark has passed since the last time. */
static int emit_due(struct sl_stage *stage, struct sl_dataset *dataset)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct spans spans = {0};
    int64_t start = INT64_MIN;
    int r = 0;
    if (reduce->windows.emit == SL_EMIT_UPDATES || stage->watermark_ms == SL_NO_TIME)
        return 0;
    for (int64_t pane = next_pane(memory, INT64_MIN); r == 0 && pane < stage->watermark_ms;
         pane = next_pane(memory, pane + 1))
        r = add_windows(&reduce->windows, pane, memory->closed_ms, stage->watermark_ms, true, &start, &spans);
    r = r < 0 ? r : emit(stage, &spans, false, dataset);
    free(spans.span);
    return r;
}

static int64_t next_changed_pane(const struct sl_stage *stage, int64_t from)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_pane_runs only = {
        .runs = reduce->changed != NULL, .run = {reduce->changed}, .floor = INT64_MIN};
    return sl_event_panes_are_stored(stage) ? sl_pane_list_next(&reduce->changed_panes, from)
                                            : sl_pane_runs_next(&only, from);
}

static int emit_changed(struct sl_stage *stage, struct sl_dataset *dataset)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct spans spans = {0};
    int64_t start = INT64_MIN;
    int r = 0;
    if (reduce->windows.emit == SL_EMIT_FINAL)
        return 0;
    for (int64_t pane = next_changed_pane(stage, INT64_MIN); r == 0 && pane != INT64_MAX;
         pane = next_changed_pane(stage, pane + 1))
        r = add_windows(&reduce->windows, pane, stage->watermark_ms, INT64_MAX, false, &start, &spans);
    r = r < 0 ? r : emit(stage, &spans, true, dataset);
    free(spans.span);
    return r;
}

/* ---- the batch ---- */

/* Groups that the batch brought, and that have failed: they are reported by the windows that hold them. */
static void postpone_failed(struct sl_stage *stage)
{
    const struct sl_sorted_groups *changed = ((const struct sl_event_reduce *)stage->state)->changed;
    for (size_t i = 0; changed && i < changed->count; i++)
        if (sl_entry_has_failed(&changed->entry[i]))
            sl_failed_group_postpone(stage, &stage->tasks[0], &changed->entry[i].state);
}

static void close_panes(const struct sl_event_windows *windows, struct sl_event_memory *memory,
                        int64_t watermark_ms)
{
    int64_t open = sl_first_open(windows, watermark_ms);
    memory->old_floor = memory->panes.floor;
    if (open > memory->panes.floor)
        memory->panes.floor = open;
    if (watermark_ms > memory->closed_ms)
        memory->closed_ms = watermark_ms;
}

static void find_due(const struct sl_event_windows *windows, struct sl_event_memory *memory)
{
    int64_t pane = next_pane(memory, INT64_MIN), open = sl_first_open(windows, memory->closed_ms);
    int64_t start = pane == INT64_MAX ? 0 : sl_first_window(windows, pane);
    memory->due_ms = pane == INT64_MAX ? INT64_MAX : (start > open ? start : open) + windows->size;
}

static int add_batch(struct sl_stage *stage)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct sl_sorted_groups *groups;
    if (sl_event_panes_are_stored(stage) || sl_aggregate_is_large(&reduce->by_key.aggregate))
        return sl_event_panes_add_stored(stage);
    int r = sl_aggregate_finish(&reduce->by_key.aggregate, &groups);
    if (r == 0 && reduce->by_time)
        r = sl_event_fold_groups(stage, groups, &groups);
    r = r < 0 ? r : sl_pane_runs_add(&memory->panes, stage, reduce->reducer, groups, &reduce->changed);
    if (r == 0)
        postpone_failed(stage);
    return r;
}

int sl_event_panes_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct sl_dataset *dataset = sl_dataset_new(1);
    sl_pane_store_bound(&memory->store, stage);
    int r = dataset ? emit_due(stage, dataset) : SL_ENOMEM;
    if (r == 0)
        close_panes(&reduce->windows, memory, stage->watermark_ms);
    r = r < 0 ? r : add_batch(stage);
    r = r < 0 ? r : emit_changed(stage, dataset);
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    find_due(&reduce->windows, memory);
    stage->said = stage->has_input || dataset->count;
    *ret = dataset;
    return stage->services->durable ? 0 : sl_event_panes_tidy(stage);
}

/* ---- on disk: (key, state), (key) of panes that were closed, and of groups that failed (key, what is known of it, nil, true):
 * a width that sessions do not have ---- */

enum { FAILED_WIDTH = 4 };

/* Appends the entries of a run whose panes are in [from, to), with their states or to be removed. Returns how many; list NULL:
 * only that. */
static size_t list_range(struct sl_sorted_groups *run, int64_t from, int64_t to, bool has_states,
                         struct sl_group_entry *list)
{
    struct sl_pane_range range = sl_pane_runs_range(run, from, to);
    size_t count = 0;
    for (int k = 0; k < 2; k++)
        for (; range.at[k] < range.end[k]; range.at[k]++, count++)
            if (list)
                list[count] = (struct sl_group_entry){
                    range.at[k]->key, {.pointer = has_states ? &run->entry[range.at[k] - run->entry] : NULL}};
    return count;
}

static size_t most_changes(const struct sl_event_memory *memory, const struct sl_sorted_groups *changed)
{
    const struct sl_pane_runs *panes = &memory->panes;
    size_t count = changed ? changed->count : 0;
    for (size_t i = 0; i < panes->runs; i++)
        count += list_range(panes->run[i], memory->old_floor, panes->floor, false, NULL);
    return count + (memory->replaced ? memory->replaced->count + sl_pane_runs_entries(panes) : 0);
}

/* Changed entries, all that are open where the panes are cut anew, and those of panes that were closed, or replaced, without
 * a state. The first of equal keys counts. */
static struct sl_group_entry *list_changes(struct sl_stage *stage, size_t *ret_count)
{
    const struct sl_event_reduce *reduce = stage->state;
    const struct sl_event_memory *memory = stage->memory;
    const struct sl_pane_runs *panes = &memory->panes;
    const struct sl_sorted_groups *changed = reduce->changed, *replaced = memory->replaced;
    struct sl_group_entry *list = malloc((most_changes(memory, changed) + 1) * sizeof *list);
    size_t count = 0;
    if (!list)
        return NULL;
    for (size_t i = 0; changed && i < changed->count; i++)
        list[count++] = (struct sl_group_entry){changed->entry[i].key, {.pointer = &changed->entry[i]}};
    for (size_t i = panes->runs; replaced && i-- > 0;)
        count += list_range(panes->run[i], panes->floor, INT64_MAX, true, &list[count]);
    for (size_t i = 0; replaced && i < replaced->count; i++)
        list[count++] = (struct sl_group_entry){replaced->entry[i].key, {.pointer = NULL}};
    for (size_t i = 0; i < panes->runs; i++)
        count += list_range(panes->run[i], memory->old_floor, panes->floor, false, &list[count]);
    *ret_count = count;
    return list;
}

static int write_changes(struct sl_stage *stage, struct sl_state_writer *keeper,
                         const struct sl_group_entry *list, size_t count)
{
    const struct sl_event_reduce *reduce = stage->state;
    const struct sl_reducer *reducer = reduce->reducer;
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    struct sl_task *task = &stage->tasks[0];
    int r = keeper->ops->begin(keeper, &section);
    for (size_t i = 0; r == 0 && i < count; i++) {
        const struct sl_group_entry *entry = list[i].state.pointer;
        struct sl_field row[FAILED_WIDTH] = {list[i].key, sl_nil(), sl_nil(), sl_boolean(true)};
        bool has_failed = entry && sl_entry_has_failed(entry);
        row[0].flags &= SL_FIELD_ROW;
        if (i && sl_field_equals(&list[i - 1].key, &list[i].key))
            continue;
        sl_arena_reset(task->scratch);
        r = entry ? sl_entry_encode(reducer, task, entry, &row[1]) : 0;
        r = r < 0 ? r : keeper->ops->row(keeper, row, has_failed ? FAILED_WIDTH : entry ? 2 : 1);
    }
    return r;
}

static int write_cut(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_event_reduce *reduce = stage->state;
    const struct sl_event_memory *memory = stage->memory;
    struct sl_section section = {SL_SECTION_KEYED, 1, stage->batch_ms, INT64_MAX};
    const struct sl_field row[4] = {
        sl_nil(), memory->closed_ms == SL_NO_TIME ? sl_nil() : sl_integer(memory->closed_ms),
        sl_integer(reduce->windows.pane), sl_integer(reduce->windows.offset % reduce->windows.pane)};
    int r = keeper->ops->begin(keeper, &section);
    return r < 0 ? r : keeper->ops->row(keeper, row, 4);
}

static int save_in_memory(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    struct sl_event_memory *memory = stage->memory;
    size_t count;
    struct sl_group_entry *list = list_changes(stage, &count);
    int r = list ? sl_group_entries_sort(stage, list, count) : SL_ENOMEM;
    if (r == 0 && count)
        r = write_changes(stage, keeper, list, count);
    free(list);
    sl_sorted_groups_unref(memory->replaced);
    memory->replaced = NULL;
    return r;
}

int sl_event_panes_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    struct sl_event_memory *memory = stage->memory;
    int r = sl_event_panes_are_stored(stage) ? sl_event_panes_save_stored(stage, keeper)
                                             : save_in_memory(stage, keeper);
    memory->old_floor = memory->panes.floor;
    r = r < 0 ? r : write_cut(stage, keeper);
    return r < 0 ? r : sl_event_panes_tidy(stage);
}

static int damaged(struct sl_stage *stage)
{
    return sl_error_set(stage->err, SL_EDAMAGED, "the windows that %s kept are damaged",
                        stage->node->op->name);
}

/* It follows the rows of the same batch. */
static int load_cut(struct sl_stage *stage, const struct sl_dataset *rows)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    sl_cursor_init(&cursor, rows);
    while (sl_cursor_next(&cursor, row, &width)) {
        if (width == 2) /* of sessions: the job was another */
            continue;
        if (width != 4 || row[2].tag != SL_INT || row[3].tag != SL_INT || row[2].integer <= 0)
            return damaged(stage);
        memory->closed_ms = row[1].tag == SL_INT ? row[1].integer : SL_NO_TIME;
        memory->pane = row[2].integer;
        memory->offset = row[3].integer;
    }
    /* Keys of closed panes, which most are, need not be looked for. */
    if (memory->removing)
        sl_pane_runs_remove(&memory->panes, memory->removing,
                            sl_first_open(&reduce->windows, memory->closed_ms));
    sl_dataset_unref(memory->removing);
    memory->removing = NULL;
    return 0;
}

static int load_entry(struct sl_stage *stage, struct sl_sorted_groups *groups, const struct sl_field *row,
                      uint32_t width)
{
    const struct sl_reducer *reducer = ((const struct sl_event_reduce *)stage->state)->reducer;
    struct sl_group_entry *entry = &groups->entry[groups->count];
    if (width != 2 && width != FAILED_WIDTH) /* removed with its pane; or of sessions */
        return 0;
    if (!sl_pane_key_is_valid(&row[0]))
        return damaged(stage);
    if (!sl_field_copy(&groups->memory->arena, &row[0], &entry->key))
        return SL_ENOMEM;
    groups->count++;
    return sl_entry_decode(reducer, &stage->tasks[0], &groups->memory->arena, &row[1], width == FAILED_WIDTH,
                           entry);
}

int sl_event_panes_load(struct sl_stage *stage, const struct sl_section *section,
                        const struct sl_dataset *rows)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_pane_store_bound(&memory->store, stage);
    if (section->part == 1)
        return load_cut(stage, rows);
    if (memory->store.runs.spill)
        return sl_event_panes_load_stored(stage, rows);
    if (memory->panes.runs + 1 == SL_PANE_RUNS_MAX)
        r = sl_pane_runs_tidy(&memory->panes, stage, reduce->reducer);
    struct sl_sorted_groups *groups = r == 0 ? sl_sorted_groups_new(rows->count) : NULL;
    r = r < 0 ? r : groups ? 0 : SL_ENOMEM;
    sl_cursor_init(&cursor, rows);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = load_entry(stage, groups, row, width);
    if (r < 0) {
        sl_sorted_groups_unref(groups);
        return r;
    }
    sl_dataset_unref(memory->removing);
    memory->removing = sl_dataset_ref((struct sl_dataset *)rows);
    return sl_pane_runs_put(&memory->panes, groups);
}

int sl_event_panes_loaded(struct sl_stage *stage)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    const struct sl_event_windows *windows = &reduce->windows;
    bool stored = sl_event_panes_are_stored(stage);
    bool changed =
        memory->pane && (memory->pane != windows->pane || memory->offset != windows->offset % windows->pane);
    int r = changed ? (stored ? sl_event_panes_cut_stored : sl_event_panes_cut)(stage) : 0;
    int64_t open = sl_first_open(windows, memory->closed_ms);
    memory->panes.floor = memory->old_floor = open;
    r = r < 0 ? r : stored ? sl_event_panes_loaded_stored(stage) : 0;
    r = r < 0 ? r : sl_pane_runs_tidy(&memory->panes, stage, reduce->reducer);
    find_due(windows, memory);
    return r;
}
