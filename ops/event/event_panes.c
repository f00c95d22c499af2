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

enum { PIECE_ENTRIES = 16 * SL_CHUNK_ROWS };

/* ---- what a batch brought, where it was collected by time ---- */

struct folding {
    struct sl_stage *stage;
    const struct sl_sorted_groups *groups;
    struct sl_sorted_groups *to;
    struct sl_arena *arena; /* [pieces] */
    size_t *count;          /* [pieces] */
};

static int fold_entry(const struct folding *folding, struct sl_task *task, size_t piece,
                      const struct sl_group_entry *from)
{
    struct sl_group_entry *to = &folding->to->entry[piece * PIECE_ENTRIES + folding->count[piece]];
    struct sl_group_entry folded = {.key = sl_nil()};
    const struct sl_field *value;
    struct sl_field list, key = sl_key_of_pane(&from->key);
    uint32_t count;
    bool any;
    sl_arena_reset(task->scratch);
    int r = sl_reducer_list.ops->finish(&sl_reducer_list, task, &from->state, &list);
    r = r < 0 ? r : sl_event_values(task, &list, &value, &count);
    r = r < 0 ? r
              : sl_event_fold(folding->stage, task, &folding->arena[piece], &key, value, 0, count, &folded,
                              &any);
    if (r < 0 || !any)
        return r;
    if (!sl_field_copy(&folding->arena[piece], &from->key, &to->key))
        return SL_ENOMEM;
    to->key.flags |= folded.key.flags;
    to->state = folded.state;
    folding->count[piece]++;
    return 0;
}

static int fold_piece(void *arg, size_t piece, struct sl_task *task)
{
    const struct folding *folding = arg;
    size_t from = piece * PIECE_ENTRIES, to = from + PIECE_ENTRIES;
    int r = 0;
    for (size_t i = from; r == 0 && i < to && i < folding->groups->count; i++)
        r = fold_entry(folding, task, piece, &folding->groups->entry[i]);
    return r;
}

/* Lists of {time, value} become states of the reducer, in memory of their own. */
static int fold_groups(struct sl_stage *stage, struct sl_sorted_groups *groups, struct sl_sorted_groups **ret)
{
    size_t pieces = (groups->count + PIECE_ENTRIES - 1) / PIECE_ENTRIES, at = 0;
    struct folding folding = {stage, groups, sl_sorted_groups_new(groups->count),
                              calloc(pieces + 1, sizeof *folding.arena),
                              calloc(pieces + 1, sizeof *folding.count)};
    int r = folding.to && folding.arena && folding.count ? 0 : SL_ENOMEM;
    r = r < 0 ? r : sl_stage_run(stage, pieces, fold_piece, &folding);
    for (size_t i = 0; folding.arena && folding.count && i < pieces; i++) {
        for (size_t k = 0; r == 0 && k < folding.count[i]; k++)
            folding.to->entry[at++] = folding.to->entry[i * PIECE_ENTRIES + k];
        if (r == 0)
            sl_arena_adopt(&folding.to->memory->arena, &folding.arena[i]);
        sl_arena_done(&folding.arena[i]);
    }
    free(folding.arena);
    free(folding.count);
    sl_sorted_groups_unref(groups);
    if (r < 0) {
        sl_sorted_groups_unref(folding.to);
        return r;
    }
    folding.to->count = at;
    *ret = folding.to;
    return 0;
}

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
    for (int64_t pane = sl_pane_runs_next(&memory->panes, INT64_MIN); r == 0 && pane < stage->watermark_ms;
         pane = sl_pane_runs_next(&memory->panes, pane + 1))
        r = add_windows(&reduce->windows, pane, memory->closed_ms, stage->watermark_ms, true, &start, &spans);
    if (r == 0 && spans.count)
        r = sl_event_emit(stage, spans.span, spans.count, NULL, dataset);
    free(spans.span);
    return r;
}

static int emit_changed(struct sl_stage *stage, struct sl_dataset *dataset)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct spans spans = {0};
    int64_t start = INT64_MIN;
    int r = 0;
    if (reduce->windows.emit == SL_EMIT_FINAL || !reduce->changed)
        return 0;
    struct sl_pane_runs only = {.runs = 1, .run = {reduce->changed}, .floor = INT64_MIN};
    for (int64_t pane = sl_pane_runs_next(&only, INT64_MIN); r == 0 && pane != INT64_MAX;
         pane = sl_pane_runs_next(&only, pane + 1))
        r = add_windows(&reduce->windows, pane, stage->watermark_ms, INT64_MAX, false, &start, &spans);
    if (r == 0 && spans.count)
        r = sl_event_emit(stage, spans.span, spans.count, reduce->changed, dataset);
    free(spans.span);
    return r;
}

