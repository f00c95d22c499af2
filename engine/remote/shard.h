/* Shards of an operator's state (struct sl_sharded): the keys of one partition, as segments (state/store/segment.h) in the
 * directory for results. Oldest first: the shard as it was once, whole, then what batches changed.
 *
 *     driver  deals the state of the checkpoint to shards, once for each process and number of partitions
 *     task    of a batch: loads the files of its shard, calls the functions, writes what changed; and the whole shard
 *             anew where the changes have become large
 *     driver  takes what changed into the state that it keeps, shows and commits, and lists the files for the next batch
 *
 * What a file is called no other attempt at the task calls one, and only files that the driver lists are ever read: those of
 * attempts that do not count, and those of which no window has a use any more, are removed after the batch. A batch that is begun again, after damage or a full disk, begins
 * with the files of the newest committed one. The checkpoint does not refer to shards: a start removes them. */
#pragma once

#include "core/base/io.h"
#include "core/contract/operator.h"
#include "core/contract/state_writer.h"
#include "engine/remote/wire.h"

struct sl_segment_writer;

enum { SL_SHARD_NAME_BYTES = 96 };

struct sl_shard_file {
    char name[SL_SHARD_NAME_BYTES]; /* in the directory for results */
    uint64_t bytes, hash;           /* bytes 0: there is no file, for nothing was written */
    int64_t until_ms;               /* no batch from then on has a use for it */
};

struct sl_shard {
    size_t files, capacity;
    struct sl_shard_file *file;
};

void sl_shard_done(struct sl_shard *shard);
/* False: out of memory. */
bool sl_shard_add(struct sl_shard *shard, const struct sl_shard_file *file);
/* Replaces *shard by the files that the batch at t has a use for. False: out of memory. */
bool sl_shard_copy(struct sl_shard *shard, const struct sl_shard *from, int64_t t);

/* A file in a message: name or nil, bytes, hash, until when it is of use. */
void sl_shard_file_put(struct sl_buf *buf, const struct sl_shard_file *file);
/* After damage nothing is there. */
struct sl_shard_file sl_shard_file_take(struct sl_wire *wire);

/* Gives the sections of the file to the operator: to load of a shard, else to change. What is missing or damaged: SL_EDAMAGED. */
int sl_shard_file_load(struct sl_io *io, int dirfd, const struct sl_shard_file *file, struct sl_stage *stage,
                       struct sl_error *err);

/* Writes a file, which is made when its first section begins. */
struct sl_shard_writer {
    struct sl_state_writer keeper; /* first */
    struct sl_io *io;
    int dirfd;       /* borrowed */
    const char *key; /* borrowed */
    struct sl_shard_file file;
    struct sl_segment_writer *segment;
    struct sl_error error; /* of the first failure */
};
void sl_shard_writer_init(struct sl_shard_writer *writer, struct sl_io *io, int dirfd, const char *name,
                          const struct sl_stage *stage);
/* Synced. Without a section ret->bytes is 0. */
int sl_shard_writer_finish(struct sl_shard_writer *writer, struct sl_shard_file *ret, struct sl_error *err);
/* Removes what was written, unless it is finished. */
void sl_shard_writer_done(struct sl_shard_writer *writer);

/* All that the stage's operator keeps, of the keys of partitions first, first + 1 ... of so many: each to its writer. A
 * failure is the writer's. */
int sl_shard_deal(struct sl_stage *stage, uint64_t partitions, uint64_t first, struct sl_shard_writer *writer,
                  size_t writers);
