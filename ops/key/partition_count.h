/* numPartitions, as an argument: how many partitions a result has. */
#pragma once

#include "core/contract/operator.h"

/* Fits into struct sl_op as check: SL_EUSAGE where the parameter called numPartitions is beyond
 * SL_PARTITIONS_MAX. */
int sl_partition_count_check(struct sl_node *node, struct sl_error *err);
