#include "ops/event/upstream.h"

int64_t sl_upstream_delay(const struct sl_node *node)
{
    int64_t longest = 0;
    for (unsigned i = 0; i < node->inputs; i++) {
        const struct sl_node *input = node->input[i];
        int64_t delay =
            input->op == &sl_op_with_watermark ? sl_node_integer(input, 1, 0) : sl_upstream_delay(input);
        if (delay > longest)
            longest = delay;
    }
    return longest;
}

int sl_require_timed(const struct sl_node *node, struct sl_error *err)
{
    for (unsigned i = 0; i < node->inputs; i++)
        if (!node->input[i]->timed)
            return sl_error_set(
                err, SL_EUSAGE,
                "%s: the records of %s have no event time; withWatermark gives it, and operators that "
                "make one record of several lose it",
                node->op->name, node->input[i]->op->name);
    return 0;
}
