/* Lines of a file or stream as chunks.
 *
 * The buffer holds the beginning of a line that is not finished yet and, after it, the piece just read:
 *
 *     0 ....... at ........ searched ......... len ........ capacity
 *     done      line begins, no newline        looked at    room
 *               before searched                next
 *
 * fill() moves [at, len) to the front and reads after it, so no chunk may be open across a fill: its fields
 * are slices of the buffer. Newlines are searched in windows of 64 KiB; each window is a chunk, which keeps
 * what the operators make of it in the cache. */
#include "text/line_reader.h"

#include "text/newlines.h"

#include <stdlib.h>
#include <string.h>

enum {
    WINDOW_BYTES = 64 << 10,
    CARRY_BYTES = 16 << 10, /* room for the line that a piece cuts in two */
    BOM_BYTES = 3,
};

struct reader {
    const struct sl_lines *lines;
    struct sl_task *task;
    struct sl_outlet *out;
    struct sl_byte_stream *stream;
    sl_newlines_fn *newlines;
    uint8_t *buf;
    size_t at, searched, len, capacity;
    int64_t offset;  /* of buf[0] in the file */
    int64_t to;      /* lines that begin here belong to the next split */
    size_t line_max; /* bytes */
    uint64_t count;  /* lines that began so far */
    bool skips;      /* up to the next newline: the line of the split before, or one that is too long */
    bool finished;   /* a line of the next split was seen */
    bool ended;      /* the stream has no more */
    struct sl_chunk chunk;
    struct sl_field field[SL_CHUNK_ROWS];
    uint32_t number[SL_CHUNK_ROWS];
    uint32_t newline[SL_CHUNK_ROWS + SL_NEWLINES_SLACK];
};

static void *reader_free(struct reader *r)
{
    if (r)
        free(r->buf);
    free(r);
    return NULL;
}

static struct reader *reader_new(const struct sl_lines *lines, struct sl_byte_stream *stream,
                                 struct sl_task *task, struct sl_outlet *out)
{
    struct reader *r = malloc(sizeof *r);
    if (!r)
        return NULL;
    memset(r, 0, offsetof(struct reader, field)); /* the arrays need no clearing */
    r->lines = lines;
    r->task = task;
    r->out = out;
    r->stream = stream;
    r->newlines = sl_newlines_fastest();
    r->line_max = lines->record_bytes_max < INT32_MAX ? (size_t)lines->record_bytes_max : INT32_MAX;
    r->capacity = SL_READ_BYTES + CARRY_BYTES;
    r->buf = malloc(r->capacity);
    r->chunk.width = 1;
    r->chunk.column[0] = r->field;
    r->chunk.origin = lines->origin;
    r->chunk.line = lines->origin ? r->number : NULL;
    return r->buf ? r : reader_free(r);
}

static int push(struct reader *r)
{
    if (r->task->stop && *r->task->stop)
        return sl_error_set(r->task->err, SL_ESTOP, "stopped while reading %s", r->lines->path);
    if (!r->chunk.rows)
        return 0;
    sl_arena_reset(r->task->scratch);
    int result = sl_push(r->out, &r->chunk);
    r->chunk.rows = 0;
    return result;
}

static void add(struct reader *r, const uint8_t *line, size_t len)
{
    r->field[r->chunk.rows] = sl_string(line, len);
    r->number[r->chunk.rows++] = (uint32_t)r->count++;
}

/* The line is too long: its beginning is shown. Lines before it are pushed first. */
static int reject(struct reader *r, const uint8_t *line, size_t len)
{
    int result = push(r);
    if (result < 0)
        return result;
    size_t shown = len < r->line_max ? len : r->line_max;
    add(r, line, shown < SL_REJECTED_RECORD_BYTES_MAX ? shown : SL_REJECTED_RECORD_BYTES_MAX);
    (void)sl_task_explain(r->task, "line of more than %zu bytes (maxRecordBytes)",
                          r->line_max); /* gives SL_EREJECT */
    r->chunk.rows = 0;
    return sl_task_reject_cut(r->task, r->lines->node, &r->chunk, 0);
}

/* ---- filling ---- */

static bool make_room(struct reader *r)
{
    size_t left = r->len - r->at;
    if (r->at && left)
        memmove(r->buf, r->buf + r->at, left);
    r->offset += (int64_t)r->at;
    r->searched -= r->at;
    r->len = left;
    r->at = 0;
    if (r->capacity - r->len >= SL_READ_BYTES / 2)
        return true;
    uint8_t *bigger = realloc(r->buf, r->capacity * 2);
    if (!bigger)
        return false;
    r->buf = bigger;
    r->capacity *= 2;
    return true;
}

