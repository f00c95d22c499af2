/* From panes on disk (ops/event/pane_store.h) to the rows of windows, which are on disk, too. The rows of the windows' panes are
 * read once, and sorted by window and key; those of one window and key are combined in the order of their panes, as in memory
 * (ops/event/event_emit.c). So many small windows cost no more than a large one.
 *
 * Of windows that only show what the batch changed the changed keys are looked for in their panes, where they are few. */
#include "core/base/bisect.h"
#include "core/base/error.h"
#include "core/contract/services.h"
#include "ops/event/event_reduce.h"
#include "ops/event/pane_sort.h"
#include "ops/event/window_key.h"
#include "ops/key/failed_group.h"
#include "ops/state/state_find.h"

#include <stdlib.h>

struct emission {
    struct sl_stage *stage;
    const struct sl_event_span *span; /* [spans], by start */
    size_t spans;
    bool only_changed;
    struct sl_pane_sort sort;
};

/* A row of one of the windows; its key is the list {start, key} where there are several. */
static int add_row(struct emission *emission, const struct sl_event_span *span, const struct sl_pane_row *row)
{
    struct sl_field items[2] = {sl_integer(span->start), sl_key_of_pane(&row->key)}, both = sl_list(items, 2);
    return sl_pane_sort_add(&emission->sort, emission->spans > 1 ? &both : &items[1], row);
}

/* ---- all rows ---- */

static int add_to_windows(struct emission *emission, const struct sl_pane_row *row)
{
    int64_t pane = sl_pane_of(&row->key);
    size_t at = SL_BISECT(i, 0, emission->spans, emission->span[i].stop <= pane);
    int r = 0;
    for (; r == 0 && at < emission->spans && emission->span[at].start <= pane; at++)
        r = add_row(emission, &emission->span[at], row);
    return r;
}

static int add_range(struct emission *emission)
{
    struct sl_stage *stage = emission->stage;
    const struct sl_event_memory *memory = stage->memory;
    struct sl_pane_reader reader;
    struct sl_pane_row row;
    int r = sl_pane_reader_open(&reader, &memory->store, emission->span[0].start,
                                emission->span[emission->spans - 1].stop, stage->batch_ms);
    while (r == 0 && (r = sl_pane_reader_next(&reader, &row, stage->err)) > 0)
        r = add_to_windows(emission, &row);
    sl_pane_reader_close(&reader);
    return r;
}

/* ---- rows of changed keys ---- */

/* The keys that the batch changed in panes of the window, in order; some of them are there more than once. The caller frees
 * *ret, whose keys are borrowed. */
static int list_keys(const struct emission *emission, const struct sl_event_span *span,
                     struct sl_group_entry **ret, size_t *ret_count)
{
    const struct sl_event_reduce *reduce = emission->stage->state;
    struct sl_pane_range range = sl_pane_runs_range(reduce->changed, span->start, span->stop);
    size_t count = 0, room = (size_t)(range.end[0] - range.at[0]) + (size_t)(range.end[1] - range.at[1]);
    struct sl_group_entry *key = malloc((room + 1) * sizeof *key);
    if (!key)
        return SL_ENOMEM;
    for (int k = 0; k < 2; k++)
        for (; range.at[k] < range.end[k]; range.at[k]++)
            key[count++] = (struct sl_group_entry){.key = sl_key_of_pane(&range.at[k]->key)};
    *ret = key;
    *ret_count = count;
    return sl_group_entries_sort(emission->stage, key, count);
}

static int find_key(struct emission *emission, const struct sl_event_span *span,
                    struct sl_state_finder *finder, int64_t pane, const struct sl_field *key)
{
    struct sl_stage *stage = emission->stage;
    const struct sl_state_runs *runs = &((const struct sl_event_memory *)stage->memory)->store.runs;
    struct sl_stored_cell cell;
    struct sl_field pane_key;
    sl_arena_reset(stage->tasks[0].scratch);
    if (!sl_pane_key(stage->tasks[0].scratch, pane, key, &pane_key))
        return SL_ENOMEM;
    int r = sl_state_finder_find(finder, runs, &pane_key, sl_field_hash(&pane_key, runs->seed), &cell,
                                 stage->err);
    if (r <= 0 || !cell.exists)
        return r < 0 ? r : 0;
    struct sl_pane_row row = sl_pane_row_of(&cell, stage->batch_ms);
    return add_row(emission, span, &row);
}

