/* From panes to the rows of windows. The entries of a window are ranges of sorted runs, one for each run and pane;
 * they are read side by side in the order of keys. Of one (pane, key) the newest run counts; the panes of one key are
 * combined in the order of time. Work is cut by windows, and large windows by keys. */
#include "core/base/array.h"
#include "core/base/bisect.h"
#include "core/base/error.h"
#include "core/contract/stage.h"
#include "ops/event/event_reduce.h"
#include "ops/event/window_key.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>

/* ---- a row ---- */

int sl_event_leave_out(const struct sl_stage *stage, struct sl_task *task, int64_t start, int64_t stop,
                       const struct sl_field *key)
{
    struct sl_event_reduce *reduce = stage->state;
    return reduce->windows.emit == SL_EMIT_UPDATES
               ? sl_left_out_add(&reduce->left_out, task, start, stop, key)
               : 0;
}

static int make_fields(const struct sl_stage *stage, struct sl_task *task, const struct sl_event_span *span,
                       const struct sl_group_entry *entry, struct sl_field row[SL_EVENT_ROW_FIELDS],
                       uint32_t *ret_width, bool *ret_noted)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_field pair[2];
    const struct sl_field *fields;
    uint32_t width, count = 2;
    int r =
        sl_group_entry_row(stage, reduce->reducer, reduce->by_key.shape, task, entry, pair, &fields, &width);
    *ret_noted = r == 0 && !width;
    *ret_width = 0;
    if (r < 0 || !width)
        return r;
    row[0] = sl_integer(span->start);
    row[1] = sl_integer(span->stop);
    for (uint32_t i = 0; i < width; i++)
        row[count++] = fields[i];
    if (reduce->windows.emit == SL_EMIT_BOTH)
        row[count++] = sl_boolean(span->final);
    if (count <= SL_WIDTH_MAX) {
        *ret_width = count;
        return 0;
    }
    sl_task_explain(task, "%s: with start and stop the record has %u fields; a record has at most %d",
                    stage->node->op->name, (unsigned)count, SL_WIDTH_MAX);
    return sl_task_reject_group(task, stage->node->number, &entry->key, NULL,
                                sl_reducer_records(reduce->reducer, &entry->state));
}

void sl_event_report_begin(struct sl_task *task, int64_t start, int64_t stop, bool is_counted_elsewhere)
{
    task->is_counted_elsewhere = is_counted_elsewhere;
    task->group_window = (struct sl_span){start, stop};
}

void sl_event_report_end(struct sl_task *task)
{
    sl_event_report_begin(task, 0, 0, false);
}

int sl_event_fields(const struct sl_stage *stage, struct sl_task *task, const struct sl_event_span *span,
                    const struct sl_group_entry *entry, struct sl_field row[SL_EVENT_ROW_FIELDS],
                    uint32_t *ret_width, bool *ret_noted)
{
    sl_event_report_begin(task, span->start, span->stop, span->final || sl_entry_has_failed(entry));
    int r = make_fields(stage, task, span, entry, row, ret_width, ret_noted);
    sl_event_report_end(task);
    return r;
}

/* A row of the result: start, stop, the fields of the group, and, with emit = "updates", whether it is final. Copied. A
 * group error, and a group that has failed, leaves it out and goes to the sink. maxErrorRate judges the batch that brought what
 * failed, so an error counts here only where it is a new one of a window that is still open. */
static int add_row(const struct sl_stage *stage, struct sl_task *task, struct sl_rows *rows,
                   const struct sl_event_span *span, const struct sl_group_entry *entry)
{
    struct sl_field row[SL_EVENT_ROW_FIELDS], copy[SL_WIDTH_MAX];
    uint32_t width;
    bool is_noted;
    int r = sl_event_fields(stage, task, span, entry, row, &width, &is_noted);
    if (r == 0 && is_noted)
        r = sl_event_leave_out(stage, task, span->start, span->stop, &entry->key);
    if (r < 0 || !width)
        return r;
    for (uint32_t i = 0; i < width; i++)
        if (!sl_field_copy(&rows->arena, &row[i], &copy[i]))
            return SL_ENOMEM;
    return sl_rows_append_row(rows, copy, width);
}

/* ---- cursors ---- */

/* A range of one run in one pane, in the order of keys. */
struct cursor {
    const struct sl_group_entry *at, *end;
    struct sl_field key; /* of at */
    uint32_t pane, run;  /* numbers: panes from the oldest, runs too */
};

struct reading {
    struct cursor *cursor;
    uint32_t count;
    size_t capacity;
    struct cursor **heap;
    uint32_t live;
};

