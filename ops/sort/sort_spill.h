/* Rows to be sorted that do not fit into memory: part of ops/sort/sorting. Lanes become sorted runs on disk, rows
 * (key, the record as a list), or records that begin with their key as they are; the runs are merged at the finish. */
#pragma once

#include "ops/sort/sort_lane.h"

/* Before rows are added: where the lane holds too much, it goes to disk. */
int sl_sort_make_room(struct sl_sorting *sorting, struct sl_task *task, struct sl_sort_lane *lane);
/* Whether rows are on disk, or would have to be while they are sorted. */
bool sl_sort_is_large(const struct sl_sorting *sorting);
/* The result of what is on disk and in lanes. */
int sl_sort_merge(struct sl_sorting *sorting, struct sl_stage *stage, struct sl_dataset **ret);
