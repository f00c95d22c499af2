/* Rows in the order of a sort key: the kernel of sortBy, sortByKey and top.
 *
 * A lane keeps its rows with their keys (no more than it must, where only the first of the result are
 * wanted); finish sorts them all. Sorting is stable: rows with equal keys stay in input order, descending
 * too. The stage's state is a struct sl_sorting: begin in begin, the rest fits into struct sl_wide. */
#pragma once

#include "core/contract/lanes.h"
#include "ops/key/spilled_runs.h"

enum sl_sort_by {
    SL_SORT_BY_RECORD,
    SL_SORT_BY_KEY,     /* records are pairs */
    SL_SORT_BY_FUNCTION /* of the record's fields; several values are a list */
};

struct sl_sorting {
    enum sl_sort_by by;
    const struct sl_function *function;
    bool descending;
    uint64_t rows_max; /* of the result: the first ones; UINT64_MAX: all */
    struct sl_lanes lanes;
    struct sl_spilled_runs runs; /* on disk, where memory is bounded (ops/sort/sort_spill.h) */
    _Atomic size_t held;         /* bytes of lanes that ended */
};

int sl_sorting_begin(struct sl_stage *stage, enum sl_sort_by by, bool descending);

int sl_sorting_lane_open(struct sl_stage *stage, struct sl_lane *lane);
int sl_sorting_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in);
int sl_sorting_lane_close(struct sl_stage *stage, struct sl_lane *lane);
int sl_sorting_finish(struct sl_stage *stage, struct sl_dataset **ret);
void sl_sorting_done(struct sl_stage *stage);
