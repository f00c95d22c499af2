/* Lines of a file, as chunks (docs/manual.md, "Sources"): no newline, one \r before it dropped, a lone CR is
 * data, a BOM at the start of the file dropped, a last line without newline counts, an empty file has no
 * lines.
 *
 * A split [from, to) owns the lines that begin in it, wherever they end. The reader reads pieces of
 * SL_READ_BYTES into a buffer that stays in the second-level cache, cuts lines with vector compares where the
 * CPU has them, and pushes chunks whose fields are slices of the buffer. It resets task->scratch before every
 * push. Bytes from `size` on (the size when the file was taken) are not read.
 *
 * A line of more than record_bytes_max bytes is a record error (the record shown is its beginning), not a
 * failure. A file that got shorter than `size` is SL_EFAIL: "in/a.log: shrank from ... to ... bytes while it
 * was read". */
#pragma once

#include "core/base/io.h"
#include "core/contract/task.h"

struct sl_lines {
    struct sl_io *io;
    int fd;           /* of the plain file; owned by the caller */
    const char *path; /* for messages */
    int64_t from, to; /* the split, in bytes of the file */
    int64_t size;     /* of the whole file as taken */
    uint64_t record_bytes_max;
    unsigned node; /* of the source, for record errors */
    const struct sl_origin *origin;
};

/* Pushes one-field rows. *ret_lines: lines that began in the split. */
int sl_lines_read(const struct sl_lines *lines, struct sl_task *task, struct sl_outlet *out,
                  uint64_t *ret_lines);

/* The same from a stream of bytes (compressed files): read() gives up to size bytes, 0 at the end, or a
 * negative sl_err with task->err set. */
struct sl_byte_stream {
    ssize_t (*read)(struct sl_byte_stream *stream, void *buf, size_t size, struct sl_error *err);
    void (*close)(struct sl_byte_stream *stream);
};
int sl_lines_read_stream(const struct sl_lines *lines, struct sl_byte_stream *stream, struct sl_task *task,
                         struct sl_outlet *out, uint64_t *ret_lines);
