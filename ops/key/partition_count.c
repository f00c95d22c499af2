#include "ops/key/partition_count.h"

#include "core/base/error.h"

#include <string.h>

int sl_partition_count_check(struct sl_node *node, struct sl_error *err)
{
    for (unsigned i = 0; node->op->params[i].name; i++) {
        int64_t count = sl_node_integer(node, i, 1);
        if (strcmp(node->op->params[i].name, "numPartitions") == 0 && count > SL_PARTITIONS_MAX)
            return sl_error_set(err, SL_EUSAGE, "%s: numPartitions is %lld; at most %d are possible",
                                sl_node_called(node), (long long)count, SL_PARTITIONS_MAX);
    }
    return 0;
}
