/* textFileStream(dir [, options]): a record per line. */
#include "sources/files.h"
#include "text/decompress.h"

#include <stdlib.h>

static int read_compressed(const struct sl_lines *lines, struct sl_task *task, struct sl_outlet *out,
                           uint64_t *ret_lines)
{
    struct sl_byte_stream *stream;
    int r = sl_decompress_open(lines->io, lines->fd, lines->path, lines->size, &stream, task->err);
    if (r < 0)
        return r;
    r = sl_lines_read_stream(lines, stream, task, out, ret_lines);
    stream->close(stream);
    return r;
}

static int read_lines(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                      uint64_t *ret_lines)
{
    struct sl_lines lines = {
        .io = part->source->services->io,
        .fd = part->fd,
        .path = part->file->path,
        .from = part->from,
        .to = part->to,
        .size = part->file->size,
        .record_bytes_max = part->source->services->record_bytes_max,
        .node = part->source->source.node->number,
        .origin = part->origin,
    };
    if (sl_name_is_compressed(part->file->path))
        return read_compressed(&lines, task, out, ret_lines);
    return sl_lines_read(&lines, task, out, ret_lines);
}

static const struct sl_source_ops text_file_ops;

static int open_text_files(const struct sl_node *node, const struct sl_services *services,
                           struct sl_source **ret, struct sl_error *err)
{
    int r = sl_file_source_open(node, services, read_lines, true, ret, err);
    if (r == 0)
        (*ret)->ops = &text_file_ops;
    return r;
}

static const struct sl_source_ops text_file_ops = {
    .open = open_text_files,
    .close = sl_file_source_close,
    .take = sl_file_source_take,
    .resume = sl_file_source_resume,
    .pending = sl_file_source_pending,
    .refresh = sl_file_source_refresh,
    .partitions = sl_file_source_partitions,
    .read = sl_file_source_read,
    .remember = sl_file_source_remember,
    .gone = sl_file_source_gone,
    .failures = sl_file_source_failures,
};

static const struct sl_param params[] = {
    {"directory", SL_WANT_STRING, false, "the watched directory, relative to the job"},
    {0},
};

static const struct sl_param options[] = {SL_FILE_OPTIONS, {0}};

const struct sl_op sl_op_text_file_stream = {
    .name = "textFileStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "A record per line of the files that arrive in a directory",
    .example = "ssc:textFileStream(\"in\")",
    .params = params,
    .options = options,
    .source = &text_file_ops,
};
