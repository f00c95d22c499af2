#include "engine/remote/task.h"

#include "core/base/limits.h"
#include "engine/remote/peer.h"

/* ---- writing ---- */

static void put_file(struct sl_buf *buf, const struct sl_task_split *split)
{
    const struct sl_file *file = &split->file;
    sl_wire_put_text(buf, file->path);
    sl_wire_put_integer(buf, (int64_t)file->inode);
    sl_wire_put_integer(buf, file->born_ns);
    sl_wire_put_integer(buf, file->mtime_ns);
    sl_wire_put_integer(buf, file->size);
    sl_wire_put_integer(buf, (int64_t)split->part);
}

static void put_map(struct sl_buf *buf, const struct sl_remote_task *task)
{
    sl_wire_put_integer(buf, (int64_t)task->sinks);
    for (size_t i = 0; i < task->sinks; i++) {
        sl_wire_put_integer(buf, task->sink[i].node);
        sl_wire_put_integer(buf, task->sink[i].by_key);
    }
    sl_wire_put_integer(buf, task->input);
    sl_wire_put_integer(buf, (int64_t)task->splits);
    for (size_t i = 0; i < task->splits; i++) {
        sl_wire_put_integer(buf, task->split[i].partition);
        if (task->input == SL_TASK_FILE)
            put_file(buf, &task->split[i]);
        else
            sl_wire_put_field(buf, task->split[i].bytes);
    }
}

static void put_reduce(struct sl_buf *buf, const struct sl_remote_task *task)
{
    sl_wire_put_integer(buf, task->partition);
    sl_wire_put_integer(buf, (int64_t)task->expected);
    for (size_t i = 0; i < task->expected; i++) {
        sl_wire_put_integer(buf, task->block[i].stage);
        sl_wire_put_integer(buf, task->block[i].task);
        sl_wire_put_integer(buf, task->block[i].check);
    }
    sl_wire_put_integer(buf, task->has_shard);
    sl_wire_put_integer(buf, (int64_t)task->shard.files);
    for (size_t i = 0; i < task->shard.files; i++)
        sl_shard_file_put(buf, &task->shard.file[i]);
    sl_wire_put_integer(buf, (int64_t)task->lanes);
    for (size_t i = 0; i < task->lanes; i++) {
        sl_wire_put_integer(buf, task->lane[i].position.input);
        sl_wire_put_integer(buf, task->lane[i].position.path);
        sl_wire_put_integer(buf, task->lane[i].position.partition);
        sl_wire_put_integer(buf, (int64_t)task->lane[i].first_row);
    }
}

bool sl_remote_task_put(struct sl_buf *buf, const struct sl_remote_task *task)
{
    sl_wire_put_integer(buf, SL_REMOTE_VERSION);
    sl_wire_put_integer(buf, task->stage);
    sl_wire_put_integer(buf, task->number);
    sl_wire_put_integer(buf, task->role);
    sl_wire_put_integer(buf, task->batch_ms);
    sl_wire_put_integer(buf, task->replay);
    sl_wire_put_integer(buf, task->partitions);
    sl_wire_put_text(buf, task->exchange);
    sl_wire_put_integer(buf, task->node);
    if (task->role == SL_TASK_MAP)
        put_map(buf, task);
    else
        put_reduce(buf, task);
    return !buf->failed;
}

/* ---- reading ---- */

static void take_file(struct sl_wire *wire, struct sl_task_split *split)
{
    split->file.path = (char *)sl_wire_text(wire);
    split->file.inode = (uint64_t)sl_wire_integer(wire);
    split->file.born_ns = sl_wire_integer(wire);
    split->file.mtime_ns = sl_wire_integer(wire);
    split->file.size = sl_wire_integer(wire);
    split->part = (size_t)sl_wire_integer(wire);
    if (!wire->failed && (!split->file.path || split->file.size < 0))
        wire->failed = SL_EDAMAGED;
}

static void *list_of(struct sl_wire *wire, size_t count, size_t size)
{
    void *list = wire->failed ? NULL : sl_arena_calloc(wire->arena, count + 1, size);
    if (!list && !wire->failed)
        wire->failed = SL_ENOMEM;
    return list;
}

/* In ascending order of partitions; rows and ranges alone. */
static bool are_splits(const struct sl_remote_task *task)
{
    for (size_t i = 1; i < task->splits; i++)
        if (task->split[i].partition <= task->split[i - 1].partition)
            return false;
    return task->splits == 1 || (task->splits > 1 && task->input == SL_TASK_FILE);
}

