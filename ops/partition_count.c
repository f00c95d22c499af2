#include "ops/partition_count.h"

#include "core/error.h"

int sl_partition_count_check(const struct sl_node *node, unsigned param, struct sl_error *err)
{
    int64_t count = sl_node_integer(node, param, 1);
    if (count <= SL_PARTITIONS_MAX)
        return 0;
    return sl_error_set(err, SL_EUSAGE, "%s: %s is %lld; at most %d partitions are possible", node->op->name,
                        node->op->params[param].name, (long long)count, SL_PARTITIONS_MAX);
}
