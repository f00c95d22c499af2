#include "receive/tail_file.h"

#include "core/base/limits.h"
#include "text/newlines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

/* ---- positions ---- */

void sl_tail_file_write(const struct sl_tail_file *file, struct sl_buf *buf)
{
    sl_buf_printf(buf, "%" PRIu64 " %" PRId64 " %" PRId64 " %d %016" PRIx64 " %zu ", file->inode,
                  file->born_ns, file->position, file->skips, file->before, strlen(file->path));
    sl_buf_text(buf, file->path);
    sl_buf_byte(buf, '\n');
}

bool sl_tail_file_read(const uint8_t *bytes, size_t len, size_t *at, struct sl_tail_file *ret)
{
    char head[160];
    size_t head_len = len - *at < sizeof head - 1 ? len - *at : sizeof head - 1, path_len;
    int skips, used = 0;
    struct sl_tail_file file = {.fd = -1, .limit = INT64_MAX, .mtime_ns = INT64_MIN};
    memcpy(head, bytes + *at, head_len);
    head[head_len] = 0;
    if (sscanf(head, "%" SCNu64 " %" SCNd64 " %" SCNd64 " %d %" SCNx64 " %zu%n", &file.inode, &file.born_ns,
               &file.position, &skips, &file.before, &path_len, &used) != 6 ||
        head[used] != ' ' || path_len > len - *at - (size_t)used - 1)
        return false;
    file.skips = skips;
    file.searched = file.position;
    file.path = strndup((const char *)bytes + *at + used + 1, path_len);
    *at += (size_t)used + 1 + path_len + 1;
    *ret = file;
    return file.path;
}

void sl_tail_file_done(struct sl_tail_file *file)
{
    free(file->path);
    file->path = NULL;
}

/* ---- reading ---- */

struct following {
    struct sl_tail_file *file;
    struct sl_received *received;
    struct sl_buf *buf;
    int64_t size; /* of the file, within its limit */
    size_t most;
    struct sl_error *err;
};

static int unreadable(const struct following *f, int sys)
{
    sl_error_sys(f->err, sys, "reading %s", f->file->path);
    f->err->code = SL_EREJECT;
    return SL_EREJECT;
}

static int look(struct following *f, int64_t *ret_mtime_ns)
{
    struct stat st;
    if (f->received->services->io->ops->fstat(f->received->services->io, f->file->fd, &st) < 0)
        return unreadable(f, errno);
    *ret_mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
    f->size = st.st_size < f->file->limit ? st.st_size : f->file->limit;
    return 0;
}

/* Up to `size` bytes from `from` into the buffer. */
static int load(struct following *f, int64_t from, size_t size)
{
    struct sl_error ignored;
    sl_buf_clear(f->buf);
    if (!sl_buf_reserve(f->buf, size + 2))
        return sl_error_nomem(f->err);
    ssize_t got = sl_io_read_at(f->received->services->io, f->file->fd, f->buf->bytes, size, (off_t)from,
                                f->file->path, &ignored);
    if (got < 0)
        return unreadable(f, ignored.sys);
    f->buf->len = (size_t)got;
    return 0;
}

static size_t length_before(int64_t position)
{
    return position < SL_TAIL_BEFORE ? (size_t)position : SL_TAIL_BEFORE;
}

static void begin_anew(struct following *f, const char *why)
{
    sl_log(f->received->services->log, SL_LOG_INFO, "%s: %s; it is read from its start", f->file->path, why);
    f->file->position = f->file->searched = 0;
    f->file->before = XXH3_64bits("", 0);
    f->file->skips = false;
}

/* Loads the bytes before the position and `more` after it. *ret_before: how many are before. A file that was cut
 * meanwhile is loaded from its start. */
static int load_checked(struct following *f, size_t more, size_t *ret_before)
{
    size_t before = length_before(f->file->position);
    int r = load(f, f->file->position - (int64_t)before, before + more);
    if (r < 0)
        return r;
    if (f->buf->len >= before && XXH3_64bits(f->buf->bytes, before) == f->file->before) {
        *ret_before = before;
        return 0;
    }
    begin_anew(f, "it was cut and written again");
    *ret_before = 0;
    return load(f, 0, more);
}

/* ---- appending ---- */

/* The frame of `count` records, after which the file is at `position`, whose last bytes are before `end`. */
static int append(struct following *f, enum sl_received_frame_kind kind, uint32_t count, const uint8_t *body,
                  size_t len, int64_t position, const uint8_t *end)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    struct sl_tail_file after = *f->file;
    size_t before = length_before(position);
    after.position = position;
    after.before = XXH3_64bits(end - before, before);
    sl_tail_file_write(&after, &text);
    if (text.failed)
        return sl_error_nomem(f->err);
    struct sl_received_frame frame = {.kind = kind,
                                      .count = count,
                                      .body = body,
                                      .body_len = (uint32_t)len,
                                      .position = text.bytes,
                                      .position_len = (uint32_t)text.len};
    int r = sl_received_append(f->received, &frame, f->err);
    if (r < 0)
        return r;
    f->file->position = after.position;
    f->file->before = after.before;
    f->file->searched = f->file->searched > after.position ? f->file->searched : after.position;
    f->file->grown_ns = sl_monotonic_ns();
    return 0;
}

