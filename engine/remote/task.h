/* What a worker is asked to do: the body of a task message, written by the driver. Values in this order
 * (engine/remote/wire.h):
 *
 *     version, stage, task, role, time of the batch, whether it is redone, number of reduce partitions, directory for
 *     results or nil
 *     map        source, partition (its number among those of the source), count of sinks, then operator and whether
 *                what it gets is cut by key; then a file: 0, path, inode, birth, mtime, size, part; or rows: 1, a block of
 *                chunks; or a range: 2, the bytes that the source understands
 *     reduce     operator, partition, count of blocks, then stage, task and check of each; count of files of the shard of the
 *                operator's state, then each as engine/remote/shard.h has it; 0: the state is the driver's
 *
 * The body of a block that a worker sends: a block (text/block.h) of stage, task, operator, partition, then sections to
 * the end: input, path, partition of the source, bytes. The bytes of a partial section are rows of SL_PARTIAL_FIELDS, of
 * another one chunks. */
#pragma once

#include "core/contract/arrivals.h"
#include "engine/remote/shard.h"
#include "engine/remote/wire.h"

enum { SL_TASK_MAP, SL_TASK_REDUCE };

struct sl_task_sink {
    unsigned node;
    bool by_key;
};

struct sl_expected_block {
    int64_t stage, task, check;
};

struct sl_remote_task {
    int64_t stage, number, role, batch_ms, replay, partitions;
    const char *exchange; /* NULL: results travel in reports */
    unsigned node;        /* the source; the operator */
    uint32_t partition;
    size_t sinks;
    struct sl_task_sink *sink;
    enum sl_task_input { SL_TASK_FILE, SL_TASK_ROWS, SL_TASK_RANGE } input;
    struct sl_file file; /* borrowed path */
    size_t part;
    struct sl_field bytes; /* the block of rows; the range */
    size_t expected;
    struct sl_expected_block *block;
    struct sl_shard shard; /* without files: the state is the driver's */
};

bool sl_remote_task_put(struct sl_buf *buf, const struct sl_remote_task *task);
/* Everything is borrowed from the bytes and the wire's arena. SL_EDAMAGED (another version, too), SL_ENOMEM or 0. */
int sl_remote_task_take(struct sl_wire *wire, struct sl_remote_task *ret, struct sl_error *err);
