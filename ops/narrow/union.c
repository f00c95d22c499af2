/* union: the records of the first stream, then those of the others. The plan keeps the ways apart
 * (engine/graph/pipelines.h): there is nothing to do with the rows themselves. */
#include "core/contract/operator.h"

static int push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_push(self->out, in);
}

static const struct sl_narrow union_narrow = {.push = push};

static const struct sl_param params[] = {
    {"other", SL_WANT_STREAM | SL_WANT_STREAMS, false, "the stream whose records follow"},
    {0},
};

const struct sl_op sl_op_union = {
    .name = "union",
    .kind = SL_OP_NARROW,
    .family = "two streams",
    .summary = "The records of one stream, then those of another",
    .example = "s:union(s2)",
    .params = params,
    .narrow = &union_narrow,
    .columns = sl_columns_of_inputs,
};
