#include "ops/sort/sorting.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "ops/key/pair_key.h"
#include "ops/key/sort_lists.h"
#include "ops/sort/sort_lane.h"
#include "ops/sort/sort_spill.h"

#include <stdlib.h>
#include <string.h>

int sl_sorting_begin(struct sl_stage *stage, enum sl_sort_by by, bool descending)
{
    struct sl_sorting *sorting = stage->state;
    *sorting = (struct sl_sorting){.by = by, .descending = descending, .rows_max = UINT64_MAX};
    sl_lanes_init(&sorting->lanes);
    return sl_spilled_runs_init(&sorting->runs, stage);
}

static struct sl_sort_lane *lane_at(const struct sl_sorting *sorting, size_t i)
{
    return (struct sl_sort_lane *)sorting->lanes.head[i];
}

void sl_sorting_done(struct sl_stage *stage)
{
    struct sl_sorting *sorting = stage->state;
    for (size_t i = 0; i < sorting->lanes.count; i++)
        sl_sort_lane_free(lane_at(sorting, i));
    sl_lanes_done(&sorting->lanes);
    sl_spilled_runs_done(&sorting->runs);
}

int sl_sorting_lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    struct sl_sorting *sorting = stage->state;
    struct sl_sort_lane *mine = sl_sort_lane_new();
    if (!mine)
        return SL_ENOMEM;
    int r = sl_lanes_add(&sorting->lanes, lane, &mine->head);
    if (r < 0)
        sl_sort_lane_free(mine);
    return r;
}

/* ---- rows into records ---- */

/* A chunk on its way into records, and what the function returned of rows [from, end) of it. */
struct push {
    const struct sl_sorting *sorting;
    const struct sl_node *node;
    struct sl_task *task;
    const struct sl_chunk *in;
    struct sl_called called;
    uint32_t from, end;
    struct sl_field *values; /* of the next of them */
    struct sl_field field[SL_WIDTH_MAX];
    struct sl_field value[SL_WIDTH_MAX]; /* of a row that is called alone */
};

/* Calls the function for this row and those after it, where it offers that, or for this one. */
static int call_rows(struct push *push, uint32_t row, struct sl_returned *ret)
{
    const struct sl_function *fn = push->sorting->function;
    push->called.rows = 0;
    int r = fn->ops->call_rows ? fn->ops->call_rows(fn, push->task, push->in, row, &push->called) : 0;
    push->from = row;
    push->end = row + push->called.rows;
    push->values = push->called.values;
    if (r < 0 || push->called.rows)
        return r;
    push->task->event_ms = sl_chunk_time(push->in, row);
    *ret = (struct sl_returned){.values = push->value};
    return sl_function_call(fn, push->task, push->field, push->in->width, ret);
}

static int call_function(struct push *push, uint32_t row, struct sl_field *ret)
{
    struct sl_returned returned;
    int r = row < push->end ? 0 : call_rows(push, row, &returned);
    if (r < 0)
        return r;
    if (row < push->end) {
        returned = (struct sl_returned){push->called.count[row - push->from], push->values};
        push->values += returned.count;
    }
    if (returned.count == 0)
        return sl_task_explain(push->task, "%s: the function returned nothing; return what to sort by",
                               sl_node_called(push->node));
    *ret = returned.count == 1 ? returned.values[0] : sl_list(returned.values, returned.count);
    return 0;
}

/* What the row is sorted by; it points into the row, or to what the function returned. */
static int find_key(struct push *push, uint32_t row, struct sl_field *ret)
{
    uint32_t width = push->in->width;
    switch (push->sorting->by) {
    case SL_SORT_BY_RECORD:
        *ret = width == 1 ? push->field[0] : sl_list(push->field, width);
        return 0;
    case SL_SORT_BY_KEY:
        *ret = push->field[0];
        return sl_key_check(push->node, push->task, ret);
    case SL_SORT_BY_FUNCTION:
        return call_function(push, row, ret);
    }
    sl_assert(!"there is no such way to sort");
}