static int fill(struct reader *r)
{
    if (!make_room(r))
        return sl_error_nomem(r->task->err);
    size_t room = r->capacity - r->len;
    ssize_t got = r->stream->read(r->stream, r->buf + r->len, room < SL_READ_BYTES ? room : SL_READ_BYTES,
                                  r->task->err);
    if (got < 0)
        return (int)got;
    r->len += (size_t)got;
    r->ended = got == 0;
    return 0;
}

static int drop_bom(struct reader *r)
{
    while (r->len < BOM_BYTES && !r->ended) {
        int result = fill(r);
        if (result < 0)
            return result;
    }
    if (r->len < BOM_BYTES || memcmp(r->buf, "\xEF\xBB\xBF", BOM_BYTES) != 0)
        return 0;
    r->at = r->searched = BOM_BYTES;
    /* The first line begins at byte 0 all the same: it is ours even where the split ends within the mark. */
    if (r->to > 0 && r->to <= BOM_BYTES)
        r->to = BOM_BYTES + 1;
    return 0;
}

/* ---- cutting ---- */

/* The line at `at`, which ends before `newline`. */
static int take_line(struct reader *r, size_t newline)
{
    const uint8_t *line = r->buf + r->at;
    size_t len = newline - r->at;
    if (r->offset + (int64_t)r->at >= r->to) {
        r->finished = true;
        return 0;
    }
    r->at = newline + 1;
    if (len && line[len - 1] == '\r')
        len--;
    if (len > r->line_max)
        return reject(r, line, len);
    add(r, line, len);
    return 0;
}

/* One window: at most a chunk of lines. */
static int take_window(struct reader *r)
{
    size_t from = r->searched, left = r->len - from;
    uint32_t window = left < WINDOW_BYTES ? (uint32_t)left : WINDOW_BYTES;
    uint32_t count = r->newlines(r->buf + from, window, r->newline, SL_CHUNK_ROWS), i = 0;
    int result = 0;
    r->searched = count == SL_CHUNK_ROWS ? from + r->newline[count - 1] + 1 : from + window;
    if (r->skips && count) {
        r->at = from + r->newline[i++] + 1;
        r->skips = false;
    }
    for (; i < count && !r->finished && result == 0; i++)
        result = take_line(r, from + r->newline[i]);
    return result < 0 ? result : push(r);
}

/* What is left in the buffer has no newline: is it to be kept? A CR at its end might belong
 * to the newline. */
static int take_rest(struct reader *r)
{
    size_t len = r->len - r->at;
    int result = 0;
    if (!r->skips && len > r->line_max + 1) {
        result = r->offset + (int64_t)r->at < r->to ? reject(r, r->buf + r->at, len) : 0;
        r->skips = true;
    }
    if (r->skips)
        r->at = r->len;
    return result;
}

static int take_lines(struct reader *r)
{
    int result = 0;
    while (r->searched < r->len && !r->finished && result == 0)
        result = take_window(r);
    if (result == 0 && !r->finished)
        result = take_rest(r);
    if (r->offset + (int64_t)r->at >= r->to)
        r->finished = true;
    return result;
}

/* The last line of a file needs no newline; a CR there is data. */
static int take_last(struct reader *r)
{
    size_t len = r->len - r->at;
    if (r->skips || r->finished || !len)
        return 0;
    if (len > r->line_max)
        return reject(r, r->buf + r->at, len);
    add(r, r->buf + r->at, len);
    return push(r);
}

static int read_all(struct reader *r)
{
    int result = r->offset == 0 && !r->skips ? drop_bom(r) : 0;
    if (result == 0)
        result = take_lines(r);
    while (result == 0 && !r->finished && !r->ended) {
        result = fill(r);
        if (result == 0)
            result = take_lines(r);
    }
    return result == 0 ? take_last(r) : result;
}

int sl_line_reader_run(const struct sl_lines *lines, struct sl_byte_stream *stream, int64_t start, bool skips,
                       int64_t to, struct sl_task *task, struct sl_outlet *out, uint64_t *ret_lines)
{
    struct reader *r = reader_new(lines, stream, task, out);
    if (!r)
        return sl_error_nomem(task->err);
    r->offset = start;
    r->skips = skips;
    r->to = to;
    int result = read_all(r);
    if (result == 0)
        *ret_lines = r->count;
    reader_free(r);
    return result;
}
