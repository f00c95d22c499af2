/* Plain files and streams, handed to the line reader. */
#include "text/lines.h"

#include "core/base/limits.h"
#include "text/line_reader.h"

enum {
    BEHIND_BYTES = 4 << 10, /* read after the split at once, for the end of its last line */
    PIECE_BYTES = 64 << 10, /* and then, while that line goes on */
};

int sl_lines_read_stream(const struct sl_lines *lines, struct sl_byte_stream *stream, struct sl_task *task,
                         struct sl_outlet *out, uint64_t *ret_lines)
{
    return sl_line_reader_run(lines, stream, 0, false, INT64_MAX, task, out, ret_lines);
}

/* A plain file, read from `at`. */
struct file_stream {
    struct sl_byte_stream stream;
    const struct sl_lines *lines;
    int64_t at;
};

/* The next piece: within the file as it was taken. */
static size_t wanted(const struct file_stream *f, size_t size)
{
    int64_t left = f->lines->size - f->at, to_end = f->lines->to - f->at;
    int64_t want = to_end > 0 ? to_end + BEHIND_BYTES : PIECE_BYTES;
    if (want > left)
        want = left > 0 ? left : 0;
    return (uint64_t)want < size ? (size_t)want : size;
}

static ssize_t file_read(struct sl_byte_stream *stream, void *buf, size_t size, struct sl_error *err)
{
    struct file_stream *f = (struct file_stream *)stream;
    const struct sl_lines *lines = f->lines;
    size_t want = wanted(f, size);
    if (!want)
        return 0;
    ssize_t got = sl_io_read_at(lines->io, lines->fd, buf, want, f->at, lines->path, err);
    if (got < 0)
        return got;
    f->at += got;
    if ((size_t)got < want)
        return sl_error_set(err, SL_EFAIL, "%s: shrank from %lld to %lld bytes while it was read",
                            lines->path, (long long)lines->size, (long long)f->at);
    return got;
}

int sl_lines_read(const struct sl_lines *lines, struct sl_task *task, struct sl_outlet *out,
                  uint64_t *ret_lines)
{
    sl_assert(lines->from >= 0 && lines->from <= lines->to);
    /* A line begins after a newline: the byte before `from` says whether one begins there. */
    int64_t start = lines->from ? lines->from - 1 : 0;
    struct file_stream file = {.stream = {.read = file_read}, .lines = lines, .at = start};
    return sl_line_reader_run(lines, &file.stream, start, lines->from > 0, lines->to, task, out, ret_lines);
}
