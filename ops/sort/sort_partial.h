/* What a lane has sorted, given out as rows (sort key, nil, the record as a list) and taken in by another process's
 * sorting: part of ops/sort. Equal keys stay in input order. They fit into struct sl_partial, where the stage's state
 * begins with a struct sl_sorting. */
#pragma once

#include "ops/sort/sorting.h"

int sl_sort_emit(struct sl_stage *stage, struct sl_lane *lane, sl_partial_row *row, void *arg);
int sl_sort_absorb(struct sl_stage *stage, struct sl_lane *lane,
                   const struct sl_field row[SL_PARTIAL_FIELDS]);
/* All lanes as one, in the order of the result. */
int sl_sort_groups(struct sl_stage *stage, sl_partial_row *row, void *arg);
