#include "sources/row_files.h"

#include "core/base/error.h"

/* A chunk of records of megabytes would be gigabytes. */
enum { HELD_BYTES = 1 << 20 };

void sl_row_files_init(struct sl_row_files *files, const struct sl_file_part *part, struct sl_task *task,
                       struct sl_outlet *out)
{
    files->part = part;
    files->task = task;
    files->line = 0;
    files->held = 0;
    sl_builder_init(&files->rows, out);
    files->rows.chunk.origin = part->origin;
    files->rows.chunk.line = files->rows.line;
}

void sl_row_files_done(struct sl_row_files *files)
{
    sl_builder_done(&files->rows);
}

int sl_row_files_flush(struct sl_row_files *files)
{
    struct sl_task *task = files->task;
    if (task->stop && atomic_load_explicit(task->stop, memory_order_relaxed))
        return sl_error_set(task->err, SL_ESTOP, "stopped while reading %s", files->part->file->path);
    int r = sl_builder_flush(&files->rows);
    files->held = 0;
    sl_arena_reset(task->scratch);
    return r;
}

int sl_row_files_next(struct sl_row_files *files)
{
    bool is_full = files->rows.chunk.rows == SL_CHUNK_ROWS || files->held >= HELD_BYTES;
    return is_full ? sl_row_files_flush(files) : 0;
}

int sl_row_files_add(struct sl_row_files *files, const struct sl_field *fields, uint32_t width,
                     uint64_t bytes)
{
    files->held += bytes;
    return sl_builder_add(&files->rows, fields, width, files->line++);
}

uint64_t sl_row_files_bytes_max(const struct sl_file_part *part)
{
    uint64_t most = part->source->services->record_bytes_max;
    return most < INT32_MAX ? most : INT32_MAX;
}

int sl_row_files_too_long(struct sl_row_files *files)
{
    const struct sl_field shown = sl_nil();
    uint32_t line = files->line++;
    struct sl_chunk chunk = {
        .rows = 1, .width = 1, .origin = files->part->origin, .line = &line, .column = {&shown}};
    int r = sl_builder_flush(&files->rows); /* dead letters are in the order of the rows */
    (void)sl_task_explain(files->task, "record of more than %llu bytes (maxRecordBytes)",
                          (unsigned long long)sl_row_files_bytes_max(files->part)); /* gives SL_EREJECT */
    return r < 0 ? r : sl_task_reject(files->task, files->part->source->source.node->number, &chunk, 0);
}
