/* reduce and count: all records of a batch become one. */
#include "ops/group/by_key.h"
#include "ops/reducer/reducers.h"

static int reduce_begin(struct sl_stage *stage)
{
    struct sl_by_key *by_key = stage->state;
    return sl_by_key_begin(by_key, stage, sl_by_key_reducer(by_key, stage, 0), SL_KEY_NONE, SL_FORM_VALUE,
                           SL_PARAMS_MAX);
}

static const struct sl_wide reduce_wide = SL_BY_KEY_WIDE(reduce_begin, sl_native_takes_pieces);

static const struct sl_param reduce_params[] = {
    {"func", SL_WANT_REDUCER, false,
     "a function of two records that gives one, or a native reducer (sluice.sum)"},
    {0},
};

const struct sl_op sl_op_reduce = {
    .name = "reduce",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Combines all records of a batch into one; none where there are none",
    .example = "s:map(sluice.length):reduce(sluice.sum)",
    .params = reduce_params,
    .wide = &reduce_wide,
};

static int count_begin(struct sl_stage *stage)
{
    return sl_by_key_begin(stage->state, stage, &sl_reducer_count, SL_KEY_NONE, SL_FORM_VALUE, SL_PARAMS_MAX);
}

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
    .begin = count_begin,
    .lane_open = sl_by_key_lane_open,
    .lane_close = sl_by_key_lane_close,
    .push = sl_by_key_push,
    .finish = count_finish,
    .takes_pieces = sl_always_takes_pieces,
    .done = sl_by_key_done,
};

const struct sl_op sl_op_count = {
    .name = "count",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Counts the records of a batch; 0 where there are none",
    .example = "s:count()",
    .wide = &count_wide,
};
