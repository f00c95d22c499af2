/* Rows on disk (core/rows/spill.h) by hash partition, for an operator that takes them up again a partition at a time:
 * nothing is sorted on the way there, and of each partition less than all must be in memory.
 *
 * A writer encodes rows with sl_spilled_parts_add into the buffer of their partition; a full buffer is a block of
 * the writer's run. When all writers have ended, sl_spilled_parts_load gives a partition block by block: of one
 * writer the rows come in the order in which they were added. A writer belongs to one thread at a time.
 *
 * The buffers take about a quarter of what the operator may hold for a worker. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/operator.h"
#include "core/rows/spill.h"

struct sl_spilled_part;
struct sl_spilled_parts_writer;

struct sl_spilled_parts {
    struct sl_spill *spill; /* NULL: not open */
    size_t writers;
    unsigned parts_log2;
    size_t buffer_bytes;                    /* of a partition and writer */
    struct sl_spilled_parts_writer *writer; /* [writers] */
};

/* Where a lane is among those of its path. */
static inline struct sl_position sl_position_in_path(const struct sl_position *position)
{
    return (struct sl_position){.partition = position->partition, .piece = position->piece};
}

/* What is known of a block. */
struct sl_spilled_parts_block {
    struct sl_position first, last; /* of its rows, which are in their order; without input and path */
    uint32_t path_min, path_max;    /* of its rows, in no order: a task may give rows to several by turns */
    uint8_t part;
};

/* Blocks of one partition that were loaded, from the first writer to the last. */
struct sl_spilled_parts_at {
    size_t writer, block;
};

/* 0 or SL_ENOMEM; sl_spilled_parts_done accepts one that was never opened. */
int sl_spilled_parts_init(struct sl_spilled_parts *parts, struct sl_spill *spill, size_t writers);
void sl_spilled_parts_done(struct sl_spilled_parts *parts);

static inline bool sl_spilled_parts_is_open(const struct sl_spilled_parts *parts)
{
    return parts->spill != NULL;
}

static inline size_t sl_spilled_parts_count(const struct sl_spilled_parts *parts)
{
    return (size_t)1 << parts->parts_log2;
}

/* The row is copied; its partition is the upper bits of the hash. `position` of its lane where partitions are to be
 * read in order (ops/key/ordered_part.h), or NULL. 0, or a failure of writing. */
int sl_spilled_parts_add(struct sl_spilled_parts *parts, size_t writer, uint32_t hash,
                         const struct sl_position *position, const struct sl_field *row, uint32_t width,
                         struct sl_error *err);
/* The last row was added. */
int sl_spilled_parts_end(struct sl_spilled_parts *parts, size_t writer, struct sl_error *err);

/* The writer's blocks, for those who choose the order: a block with its number, and its rows. */
const struct sl_spilled_parts_block *sl_spilled_parts_blocks(const struct sl_spilled_parts *parts,
                                                             size_t writer, size_t *ret_count);
int sl_spilled_parts_load_block(const struct sl_spilled_parts *parts, size_t writer, size_t block,
                                struct sl_arena *arena, struct sl_chunk **ret, struct sl_error *err);

/* The next block of the partition, in the arena: begin with *at = {0}. 1, 0 at the end, or a failure. */
int sl_spilled_parts_load(const struct sl_spilled_parts *parts, size_t part, struct sl_spilled_parts_at *at,
                          struct sl_arena *arena, struct sl_chunk **ret, struct sl_error *err);
