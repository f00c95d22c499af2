/* join, leftOuterJoin, rightOuterJoin, fullOuterJoin, cogroup: the values that two streams have for a key. */
#include "ops/cogroup/cogroup.h"
#include "ops/group/by_key.h"
#include "ops/key/partition_count.h"
#include "ops/reducer/reducers.h"

static const struct sl_param join_params[] = {
    {"other", SL_WANT_STREAM, false, "a stream of pairs"},
    SL_PARAM_PARTITIONS,
    {0},
};

/* ---- joins: a row for each pair of values ---- */

struct product {
    struct sl_cogroup_key *meeting;
    const struct sl_side *right;
    struct sl_field row[3];
};

/* A value of several fields is a list here, not a record. */
static int put_pair(void *arg, const struct sl_field *right)
{
    struct product *product = arg;
    product->row[2] = *right;
    product->row[2].flags = 0;
    return sl_cogroup_key_put(product->meeting, product->row, 3);
}

static int put_pairs(void *arg, const struct sl_field *left)
{
    struct product *product = arg;
    product->row[1] = *left;
    product->row[1].flags = 0;
    return sl_side_each(product->meeting, product->right, put_pair, product);
}

/* Where one side is missing its value is nil. */
static int put_product(struct sl_cogroup_key *meeting)
{
    struct sl_field none = sl_nil();
    const struct sl_side missing = {.item = &none, .count = 1};
    const struct sl_side *left = meeting->side[0].present ? &meeting->side[0] : &missing;
    const struct sl_side *right = meeting->side[1].present ? &meeting->side[1] : &missing;
    struct product product = {.meeting = meeting, .right = right, .row = {meeting->key}};
    product.row[0].flags = 0;
    return sl_side_each(meeting, left, put_pairs, &product);
}

static int meet_inner(struct sl_cogroup_key *meeting)
{
    return meeting->side[0].present && meeting->side[1].present ? put_product(meeting) : 0;
}

static int meet_left(struct sl_cogroup_key *meeting)
{
    return meeting->side[0].present ? put_product(meeting) : 0;
}

static int meet_right(struct sl_cogroup_key *meeting)
{
    return meeting->side[1].present ? put_product(meeting) : 0;
}

static const struct sl_cogroup_kind inner = {
    {&sl_reducer_list, &sl_reducer_list}, .needs = {true, true}, .meet = meet_inner};
static const struct sl_cogroup_kind left = {
    {&sl_reducer_list, &sl_reducer_list}, .needs = {true, false}, .meet = meet_left};
static const struct sl_cogroup_kind right = {
    {&sl_reducer_list, &sl_reducer_list}, .needs = {false, true}, .meet = meet_right};
static const struct sl_cogroup_kind full = {{&sl_reducer_list, &sl_reducer_list}, .meet = put_product};

const struct sl_op sl_op_join = {
    .name = "join",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Pairs the values that two streams have for the same key: (key, left, right)",
    .example = "s:map(sluice.pair(1)):join(s2:map(sluice.pair(2)))",
    .params = join_params,
    .wide = &sl_cogroup_wide,
    .spec = &inner,
    .check = sl_partition_count_check,
};

const struct sl_op sl_op_left_outer_join = {
    .name = "leftOuterJoin",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Joins by key and keeps the keys that only the first stream has; the right side is nil there",
    .example = "s:map(sluice.pair(1)):leftOuterJoin(s2:map(sluice.pair(2)))",
    .params = join_params,
    .wide = &sl_cogroup_wide,
    .spec = &left,
    .check = sl_partition_count_check,
};

const struct sl_op sl_op_right_outer_join = {
    .name = "rightOuterJoin",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Joins by key and keeps the keys that only the second stream has; the left side is nil there",
    .example = "s:map(sluice.pair(1)):rightOuterJoin(s2:map(sluice.pair(2)))",
    .params = join_params,
    .wide = &sl_cogroup_wide,
    .spec = &right,
    .check = sl_partition_count_check,
};

const struct sl_op sl_op_full_outer_join = {
    .name = "fullOuterJoin",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Joins by key and keeps the keys that only one of the streams has; the missing side is nil",
    .example = "s:map(sluice.pair(1)):fullOuterJoin(s2:map(sluice.pair(2)))",
    .params = join_params,
    .wide = &sl_cogroup_wide,
    .spec = &full,
    .check = sl_partition_count_check,
};

/* ---- cogroup: a row for each key ---- */

static struct sl_field list_of(const struct sl_side *side)
{
    for (uint32_t i = 0; i < side->count; i++)
        side->item[i].flags = 0;
    return sl_list(side->item, side->count);
}

static int meet_cogroup(struct sl_cogroup_key *meeting)
{
    struct sl_field row[3] = {meeting->key, list_of(&meeting->side[0]), list_of(&meeting->side[1])};
    row[0].flags = 0;
    return sl_cogroup_key_put(meeting, row, 3);
}

static const struct sl_cogroup_kind cogroup = {
    {&sl_reducer_list, &sl_reducer_list}, .shows_lists = true, .meet = meet_cogroup};

const struct sl_op sl_op_cogroup = {
    .name = "cogroup",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Collects the values of each key, a list for each of the two streams: (key, list, list)",
    .example = "s:map(sluice.pair(1)):cogroup(s2:map(sluice.pair(2)))",
    .params = join_params,
    .wide = &sl_cogroup_wide,
    .spec = &cogroup,
    .check = sl_partition_count_check,
};
