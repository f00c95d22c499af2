/* What a worker is asked to do: the body of a task message, written by the driver. Values in this order
 * (engine/remote/wire.h):
 *
 *     version, stage, task, role, time of the batch, whether it is redone, number of reduce partitions, directory for
 *     results or nil
 *     map        source, count of sinks, then operator and whether what it gets is cut by key; kind of the splits; count of
 *                splits, then partition (its number among those of the source, ascending) and of a file: path, inode, birth,
 *                mtime, size, part; of rows: a block of chunks; of a range: the bytes that the source understands. Rows and
 *                ranges come alone
 *     reduce     operator, partition of the keys, count of blocks, then stage, task and check of each; whether the task has a shard of
 *                what the operator keeps, count of its files, then each as engine/remote/shard.h has it; count of lanes, where rows
 *                are numbered, then input, path, partition and number of the first row, ascending
 *
 * The body of a block that a worker sends: a block (text/block.h) of stage, task, operator, partition, then sections to
 * the end: input, path, partition of the source, bytes. The bytes of a partial section are rows of SL_PARTIAL_FIELDS, of
 * another one chunks. */
#pragma once

#include "core/contract/arrivals.h"
#include "core/contract/operator.h"
#include "engine/remote/shard.h"
#include "engine/remote/wire.h"

enum { SL_TASK_MAP, SL_TASK_REDUCE };

enum sl_task_input { SL_TASK_FILE, SL_TASK_ROWS, SL_TASK_RANGE };

struct sl_task_split {
    uint32_t partition;
    struct sl_file file; /* borrowed path */
    size_t part;
    struct sl_field bytes; /* the block of rows; the range */
};

struct sl_task_sink {
    unsigned node;
    bool by_key;
};

struct sl_expected_block {
    int64_t stage, task, check;
};

struct sl_numbered_lane {
    struct sl_position position;
    uint64_t first_row; /* of the operator's input */
};

struct sl_remote_task {
    int64_t stage, number, role, batch_ms, replay, partitions;
    const char *exchange; /* NULL: results travel in reports */
    unsigned node;        /* the source; the operator */
    size_t sinks;
    struct sl_task_sink *sink;
    enum sl_task_input input;
    size_t splits;
    struct sl_task_split *split;
    uint32_t partition; /* of the keys */
    size_t expected;
    struct sl_expected_block *block;
    bool has_shard;        /* else what the operator keeps is the driver's */
    struct sl_shard shard; /* of a window that holds nothing: without files */
    size_t lanes;          /* of rows that are numbered (struct sl_sharded), by position */
    struct sl_numbered_lane *lane;
};

bool sl_remote_task_put(struct sl_buf *buf, const struct sl_remote_task *task);
/* Everything is borrowed from the bytes and the wire's arena. SL_EDAMAGED (another version, too), SL_ENOMEM or 0. */
int sl_remote_task_take(struct sl_wire *wire, struct sl_remote_task *ret, struct sl_error *err);