/* bytes: whole lines, of which the file's position is the start. */
static int append_lines(struct following *f, const uint8_t *bytes, size_t len)
{
    static const uint8_t bom[3] = {0xEF, 0xBB, 0xBF};
    uint32_t count = (uint32_t)sl_newlines_count(bytes, len);
    int r = 0;
    while (count && r == 0) {
        uint32_t n = sl_received_allow(f->received, count);
        if (n == 0)
            return SL_ESTOP;
        size_t part = n == count ? len : sl_newlines_length(bytes, len, n);
        size_t skip = f->file->position == 0 && part >= sizeof bom && memcmp(bytes, bom, sizeof bom) == 0
                          ? sizeof bom
                          : 0;
        r = append(f, SL_RECEIVED_FRAME_LINES, n, bytes + skip, part - skip,
                   f->file->position + (int64_t)part, bytes + part);
        bytes += part;
        len -= part;
        count -= n;
    }
    return r;
}

/* A line that is longer than a record may be: its beginning is a dead letter, the rest is skipped. */
static int append_overlong(struct following *f, const uint8_t *bytes, size_t len)
{
    size_t shown = len < SL_REJECTED_RECORD_BYTES_MAX ? len : SL_REJECTED_RECORD_BYTES_MAX;
    if (sl_received_allow(f->received, 1) == 0)
        return SL_ESTOP;
    f->file->skips = true;
    int r =
        append(f, SL_RECEIVED_FRAME_OVERLONG, 1, bytes, shown, f->file->position + (int64_t)len, bytes + len);
    f->file->skips = r == 0;
    return r;
}

/* ---- what is new ---- */

/* While a line is being skipped: up to its newline. No record, but a position. */
static int skip_line(struct following *f, const uint8_t *bytes, size_t len)
{
    const uint8_t *newline = memchr(bytes, '\n', len);
    size_t skipped = newline ? (size_t)(newline + 1 - bytes) : len;
    bool was_skipping = f->file->skips;
    f->file->skips = !newline;
    int r = append(f, SL_RECEIVED_FRAME_LINES, 0, (const uint8_t *)"", 0,
                   f->file->position + (int64_t)skipped, bytes + skipped);
    if (r < 0)
        f->file->skips = was_skipping;
    f->file->is_done = f->file->is_done && skipped == len;
    return r;
}

/* A line that grows slowly is not read again and again: only what is new is searched for its end. 1: there is one. */
static int search_new(struct following *f)
{
    struct sl_tail_file *file = f->file;
    size_t left = (size_t)(f->size - file->searched);
    if (file->searched == file->position)
        return 1;
    int r = load(f, file->searched, left < f->most ? left : f->most);
    if (r < 0)
        return r;
    if (memchr(f->buf->bytes, '\n', f->buf->len) || f->buf->len == 0)
        return 1;
    file->searched += (int64_t)f->buf->len;
    return (uint64_t)(file->searched - file->position) > f->received->record_max + 1 ? 1 : 0;
}

static int take_new(struct following *f)
{
    struct sl_tail_file *file = f->file;
    size_t before, line = (size_t)(file->searched - file->position);
    int r = load_checked(f, line + f->most, &before);
    if (r < 0)
        return r;
    int64_t rest = f->size - file->position;
    size_t len = f->buf->len - before;
    len = rest < 0 ? 0 : (uint64_t)rest < len ? (size_t)rest : len; /* within the limit */
    const uint8_t *bytes = f->buf->bytes + before, *last = memrchr(bytes, '\n', len);
    file->is_done = file->position + (int64_t)len >= f->size;
    if (file->skips && len)
        return skip_line(f, bytes, len);
    if (last)
        return append_lines(f, bytes, (size_t)(last + 1 - bytes));
    if (len > f->received->record_max + 1)
        return append_overlong(f, bytes, len);
    file->searched = file->position + (int64_t)len;
    return 0;
}

int sl_tail_file_follow(struct sl_tail_file *file, struct sl_received *received, size_t most,
                        struct sl_buf *buf, struct sl_error *err)
{
    struct following f = {file, received, buf, 0, most, err};
    int64_t mtime_ns;
    int r = look(&f, &mtime_ns);
    if (r < 0)
        return r;
    if (f.size < file->position && file->limit > f.size)
        begin_anew(&f, "it was cut");
    bool is_unchanged = mtime_ns == file->mtime_ns && f.size == file->searched;
    file->is_done = is_unchanged || f.size == 0;
    if (file->is_done)
        return 0;
    file->mtime_ns = mtime_ns;
    if (f.size < file->searched)
        file->searched = file->position;
    r = search_new(&f);
    file->is_done = r == 0 && file->searched >= f.size;
    return r == 1 ? take_new(&f) : r;
}

int sl_tail_file_note(struct sl_tail_file *file, struct sl_received *received, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    sl_tail_file_write(file, &text);
    if (text.failed)
        return sl_error_nomem(err);
    struct sl_received_frame frame = {.kind = SL_RECEIVED_FRAME_LINES,
                                      .body = (const uint8_t *)"",
                                      .position = text.bytes,
                                      .position_len = (uint32_t)text.len};
    return sl_received_append(received, &frame, err);
}

int sl_tail_file_skip_to_end(struct sl_tail_file *file, struct sl_received *received, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    struct following f = {file, received, &buf, 0, SL_READ_BYTES, err};
    int64_t mtime_ns, to;
    int r = look(&f, &mtime_ns);
    for (to = f.size; r == 0 && to > 0;) {
        int64_t from = to > SL_READ_BYTES ? to - SL_READ_BYTES : 0;
        r = load(&f, from, (size_t)(to - from));
        const uint8_t *last = r == 0 ? memrchr(buf.bytes, '\n', buf.len) : NULL;
        if (last) {
            to = from + (last + 1 - buf.bytes);
            break;
        }
        to = from;
    }
    if (r < 0)
        return r;
    file->position = file->searched = to;
    size_t before = length_before(to);
    r = load(&f, to - (int64_t)before, before);
    file->before = XXH3_64bits(buf.bytes, r == 0 ? buf.len : 0);
    return r;
}
