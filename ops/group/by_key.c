#include "ops/group/by_key.h"

#include "core/base/error.h"
#include "ops/group/aggregate_internal.h"

/* What the user's functions are for, by the kind of the operator. */
static struct sl_function_reducer functions_of(const struct sl_node *node, const struct sl_by_key_spec *spec)
{
    struct sl_function_reducer function = {.what = sl_node_called(node)};
    if (spec->from == SL_REDUCER_PARAM) {
        function.merge = function.combine = sl_node_function(node, 0);
        return function;
    }
    if (spec->from == SL_REDUCER_CREATE)
        function.create = sl_node_function(node, 0);
    else
        function.zero = sl_node_value(node, 0);
    function.has_zero = spec->from == SL_REDUCER_ZERO_VALUE;
    function.merge = sl_node_function(node, 1);
    function.combine = sl_node_function(node, spec->combine);
    return function;
}

static const struct sl_reducer *native_reducer(const struct sl_node *node, const struct sl_by_key_spec *spec)
{
    return spec->from == SL_REDUCER_PARAM ? sl_node_function(node, 0)->reducer : spec->reducer;
}

const struct sl_reducer *sl_by_key_reducer(struct sl_by_key *by_key, struct sl_stage *stage,
                                           const struct sl_by_key_spec *spec)
{
    const struct sl_reducer *native = native_reducer(stage->node, spec);
    if (native)
        return native;
    by_key->function = functions_of(stage->node, spec);
    sl_function_reducer_init(&by_key->function);
    return &by_key->function.reducer;
}

bool sl_always_takes_pieces(const struct sl_node *node)
{
    return true;
}

bool sl_by_key_takes_pieces(const struct sl_node *node)
{
    return native_reducer(node, node->op->spec) != NULL;
}

int sl_by_key_init(struct sl_by_key *by_key, struct sl_stage *stage, const struct sl_reducer *reducer,
                   enum sl_key_of key_of, enum sl_result_form shape, unsigned partitions_param)
{
    by_key->shape = shape;
    by_key->partitions_param = partitions_param;
    int r = sl_aggregate_init(&by_key->aggregate, stage, reducer, key_of);
    r = r < 0 ? r : sl_spilled_runs_init(&by_key->aggregate.runs, stage);
    return r < 0 ? r : sl_aggregate_parts_init(&by_key->aggregate);
}

int sl_by_key_begin(struct sl_stage *stage)
{
    struct sl_by_key *by_key = stage->state;
    const struct sl_by_key_spec *spec = stage->node->op->spec;
    return sl_by_key_init(by_key, stage, sl_by_key_reducer(by_key, stage, spec), spec->key_of, spec->form,
                          spec->partitions);
}

int sl_by_key_lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    struct sl_by_key *by_key = stage->state;
    return sl_aggregate_lane_open(&by_key->aggregate, lane);
}

int sl_by_key_lane_close(struct sl_stage *stage, struct sl_lane *lane)
{
    struct sl_by_key *by_key = stage->state;
    return sl_aggregate_lane_close(&by_key->aggregate, lane);
}

int sl_by_key_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_by_key *by_key = stage->state;
    return sl_aggregate_push(&by_key->aggregate, lane, in);
}

int sl_cut_partitions(const struct sl_stage *stage, unsigned param, struct sl_dataset **dataset)
{
    int64_t partitions = param < SL_PARAMS_MAX ? sl_node_integer(stage->node, param, 1) : 1;
    if (partitions <= 1 || !*dataset)
        return 0;
    struct sl_dataset *pieces = sl_dataset_resolve(*dataset, stage->pool) < 0
                                    ? NULL
                                    : sl_dataset_pieces(*dataset, (size_t)partitions);
    const struct sl_revision *revision = &(*dataset)->revision;
    if (pieces && revision->of)
        sl_dataset_revise(pieces, revision->of, revision->number, revision->changes);
    sl_dataset_unref(*dataset);
    *dataset = pieces;
    return pieces ? 0 : SL_ENOMEM;
}

static int emit(struct sl_stage *stage, struct sl_lane *lane, sl_partial_row *row, void *arg)
{
    struct sl_by_key *by_key = stage->state;
    return sl_aggregate_emit(&by_key->aggregate, lane, row, arg);
}

static int absorb(struct sl_stage *stage, struct sl_lane *lane, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    struct sl_by_key *by_key = stage->state;
    return sl_aggregate_absorb(&by_key->aggregate, lane, row);
}

static int groups(struct sl_stage *stage, sl_partial_row *row, void *arg)
{
    struct sl_by_key *by_key = stage->state;
    return sl_aggregate_emit_groups(&by_key->aggregate, row, arg);
}

static int cut(struct sl_stage *stage, struct sl_dataset **dataset)
{
    const struct sl_by_key *by_key = stage->state;
    return sl_cut_partitions(stage, by_key->partitions_param, dataset);
}

static enum sl_result_order order(const struct sl_node *node)
{
    const struct sl_by_key_spec *spec = node->op->spec;
    if (spec->key_of == SL_KEY_NONE)
        return SL_RESULT_WHOLE;
    return spec->form == SL_FORM_KEY ? SL_RESULT_BY_RECORD : SL_RESULT_BY_FIRST;
}

const struct sl_partial sl_by_key_partial = {order, emit, absorb, cut, groups};

static int finish_groups(struct sl_stage *stage, struct sl_by_key *by_key, struct sl_dataset **ret)
{
    struct sl_sorted_groups *groups;
    int r = sl_aggregate_finish(&by_key->aggregate, &groups);
    if (r < 0)
        return r;
    r = sl_sorted_groups_finish(stage, by_key->aggregate.reducer, groups, by_key->shape, ret);
    sl_sorted_groups_unref(groups);
    return r;
}

int sl_by_key_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_by_key *by_key = stage->state;
    int r = sl_aggregate_is_large(&by_key->aggregate)
                ? sl_aggregate_rows(&by_key->aggregate, by_key->shape, ret)
                : finish_groups(stage, by_key, ret);
    return r < 0 ? r : sl_cut_partitions(stage, by_key->partitions_param, ret);
}

void sl_by_key_done(struct sl_stage *stage)
{
    struct sl_by_key *by_key = stage->state;
    sl_aggregate_done(&by_key->aggregate);
}

const struct sl_wide sl_by_key_wide = {
    .state_size = sizeof(struct sl_by_key),
    .begin = sl_by_key_begin,
    .lane_open = sl_by_key_lane_open,
    .lane_close = sl_by_key_lane_close,
    .push = sl_by_key_push,
    .finish = sl_by_key_finish,
    .done = sl_by_key_done,
    .takes_pieces = sl_by_key_takes_pieces,
    .partial = &sl_by_key_partial,
    .bounded = 1,
};

int sl_append_row(struct sl_dataset *dataset, const struct sl_field *fields, uint32_t width)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? 0 : SL_ENOMEM;
    for (uint32_t c = 0; c < width && r == 0; c++)
        r = sl_field_copy(&rows->arena, &fields[c], &row[c]) ? 0 : SL_ENOMEM;
    if (r == 0)
        r = sl_rows_append_row(rows, row, width);
    if (r == 0)
        r = sl_dataset_add(dataset, 0, rows, 0, 1);
    sl_rows_unref(rows);
    return r;
}

int sl_append_zero(struct sl_dataset *dataset)
{
    struct sl_field zero = sl_integer(0);
    return sl_append_row(dataset, &zero, 1);
}
