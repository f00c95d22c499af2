/* Two sides that do not fit into memory: part of ops/cogroup/cogroup.
 *
 * Both become sorted runs on disk, by way of hash partitions where their values matter (ops/cogroup/cogroup_parts.h),
 * which are read as one: of every key first what is left, then what is
 * right. The values of one key are in memory while they are few; where they are not they go to disk once
 * more, so that a join of a frequent key reads the right ones from there again for each left one. */
#pragma once

#include "ops/cogroup/cogroup.h"

bool sl_cogroup_are_large(const struct sl_cogroup *sides);
int sl_cogroup_merge(struct sl_stage *stage, struct sl_dataset **ret);
