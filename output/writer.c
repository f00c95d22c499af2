#include "output/writer.h"

#include "core/contract/services.h"
#include "output/container.h"
#include "output/save_bucket.h"
#include "text/framed_rows.h"

#include <string.h>

/* Rows of a dataset that are formatted at a time: enough to be worth a task, few enough to share out. */
enum { TASK_ROWS = 8192 };

/* ---- bytes to parts ---- */

static int open_in_bucket(struct sl_writer *writer, struct sl_error *err)
{
    const struct sl_stage *stage = writer->stage;
    int r = sl_save_bucket_open(writer->bucket, stage->services, writer->settings, err);
    return r < 0 ? r
                 : sl_directory_open_bucket(&writer->directory, *writer->bucket, writer->place,
                                            sl_save_bucket_mark(stage->services), writer->task.stop, err);
}

static int open_directory(struct sl_writer *writer, struct sl_error *err)
{
    const struct sl_services *services = writer->stage->services;
    if (writer->has_directory)
        return 0;
    int r = writer->bucket ? open_in_bucket(writer, err)
                           : sl_directory_open(&writer->directory, services->io, services->job_dirfd,
                                               writer->place, services->durable, writer->parent, err);
    writer->has_directory = r == 0;
    return r;
}

static uint32_t header_names(const struct sl_save_settings *settings, struct sl_field *names)
{
    uint32_t count = settings->header ? settings->header_count : settings->columns->count;
    for (uint32_t c = 0; c < count; c++) {
        const char *name = settings->header ? NULL : settings->columns->column[c].name;
        names[c] = name ? sl_string(name, strlen(name)) : settings->header[c];
    }
    return count;
}

static int write_header(struct sl_writer *writer, struct sl_error *err)
{
    const struct sl_save_settings *settings = writer->settings;
    const struct sl_format *format = settings->format;
    struct sl_buf buf SL_CLEANUP(sl_buf_done) = {0};
    struct sl_field names[SL_WIDTH_MAX];
    uint32_t count = header_names(settings, names);
    struct sl_chunk chunk = {.rows = 1, .width = count};
    uint64_t replaced = 0;
    for (uint32_t c = 0; c < count; c++)
        chunk.column[c] = &names[c];
    bool ok = format->header ? format->header(&buf, names, count) : format->rows(&buf, &chunk, &replaced);
    return ok ? sl_part_write(&writer->part, buf.bytes, buf.len, err) : sl_error_nomem(err);
}

static int open_part(struct sl_writer *writer, struct sl_error *err)
{
    int r = open_directory(writer, err);
    if (r == 0)
        r = sl_part_open(&writer->part, &writer->directory, writer->index, writer->settings->compression,
                         err);
    return r == 0 && writer->settings->has_header ? write_header(writer, err) : r;
}

/* The sequences' door to the part that is being written. */
static int write_bytes(void *arg, const void *bytes, size_t len, struct sl_error *err)
{
    struct sl_writer *writer = arg;
    int r = !sl_part_is_open(&writer->part) ? open_part(writer, err) : 0;
    return r < 0 ? r : sl_part_write(&writer->part, bytes, len, err);
}

/* ---- rows to a container ---- */

static int empty_packed(struct sl_writer *writer, struct sl_error *err)
{
    int r = writer->packed.len ? write_bytes(writer, writer->packed.bytes, writer->packed.len, err) : 0;
    sl_buf_clear(&writer->packed);
    return r;
}

static int open_container(struct sl_writer *writer, struct sl_error *err)
{
    const struct sl_container *container = writer->settings->container;
    if (writer->container)
        return 0;
    writer->container = container->open(writer->settings, writer->place->shown);
    if (!writer->container)
        return sl_error_nomem(err);
    container->part(writer->container, writer->index);
    return 0;
}

static int write_framed_row(struct sl_writer *writer, const uint8_t *bytes, size_t len, size_t *at,
                            struct sl_error *err)
{
    struct sl_task *task = &writer->task;
    struct sl_framed_row head;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    sl_arena_reset(&writer->scratch);
    if (!sl_framed_row_read(bytes, len, at, &writer->scratch, &head, fields, &width))
        return sl_error_nomem(err);
    task->err = err;
    int r = writer->settings->container->row(writer->container, fields, width, task, &writer->packed);
    if (r == 0)
        atomic_fetch_add_explicit(&writer->records, 1, memory_order_relaxed);
    if (r != SL_EREJECT)
        return r;
    task->ordinal = head.ordinal;
    return task->sink->reject(task->sink, task, writer->stage->node->number, fields, width, head.origin,
                              head.line);
}

/* The sequences' door to the part where it is written by a container. */
static int write_framed(void *arg, const void *bytes, size_t len, struct sl_error *err)
{
    struct sl_writer *writer = arg;
    int r = open_container(writer, err);
    for (size_t at = 0; r == 0 && at < len;) {
        r = write_framed_row(writer, bytes, len, &at, err);
        if (r == 0 && writer->packed.len >= SL_COMPRESSION_BLOCK)
            r = empty_packed(writer, err);
    }
    return r < 0 ? r : empty_packed(writer, err);
}

