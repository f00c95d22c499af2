/* Object files (text/object_file.h): a record is a row as saveAsObjectFiles wrote it. */
#include "core/base/error.h"
#include "sources/readers.h"
#include "sources/row_files.h"
#include "sources/stream.h"
#include "text/object_file.h"

static int read_row(struct sl_object_reader *reader, struct sl_row_files *files, size_t *at)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    size_t from = *at, end = from;
    uint64_t most = sl_row_files_bytes_max(files->part);
    int r = sl_row_files_next(files);
    if (r == 0 && reader->rows.len - from > most) /* else no row can be too long */
        r = sl_object_skip_row(reader, &end, files->task->err);
    if (r == 0 && end - from > most) {
        *at = end;
        return sl_row_files_too_long(files);
    }
    r = r < 0 ? r : sl_object_read_row(reader, at, files->task->scratch, fields, &width, files->task->err);
    return r < 0 ? r : sl_row_files_add(files, fields, width, *at - from);
}

/* Its rows point into the block: they are pushed before the next one. */
static int read_block(struct sl_object_reader *reader, struct sl_row_files *files)
{
    size_t at = 0;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < reader->count; i++)
        r = read_row(reader, files, &at);
    if (r == 0 && at != reader->rows.len)
        r = sl_error_set(files->task->err, SL_EFAIL, "%s: damaged: a block has more bytes than rows",
                         reader->path);
    return r < 0 ? r : sl_row_files_flush(files);
}

static int read_blocks(const struct sl_file_part *part, struct sl_byte_stream *stream,
                       struct sl_row_files *files)
{
    struct sl_object_reader reader;
    struct sl_error *err = files->task->err;
    int r = sl_object_read_open(&reader, stream, part->file->path, err);
    while (r >= 0 && (r = sl_object_read_block(&reader, err)) > 0)
        r = read_block(&reader, files);
    sl_object_reader_done(&reader);
    return r;
}

static int read_object(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                       uint64_t *ret_lines)
{
    struct sl_byte_stream *stream;
    struct sl_row_files files;
    int r = sl_part_stream_open(part, &stream, task->err);
    if (r < 0)
        return r;
    sl_row_files_init(&files, part, task, out);
    r = read_blocks(part, stream, &files);
    *ret_lines = files.line;
    sl_row_files_done(&files);
    sl_part_stream_close(part, stream);
    return r;
}

const struct sl_reader sl_reader_object = {
    .name = "object",
    .summary = "a record per row, with the types it was written with",
    .read = read_object,
};
