/* Rows of a batch that the parts of a timed map give in any order, and that are shown in one: those of sessions and of
 * joinWithin. What exceeds memoryLimit is sorted runs on disk (ops/key/spilled_runs.h).
 *
 * init; add, each part by one thread at a time; make_room between rounds, by one thread; show; done. */
#pragma once

#include "ops/key/spilled_runs.h"
#include "ops/state/state_map.h"

enum { SL_RESULT_KEYS = 3, SL_RESULT_VALUES = 2 };

struct sl_result_row {
    struct sl_field by[SL_RESULT_KEYS]; /* sorted by these, then as they were added to the part */
    uint64_t sequence;
    struct sl_field value[SL_RESULT_VALUES];
};

struct sl_result_part {
    struct sl_arena arena;
    struct sl_result_row *row;
    size_t rows, capacity;
    uint64_t sequence;
};

struct sl_sorted_result {
    struct sl_stage *stage;
    struct sl_spilled_runs runs;
    uint32_t number; /* of runs so far */
    struct sl_result_part part[SL_PARTS];
};

/* Fields of the result are made of a row: borrowed from it and the scratch of the task; width 0: none. */
typedef int sl_result_make(struct sl_stage *stage, struct sl_task *task, const struct sl_result_row *row,
                           struct sl_field fields[SL_WIDTH_MAX], uint32_t *ret_width);

int sl_sorted_result_init(struct sl_sorted_result *result, struct sl_stage *stage); /* 0 or SL_ENOMEM */
void sl_sorted_result_done(struct sl_sorted_result *result);

/* Fields are copied. 0 or SL_ENOMEM. */
int sl_result_part_add(struct sl_result_part *part, const struct sl_field by[SL_RESULT_KEYS],
                       const struct sl_field value[SL_RESULT_VALUES]);
/* What is too much goes to disk. */
int sl_sorted_result_make_room(struct sl_sorted_result *result);
/* All rows, which the result has no more. */
int sl_sorted_result_show(struct sl_sorted_result *result, sl_result_make *make, struct sl_dataset **ret);