static int end_container_part(struct sl_writer *writer, struct sl_error *err)
{
    int r = open_container(writer, err);
    r = r < 0 ? r : writer->settings->container->end(writer->container, &writer->packed, err);
    return r < 0 ? r : empty_packed(writer, err);
}

/* The part is complete, if anything was written to it; the next bytes go to the next one. */
static int end_part(struct sl_writer *writer, struct sl_error *err)
{
    int r = 0;
    if (sl_part_is_open(&writer->part) && writer->settings->container)
        r = end_container_part(writer, err);
    if (r == 0 && sl_part_is_open(&writer->part)) {
        r = sl_part_close(&writer->part, err);
        if (r == 0) {
            int fd = writer->part.fd;
            writer->part.fd = -1;
            r = sl_directory_add(&writer->directory, &writer->part.file, fd, err);
        }
        sl_part_done(&writer->part);
    }
    writer->index++;
    if (writer->container)
        writer->settings->container->part(writer->container, writer->index);
    return r;
}

/* ---- rows to bytes ---- */

static int reject_rows(struct sl_writer *writer, struct sl_task *task, const struct sl_chunk *in)
{
    int r = 0;
    for (uint32_t row = 0; r == 0 && row < in->rows; row++) {
        if (writer->settings->pairs_only)
            sl_task_explain(task, "%s takes pairs, got a record of one field; map it to a key and a value",
                            writer->stage->node->op->name);
        else
            sl_task_explain(task,
                            "format \"%s\" takes rows of one field, got %u; map it to one, or use \"tsv\"",
                            writer->settings->format->name, (unsigned)in->width);
        r = sl_task_reject(task, writer->stage->node->number, in, row);
    }
    return r;
}

static bool are_refused(const struct sl_writer *writer, const struct sl_chunk *in)
{
    const struct sl_format *format = writer->settings->format;
    return writer->settings->pairs_only ? in->width < 2 : format && format->one_field && in->width != 1;
}

int sl_writer_refuse(struct sl_writer *writer, struct sl_lane *lane, const struct sl_chunk *in)
{
    return are_refused(writer, in) ? reject_rows(writer, lane->task, in) : 0;
}

/* For a container, which counts and rejects them when their turn comes. */
static int frame_rows(struct sl_task *task, const struct sl_chunk *in, struct sl_buf *buf)
{
    for (uint32_t row = 0; row < in->rows; row++)
        if (!sl_framed_row_append(buf, task->ordinal, in, row))
            return sl_error_nomem(task->err);
    return 0;
}

static int format_rows(struct sl_writer *writer, struct sl_task *task, const struct sl_chunk *in,
                       struct sl_buf *buf)
{
    const struct sl_format *format = writer->settings->format;
    uint64_t replaced = 0;
    if (are_refused(writer, in))
        return reject_rows(writer, task, in);
    if (writer->settings->container)
        return frame_rows(task, in, buf);
    const struct sl_columns *columns = format->named_rows ? writer->settings->columns : NULL;
    bool ok = columns ? format->named_rows(buf, in, columns, &replaced) : format->rows(buf, in, &replaced);
    if (!ok)
        return sl_error_nomem(task->err);
    atomic_fetch_add_explicit(&writer->records, in->rows, memory_order_relaxed);
    if (replaced)
        atomic_fetch_add_explicit(&writer->replaced, replaced, memory_order_relaxed);
    return 0;
}

/* ---- from lanes ---- */

static sl_sequence_write *door_of(const struct sl_save_settings *settings)
{
    return settings->container ? write_framed : write_bytes;
}

void sl_writer_begin(struct sl_writer *writer, const struct sl_stage *stage,
                     const struct sl_save_settings *settings, const struct sl_output_dir *place, bool dense)
{
    *writer = (struct sl_writer){.stage = stage, .settings = settings, .place = place, .part = {.fd = -1}};
    writer->task = stage->tasks[0];
    writer->task.scratch = &writer->scratch;
    sl_sequence_init(&writer->sequence, dense, door_of(settings), writer);
}

void sl_writer_done(struct sl_writer *writer)
{
    sl_sequence_done(&writer->sequence);
    sl_part_done(&writer->part);
    if (writer->container)
        writer->settings->container->close(writer->container);
    writer->container = NULL;
    sl_buf_done(&writer->packed);
    sl_arena_done(&writer->scratch);
    if (writer->has_directory)
        sl_directory_done(&writer->directory);
    writer->has_directory = false;
}

int sl_writer_lane_open(struct sl_writer *writer, struct sl_lane *lane)
{
    return sl_sequence_lane_open(&writer->sequence, lane);
}

