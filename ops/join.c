/* join, leftOuterJoin, rightOuterJoin, fullOuterJoin, cogroup: the values that two streams have for a key. */
#include "ops/by_key.h"
#include "ops/keep.h"
#include "ops/partition_count.h"
#include "ops/reducers.h"
#include "ops/two_sides.h"

static int join_begin(struct sl_stage *stage)
{
    return sl_two_sides_begin(stage, &sl_reducer_list, &sl_reducer_list, SL_KEY_FIELD);
}

static const struct sl_param join_params[] = {
    {"other", SL_WANT_STREAM, false, "a stream of pairs"},
    SL_PARAM_PARTITIONS,
    {0},
};

/* The values of a side as a list. A value of several fields is a list here, not a record. */
static struct sl_field side_values(const struct sl_entry *entry)
{
    const struct sl_kept *kept = entry->state.pointer;
    for (uint32_t i = 0; i < kept->count; i++)
        kept->item[i].flags = 0;
    return sl_list(kept->item, kept->count);
}

/* ---- joins: a row for each pair of values ---- */

/* Where one side is missing its value is nil. */
static int append_product(struct sl_rows *rows, const struct sl_entry *left, const struct sl_entry *right)
{
    struct sl_field none = sl_nil(), missing = sl_list(&none, 1);
    struct sl_field lefts = left ? side_values(left) : missing;
    struct sl_field rights = right ? side_values(right) : missing;
    struct sl_field row[3] = {sl_meeting_key(left, right)};
    int r = 0;
    for (uint32_t i = 0; i < lefts.len; i++)
        for (uint32_t k = 0; k < rights.len && r == 0; k++) {
            row[1] = lefts.items[i];
            row[2] = rights.items[k];
            r = sl_rows_append_row(rows, row, 3);
        }
    return r;
}

static int meet_inner(struct sl_rows *rows, const struct sl_entry *left, const struct sl_entry *right)
{
    return left && right ? append_product(rows, left, right) : 0;
}

static int meet_left(struct sl_rows *rows, const struct sl_entry *left, const struct sl_entry *right)
{
    return left ? append_product(rows, left, right) : 0;
}

static int meet_right(struct sl_rows *rows, const struct sl_entry *left, const struct sl_entry *right)
{
    return right ? append_product(rows, left, right) : 0;
}

static int inner_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return sl_two_sides_finish(stage, meet_inner, ret);
}

static int left_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return sl_two_sides_finish(stage, meet_left, ret);
}

static int right_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return sl_two_sides_finish(stage, meet_right, ret);
}

static int full_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return sl_two_sides_finish(stage, append_product, ret);
}

static const struct sl_wide inner_wide = SL_TWO_SIDES_WIDE(join_begin, inner_finish);
static const struct sl_wide left_wide = SL_TWO_SIDES_WIDE(join_begin, left_finish);
static const struct sl_wide right_wide = SL_TWO_SIDES_WIDE(join_begin, right_finish);
static const struct sl_wide full_wide = SL_TWO_SIDES_WIDE(join_begin, full_finish);

const struct sl_op sl_op_join = {
    .name = "join",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Pairs the values that two streams have for the same key: (key, left, right)",
    .example = "s:map(sluice.pair(1)):join(s2:map(sluice.pair(2)))",
    .params = join_params,
    .wide = &inner_wide,
    .check = sl_partition_count_check,
};

const struct sl_op sl_op_left_outer_join = {
    .name = "leftOuterJoin",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Joins by key and keeps the keys that only the first stream has; the right side is nil there",
    .example = "s:map(sluice.pair(1)):leftOuterJoin(s2:map(sluice.pair(2)))",
    .params = join_params,
    .wide = &left_wide,
    .check = sl_partition_count_check,
};

const struct sl_op sl_op_right_outer_join = {
    .name = "rightOuterJoin",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Joins by key and keeps the keys that only the second stream has; the left side is nil there",
    .example = "s:map(sluice.pair(1)):rightOuterJoin(s2:map(sluice.pair(2)))",
    .params = join_params,
    .wide = &right_wide,
    .check = sl_partition_count_check,
};

const struct sl_op sl_op_full_outer_join = {
    .name = "fullOuterJoin",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Joins by key and keeps the keys that only one of the streams has; the missing side is nil",
    .example = "s:map(sluice.pair(1)):fullOuterJoin(s2:map(sluice.pair(2)))",
    .params = join_params,
    .wide = &full_wide,
    .check = sl_partition_count_check,
};

/* ---- cogroup: a row for each key ---- */

static int meet_cogroup(struct sl_rows *rows, const struct sl_entry *left, const struct sl_entry *right)
{
    struct sl_field none = sl_list(NULL, 0);
    const struct sl_field row[3] = {
        sl_meeting_key(left, right),
        left ? side_values(left) : none,
        right ? side_values(right) : none,
    };
    return sl_rows_append_row(rows, row, 3);
}

static int cogroup_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return sl_two_sides_finish(stage, meet_cogroup, ret);
}

static const struct sl_wide cogroup_wide = SL_TWO_SIDES_WIDE(join_begin, cogroup_finish);

const struct sl_op sl_op_cogroup = {
    .name = "cogroup",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Collects the values of each key, a list for each of the two streams: (key, list, list)",
    .example = "s:map(sluice.pair(1)):cogroup(s2:map(sluice.pair(2)))",
    .params = join_params,
    .wide = &cogroup_wide,
    .check = sl_partition_count_check,
};