/* ---- the batch ---- */

/* Groups that the batch brought, and that have failed: they are reported by the windows that hold them. */
static void postpone_failed(struct sl_stage *stage, const struct sl_sorted_groups *changed)
{
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
    int64_t pane = sl_pane_runs_next(&memory->panes, INT64_MIN),
            open = sl_first_open(windows, memory->closed_ms);
    int64_t start = pane == INT64_MAX ? 0 : sl_first_window(windows, pane);
    memory->due_ms = pane == INT64_MAX ? INT64_MAX : (start > open ? start : open) + windows->size;
}

static int add_batch(struct sl_stage *stage)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct sl_sorted_groups *groups;
    int r = sl_aggregate_finish(&reduce->by_key.aggregate, &groups);
    if (r == 0 && reduce->by_time)
        r = fold_groups(stage, groups, &groups);
    return r < 0 ? r : sl_pane_runs_add(&memory->panes, stage, reduce->reducer, groups, &reduce->changed);
}

int sl_event_panes_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct sl_dataset *dataset = sl_dataset_new(1);
    int r = dataset ? emit_due(stage, dataset) : SL_ENOMEM;
    if (r == 0)
        close_panes(&reduce->windows, memory, stage->watermark_ms);
    r = r < 0 ? r : add_batch(stage);
    if (r == 0)
        postpone_failed(stage, reduce->changed);
    r = r < 0 ? r : emit_changed(stage, dataset);
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    find_due(&reduce->windows, memory);
    stage->said = stage->has_input || dataset->count;
    *ret = dataset;
    return stage->services->durable ? 0 : sl_pane_runs_tidy(&memory->panes, stage, reduce->reducer);
}

/* ---- on disk: (key, state), (key) of panes that were closed, and of groups that failed (key, what is known of it, nil, true):
 * a width that sessions do not have ---- */

enum { FAILED_WIDTH = 4 };

/* Changed entries, all of them where the panes are cut anew, and those of panes that were closed, or replaced, without
 * a state. The first of equal keys counts. */
