#include "receive/leftover.h"

#include "receive/log/log.h"
#include "receive/log_dir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int ignore(void *arg, const struct sl_frame *frame, struct sl_error *err)
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

int sl_received_leftover(struct sl_io *io, const char *checkpoint, const char *name,
                         const struct sl_buf *reached, uint64_t *ret, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf dir = {0};
    struct sl_received_log *log;
    uint64_t to = 0;
    sl_received_dir(checkpoint, name, &dir);
    if (dir.failed)
        return sl_error_nomem(err);
    if (!read_end(reached, &to))
        to = 0;
    const struct sl_received_log_options options = {
        .io = io, .dir = (const char *)dir.bytes, .keep_ms = INT64_MAX, .positions = {ignore, nothing, NULL}};
    int fd = sl_io_open(io, AT_FDCWD, options.dir, O_RDONLY | O_DIRECTORY, 0, err);
    *ret = 0;
    if (fd < 0)
        return 0; /* there is none: it never received anything, or is no received source */
    sl_io_close(io, fd);
    int r = sl_received_log_open(&options, &log, err);
    if (r < 0)
        return r;
    r = sl_received_log_recover(log, to, err);
    if (r == 0)
        *ret = sl_received_log_end(log) - to;
    sl_received_log_close(log);
    return r;
}

int sl_received_drop_log(struct sl_io *io, const char *checkpoint, const char *name, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf dir = {0};
    sl_received_dir(checkpoint, name, &dir);
    if (dir.failed)
        return sl_error_nomem(err);
    return sl_io_remove_tree(io, AT_FDCWD, (const char *)dir.bytes, err);
}