int sl_writer_push(struct sl_writer *writer, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_sequence_item *item = lane->state;
    int r = format_rows(writer, lane->task, in, &item->buf);
    return r < 0 ? r : sl_sequence_lane_grown(&writer->sequence, lane);
}

int sl_writer_lane_close(struct sl_writer *writer, struct sl_lane *lane)
{
    return sl_sequence_lane_close(&writer->sequence, lane);
}

int sl_writer_finish(struct sl_writer *writer, struct sl_error *err)
{
    int r = sl_sequence_finish(&writer->sequence, err);
    return r < 0 || !sl_part_is_open(&writer->part) ? r : end_part(writer, err);
}

/* ---- from a dataset ---- */

/* One partition on its way to one part, in tasks of TASK_ROWS rows. */
struct partition_work {
    struct sl_writer *writer;
    const struct sl_dataset *dataset;
    size_t partition;
    struct sl_sequence sequence;
};

struct task_outlet {
    struct sl_outlet outlet;
    struct sl_writer *writer;
    struct sl_task *task;
    struct sl_sequence *sequence;
    struct sl_sequence_item *item;
};

static int task_push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct task_outlet *to = (struct task_outlet *)outlet;
    int r = format_rows(to->writer, to->task, chunk, &to->item->buf);
    return r < 0 || to->item->buf.len < SL_SEQUENCE_MORE_BYTES
               ? r
               : sl_sequence_more_or_wait(to->sequence, to->item, to->task->err);
}

static int format_range(struct partition_work *work, size_t number, struct sl_task *task)
{
    struct sl_position position = {.partition = (uint32_t)number};
    struct sl_sequence_item *item;
    uint64_t from = (uint64_t)number * TASK_ROWS;
    uint64_t count = work->dataset->partition[work->partition].count;
    uint64_t to = count - from < TASK_ROWS ? count : from + TASK_ROWS;
    if (task->stop && atomic_load_explicit(task->stop, memory_order_relaxed))
        return SL_ESTOP;
    int r = sl_sequence_open(&work->sequence, &position, &item, task->err);
    if (r < 0)
        return r;
    struct task_outlet outlet = {{task_push}, work->writer, task, &work->sequence, item};
    r = sl_dataset_push(work->dataset, work->partition, from, to, &outlet.outlet);
    return r < 0 ? r : sl_sequence_close(&work->sequence, item, task->err);
}

static int format_task(void *arg, size_t number, unsigned worker, struct sl_error *err)
{
    struct partition_work *work = arg;
    struct sl_task *task = &work->writer->stage->tasks[worker];
    struct sl_error *before = task->err;
    task->err = err; /* failures of this task belong to the pool's run */
    int r = format_range(work, number, task);
    if (r < 0)
        sl_sequence_give_up(&work->sequence);
    task->err = before;
    return r;
}

static int write_partition(struct sl_writer *writer, const struct sl_dataset *dataset, size_t partition,
                           struct sl_error *err)
{
    struct partition_work work = {.writer = writer, .dataset = dataset, .partition = partition};
    uint64_t tasks = (dataset->partition[partition].count + TASK_ROWS - 1) / TASK_ROWS;
    sl_sequence_init(&work.sequence, true, door_of(writer->settings), writer);
    int r = sl_pool_run(writer->stage->pool, (size_t)tasks, format_task, &work, err);
    if (r == 0)
        r = sl_sequence_finish(&work.sequence, err);
    sl_sequence_done(&work.sequence);
    return r < 0 ? r : end_part(writer, err);
}

int sl_writer_dataset(struct sl_writer *writer, const struct sl_dataset *dataset, struct sl_error *err)
{
    int r = 0;
    sl_assert(dataset->partitions == writer->settings->partitions);
    for (size_t p = 0; r == 0 && p < dataset->partitions; p++)
        r = write_partition(writer, dataset, p, err);
    return r;
}

/* ---- complete ---- */

/* Parts were added in increasing order: one walk finds those that got nothing. */
static int add_empty_parts(struct sl_writer *writer, struct sl_error *err)
{
    const struct sl_manifest *manifest = &writer->directory.manifest;
    size_t count = manifest->count, at = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < writer->settings->partitions; i++) {
        struct sl_manifest_file file;
        sl_part_name(&file, i, writer->settings->compression);
        if (at < count && strcmp(manifest->file[at].name, file.name) == 0) {
            at++;
            continue;
        }
        writer->index = i;
        if (writer->container)
            writer->settings->container->part(writer->container, i);
        r = open_part(writer, err);
        r = r < 0 ? r : end_part(writer, err);
    }
    return r;
}

int sl_writer_complete(struct sl_writer *writer, struct sl_error *err)
{
    int r = open_directory(writer, err);
    r = r < 0 ? r : add_empty_parts(writer, err);
    return r < 0 ? r : sl_directory_seal(&writer->directory, err);
}