static struct sl_group_entry *list_changes(struct sl_stage *stage, size_t *ret_count)
{
    const struct sl_event_reduce *reduce = stage->state;
    const struct sl_event_memory *memory = stage->memory;
    const struct sl_pane_runs *panes = &memory->panes;
    const struct sl_sorted_groups *changed = reduce->changed;
    size_t capacity = changed ? changed->count : 0, count = 0;
    for (size_t i = 0; i < panes->runs; i++) {
        struct sl_pane_range range = sl_pane_runs_range(panes->run[i], memory->old_floor, panes->floor);
        capacity += (size_t)(range.end[0] - range.at[0]) + (size_t)(range.end[1] - range.at[1]);
    }
    const struct sl_sorted_groups *replaced = memory->replaced;
    if (replaced)
        capacity += replaced->count + sl_pane_runs_entries(panes);
    struct sl_group_entry *list = malloc((capacity + 1) * sizeof *list);
    for (size_t i = 0; list && changed && i < changed->count; i++)
        list[count++] = (struct sl_group_entry){changed->entry[i].key, {.pointer = &changed->entry[i]}};
    for (size_t i = panes->runs; list && replaced && i-- > 0;)
        for (size_t k = 0; k < panes->run[i]->count; k++)
            list[count++] =
                (struct sl_group_entry){panes->run[i]->entry[k].key, {.pointer = &panes->run[i]->entry[k]}};
    for (size_t i = 0; list && replaced && i < replaced->count; i++)
        list[count++] = (struct sl_group_entry){replaced->entry[i].key, {.pointer = NULL}};
    for (size_t i = 0; list && i < panes->runs; i++) {
        struct sl_pane_range range = sl_pane_runs_range(panes->run[i], memory->old_floor, panes->floor);
        for (int k = 0; k < 2; k++)
            for (; range.at[k] < range.end[k]; range.at[k]++)
                list[count++] = (struct sl_group_entry){range.at[k]->key, {.pointer = NULL}};
    }
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

int sl_event_panes_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    size_t count;
    struct sl_group_entry *list = list_changes(stage, &count);
    int r = list ? sl_group_entries_sort(stage, list, count) : SL_ENOMEM;
    if (r == 0 && count)
        r = write_changes(stage, keeper, list, count);
    free(list);
    memory->old_floor = memory->panes.floor;
    sl_sorted_groups_unref(memory->replaced);
    memory->replaced = NULL;
    r = r < 0 ? r : write_cut(stage, keeper);
    return r < 0 ? r : sl_pane_runs_tidy(&memory->panes, stage, reduce->reducer);
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
    if (section->part == 1)
        return load_cut(stage, rows);
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

/* ---- a job with other panes ---- */

/* Entries of the only run with the panes that the job has now; those that lie in two of them are dropped. */
static int cut_anew(struct sl_stage *stage, const struct sl_sorted_groups *from, struct sl_sorted_groups *to,
                    uint64_t *ret_dropped)
{
    const struct sl_event_reduce *reduce = stage->state;
    const struct sl_event_memory *memory = stage->memory;
    *ret_dropped = 0;
    for (size_t i = 0; i < from->count; i++) {
        struct sl_group_entry *entry = &to->entry[to->count];
        struct sl_field key = sl_key_of_pane(&from->entry[i].key), copy;
        int64_t old = sl_pane_of(&from->entry[i].key), pane = sl_pane_start(&reduce->windows, old);
        if (old + memory->pane > pane + reduce->windows.pane) {
            ++*ret_dropped;
            continue;
        }
        if (!sl_field_copy(&to->memory->arena, &key, &copy) ||
            !sl_pane_key(&to->memory->arena, pane, &copy, &entry->key) ||
            sl_entry_copy_state(reduce->reducer, &stage->tasks[0], &to->memory->arena, &from->entry[i],
                                entry) < 0)
            return SL_ENOMEM;
        to->count++;
    }
    return sl_group_entries_sort(stage, to->entry, to->count);
}

/* Equal keys follow one another, the older pane first. */
static int combine_equal(struct sl_stage *stage, struct sl_sorted_groups *groups)
{
    const struct sl_reducer *reducer = ((const struct sl_event_reduce *)stage->state)->reducer;
    size_t count = 0;
    for (size_t i = 0; i < groups->count; i++) {
        struct sl_group_entry *last = count ? &groups->entry[count - 1] : NULL;
        if (!last || !sl_field_equals(&last->key, &groups->entry[i].key)) {
            groups->entry[count++] = groups->entry[i];
            continue;
        }
        int r = sl_entry_combine(reducer, &stage->tasks[0], &groups->memory->arena, last, &groups->entry[i]);
        if (r < 0)
            return r;
    }
    groups->count = count;
    return 0;
}

static int change_panes(struct sl_stage *stage)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct sl_sorted_groups *one = NULL, *cut = NULL;
    uint64_t dropped = 0;
    int r = sl_pane_runs_merge_all(&memory->panes, stage, reduce->reducer);
    if (r < 0 || !memory->panes.runs)
        return r;
    one = memory->panes.run[0];
    cut = sl_sorted_groups_new(one->count);
    r = cut ? cut_anew(stage, one, cut, &dropped) : SL_ENOMEM;
    r = r < 0 ? r : combine_equal(stage, cut);
    if (r < 0) {
        sl_sorted_groups_unref(cut);
        return r;
    }
    if (dropped)
        sl_log(
            stage->services->log, SL_LOG_WARNING,
            "%s:%d: %s: the windows are cut otherwise than before: %llu groups that lie in two pieces of them now "
            "are forgotten",
            stage->node->site.file, stage->node->site.line, stage->node->op->name,
            (unsigned long long)dropped);
    memory->replaced = sl_sorted_groups_ref(one);
    sl_pane_runs_done(&memory->panes);
    return sl_pane_runs_put(&memory->panes, cut);
}

int sl_event_panes_loaded(struct sl_stage *stage)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    const struct sl_event_windows *windows = &reduce->windows;
    bool changed =
        memory->pane && (memory->pane != windows->pane || memory->offset != windows->offset % windows->pane);
    int r = changed ? change_panes(stage) : 0;
    int64_t open = sl_first_open(windows, memory->closed_ms);
    memory->panes.floor = memory->old_floor = open;
    r = r < 0 ? r : sl_pane_runs_tidy(&memory->panes, stage, reduce->reducer);
    find_due(windows, memory);
    return r;
}
