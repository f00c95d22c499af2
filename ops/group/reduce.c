/* reduce and count: all records of a batch become one. */
#include "ops/group/by_key.h"
#include "ops/reducer/reducers.h"

static const struct sl_param reduce_params[] = {
    {"func", SL_WANT_REDUCER, false,
     "a function of two records that gives one, or a native reducer (sluice.sum)"},
    {0},
};

static const struct sl_by_key_spec reduce_spec = {SL_REDUCER_PARAM, .key_of = SL_KEY_NONE,
                                                  .form = SL_FORM_VALUE, .partitions = SL_PARAMS_MAX};

const struct sl_op sl_op_reduce = {
    .name = "reduce",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Combines all records of a batch into one; none where there are none",
    .example = "s:map(sluice.length):reduce(sluice.sum)",
    .params = reduce_params,
    .wide = &sl_by_key_wide,
    .spec = &reduce_spec,
};

const struct sl_by_key_spec sl_count_spec = {
    .reducer = &sl_reducer_count, .key_of = SL_KEY_NONE, .form = SL_FORM_VALUE, .partitions = SL_PARAMS_MAX};

/* An empty batch counts 0. */
static int count_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    int r = sl_by_key_finish(stage, ret);
    if (r < 0 || (*ret)->count)
        return r;
    return sl_append_zero(*ret);
}

static const struct sl_wide count_wide = {
    .state_size = sizeof(struct sl_by_key),
    .begin = sl_by_key_begin,
    .lane_open = sl_by_key_lane_open,
    .lane_close = sl_by_key_lane_close,
    .push = sl_by_key_push,
    .finish = count_finish,
    .takes_pieces = sl_by_key_takes_pieces,
    .partial = &sl_by_key_partial,
    .done = sl_by_key_done,
};

const struct sl_op sl_op_count = {
    .name = "count",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Counts the records of a batch; 0 where there are none",
    .example = "s:count()",
    .wide = &count_wide,
    .spec = &sl_count_spec,
};