static int find_in_pane(struct emission *emission, const struct sl_event_span *span, int64_t pane,
                        const struct sl_group_entry *key, size_t count)
{
    struct sl_state_finder *finder = calloc(1, sizeof *finder);
    int r = finder ? 0 : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        if (!i || !sl_field_equals(&key[i].key, &key[i - 1].key))
            r = find_key(emission, span, finder, pane, &key[i].key);
    if (finder)
        sl_state_finder_done(finder);
    free(finder);
    return r;
}

static int add_changed(struct emission *emission, const struct sl_event_span *span)
{
    const struct sl_event_memory *memory = emission->stage->memory;
    const struct sl_pane_list *list = &memory->store.list;
    struct sl_group_entry *key = NULL;
    size_t count;
    int r = list_keys(emission, span, &key, &count);
    for (int64_t pane = sl_pane_list_next(list, span->start); r == 0 && pane < span->stop;
         pane = sl_pane_list_next(list, pane + 1))
        r = find_in_pane(emission, span, pane, key, count);
    free(key);
    return r;
}

static int add_all_changed(struct emission *emission)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < emission->spans; i++)
        r = add_changed(emission, &emission->span[i]);
    return r;
}

/* Looking for a key in a pane costs about what reading some rows of it does. */
static bool are_changed_few(const struct emission *emission)
{
    enum { ROWS_PER_KEY = 4 };
    const struct sl_event_reduce *reduce = emission->stage->state;
    const struct sl_event_memory *memory = emission->stage->memory;
    const struct sl_pane_list *list = &memory->store.list;
    uint64_t panes = 0;
    if (!emission->only_changed || !reduce->changed)
        return false;
    for (size_t i = 0; i < emission->spans; i++)
        for (int64_t pane = sl_pane_list_next(list, emission->span[i].start); pane < emission->span[i].stop;
             pane = sl_pane_list_next(list, pane + 1))
            panes++;
    return reduce->changed->count < sl_pane_store_entries(&memory->store) / (ROWS_PER_KEY * (panes + 1));
}

/* ---- rows of the result ---- */

/* The window of the group, whose key becomes its own. */
static const struct sl_event_span *span_of(const struct emission *emission, struct sl_group_entry *entry)
{
    if (emission->spans == 1)
        return emission->span;
    const struct sl_field *items = entry->key.items;
    uint8_t failed = entry->key.flags & SL_GROUP_FAILED;
    size_t at = SL_BISECT(i, 0, emission->spans, emission->span[i].start < items[0].integer);
    entry->key = items[1];
    entry->key.flags |= failed;
    return &emission->span[at];
}

static int write_group(void *arg, struct sl_task *task, const struct sl_pane_group *group,
                       struct sl_spill_file *file)
{
    struct emission *emission = arg;
    const struct sl_event_memory *memory = emission->stage->memory;
    struct sl_group_entry entry = group->entry;
    struct sl_field row[SL_EVENT_ROW_FIELDS];
    uint32_t width;
    bool left_out;
    if (emission->only_changed && !group->changed)
        return 0;
    const struct sl_event_span *span = span_of(emission, &entry);
    int r = sl_event_fields(emission->stage, task, span, &entry, row, &width, &left_out);
    if (r == 0 && left_out)
        r = sl_event_leave_out(emission->stage, task, span->start, span->stop, &entry.key);
    return r < 0 || !width ? r : memory->store.runs.spill->ops->row(file, row, width, task->err);
}

static int emit(struct emission *emission, struct sl_dataset *dataset)
{
    const struct sl_event_reduce *reduce = emission->stage->state;
    struct sl_dataset *rows;
    int r = sl_pane_sort_init(&emission->sort, emission->stage);
    r = r < 0 ? r : are_changed_few(emission) ? add_all_changed(emission) : add_range(emission);
    r = r < 0 ? r : sl_pane_sort_merge(&emission->sort, reduce->reducer, write_group, emission, &rows);
    if (r < 0)
        return r;
    r = sl_dataset_add_range(dataset, 0, rows, 0, rows->count);
    sl_dataset_unref(rows);
    return r;
}

int sl_event_emit_stored(struct sl_stage *stage, const struct sl_event_span *span, size_t spans,
                         bool only_changed, struct sl_dataset *dataset)
{
    struct emission emission = {.stage = stage, .span = span, .spans = spans, .only_changed = only_changed};
    int r = emit(&emission, dataset);
    sl_pane_sort_done(&emission.sort);
    return r;
}
