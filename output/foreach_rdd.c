/* foreachRDD(f): a function that gets each batch's records as one dataset, on the main copy of the job, and
 * may do with them what it likes.
 *
 * It is an effect (core/contract/operator.h): it happens before anything of the batch is visible, at least once. It is
 * called for batches without records too, if the stream had something to say. */
#include "core/contract/collect.h"
#include "core/contract/services.h"
#include "output/outputs.h"

static int foreach_effect(struct sl_stage *stage)
{
    struct sl_collect *collect = stage->state;
    const struct sl_function *fn = sl_node_function(stage->node, 0);
    if (!stage->emits || !(stage->said || stage->services->empty_batches))
        return 0;
    return fn->ops->call_dataset(fn, collect->result, stage->services, stage->batch_ms, stage->err);
}

static int foreach_check(struct sl_node *node, struct sl_error *err)
{
    const struct sl_function *fn = sl_node_function(node, 0);
    if (fn->ops->call_dataset)
        return 0;
    if (fn->name[0])
        return sl_error_set(err, SL_EUSAGE, "foreachRDD: func must be a function, not the built-in %s",
                            fn->name);
    return sl_error_set(err, SL_EUSAGE, "foreachRDD: func must be made by sl_rdd_function_new");
}

static const struct sl_param params[] = {
    {"func", SL_WANT_FUNCTION, false,
     "f(rdd) or f(time, rdd); rdd has collect, take, first, count, isEmpty, records, foreachPartition, "
     "saveAsTextFile, saveAsSequenceFile"},
    {0},
};

static const struct sl_output steps = {.effect = foreach_effect};

const struct sl_op sl_output_foreach_rdd = {
    .name = "foreachRDD",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary = "Calls a function with each batch, before the batch is visible and at least once.",
    .example = "s:foreachRDD(function(time, rdd) print(time, rdd:count()) end)",
    .params = params,
    .wide = &sl_collect_wide,
    .output = &steps,
    .check = foreach_check,
};
