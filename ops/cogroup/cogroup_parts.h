/* Two sides on disk by hash partition become sorted runs: part of ops/cogroup/cogroup_spill.
 *
 * A worker reads the partitions one after the other, in the order of lanes, into a table for each side, until the
 * tables hold what a worker may for one side; then they become runs. Keys that give nothing are left out there. Of a partition that
 * is too large no key is left out: what the other side has of it may be in a later run. */
#pragma once

#include "ops/cogroup/cogroup.h"

/* Everything that is in partitions, which are given back. */
int sl_cogroup_sort_parts(struct sl_stage *stage);