static int push_row(struct push *push, struct sl_sort_lane *lane, uint32_t row)
{
    struct sl_field key;
    sl_chunk_row(push->in, row, push->field);
    if (sl_sort_lane_is_too_late(push->sorting, lane, push->field, push->in->width))
        return 0;
    int r = find_key(push, row, &key);
    if (r == SL_EREJECT)
        return sl_task_reject(push->task, push->node->number, push->in, row);
    return r < 0 ? r : sl_sort_lane_add(push->sorting, lane, &key, push->field, push->in->width);
}

int sl_sorting_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_sorting *sorting = stage->state;
    struct push push; /* its arrays are filled as far as they are used */
    push.sorting = sorting, push.node = stage->node, push.task = lane->task, push.in = in;
    push.from = push.end = 0;
    if (sorting->by == SL_SORT_BY_KEY && in->width < 2)
        return sl_pairs_reject(stage->node, lane->task, in);
    int r = sorting->runs.spill ? sl_sort_make_room(sorting, lane->task, lane->state) : 0;
    for (uint32_t row = 0; row < in->rows && r == 0; row++)
        r = push_row(&push, lane->state, row);
    return r;
}

/* ---- from records to rows ---- */

/* The rows of a bucket of the sort. */
struct piece {
    size_t at; /* in ascending order */
    struct sl_rows *rows;
};

struct give {
    const struct sl_sorting *sorting;
    struct sl_memory *memory;
    size_t count;         /* records */
    pthread_mutex_t lock; /* guards all below */
    struct piece *piece;
    size_t pieces, capacity;
    bool failed;
};

enum { RECORDS_AHEAD = 16 };

/* Strings are copied: records lie anywhere, and those who read rows one after the other would wait for each. */
static int give_row(struct sl_rows *rows, const struct sl_sort_item *item)
{
    struct sl_field fields[SL_WIDTH_MAX];
    const struct sl_sort_record *record = sl_sort_record_of(item);
    sl_sort_record_read(record, fields);
    for (uint32_t c = 0; c < record->width; c++)
        if (fields[c].tag == SL_STR && !sl_field_copy(&rows->arena, &fields[c], &fields[c]))
            return SL_ENOMEM;
    return sl_rows_append_row(rows, fields, record->width);
}

/* Of items [at, at + count) of the ascending order those that belong to the result: all, or the first or last ones. */
static void cut_items(const struct give *give, size_t at, const struct sl_sort_item **item, size_t *count)
{
    uint64_t max = give->sorting->rows_max, all = give->count, left = 0;
    if (all <= max)
        return;
    if (!give->sorting->descending) {
        *count = at >= max ? 0 : max - at < *count ? (size_t)(max - at) : *count;
        return;
    }
    left = all - max > at ? all - max - at : 0;
    left = left < *count ? left : *count;
    *item += left;
    *count -= (size_t)left;
}

static struct sl_rows *rows_of(const struct give *give, const struct sl_sort_item *item, size_t count)
{
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? 0 : SL_ENOMEM;
    if (rows)
        rows->memory = sl_memory_ref(give->memory);
    for (size_t i = 0; i < count && r == 0; i++) {
        size_t ahead = i + RECORDS_AHEAD < count ? i + RECORDS_AHEAD : i;
        bool backwards = give->sorting->descending;
        sl_sort_record_prefetch(&item[backwards ? count - 1 - ahead : ahead]);
        r = give_row(rows, &item[backwards ? count - 1 - i : i]);
    }
    if (r == 0)
        return rows;
    sl_rows_unref(rows);
    return NULL;
}

static bool add_piece(struct give *give, size_t at, struct sl_rows *rows)
{
    struct piece *piece = sl_array_grow(give->piece, give->pieces, &give->capacity, sizeof *piece);
    if (!piece)
        return false;
    give->piece = piece;
    piece[give->pieces++] = (struct piece){at, rows};
    return true;
}

static void place(void *arg, size_t at, const struct sl_sort_item *item, size_t count)
{
    struct give *give = arg;
    cut_items(give, at, &item, &count);
    if (!count)
        return;
    struct sl_rows *rows = rows_of(give, item, count);
    pthread_mutex_lock(&give->lock);
    bool added = rows && add_piece(give, at, rows);
    give->failed = give->failed || !added;
    pthread_mutex_unlock(&give->lock);
    if (!added)
        sl_rows_unref(rows);
}

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *left = a, *right = b;
    return (left->at > right->at) - (left->at < right->at);
}

