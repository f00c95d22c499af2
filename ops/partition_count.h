/* numPartitions, as an argument: how many partitions a result has. */
#pragma once

#include "core/operator.h"

/* SL_EUSAGE where parameter `param` is beyond SL_PARTITIONS_MAX. For check(). */
int sl_partition_count_check(const struct sl_node *node, unsigned param, struct sl_error *err);
