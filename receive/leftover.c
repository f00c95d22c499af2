#include "receive/leftover.h"

#include "receive/log/log.h"
#include "receive/log_dir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int ignore(void *arg, const struct sl_received_frame *frame, struct sl_error *err)
{
    return 0;
}

static bool nothing(void *arg, struct sl_buf *ret)
{
    return true;
}

/* False: it is no range of a received log. */
static bool read_end(const struct sl_buf *range, uint64_t *ret)
{
    char text[64] = "";
    uint64_t from;
    if (range->len && range->len < sizeof text)
        memcpy(text, range->bytes, range->len);
    return sscanf(text, "{\"from\":%" SCNu64 ",\"to\":%" SCNu64 "}", &from, ret) == 2;
}

bool sl_received_is_further(const struct sl_buf *range, const struct sl_buf *than)
{
    uint64_t end, other = 0;
    return read_end(range, &end) && (!than->len || (read_end(than, &other) && end > other));
}

bool sl_received_has_log(struct sl_io *io, const char *checkpoint, const char *name)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf dir = {0};
    struct statx st;
    sl_received_dir(checkpoint, name, &dir);
    return !dir.failed &&
           io->ops->statx(io, AT_FDCWD, (const char *)dir.bytes, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0;
}

/* Reads the log. *ret: records that no batch has used; 0 where there is none: it never received anything, or is no received source. */
static int read_log(struct sl_io *io, const char *checkpoint, const char *name, const struct sl_buf *reached,
                    const struct sl_received_positions *positions, uint64_t *ret, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf dir = {0};
    struct sl_received_log *log;
    uint64_t to = 0;
    *ret = 0;
    if (!sl_received_has_log(io, checkpoint, name))
        return 0;
    sl_received_dir(checkpoint, name, &dir);
    if (dir.failed)
        return sl_error_nomem(err);
    if (!read_end(reached, &to))
        to = 0;
    const struct sl_received_log_options options = {
        .io = io, .dir = (const char *)dir.bytes, .keep_ms = INT64_MAX, .positions = *positions};
    int r = sl_received_log_open(&options, &log, err);
    if (r < 0)
        return r;
    r = sl_received_log_recover(log, to, err);
    if (r == 0)
        *ret = sl_received_log_end(log) - to;
    sl_received_log_close(log);
    return r;
}

int sl_received_leftover(struct sl_io *io, const char *checkpoint, const char *name,
                         const struct sl_buf *reached, uint64_t *ret, struct sl_error *err)
{
    static const struct sl_received_positions none = {.restore = ignore, .snapshot = nothing};
    return read_log(io, checkpoint, name, reached, &none, ret, err);
}

struct positions {
    const char *writer;
    bool is_foreign; /* the newest are another operator's */
    int (*visit)(void *arg, const struct sl_received_frame *frame, struct sl_error *err);
    void *arg;
};

static int visit_own(void *arg, const struct sl_received_frame *frame, struct sl_error *err)
{
    struct positions *positions = arg;
    if (frame->kind == SL_RECEIVED_FRAME_POSITIONS)
        positions->is_foreign = sl_received_frame_is_by_other(frame, positions->writer);
    return positions->is_foreign ? 0 : positions->visit(positions->arg, frame, err);
}

int sl_received_left_positions(struct sl_io *io, const char *checkpoint, const char *name, const char *writer,
                               const struct sl_buf *reached,
                               int (*visit)(void *arg, const struct sl_received_frame *frame,
                                            struct sl_error *err),
                               void *arg, struct sl_error *err)
{
    struct positions positions = {writer, false, visit, arg};
    const struct sl_received_positions own = {.restore = visit_own, .snapshot = nothing, .arg = &positions};
    uint64_t ignored;
    return read_log(io, checkpoint, name, reached, &own, &ignored, err);
}

static int note_position(void *arg, const struct sl_received_frame *frame, struct sl_error *err)
{
    bool *is_there = arg;
    *is_there |= frame->kind == SL_RECEIVED_FRAME_POSITIONS ? frame->body_len > 0 : frame->position_len > 0;
    return 0;
}

int sl_received_left_position(struct sl_io *io, const char *checkpoint, const char *name, const char *writer,
                              const struct sl_buf *reached, bool *ret, struct sl_error *err)
{
    *ret = false;
    return sl_received_left_positions(io, checkpoint, name, writer, reached, note_position, ret, err);
}

int sl_received_drop_log(struct sl_io *io, const char *checkpoint, const char *name, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf dir = {0};
    sl_received_dir(checkpoint, name, &dir);
    if (dir.failed)
        return sl_error_nomem(err);
    return sl_io_remove_tree(io, AT_FDCWD, (const char *)dir.bytes, err);
}