static void reading_done(struct reading *reading)
{
    free(reading->cursor);
    free(reading->heap);
}

static int add_range(struct reading *reading, const struct sl_group_entry *at,
                     const struct sl_group_entry *end, uint32_t pane, uint32_t run)
{
    if (at == end)
        return 0;
    struct cursor *grown = sl_array_grow(reading->cursor, reading->count, &reading->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    reading->cursor = grown;
    reading->cursor[reading->count++] = (struct cursor){at, end, sl_key_of_pane(&at->key), pane, run};
    return 0;
}

/* By key, then by pane, then the newest run first. */
static bool is_before(const struct cursor *a, const struct cursor *b)
{
    int order = sl_field_compare(&a->key, &b->key);
    if (order == 0)
        order = (a->pane > b->pane) - (a->pane < b->pane);
    return order ? order < 0 : a->run > b->run;
}

static void sift(struct reading *reading, uint32_t at)
{
    struct cursor *moved = reading->heap[at];
    for (uint32_t child; (child = 2 * at + 1) < reading->live; at = child) {
        if (child + 1 < reading->live && is_before(reading->heap[child + 1], reading->heap[child]))
            child++;
        if (!is_before(reading->heap[child], moved))
            break;
        reading->heap[at] = reading->heap[child];
    }
    reading->heap[at] = moved;
}

static int make_heap(struct reading *reading)
{
    reading->heap = malloc((reading->count + 1) * sizeof(struct cursor *));
    if (!reading->heap)
        return SL_ENOMEM;
    for (uint32_t i = 0; i < reading->count; i++)
        reading->heap[i] = &reading->cursor[i];
    reading->live = reading->count;
    for (uint32_t i = reading->live / 2; i-- > 0;)
        sift(reading, i);
    return 0;
}

/* The first cursor moves to its next entry. */
static void advance(struct reading *reading)
{
    struct cursor *first = reading->heap[0];
    if (++first->at == first->end)
        reading->heap[0] = reading->heap[--reading->live];
    else
        first->key = sl_key_of_pane(&first->at->key);
    if (reading->live)
        sift(reading, 0);
}

/* ---- a window, or a part of its keys ---- */

struct part {
    struct sl_event_span span;
    bool has_from, has_to;
    struct sl_field from, to; /* keys [from, to) */
    struct sl_rows *rows;
};

struct emission {
    struct sl_stage *stage;
    const struct sl_sorted_groups *changed;
    struct part *part;
    size_t parts, capacity;
};

/* Entries of the range from the key on, by bisection: in it they are in the order of keys. */
static const struct sl_group_entry *first_of(const struct sl_group_entry *at,
                                             const struct sl_group_entry *end, const struct sl_field *key)
{
    struct sl_field other;
    return at + SL_BISECT(i, 0, (size_t)(end - at),
                          (other = sl_key_of_pane(&at[i].key), sl_field_compare(&other, key) < 0));
}

static int open_reading(const struct emission *emission, const struct part *part, struct reading *reading)
{
    const struct sl_event_reduce *reduce = emission->stage->state;
    const struct sl_event_memory *memory = emission->stage->memory;
    const struct sl_pane_runs *panes = &memory->panes;
    uint32_t number = 0;
    int r = 0;
    for (int64_t pane = sl_pane_runs_next(panes, part->span.start); r == 0 && pane < part->span.stop;
         pane = sl_pane_runs_next(panes, pane + reduce->windows.pane), number++)
        for (size_t i = 0; r == 0 && i < panes->runs; i++) {
            struct sl_pane_range range = sl_pane_runs_range(panes->run[i], pane, pane + 1);
            for (int k = 0; r == 0 && k < 2; k++) {
                const struct sl_group_entry *at = range.at[k], *end = range.end[k];
                at = part->has_from ? first_of(at, end, &part->from) : at;
                end = part->has_to ? first_of(at, end, &part->to) : end;
                r = add_range(reading, at, end, number, (uint32_t)i);
            }
        }
    return r < 0 ? r : make_heap(reading);
}

/* What the panes of one key have become so far. */
struct gathered {
    struct sl_group_entry entry;
    bool any, owned, changed;
    uint32_t pane;
};

static int gather(const struct emission *emission, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_group_entry *entry, struct gathered *gathered)
{
    const struct sl_event_reduce *reduce = emission->stage->state;
    const struct sl_reducer *reducer = reduce->reducer;
    int r = 0;
    if (!gathered->any) {
        gathered->entry.state = entry->state;
        gathered->entry.key.flags |= entry->key.flags & SL_GROUP_FAILED;
        gathered->any = true;
        return 0;
    }
    if (!gathered->owned) {
        const struct sl_group_entry first = gathered->entry;
        r = sl_entry_copy_state(reducer, task, keep, &first, &gathered->entry);
        gathered->owned = true;
    }
    return r < 0 ? r : sl_entry_combine(reducer, task, keep, &gathered->entry, entry);
}

static bool is_of_run(const struct sl_sorted_groups *run, const struct sl_group_entry *entry)
{
    return run && entry >= run->entry && entry < run->entry + run->count;
}

/* The next key: all its entries. */
static int emit_key(const struct emission *emission, struct sl_task *task, struct sl_arena *keep,
                    struct reading *reading, struct part *part)
{
    struct gathered gathered = {.entry.key = reading->heap[0]->key};
    int r = 0;
    sl_arena_reset(keep);
    sl_arena_reset(task->scratch);
    while (r == 0 && reading->live && sl_field_equals(&reading->heap[0]->key, &gathered.entry.key)) {
        const struct cursor *first = reading->heap[0];
        bool replaced = gathered.any && gathered.pane == first->pane; /* by a newer run */
        gathered.changed = gathered.changed || is_of_run(emission->changed, first->at);
        if (!replaced)
            r = gather(emission, task, keep, first->at, &gathered);
        gathered.pane = first->pane;
        advance(reading);
    }
    if (r < 0 || (emission->changed && !gathered.changed))
        return r;
    return add_row(emission->stage, task, part->rows, &part->span, &gathered.entry);
}

static int emit_part(void *arg, size_t index, struct sl_task *task, struct sl_rows *rows)
{
    struct emission *emission = arg;
    struct part *part = &emission->part[index];
    struct reading reading = {0};
    struct sl_arena keep = {0};
    part->rows = rows;
    int r = open_reading(emission, part, &reading);
    while (r == 0 && reading.live) {
        if (atomic_load_explicit(task->stop, memory_order_relaxed))
            r = SL_ESTOP;
        else
            r = emit_key(emission, task, &keep, &reading, part);
    }
    reading_done(&reading);
    sl_arena_done(&keep);
    return r;
}

/* ---- cutting ---- */

enum { PART_ENTRIES = 32 * SL_CHUNK_ROWS };

static int add_part(struct emission *emission, const struct part *part)
{
    struct part *grown = sl_array_grow(emission->part, emission->parts, &emission->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    emission->part = grown;
    emission->part[emission->parts++] = *part;
    return 0;
}

/* The largest range of the window says where to cut its keys. */
static struct sl_pane_range largest_range(const struct emission *emission, const struct sl_event_span *span,
                                          int *ret_k)
{
    const struct sl_event_memory *memory = emission->stage->memory;
    const struct sl_event_reduce *reduce = emission->stage->state;
    struct sl_pane_range best = {{0}, {0}};
    ptrdiff_t most = 0;
    *ret_k = 0;
    for (int64_t pane = sl_pane_runs_next(&memory->panes, span->start); pane < span->stop;
         pane = sl_pane_runs_next(&memory->panes, pane + reduce->windows.pane))
        for (size_t i = 0; i < memory->panes.runs; i++) {
            struct sl_pane_range range = sl_pane_runs_range(memory->panes.run[i], pane, pane + 1);
            for (int k = 0; k < 2; k++)
                if (range.end[k] - range.at[k] > most) {
                    most = range.end[k] - range.at[k];
                    best = range;
                    *ret_k = k;
                }
        }
    return best;
}

static int cut_window(struct emission *emission, const struct sl_event_span *span)
{
    struct part part = {.span = *span};
    int k, r = 0;
    struct sl_pane_range range = largest_range(emission, span, &k);
    for (const struct sl_group_entry *at = range.at[k]; at && range.end[k] - at > 2 * PART_ENTRIES;) {
        at += PART_ENTRIES;
        part.to = sl_key_of_pane(&at->key);
        part.has_to = true;
        r = add_part(emission, &part);
        if (r < 0)
            return r;
        part.from = part.to;
        part.has_from = true;
    }
    part.has_to = false;
    return add_part(emission, &part);
}

int sl_event_emit(struct sl_stage *stage, const struct sl_event_span *span, size_t spans,
                  const struct sl_sorted_groups *changed, struct sl_dataset *dataset)
{
    struct emission emission = {.stage = stage, .changed = changed};
    int r = 0;
    for (size_t i = 0; r == 0 && i < spans; i++)
        r = cut_window(&emission, &span[i]);
    if (r == 0)
        r = sl_stage_gather(stage, emission.parts, emit_part, &emission, NULL, &dataset);
    free(emission.part);
    return r;
}
