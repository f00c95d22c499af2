#include "ops/event/upstream.h"

#include "core/contract/visits.h"

static int64_t longest_delay(const struct sl_node *node, struct sl_visits *visits)
{
    int64_t longest = 0;
    for (unsigned i = 0; i < node->inputs; i++) {
        const struct sl_node *input = node->input[i];
        if (sl_visit(visits, input))
            continue;
        int64_t delay =
            input->op == &sl_op_with_watermark ? sl_node_integer(input, 1, 0) : longest_delay(input, visits);
        if (delay > longest)
            longest = delay;
    }
    return longest;
}

int64_t sl_upstream_delay(const struct sl_node *node)
{
    struct sl_visits visits = {0};
    return longest_delay(node, &visits);
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
