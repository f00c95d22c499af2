#include "core/contract/collect.h"

#include <limits.h>
#include <stdlib.h>

#define ALL_INPUTS UINT_MAX

struct sl_collect_lane {
    struct sl_lane_head head; /* first */
    uint64_t count;           /* rows that were kept */
    struct sl_row_buffer pile;
};

static struct sl_collect_lane *lane_at(const struct sl_collect *collect, size_t i)
{
    return (struct sl_collect_lane *)collect->lanes.head[i];
}

int sl_collect_init(struct sl_collect *collect, const struct sl_stage *stage, uint64_t rows_max)
{
    *collect = (struct sl_collect){.rows_max = rows_max};
    sl_lanes_init(&collect->lanes);
    return sl_row_buffers_init(&collect->piles, stage);
}

static void lane_free(struct sl_collect_lane *lane)
{
    sl_row_buffer_done(&lane->pile);
    free(lane);
}

void sl_collect_done(struct sl_collect *collect)
{
    for (size_t i = 0; i < collect->lanes.count; i++)
        lane_free(lane_at(collect, i));
    sl_lanes_done(&collect->lanes);
    sl_row_buffers_done(&collect->piles);
    sl_dataset_unref(collect->taken);
    sl_dataset_unref(collect->result);
    *collect = (struct sl_collect){0};
}

int sl_collect_lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    struct sl_collect *collect = stage->state;
    struct sl_collect_lane *mine = calloc(1, sizeof *mine);
    if (!mine)
        return sl_error_nomem(lane->task->err);
    if (sl_row_buffer_init(&mine->pile, NULL) < 0 || sl_lanes_add(&collect->lanes, lane, &mine->head) < 0) {
        lane_free(mine);
        return sl_error_nomem(lane->task->err);
    }
    return 0;
}

struct sl_rows *sl_collect_rows(const struct sl_lane *lane)
{
    return ((struct sl_collect_lane *)lane->state)->pile.rows;
}

int sl_collect_make_room(struct sl_collect *collect, struct sl_lane *lane)
{
    struct sl_collect_lane *mine = lane->state;
    return sl_row_buffer_make_room(&collect->piles, &mine->pile, lane->task);
}

int sl_collect_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_collect *collect = stage->state;
    struct sl_collect_lane *mine = lane->state;
    uint64_t room = collect->rows_max - mine->count;
    struct sl_chunk beginning = *in;
    if (room == 0)
        return 0;
    if (room < in->rows)
        beginning.rows = (uint32_t)room;
    int r = sl_collect_make_room(collect, lane);
    if (r == 0)
        r = sl_rows_append(mine->pile.rows, &beginning);
    mine->count += beginning.rows;
    return r == SL_ENOMEM ? sl_error_nomem(lane->task->err) : r;
}

int sl_collect_lane_close(struct sl_stage *stage, struct sl_lane *lane)
{
    struct sl_collect *collect = stage->state;
    struct sl_collect_lane *mine = lane->state;
    return sl_row_buffer_end(&collect->piles, &mine->pile, lane->task);
}

int sl_collect_take(struct sl_stage *stage, unsigned input, struct sl_dataset *dataset)
{
    struct sl_collect *collect = stage->state;
    sl_assert(input == 0 && !collect->taken);
    collect->taken = sl_dataset_ref(dataset);
    return 0;
}

bool sl_collect_takes_pieces(const struct sl_node *node)
{
    return true;
}

/* Pieces of one partition become one partition again. */
static int add_lanes(struct sl_dataset *dataset, const struct sl_collect *collect, unsigned input)
{
    for (size_t i = 0; i < collect->lanes.count; i++) {
        struct sl_collect_lane *lane = lane_at(collect, i);
        if (input != ALL_INPUTS && lane->head.position.input != input)
            continue;
        bool begins = i == 0 || !sl_lanes_same_partition(&lane_at(collect, i - 1)->head, &lane->head);
        if (begins && sl_dataset_add_partition(dataset) < 0)
            return SL_ENOMEM;
        if (sl_row_buffer_show(&lane->pile, dataset, dataset->partitions - 1) < 0)
            return SL_ENOMEM;
    }
    return 0;
}

static int make_dataset(struct sl_collect *collect, unsigned input, struct sl_dataset **ret,
                        struct sl_error *err)
{
    struct sl_dataset *dataset = sl_dataset_new(0);
    if (!dataset)
        return sl_error_nomem(err);
    sl_lanes_sort(&collect->lanes);
    if (add_lanes(dataset, collect, input) < 0) {
        sl_dataset_unref(dataset);
        return sl_error_nomem(err);
    }
    *ret = dataset;
    return 0;
}

int sl_collect_dataset(struct sl_collect *collect, struct sl_dataset **ret, struct sl_error *err)
{
    sl_assert(!collect->taken || collect->lanes.count == 0);
    if (!collect->taken)
        return make_dataset(collect, ALL_INPUTS, ret, err);
    *ret = sl_dataset_ref(collect->taken);
    return 0;
}

int sl_collect_input(struct sl_collect *collect, unsigned input, struct sl_dataset **ret,
                     struct sl_error *err)
{
    return make_dataset(collect, input, ret, err);
}

int sl_collect_begin(struct sl_stage *stage)
{
    return sl_collect_init(stage->state, stage, UINT64_MAX);
}

void sl_collect_end(struct sl_stage *stage)
{
    sl_collect_done(stage->state);
}

int sl_collect_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_collect *collect = stage->state;
    return sl_collect_dataset(collect, &collect->result, stage->err);
}

const struct sl_wide sl_collect_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .lane_close = sl_collect_lane_close,
    .take = sl_collect_take,
    .takes_pieces = sl_collect_takes_pieces,
    .finish = sl_collect_finish,
    .done = sl_collect_end,
    .bounded = 1,
};
