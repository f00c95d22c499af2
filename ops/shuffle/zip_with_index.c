/* zipWithIndex(): each record, as one field, with its number in the batch, over all partitions in order.
 *
 * Lanes number their rows from 0 while they come; when all are there, what stands before a lane is added. So
 * rows are copied once, by the worker that has them. */
#include "core/base/error.h"
#include "core/contract/collect.h"

static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_rows *rows = sl_collect_rows(lane);
    for (uint32_t i = 0; i < in->rows; i++) {
        struct sl_field items[SL_WIDTH_MAX], row[2];
        const struct sl_field record = sl_chunk_record(in, i, items);
        if (!sl_field_copy(&rows->arena, &record, &row[0]))
            return SL_ENOMEM;
        row[0].flags = 0;
        row[1] = sl_integer((int64_t)rows->count);
        if (sl_rows_append_row(rows, row, 2) < 0)
            return SL_ENOMEM;
    }
    return 0;
}

/* Nobody else has seen the rows yet, so they may still be written to. */
static void add_to_indexes(struct sl_rows *rows, int64_t before)
{
    for (size_t i = 0; i < rows->chunks; i++) {
        struct sl_field *index = (struct sl_field *)rows->chunk[i]->column[1];
        for (uint32_t row = 0; row < rows->chunk[i]->rows; row++)
            index[row].integer += before;
    }
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_dataset *dataset;
    int r = sl_collect_dataset(stage->state, &dataset, stage->err);
    if (r < 0)
        return r;
    int64_t before = 0;
    for (size_t p = 0; p < dataset->partitions; p++)
        for (size_t s = 0; s < dataset->partition[p].slices; s++) {
            struct sl_rows *rows = dataset->partition[p].slice[s].rows;
            add_to_indexes(rows, before);
            before += (int64_t)rows->count;
        }
    *ret = dataset;
    return 0;
}

static const struct sl_wide zip_with_index_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = push,
    .finish = finish,
    .done = sl_collect_end,
};

const struct sl_op sl_op_zip_with_index = {
    .name = "zipWithIndex",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Pairs each record with its number in the batch, from 0",
    .example = "s:zipWithIndex()",
    .wide = &zip_with_index_wide,
};

/* ---- zipWithUniqueId: record i of partition k of n gets i * n + k, as in Spark ---- */

static int finish_unique(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_dataset *dataset;
    int r = sl_collect_dataset(stage->state, &dataset, stage->err);
    if (r < 0)
        return r;
    int64_t partitions = (int64_t)dataset->partitions;
    for (size_t p = 0; p < dataset->partitions; p++) {
        int64_t before = 0;
        for (size_t s = 0; s < dataset->partition[p].slices; s++) {
            struct sl_rows *rows = dataset->partition[p].slice[s].rows;
            for (size_t i = 0; i < rows->chunks; i++) {
                struct sl_field *id = (struct sl_field *)rows->chunk[i]->column[1];
                for (uint32_t row = 0; row < rows->chunk[i]->rows; row++)
                    id[row].integer = (before + id[row].integer) * partitions + (int64_t)p;
            }
            before += (int64_t)rows->count;
        }
    }
    *ret = dataset;
    return 0;
}

static const struct sl_wide zip_with_unique_id_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = push,
    .finish = finish_unique,
    .done = sl_collect_end,
};

const struct sl_op sl_op_zip_with_unique_id = {
    .name = "zipWithUniqueId",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "Pairs each record with a number of its own: the i-th of partition k of n with i * n + k",
    .example = "s:zipWithUniqueId()",
    .wide = &zip_with_unique_id_wide,
};
