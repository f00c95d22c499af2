/* One key of two streams: what each side has of it, and where the rows go that come of it.
 *
 * A side is the list of its values, in memory or, where a key has too many of them, on disk. sl_side_each
 * visits them in order either way. */
#pragma once

#include "core/contract/row_buffer.h"
#include "core/rows/spill.h"

struct sl_side {
    bool present;
    struct sl_field *item; /* [count] in memory */
    uint32_t count;
    const struct sl_stored *stored; /* or all of them on disk, rows of one field; NULL: in memory */
};

struct sl_cogroup_key {
    struct sl_field key; /* as it was seen first, left before right */
    struct sl_side side[2];
    struct sl_task *task;
    struct sl_row_buffers *piles; /* rows go to `pile`, */
    struct sl_row_buffer *pile;   /* or, where it is NULL, */
    struct sl_spill_file *file;   /* into a file */
    uint64_t rows;                /* that were put */
};

/* What fields point to outlives the pile or is written at once. 0, or a failure of the batch. */
int sl_cogroup_key_put(struct sl_cogroup_key *meeting, const struct sl_field *row, uint32_t width);

/* Calls visit for each value in order, until it fails; a value is borrowed for that long. */
typedef int sl_side_visit(void *arg, const struct sl_field *value);
int sl_side_each(const struct sl_cogroup_key *meeting, const struct sl_side *side, sl_side_visit *visit,
                 void *arg);