static int show_pieces(struct give *give, struct sl_dataset **ret)
{
    struct sl_dataset *dataset = sl_dataset_new(1);
    int r = dataset && !give->failed ? 0 : SL_ENOMEM;
    if (give->pieces > 1)
        qsort(give->piece, give->pieces, sizeof *give->piece, compare_pieces);
    for (size_t i = 0; i < give->pieces && r == 0; i++) {
        struct sl_rows *rows = give->piece[give->sorting->descending ? give->pieces - 1 - i : i].rows;
        r = sl_dataset_add(dataset, 0, rows, 0, rows->count);
    }
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    *ret = dataset;
    return 0;
}

/* ---- lists of lanes ---- */

enum { LISTS_MAX = 128 };

struct lists {
    struct sl_sort_list list[LISTS_MAX];
    size_t count;
    struct sl_sort_item *item; /* where lanes are too many to be lists themselves */
};

/* For descending backwards: read from the end, equal keys are in input order again. */
static struct sl_sort_lane *nth_lane(const struct sl_sorting *sorting, size_t i)
{
    return lane_at(sorting, sorting->descending ? sorting->lanes.count - 1 - i : i);
}

static int list_together(const struct sl_sorting *sorting, size_t count, struct lists *lists)
{
    size_t at = 0, size = count / LISTS_MAX + 1;
    lists->item = malloc((count + 1) * sizeof *lists->item);
    if (!lists->item)
        return SL_ENOMEM;
    for (size_t i = 0; i < sorting->lanes.count; i++) {
        struct sl_sort_lane *lane = nth_lane(sorting, i);
        if (lane->count)
            memcpy(lists->item + at, lane->item, lane->count * sizeof *lane->item);
        at += lane->count;
        free(lane->item);
        lane->item = NULL;
        lane->count = lane->capacity = 0;
    }
    for (size_t from = 0; from < count; from += size)
        lists->list[lists->count++] =
            (struct sl_sort_list){lists->item + from, count - from < size ? count - from : size, NULL};
    return 0;
}

static int list_lanes(struct sl_sorting *sorting, struct lists *lists, size_t *ret_count)
{
    size_t count = 0;
    sl_lanes_sort(&sorting->lanes);
    for (size_t i = 0; i < sorting->lanes.count; i++) {
        if (sorting->descending)
            sl_sort_lane_turn(lane_at(sorting, i));
        count += lane_at(sorting, i)->count;
    }
    *ret_count = count;
    if (sorting->lanes.count > LISTS_MAX)
        return list_together(sorting, count, lists);
    for (size_t i = 0; i < sorting->lanes.count; i++) {
        struct sl_sort_lane *lane = nth_lane(sorting, i);
        lists->list[lists->count++] = (struct sl_sort_list){lane->item, lane->count, &lane->item};
    }
    return 0;
}

/* What lists and maps of the rows point to. */
static struct sl_memory *take_memory(const struct sl_sorting *sorting)
{
    struct sl_memory *memory = sl_memory_new();
    for (size_t i = 0; memory && i < sorting->lanes.count; i++)
        sl_arena_adopt(&memory->arena, &lane_at(sorting, i)->memory.rest);
    return memory;
}

int sl_sorting_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_sorting *sorting = stage->state;
    if (sl_sort_is_large(sorting))
        return sl_sort_merge(sorting, stage, ret);
    struct lists lists = {.count = 0};
    struct give give = {
        .sorting = sorting, .memory = take_memory(sorting), .lock = PTHREAD_MUTEX_INITIALIZER};
    int r = give.memory ? list_lanes(sorting, &lists, &give.count) : SL_ENOMEM;
    if (r == 0)
        r = sl_sort_lists(stage, lists.list, lists.count, place, &give);
    if (r == 0)
        r = show_pieces(&give, ret);
    for (size_t i = 0; i < give.pieces; i++)
        sl_rows_unref(give.piece[i].rows);
    free(give.piece);
    free(lists.item);
    for (size_t i = 0; i < sorting->lanes.count; i++)
        sl_arena_done(&lane_at(sorting, i)->memory.records);
    sl_memory_unref(give.memory);
    return r;
}
