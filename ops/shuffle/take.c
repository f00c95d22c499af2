/* take(n): the first n records in order. No partition keeps more than n of them. */
#include "core/base/error.h"
#include "core/contract/collect.h"

static uint64_t first_rows(const struct sl_node *node)
{
    return (uint64_t)sl_node_integer(node, 0, 0);
}

static uint64_t rows_wanted(const struct sl_stage *stage)
{
    return first_rows(stage->node);
}

static int begin(struct sl_stage *stage)
{
    return sl_collect_init(stage->state, stage, rows_wanted(stage));
}

/* ---- the first n rows of a dataset ---- */

struct copy {
    struct sl_outlet outlet; /* first */
    struct sl_row_buffers *piles;
    struct sl_task *task;
    struct sl_row_buffer pile;
    uint64_t left;
};

static int copy_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct copy *copy = (struct copy *)outlet;
    int r = sl_row_buffer_make_room(copy->piles, &copy->pile, copy->task);
    copy->left -= chunk->rows;
    return r < 0 ? r : sl_rows_append(copy->pile.rows, chunk);
}

static int show_copy(const struct copy *copy, struct sl_dataset **ret)
{
    struct sl_dataset *first = sl_dataset_new(1);
    int r = first ? sl_row_buffer_show(&copy->pile, first, 0) : SL_ENOMEM;
    if (r == 0)
        *ret = first;
    else
        sl_dataset_unref(first);
    return r;
}

static int copy_first(struct sl_stage *stage, const struct sl_dataset *all, uint64_t wanted,
                      struct sl_dataset **ret)
{
    struct sl_collect *collect = stage->state;
    struct copy copy = {.outlet = {copy_chunk}, .piles = &collect->piles, .task = &stage->tasks[0]};
    int r = sl_row_buffer_init(&copy.pile, NULL);
    copy.left = wanted;
    copy.task->err = stage->err;
    for (size_t p = 0; p < all->partitions && r == 0 && copy.left; p++)
        r = sl_dataset_push(all, p, 0, copy.left, &copy.outlet);
    if (r == 0)
        r = sl_row_buffer_end(copy.piles, &copy.pile, copy.task);
    if (r == 0)
        r = show_copy(&copy, ret);
    sl_row_buffer_done(&copy.pile);
    return r;
}

static int share_first(const struct sl_dataset *all, uint64_t wanted, struct sl_dataset **ret)
{
    struct sl_dataset *first = sl_dataset_new(1);
    int r = first ? sl_dataset_add_range(first, 0, all, 0, wanted) : SL_ENOMEM;
    if (r == 0)
        *ret = first;
    else
        sl_dataset_unref(first);
    return r;
}

/* A few rows of many are copied: those who keep the result (a mounted view) would keep all of them. */
static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    uint64_t wanted = rows_wanted(stage);
    struct sl_dataset *all;
    int r = sl_collect_dataset(stage->state, &all, stage->err);
    if (r < 0)
        return r;
    r = wanted < all->count / 2 ? copy_first(stage, all, wanted, ret) : share_first(all, wanted, ret);
    sl_dataset_unref(all);
    return r;
}

static const struct sl_wide take_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .lane_close = sl_collect_lane_close,
    .take = sl_collect_take,
    .takes_pieces = sl_collect_takes_pieces,
    .first_rows = first_rows,
    .finish = finish,
    .done = sl_collect_end,
    .bounded = 2, /* what comes in, and a copy of the first rows */
};

static const struct sl_param params[] = {
    {"n", SL_WANT_INTEGER, false, "how many records"},
    {0},
};

const struct sl_op sl_op_take = {
    .name = "take",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Keeps the first n records of each batch",
    .example = "s:sortBy(sluice.length):take(3)",
    .params = params,
    .wide = &take_wide,
    .columns = sl_columns_of_input,
};
