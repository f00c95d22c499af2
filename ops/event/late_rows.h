/* Late records of a batch, in the order of the input, and records that may be late: those are kept with where they come from
 * until it is known. What exceeds memoryLimit is on disk (core/contract/row_buffer.h).
 *
 * init; then either add for each late record, or, where it is not known yet, add_candidate for each, open_marks when all were
 * added, mark for those that are late, settle; dataset; done.
 *
 * A lane's rows are buffers of their own, so that workers add without a lock and nothing is sorted but the buffers. */
#pragma once

#include "core/contract/lanes.h"
#include "core/contract/row_buffer.h"

struct sl_late_lane;

struct sl_late_rows {
    bool ready;
    pthread_mutex_t lock; /* guards lane[] while rows are added */
    struct sl_row_buffers buffers;
    struct sl_late_lane **lane;
    size_t lanes, capacity;
    struct sl_late_lane **open; /* [workers]: the one that the worker added to last; or NULL */
    _Atomic uint64_t numbers;   /* candidates so far */
    _Atomic uint64_t *mark;     /* a bit for each of them, by its number */
};

int sl_late_rows_init(struct sl_late_rows *late, const struct sl_stage *stage); /* 0 or SL_ENOMEM */
void sl_late_rows_done(struct sl_late_rows *late);

/* The lane's worker; copies the record. 0, or a failure. */
int sl_late_rows_add(struct sl_late_rows *late, const struct sl_lane *lane, const struct sl_chunk *in,
                     uint32_t row);
/* The same; *ret_number is the candidate's, which depends on the workers. */
int sl_late_rows_add_candidate(struct sl_late_rows *late, const struct sl_lane *lane,
                               const struct sl_chunk *in, uint32_t row, int64_t *ret_number);
int sl_late_rows_open_marks(struct sl_late_rows *late); /* 0 or SL_ENOMEM */
/* Any thread. */
void sl_late_rows_mark(struct sl_late_rows *late, int64_t number);
/* Candidates that are marked are counted as late, where the stage does so, and stay where `keeps`; the others do not. 0, or a
 * failure. */
int sl_late_rows_settle(struct sl_late_rows *late, struct sl_stage *stage, bool keeps);
/* A dataset of one partition, with event times. */
int sl_late_rows_dataset(struct sl_late_rows *late, struct sl_dataset **ret);
