/* subtractByKey, intersection: what of one stream is not, or is, in another. The second stream's values do
 * not matter, so only its keys are kept. */
#include "ops/by_key.h"
#include "ops/keep.h"
#include "ops/partition_count.h"
#include "ops/reducers.h"
#include "ops/two_sides.h"

#include <string.h>

/* ---- subtractByKey ---- */

static int subtract_begin(struct sl_stage *stage)
{
    return sl_two_sides_begin(stage, &sl_reducer_list, &sl_reducer_nothing, SL_KEY_FIELD);
}

/* The record as it was: a value of several fields was made a list and becomes several fields again. */
static int append_pair(struct sl_rows *rows, struct sl_field key, struct sl_field value)
{
    struct sl_field row[SL_WIDTH_MAX] = {key, value};
    if (!(value.flags & SL_FIELD_ROW))
        return sl_rows_append_row(rows, row, 2);
    sl_assert(value.len < SL_WIDTH_MAX);
    memcpy(row + 1, value.items, value.len * sizeof *row);
    return sl_rows_append_row(rows, row, 1 + value.len);
}

static int meet_subtract(struct sl_rows *rows, const struct sl_entry *left, const struct sl_entry *right)
{
    if (right)
        return 0;
    const struct sl_kept *kept = left->state.pointer;
    int r = 0;
    for (uint32_t i = 0; i < kept->count && r == 0; i++)
        r = append_pair(rows, sl_meeting_key(left, right), kept->item[i]);
    return r;
}

static int subtract_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return sl_two_sides_finish(stage, meet_subtract, ret);
}

static const struct sl_wide subtract_wide = SL_TWO_SIDES_WIDE(subtract_begin, subtract_finish);

static const struct sl_param subtract_params[] = {
    {"other", SL_WANT_STREAM, false, "a stream of pairs; their values do not matter"},
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_op sl_op_subtract_by_key = {
    .name = "subtractByKey",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Keeps the pairs of the first stream whose key the second has not got",
    .example = "s:map(sluice.pair(1)):subtractByKey(s2:map(sluice.pair(2)))",
    .params = subtract_params,
    .wide = &subtract_wide,
    .check = sl_partition_count_check,
};

/* ---- intersection ---- */

static int intersection_begin(struct sl_stage *stage)
{
    return sl_two_sides_begin(stage, &sl_reducer_nothing, &sl_reducer_nothing, SL_KEY_RECORD);
}

static int meet_intersection(struct sl_rows *rows, const struct sl_entry *left, const struct sl_entry *right)
{
    if (!left || !right)
        return 0;
    const struct sl_field *key = &left->key;
    return key->flags & SL_FIELD_ROW ? sl_rows_append_row(rows, key->items, key->len)
                                     : sl_rows_append_row(rows, key, 1);
}

static int intersection_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return sl_two_sides_finish(stage, meet_intersection, ret);
}

static const struct sl_wide intersection_wide = SL_TWO_SIDES_WIDE(intersection_begin, intersection_finish);

static const struct sl_param intersection_params[] = {
    {"other", SL_WANT_STREAM, false, "the stream whose records are looked for"},
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_op sl_op_intersection = {
    .name = "intersection",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Keeps the records that both streams have, each once",
    .example = "s:intersection(s2)",
    .params = intersection_params,
    .wide = &intersection_wide,
    .check = sl_partition_count_check,
};
