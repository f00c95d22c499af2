/* Rows that pile up: in memory while they are few, on disk (core/rows/spill.h) from where they are many. For
 * code that keeps rows in the order in which they come and shows them later.
 *
 * The piles of an operator share what it may hold. A pile belongs to one worker while it grows: add rows to
 * pile->rows, call sl_row_buffer_make_room at least every few thousand of them, sl_row_buffer_end after the last; then
 * sl_row_buffer_show makes them part of a dataset. */
#pragma once

#include "core/contract/operator.h"

struct sl_spill;
struct sl_spill_file;

struct sl_row_buffers {
    struct sl_spill *spill; /* NULL: there is no limit, everything stays in memory */
    unsigned workers;
    struct sl_spill_file **file; /* [workers], NULL until needed */
    _Atomic size_t held;         /* bytes of piles that ended */
};

/* Without services, a limit or an operator that is bounded, nothing is ever written. 0 or SL_ENOMEM. */
int sl_row_buffers_init(struct sl_row_buffers *piles, const struct sl_stage *stage);
/* The same outside of a stage. spill: NULL where nothing is ever written. */
int sl_row_buffers_open(struct sl_row_buffers *piles, struct sl_spill *spill, unsigned workers);
void sl_row_buffers_done(struct sl_row_buffers *piles);

struct sl_row_buffer {
    struct sl_rows *rows; /* those in memory, the last ones */
    struct sl_rows **run; /* [runs] on disk, before them */
    size_t runs, capacity;
};

/* `memory`: what fields of the rows point to outside of them, or NULL; takes a reference. 0 or SL_ENOMEM. */
int sl_row_buffer_init(struct sl_row_buffer *pile, struct sl_memory *memory);
void sl_row_buffer_done(struct sl_row_buffer *pile);

/* The rows go to disk. */
int sl_row_buffer_spill(struct sl_row_buffers *piles, struct sl_row_buffer *pile, struct sl_task *task);
/* The same where the pile is too large; where there is no limit it never is. */
int sl_row_buffer_make_room(struct sl_row_buffers *piles, struct sl_row_buffer *pile, struct sl_task *task);
/* The same where no more rows come: the piles that ended hold memory together. */
int sl_row_buffer_end(struct sl_row_buffers *piles, struct sl_row_buffer *pile, struct sl_task *task);
/* Appends all rows to partition p. 0 or SL_ENOMEM. */
int sl_row_buffer_show(const struct sl_row_buffer *pile, struct sl_dataset *dataset, size_t p);
