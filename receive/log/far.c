/* Splits of a log that another process reads: a row (text/row_codec.h) of the path of the segment's file, its first record and
 * its salt, which are those of its header, and the split: from, to, first record. */
#include "core/base/io.h"
#include "receive/log/log_internal.h"
#include "text/row_codec.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

enum { PATH, SEGMENT, SALT, FROM, TO, FIRST, FIELDS };

bool sl_received_split_describe(const struct sl_received_split *split, struct sl_buf *ret)
{
    const struct sl_received_segment *segment = split->segment;
    const char *dir = segment->log->dir;
    SL_CLEANUP(sl_buf_done) struct sl_buf path = {0};
    if (!dir || !sl_buf_printf(&path, "%s/%" PRIu64 ".log", dir, segment->first))
        return false;
    const struct sl_field fields[FIELDS] = {
        sl_string(path.bytes, path.len),
        sl_integer((int64_t)segment->first),
        sl_integer((int64_t)segment->salt),
        sl_integer(split->from),
        sl_integer(split->to),
        sl_integer((int64_t)split->first),
    };
    return sl_row_codec_append(ret, fields, FIELDS);
}

static bool is_split(const struct sl_field *fields, uint32_t width)
{
    bool ok = width == FIELDS && fields[PATH].tag == SL_STR;
    for (size_t i = SEGMENT; ok && i < FIELDS; i++)
        ok = fields[i].tag == SL_INT;
    return ok && fields[FROM].integer >= SL_RECEIVED_SEGMENT_HEADER &&
           fields[FROM].integer <= fields[TO].integer;
}

/* The file is that of the description, or what a batch has planned is gone. */
static int open_segment(struct sl_received_segment *segment, const char *path, struct sl_error *err)
{
    struct sl_io *io = segment->log->options.io;
    uint8_t header[SL_RECEIVED_SEGMENT_HEADER];
    uint64_t salt;
    segment->fd = sl_io_open(io, AT_FDCWD, path, O_RDONLY, 0, err);
    if (segment->fd < 0)
        return segment->fd;
    ssize_t got = sl_io_read_at(io, segment->fd, header, sizeof header, 0, path, err);
    if (got < 0)
        return (int)got;
    if (got < SL_RECEIVED_SEGMENT_HEADER || !sl_received_segment_header_read(header, segment->first, &salt) ||
        salt != segment->salt)
        return sl_error_set(err, SL_EDAMAGED, "%s is not the file of the received log that was planned",
                            path);
    return 0;
}

static int open_split(struct sl_received_log *log, const struct sl_field *fields,
                      struct sl_received_split *ret, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf path = {0};
    struct sl_received_split split = {.segment =
                                          sl_received_segment_new(log, (uint64_t)fields[SEGMENT].integer),
                                      .from = fields[FROM].integer,
                                      .to = fields[TO].integer,
                                      .first = (uint64_t)fields[FIRST].integer};
    sl_buf_append(&path, fields[PATH].str, fields[PATH].len);
    sl_buf_byte(&path, 0);
    if (!split.segment || path.failed) {
        sl_received_split_close(&split);
        return sl_error_nomem(err);
    }
    split.segment->salt = (uint64_t)fields[SALT].integer;
    int r = open_segment(split.segment, (const char *)path.bytes, err);
    if (r < 0)
        sl_received_split_close(&split);
    else
        *ret = split;
    return r;
}

int sl_received_split_open(struct sl_received_log *log, const void *bytes, size_t len,
                           struct sl_received_split *ret, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_done) struct sl_arena arena = {0};
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    uint32_t width;
    size_t at = 0;
    int r = sl_row_codec_borrow(bytes, len, &at, &arena, fields, &width);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (r < 0 || at != len || !is_split(fields, width))
        return sl_error_set(err, SL_EDAMAGED, "the range of a task is damaged");
    return open_split(log, fields, ret, err);
}

void sl_received_split_close(struct sl_received_split *split)
{
    sl_received_segment_free(split->segment);
    *split = (struct sl_received_split){0};
}
