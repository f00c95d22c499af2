/* The shard of a reduce task: of an operator with keyed state, what it keeps of the keys of the task's partition. */
#include "core/base/error.h"
#include "core/contract/state_writer.h"
#include "engine/remote/exchange.h"
#include "engine/remote/worker_internal.h"

#include <stdlib.h>

/* A task reads all files of its shard, and all rows of them: changes as large as half of the whole are worth writing the
 * whole anew, and so are many small ones. */
enum { FILES_MAX = 16 };

static int open_exchange(const struct sl_worker_process *process, struct sl_error *err)
{
    const struct sl_remote_task *task = process->task;
    if (!task->exchange)
        return sl_error_set(err, SL_EDAMAGED, "a task has state and no directory for results");
    return sl_exchange_open(process->run.services.io, task->exchange, err);
}

static int load_files(struct sl_worker_process *process, struct sl_stage *stage, struct sl_error *err)
{
    struct sl_io *io = process->run.services.io;
    const struct sl_shard *shard = &process->task->shard;
    int dirfd = open_exchange(process, err), r = dirfd;
    if (dirfd < 0)
        return dirfd;
    for (size_t i = 0; i < shard->files && r >= 0; i++)
        r = sl_shard_file_load(io, dirfd, &shard->file[i], stage, err);
    sl_io_close(io, dirfd);
    return r < 0 ? r : 0;
}

int sl_worker_shard_open(struct sl_worker_process *process, struct sl_stage *stage, struct sl_error *err)
{
    const struct sl_wide *wide = stage->node->op->wide;
    stage->memory = calloc(1, wide->memory_size);
    if (!stage->memory)
        return sl_error_nomem(err);
    stage->is_shard = true;
    stage->tasks[0].err = err;
    int r = wide->memory_open ? wide->memory_open(stage->node, stage->memory, err) : 0;
    r = r < 0 ? r : load_files(process, stage, err);
    return r == 0 && wide->loaded ? wide->loaded(stage, process->task->batch_ms) : r;
}

void sl_worker_shard_close(const struct sl_node *node, void *memory)
{
    if (memory && node->op->wide->memory_done)
        node->op->wide->memory_done(memory);
    free(memory);
}

/* Of a window each file has its batch, and is dropped with it. */
static bool whole_is_due(const struct sl_stage *stage, const struct sl_shard *shard,
                         const struct sl_shard_file *changes)
{
    uint64_t bytes = changes->bytes;
    if (stage->node->op->wide->sharded->batches)
        return false;
    for (size_t i = 1; i < shard->files; i++)
        bytes += shard->file[i].bytes;
    return changes->bytes && (shard->files >= FILES_MAX || bytes > shard->file[0].bytes / 2);
}

static int write_changes(struct sl_worker_process *process, int dirfd, struct sl_stage *stage,
                         struct sl_shard_file *ret, struct sl_error *err)
{
    SL_CLEANUP(sl_shard_writer_done) struct sl_shard_writer writer;
    char name[SL_SHARD_NAME_BYTES];
    sl_attempt_name(process, ".changes", name);
    sl_shard_writer_init(&writer, process->run.services.io, dirfd, name, stage);
    int r = stage->node->op->wide->save(stage, &writer.keeper);
    if (r < 0 && !writer.error.code)
        return r;
    return sl_shard_writer_finish(&writer, ret, err);
}

static int write_whole(struct sl_worker_process *process, int dirfd, struct sl_stage *stage,
                       struct sl_shard_file *ret, struct sl_error *err)
{
    SL_CLEANUP(sl_shard_writer_done) struct sl_shard_writer writer;
    char name[SL_SHARD_NAME_BYTES];
    sl_attempt_name(process, ".shard", name);
    sl_shard_writer_init(&writer, process->run.services.io, dirfd, name, stage);
    int r = sl_shard_deal(stage, 1, 0, &writer, 1);
    if (r < 0 && !writer.error.code)
        return r;
    return sl_shard_writer_finish(&writer, ret, err);
}

int sl_worker_shard_save(struct sl_worker_process *process, struct sl_stage *stage, struct sl_buf *report,
                         struct sl_error *err)
{
    struct sl_shard_file changes = {0}, whole = {0};
    int dirfd = open_exchange(process, err);
    if (dirfd < 0)
        return dirfd;
    int r = write_changes(process, dirfd, stage, &changes, err);
    if (r == 0 && whole_is_due(stage, &process->task->shard, &changes))
        r = write_whole(process, dirfd, stage, &whole, err);
    sl_io_close(process->run.services.io, dirfd);
    if (r < 0)
        return r == SL_ENOMEM ? sl_error_nomem(err) : r;
    sl_shard_file_put(report, &changes);
    sl_shard_file_put(report, &whole);
    return report->failed ? sl_error_nomem(err) : 0;
}
