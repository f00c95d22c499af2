/* subtractByKey, subtract, intersection: what of one stream is not, or is, in another. The second stream's values do
 * not matter, so only its keys are kept. */
#include "ops/cogroup/cogroup.h"
#include "ops/group/by_key.h"
#include "ops/key/partition_count.h"
#include "ops/reducer/reducers.h"

#include <string.h>

/* ---- subtractByKey ---- */

/* The record as it was: a value of several fields was made a list and becomes several fields again. */
static int put_record(void *arg, const struct sl_field *value)
{
    struct sl_cogroup_key *meeting = arg;
    struct sl_field row[SL_WIDTH_MAX] = {meeting->key, *value};
    row[0].flags = 0;
    if (!(value->flags & SL_FIELD_ROW))
        return sl_cogroup_key_put(meeting, row, 2);
    sl_assert(value->len < SL_WIDTH_MAX);
    memcpy(row + 1, value->items, value->len * sizeof *row);
    return sl_cogroup_key_put(meeting, row, 1 + value->len);
}

static int meet_subtract(struct sl_cogroup_key *meeting)
{
    return meeting->side[1].present ? 0 : sl_side_each(meeting, &meeting->side[0], put_record, meeting);
}

static const struct sl_cogroup_kind subtract = {{&sl_reducer_list, &sl_reducer_nothing},
                                                .meet = meet_subtract};

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
    .wide = &sl_cogroup_wide,
    .spec = &subtract,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};

/* ---- intersection ---- */

static int meet_intersection(struct sl_cogroup_key *meeting)
{
    const struct sl_field *key = &meeting->key;
    if (!meeting->side[0].present || !meeting->side[1].present)
        return 0;
    return key->flags & SL_FIELD_ROW ? sl_cogroup_key_put(meeting, key->items, key->len)
                                     : sl_cogroup_key_put(meeting, key, 1);
}

static const struct sl_cogroup_kind intersection = {
    {&sl_reducer_nothing, &sl_reducer_nothing}, .key_of = SL_KEY_RECORD, .meet = meet_intersection};

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
    .wide = &sl_cogroup_wide,
    .spec = &intersection,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};

/* ---- subtract ---- */

/* The record is its key, and is there as often as it came. */
static int put_key(void *arg, const struct sl_field *value)
{
    struct sl_cogroup_key *meeting = arg;
    const struct sl_field *key = &meeting->key;
    return key->flags & SL_FIELD_ROW ? sl_cogroup_key_put(meeting, key->items, key->len)
                                     : sl_cogroup_key_put(meeting, key, 1);
}

static int meet_subtract_record(struct sl_cogroup_key *meeting)
{
    return meeting->side[1].present ? 0 : sl_side_each(meeting, &meeting->side[0], put_key, meeting);
}

static const struct sl_cogroup_kind subtract_record = {
    {&sl_reducer_list, &sl_reducer_nothing}, .key_of = SL_KEY_RECORD, .meet = meet_subtract_record};

const struct sl_op sl_op_subtract = {
    .name = "subtract",
    .kind = SL_OP_WIDE,
    .family = "two streams",
    .summary = "Keeps the records of the first stream that the second has not got, as often as they come",
    .example = "s:subtract(s2)",
    .params = intersection_params,
    .wide = &sl_cogroup_wide,
    .spec = &subtract_record,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};
