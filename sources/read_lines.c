/* "lines": what textFileStream gives. A file that begins with UTF-16's byte order mark is decoded: the partition that
 * begins it has all of its lines. */
#include "core/base/log.h"
#include "sources/read_text.h"
#include "sources/stream.h"
#include "text/decompress.h"

#include <unistd.h>

/* The first bytes of a plain file; damage is found by those who read on. */
static enum sl_encoding find_encoding(const struct sl_file_part *part, struct sl_task *task)
{
    uint8_t bytes[2];
    struct sl_error err = {0};
    if (part->file->size < (int64_t)sizeof bytes || sl_name_is_compressed(part->file->path))
        return SL_ENCODING_UTF8;
    ssize_t got = sl_io_read_at(part->io, part->fd, bytes, sizeof bytes, 0, part->file->path, &err);
    return got == (ssize_t)sizeof bytes ? sl_encoding_of_mark(bytes, sizeof bytes) : SL_ENCODING_UTF8;
}

/* Once for a source. */
static void report_encoding(const struct sl_file_part *part, enum sl_encoding encoding)
{
    if (atomic_exchange(&part->source->encoding_reported, true))
        return;
    sl_log(part->source->services->log, SL_LOG_INFO,
           "%s begins with a byte order mark of %s and is decoded; so are others of its source that do",
           part->file->path, sl_encoding_names[encoding]);
}

static int read_lines(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                      uint64_t *ret_lines)
{
    enum sl_encoding encoding = find_encoding(part, task);
    struct sl_byte_stream *stream;
    if (encoding == SL_ENCODING_UTF8)
        return sl_part_lines(part, task, out, ret_lines);
    *ret_lines = 0;
    if (part->from > 0)
        return 0;
    report_encoding(part, encoding);
    int r = sl_text_stream_open(part, encoding, &stream, task->err);
    if (r < 0)
        return r;
    r = sl_text_read_lines(part, stream, task, out, ret_lines);
    stream->close(stream);
    return r;
}

const struct sl_reader sl_reader_lines = {
    .name = "lines",
    .summary = "a record per line; takes separator and encoding",
    .cuts = true,
    .read = read_lines,
    .check = sl_text_options_check,
};
