/* The rows of a wide operator or output as one dataset, in the order of the input, whichever worker brought
 * them.
 *
 * For those that need to see all rows at once (mount, print, repartition ...). Their state begins with a
 * struct sl_collect; begin() calls sl_collect_init, done() calls sl_collect_done, and the functions below go
 * straight into the descriptor. After the last lane, sl_collect_dataset gives the dataset: a partition per
 * partition of the input, or, where the input was a dataset already, that very dataset. What an operator that
 * is bounded cannot hold is on disk (core/contract/row_buffer.h); it needs lane_close too. */
#pragma once

#include "core/contract/lanes.h"
#include "core/contract/row_buffer.h"

struct sl_collect {
    uint64_t rows_max; /* kept of each lane */
    struct sl_lanes lanes;
    struct sl_row_buffers piles;
    struct sl_dataset *taken;  /* handed over whole */
    struct sl_dataset *result; /* what sl_collect_finish made */
};

/* Only the first rows_max rows of a lane are kept: enough for those who show the beginning.
 * 0 or SL_ENOMEM. */
int sl_collect_init(struct sl_collect *collect, const struct sl_stage *stage, uint64_t rows_max);
void sl_collect_done(struct sl_collect *collect);

/* For the descriptor: stage->state begins with the struct sl_collect. */
int sl_collect_lane_open(struct sl_stage *stage, struct sl_lane *lane);
int sl_collect_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in);
int sl_collect_lane_close(struct sl_stage *stage, struct sl_lane *lane);
int sl_collect_take(struct sl_stage *stage, unsigned input, struct sl_dataset *dataset);
bool sl_collect_takes_pieces(const struct sl_node *node); /* pieces of a partition become one again */

/* begin and done of those whose state needs no more. */
int sl_collect_begin(struct sl_stage *stage); /* all rows are kept */
void sl_collect_end(struct sl_stage *stage);
/* finish of an output: the dataset is in collect->result until the end. */
int sl_collect_finish(struct sl_stage *stage, struct sl_dataset **ret);
/* All of it, of an output that only looks at the dataset: stage->state is a struct sl_collect. Bounded. */
extern const struct sl_wide sl_collect_wide;

/* The rows of an open lane, for a push of one's own; all of them where nothing is bounded. Borrowed. What is bounded makes
 * room before each push. */
struct sl_rows *sl_collect_rows(const struct sl_lane *lane);
int sl_collect_make_room(struct sl_collect *collect, struct sl_lane *lane);

/* One thread, after the lanes. The caller unrefs. */
int sl_collect_dataset(struct sl_collect *collect, struct sl_dataset **ret, struct sl_error *err);
/* The same of one input, of an operator that has several and takes datasets by itself. */
int sl_collect_input(struct sl_collect *collect, unsigned input, struct sl_dataset **ret,
                     struct sl_error *err);
