/* The rows of a hash partition on disk (ops/key/spilled_parts.h) in the order of lanes, whichever workers wrote them.
 *
 * A writer adds the rows of most lanes in order: its blocks are sequences that ascend, few as a rule. They are merged, a
 * lane at a time. A sequence is begun when its first row is due; a block of each that is begun is in memory.
 *
 * Paths are read one after the other, each with the blocks that have rows of it. The input of a position counts for
 * nothing: the rows of two inputs have their order each for itself. */
#pragma once

#include "ops/key/spilled_parts.h"

struct sl_ordered_part_sequence;

struct sl_ordered_part {
    const struct sl_spilled_parts *parts;
    size_t part;
    /* The position of a row's lane. */
    struct sl_position (*position)(const void *arg, const struct sl_chunk *chunk, uint32_t row);
    const void *arg;
    struct sl_ordered_part_sequence *sequence; /* in the order of their first rows */
    size_t sequences, capacity;
    uint32_t path, paths; /* the one that is read; how many there are */
    size_t ended, begun;  /* sequences from `ended` to `begun` may have rows in memory */
};

/* Rows [from, to) of a chunk, all of one lane. */
struct sl_ordered_rows {
    const struct sl_chunk *chunk;
    uint32_t from, to;
};

/* parts, part, position and arg are set; the rest is zero. 0, or a failure. sl_ordered_part_close after either. */
int sl_ordered_part_open(struct sl_ordered_part *ordered, struct sl_error *err);
void sl_ordered_part_close(struct sl_ordered_part *ordered);
/* 1 and rows, borrowed until the next call; 0 at the end; or a failure. */
int sl_ordered_part_next(struct sl_ordered_part *ordered, struct sl_ordered_rows *ret, struct sl_error *err);