static void take_splits(struct sl_wire *wire, struct sl_remote_task *task)
{
    task->splits = sl_wire_count(wire);
    task->split = list_of(wire, task->splits, sizeof *task->split);
    for (size_t i = 0; !wire->failed && i < task->splits; i++) {
        task->split[i].partition = (uint32_t)sl_wire_integer(wire);
        if (task->input == SL_TASK_FILE)
            take_file(wire, &task->split[i]);
        else
            task->split[i].bytes = sl_wire_bytes(wire);
    }
    if (!wire->failed && !are_splits(task))
        wire->failed = SL_EDAMAGED;
}

static void take_map(struct sl_wire *wire, struct sl_remote_task *task)
{
    task->sinks = sl_wire_count(wire);
    task->sink = list_of(wire, task->sinks, sizeof *task->sink);
    for (size_t i = 0; !wire->failed && i < task->sinks; i++) {
        task->sink[i].node = (unsigned)sl_wire_integer(wire);
        task->sink[i].by_key = sl_wire_integer(wire) != 0;
    }
    int64_t input = sl_wire_integer(wire);
    task->input = (enum sl_task_input)input;
    if (input < SL_TASK_FILE || input > SL_TASK_RANGE)
        wire->failed = wire->failed ? wire->failed : SL_EDAMAGED;
    take_splits(wire, task);
}

static void take_shard(struct sl_wire *wire, struct sl_shard *shard)
{
    shard->files = sl_wire_count(wire);
    shard->file = list_of(wire, shard->files, sizeof *shard->file);
    for (size_t i = 0; !wire->failed && i < shard->files; i++) {
        shard->file[i] = sl_shard_file_take(wire);
        if (!wire->failed && !shard->file[i].bytes)
            wire->failed = SL_EDAMAGED;
    }
}

/* Ascending: they are searched. */
static void take_lanes(struct sl_wire *wire, struct sl_remote_task *task)
{
    task->lanes = sl_wire_count(wire);
    task->lane = list_of(wire, task->lanes, sizeof *task->lane);
    for (size_t i = 0; !wire->failed && i < task->lanes; i++) {
        struct sl_numbered_lane *lane = &task->lane[i];
        lane->position.input = (uint32_t)sl_wire_integer(wire);
        lane->position.path = (uint32_t)sl_wire_integer(wire);
        lane->position.partition = (uint32_t)sl_wire_integer(wire);
        lane->first_row = (uint64_t)sl_wire_integer(wire);
        if (!wire->failed && i && sl_position_compare(&lane[-1].position, &lane->position) >= 0)
            wire->failed = SL_EDAMAGED;
    }
}

static void take_reduce(struct sl_wire *wire, struct sl_remote_task *task)
{
    task->partition = (uint32_t)sl_wire_integer(wire);
    task->expected = sl_wire_count(wire);
    task->block = list_of(wire, task->expected, sizeof *task->block);
    for (size_t i = 0; !wire->failed && i < task->expected; i++) {
        task->block[i].stage = sl_wire_integer(wire);
        task->block[i].task = sl_wire_integer(wire);
        task->block[i].check = sl_wire_integer(wire);
    }
    task->has_shard = sl_wire_integer(wire) != 0;
    take_shard(wire, &task->shard);
    take_lanes(wire, task);
}

int sl_remote_task_take(struct sl_wire *wire, struct sl_remote_task *ret, struct sl_error *err)
{
    struct sl_remote_task task = {0};
    int64_t version = sl_wire_integer(wire);
    if (!wire->failed && version != SL_REMOTE_VERSION)
        return sl_error_set(
            err, SL_EUSAGE,
            "the task was made by another version of sluice (protocol %lld, this one has %d); install "
            "the same version on all machines",
            (long long)version, SL_REMOTE_VERSION);
    task.stage = sl_wire_integer(wire);
    task.number = sl_wire_integer(wire);
    task.role = sl_wire_integer(wire);
    task.batch_ms = sl_wire_integer(wire);
    task.replay = sl_wire_integer(wire);
    task.partitions = sl_wire_integer(wire);
    task.exchange = sl_wire_text(wire);
    task.node = (unsigned)sl_wire_integer(wire);
    if (task.role == SL_TASK_MAP)
        take_map(wire, &task);
    else
        take_reduce(wire, &task);
    if (!wire->failed && (task.partitions < 1 || task.partitions > SL_PARTITIONS_MAX ||
                          task.role < SL_TASK_MAP || task.role > SL_TASK_REDUCE))
        wire->failed = SL_EDAMAGED;
    if (wire->failed)
        return wire->failed == SL_ENOMEM ? sl_error_nomem(err)
                                         : sl_error_set(err, SL_EDAMAGED, "a task is damaged");
    *ret = task;
    return 0;
}
