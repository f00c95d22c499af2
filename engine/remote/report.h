/* What a task found, on its way from a worker to the driver: the body of its report. Values in this order
 * (engine/remote/wire.h):
 *
 *     stage, task
 *     splits     of a map task its splits, in their order: records, errors, first line that failed, its operator, its
 *                message or nil, of the file, where there is one; lines counted for meta, reason of damage or nil, header of
 *                the file, what the source has learned of a range or nil; lines of the partition
 *     rows       count, then operator, records that went in, that came out
 *     failed     count, then operator, records that failed, of them those of the file
 *     letters    count, then operator, has an origin, partition, line, sequence, is cut, the record as a list, message
 *     counters   count, then name, total as ops/reducer/total.h encodes it
 *     sections   count, then operator, input, path, partition, what (enum sl_section_what), bytes
 *     data       of the sections, one after the other: nil, a block (text/block.h), or a file's name and the check of
 *                the block in it
 *     blocks     count, then operator, partition, check: of those that were sent
 *     shard      of a task that has one: the file with what changed, then the whole shard, if it was written: each as
 *                engine/remote/shard.h has it
 *
 * Read once, in that order; the reader gives every part to its owner. */
#pragma once

#include "core/contract/source.h"
#include "engine/batch/batch.h"
#include "engine/remote/wire.h"

enum sl_section_what { SL_SECTION_ROWS, SL_SECTION_PARTIAL };

struct sl_remote_section {
    unsigned node;
    struct sl_position position; /* of the lane; piece 0 */
    enum sl_section_what what;
    size_t len;
};

struct sl_remote_block {
    unsigned node;
    uint32_t partition;
    int64_t check;
};

struct sl_report {
    int64_t stage, task;
    struct sl_split_found found;
    uint64_t lines;
    size_t sections, blocks;
    struct sl_remote_section *section;
    struct sl_remote_block *block;
    struct sl_field data; /* nil, the block, or the name of a file */
    bool is_file;
    int64_t data_check;
};

/* What operators counted and refused, and what functions counted: appended from the run of a worker, whose rows[nodes]
 * and rows_out[nodes] are given. False: out of memory. */
bool sl_report_put_counts(struct sl_buf *buf, struct sl_run *run, const _Atomic uint64_t *rows,
                          const _Atomic uint64_t *rows_out);
/* The other way: added to the batch's. Entries that have an origin have that of their partition of `source`, which has so many;
 * NULL: none has one. Sequences begin at `sequence`. */
int sl_report_take_counts(struct sl_wire *wire, struct sl_batch *batch, struct sl_source *source,
                          size_t partitions, uint64_t sequence, struct sl_error *err);
/* NULL: partition p has none, or there is no such partition. */
const struct sl_origin *sl_report_origin(struct sl_source *source, size_t partitions, size_t p);

bool sl_report_put_found(struct sl_buf *buf, const struct sl_split_found *found);
void sl_report_take_found(struct sl_wire *wire, struct sl_split_found *ret);
