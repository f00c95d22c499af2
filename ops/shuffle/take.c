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
    struct sl_rows *rows;
};

static int copy_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    return sl_rows_append(((struct copy *)outlet)->rows, chunk);
}

static struct sl_dataset *copy_first(const struct sl_dataset *all, uint64_t wanted)
{
    struct copy copy = {{copy_chunk}, sl_rows_new()};
    int r = copy.rows ? 0 : SL_ENOMEM;
    for (size_t p = 0; p < all->partitions && r == 0 && copy.rows->count < wanted; p++)
        r = sl_dataset_push(all, p, 0, wanted - copy.rows->count, &copy.outlet);
    if (r == 0)
        return sl_dataset_of(copy.rows);
    sl_rows_unref(copy.rows);
    return NULL;
}

static struct sl_dataset *share_first(const struct sl_dataset *all, uint64_t wanted)
{
    struct sl_dataset *first = sl_dataset_new(1);
    if (!first || sl_dataset_add_range(first, 0, all, 0, wanted) == 0)
        return first;
    sl_dataset_unref(first);
    return NULL;
}

/* A few rows of many are copied: those who keep the result (a mounted view) would keep all of them. */
static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    uint64_t wanted = rows_wanted(stage);
    struct sl_dataset *all;
    int r = sl_collect_dataset(stage->state, &all, stage->err);
    if (r < 0)
        return r;
    *ret = wanted < all->count / 2 ? copy_first(all, wanted) : share_first(all, wanted);
    sl_dataset_unref(all);
    return *ret ? 0 : SL_ENOMEM;
}

static const struct sl_wide take_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .take = sl_collect_take,
    .takes_pieces = sl_collect_takes_pieces,
    .first_rows = first_rows,
    .finish = finish,
    .done = sl_collect_end,
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
