#include "ops/sort/sorting.h"

#include "core/base/error.h"
#include "ops/key/pair_key.h"
#include "ops/sort/sort_lane.h"
#include "ops/sort/sort_spill.h"

#include <stdlib.h>

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

/* ---- rows into entries ---- */

struct row {
    uint32_t width;
    struct sl_field field[SL_WIDTH_MAX];
    struct sl_field values[SL_WIDTH_MAX]; /* what the function returned */
};

static int call_function(const struct sl_sorting *sorting, const struct sl_node *node, struct sl_task *task,
                         struct row *row, struct sl_field *ret)
{
    struct sl_returned returned = {.values = row->values};
    int r = sl_function_call(sorting->function, task, row->field, row->width, &returned);
    if (r < 0)
        return r;
    if (returned.count == 0)
        return sl_task_explain(task, "%s: the function returned nothing; return what to sort by",
                               node->op->name);
    *ret = returned.count == 1 ? row->values[0] : sl_list(row->values, returned.count);
    return 0;
}

/* What the row is sorted by; it points into the row. */
static int find_key(const struct sl_sorting *sorting, const struct sl_node *node, struct sl_task *task,
                    struct row *row, struct sl_field *ret)
{
    switch (sorting->by) {
    case SL_SORT_BY_RECORD:
        *ret = row->width == 1 ? row->field[0] : sl_list(row->field, row->width);
        return 0;
    case SL_SORT_BY_KEY:
        *ret = row->field[0];
        return sl_key_check(node, task, ret);
    case SL_SORT_BY_FUNCTION:
        return call_function(sorting, node, task, row, ret);
    }
    sl_assert(!"there is no such way to sort");
}

int sl_sorting_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_sorting *sorting = stage->state;
    if (sorting->by == SL_SORT_BY_KEY && in->width < 2)
        return sl_pairs_reject(stage->node, lane->task, in);
    struct row row = {.width = in->width};
    int r = sorting->runs.spill ? sl_sort_make_room(sorting, lane->task, lane->state) : 0;
    for (uint32_t i = 0; i < in->rows && r == 0; i++) {
        struct sl_field key;
        sl_chunk_row(in, i, row.field);
        r = find_key(sorting, stage->node, lane->task, &row, &key);
        if (r == 0)
            r = sl_sort_lane_add(sorting, lane->state, &key, row.field, row.width);
        else if (r == SL_EREJECT)
            r = sl_task_reject(lane->task, stage->node->number, in, i);
    }
    return r;
}

/* ---- from entries to rows ---- */

struct gather {
    struct sl_sorting *sorting;
    struct sl_sorted_groups *groups;
    size_t *start; /* [lanes]: entries of the lanes before */
};

static int gather_lane(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    struct gather *gather = arg;
    struct sl_sorted_groups *groups = gather->groups;
    struct sl_sort_lane *lane = lane_at(gather->sorting, index);
    size_t at = gather->start[index];
    for (size_t k = 0; k < lane->count; k++, at++)
        groups->entry[gather->sorting->descending ? groups->count - 1 - at : at] = lane->entry[k];
    free(lane->entry);
    lane->entry = NULL;
    lane->count = lane->capacity = 0;
    return 0;
}

/* All entries in input order, for descending sorts backwards: sorted ascending and read from the end, equal
 * keys are then in input order again. Takes the lanes' memory. NULL: out of memory. */
static struct sl_sorted_groups *gather_lanes(struct sl_sorting *sorting, struct sl_stage *stage)
{
    size_t lanes = sorting->lanes.count, count = 0;
    struct gather gather = {.sorting = sorting, .start = calloc(lanes + 1, sizeof *gather.start)};
    for (size_t i = 0; gather.start && i < lanes; i++) {
        gather.start[i] = count;
        count += lane_at(sorting, i)->count;
    }
    gather.groups = gather.start ? sl_sorted_groups_new(count) : NULL;
    if (gather.groups) {
        gather.groups->count = count;
        (void)sl_pool_run(stage->pool, lanes, gather_lane, &gather, stage->err); /* it cannot fail */
        for (size_t i = 0; i < lanes; i++)
            sl_arena_adopt(&gather.groups->memory->arena, &lane_at(sorting, i)->arena);
    }
    free(gather.start);
    return gather.groups;
}

enum { PIECE_ROWS = 16 * SL_CHUNK_ROWS };

struct give {
    const struct sl_sorted_groups *groups;
    bool descending;
    size_t count; /* rows of the result */
    struct sl_rows **piece;
};

static int give_piece(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    struct give *give = arg;
    const struct sl_sorted_groups *groups = give->groups;
    size_t from = index * PIECE_ROWS, to = from + PIECE_ROWS < give->count ? from + PIECE_ROWS : give->count;
    struct sl_rows *rows = give->piece[index] = sl_rows_new();
    if (!rows)
        return SL_ENOMEM;
    rows->memory = sl_memory_ref(groups->memory);
    int r = 0;
    for (size_t i = from; i < to && r == 0; i++) {
        const struct sl_group_entry *entry = &groups->entry[give->descending ? groups->count - 1 - i : i];
        const struct sl_sort_record *record = entry->state.pointer;
        r = sl_rows_append_row(rows, record->field, record->width);
    }
    return r;
}

static int give_rows(struct sl_stage *stage, struct give *give, struct sl_dataset **ret)
{
    size_t pieces = (give->count + PIECE_ROWS - 1) / PIECE_ROWS;
    struct sl_dataset *dataset = sl_dataset_new(1);
    give->piece = calloc(pieces + 1, sizeof(struct sl_rows *));
    int r =
        dataset && give->piece ? sl_pool_run(stage->pool, pieces, give_piece, give, stage->err) : SL_ENOMEM;
    for (size_t i = 0; give->piece && i < pieces; i++) {
        if (r == 0)
            r = sl_dataset_add(dataset, 0, give->piece[i], 0, give->piece[i]->count);
        sl_rows_unref(give->piece[i]);
    }
    free(give->piece);
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    *ret = dataset;
    return 0;
}

int sl_sorting_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_sorting *sorting = stage->state;
    if (sl_sort_is_large(sorting))
        return sl_sort_merge(sorting, stage, ret);
    sl_lanes_sort(&sorting->lanes);
    struct sl_sorted_groups *groups = gather_lanes(sorting, stage);
    if (!groups)
        return SL_ENOMEM;
    struct give give = {.groups = groups, .descending = sorting->descending, .count = groups->count};
    if (give.count > sorting->rows_max)
        give.count = sorting->rows_max;
    int r = sl_group_entries_sort(stage, groups->entry, groups->count);
    if (r == 0)
        r = give_rows(stage, &give, ret);
    sl_sorted_groups_unref(groups);
    return r;
}
