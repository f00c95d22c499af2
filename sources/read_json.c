/* "json": files of JSON that is not one value a line. A file that is one array gives its items; any other gives each
 * document in it, one after the other, pretty-printed or not.
 *
 * The end of a document is found by its brackets, so that one that is wrong inside is a record error and the next one
 * is read. The buffer holds the document that is not complete yet and what was read after it; rows are slices of it, so
 * they are pushed before it moves. Whether a file is one array is known at its end: one that is larger than what is read
 * at first is read once more. */
#include "core/base/error.h"
#include "core/base/limits.h"
#include "sources/input_schema.h"
#include "sources/readers.h"
#include "sources/stream.h"
#include "text/json.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_BYTES = 16 << 20, /* read before a file is looked at twice */
    HELD_BYTES = 1 << 20,   /* of documents that were not pushed; what is made of them is larger */
};

/* A search for the end of a value; zero is its beginning. */
struct search {
    size_t depth;
    bool in_string, is_escaped;
};

struct documents {
    const struct sl_file_part *part;
    struct sl_task *task;
    struct sl_byte_stream *stream;
    uint8_t *buf;
    size_t at, len, capacity;
    bool ended; /* the stream has no more */
    struct sl_typed typed;
    uint32_t line; /* of `at`, from 0 */
    size_t record_max;
    size_t held; /* bytes of rows that were not pushed */
    struct sl_builder rows;
};

/* ---- where documents end ---- */

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Whether the string ends here. */
static bool ends_string(struct search *s, uint8_t byte)
{
    bool is_end = byte == '"' && !s->is_escaped;
    s->is_escaped = byte == '\\' && !s->is_escaped;
    s->in_string = !is_end;
    return is_end;
}

static size_t plain_length(const uint8_t *p, size_t len)
{
    size_t i = 0;
    while (i < len && p[i] != '"' && p[i] != '\\')
        i++;
    return i;
}

/* Where the value ends: its brackets are balanced there. `len`: it continues in what follows; then *ret_found is false. */
static size_t find_end(struct search *s, const uint8_t *p, size_t len, bool *ret_found)
{
    *ret_found = true;
    for (size_t i = 0; i < len; i++) {
        i += s->in_string && !s->is_escaped ? plain_length(p + i, len - i) : 0;
        if (i == len)
            break;
        uint8_t byte = p[i];
        if (s->in_string) {
            if (ends_string(s, byte) && s->depth == 0)
                return i + 1;
            continue;
        }
        bool closes = byte == '}' || byte == ']';
        if (s->depth == 0 && (is_space(byte) || byte == ',' || closes))
            return i;
        s->in_string = byte == '"';
        s->depth += byte == '{' || byte == '[';
        s->depth -= closes;
        if (closes && s->depth == 0)
            return i + 1;
    }
    *ret_found = false;
    return len;
}

static uint32_t count_lines(const uint8_t *from, const uint8_t *to)
{
    uint32_t count = 0;
    for (; (from = from < to ? memchr(from, '\n', (size_t)(to - from)) : NULL); from++)
        count++;
    return count;
}

/* ---- records ---- */

static int flush(struct documents *d)
{
    if (d->task->stop && atomic_load_explicit(d->task->stop, memory_order_relaxed))
        return sl_error_set(d->task->err, SL_ESTOP, "stopped while reading %s", d->part->file->path);
    int r = sl_builder_flush(&d->rows);
    d->held = 0;
    sl_arena_reset(d->task->scratch);
    return r;
}

/* The text at `at`, the whole document or its beginning; task->message says why. */
static int reject(struct documents *d, size_t len, bool is_whole)
{
    char message[SL_MESSAGE_MAX];
    memcpy(message, d->task->message, sizeof message);
    int r = flush(d);
    if (r < 0)
        return r;
    memcpy(d->task->message, message, sizeof message);
    struct sl_field raw = sl_string(d->buf + d->at, len < UINT32_MAX ? len : UINT32_MAX);
    unsigned node = d->part->source->source.node->number;
    struct sl_chunk chunk = {
        .rows = 1, .width = 1, .origin = d->part->origin, .line = &d->line, .column = {&raw}};
    return is_whole ? sl_task_reject(d->task, node, &chunk, 0) : sl_task_reject_cut(d->task, node, &chunk, 0);
}

static int reject_long(struct documents *d, size_t len, bool is_whole)
{
    (void)sl_task_explain(d->task, "json: document of more than %zu bytes (maxRecordBytes)",
                          d->record_max); /* gives SL_EREJECT */
    return reject(d, len, is_whole);
}

/* ---- the buffer ---- */

static void pass(struct documents *d, size_t len)
{
    d->line += count_lines(d->buf + d->at, d->buf + d->at + len);
    d->at += len;
}

static bool make_room(struct documents *d)
{
    size_t left = d->len - d->at;
    if (d->at && left)
        memmove(d->buf, d->buf + d->at, left);
    d->len = left;
    d->at = 0;
    if (d->capacity - d->len >= SL_READ_BYTES / 2)
        return true;
    size_t capacity = d->capacity ? 2 * d->capacity : SL_READ_BYTES;
    uint8_t *bigger = realloc(d->buf, capacity);
    if (!bigger)
        return false;
    d->buf = bigger;
    d->capacity = capacity;
    return true;
}

static int fill(struct documents *d)
{
    int r = flush(d);
    if (r < 0)
        return r;
    if (!make_room(d))
        return sl_error_nomem(d->task->err);
    ssize_t got = d->stream->read(d->stream, d->buf + d->len, d->capacity - d->len, d->task->err);
    if (got < 0)
        return (int)got;
    d->len += (size_t)got;
    d->ended = got == 0;
    return 0;
}

/* The next byte that is no space: 1; 0 at the end of the file. */
static int next(struct documents *d, uint8_t *ret)
{
    for (;;) {
        for (; d->at < d->len && is_space(d->buf[d->at]); d->at++)
            d->line += d->buf[d->at] == '\n';
        if (d->at < d->len || d->ended)
            break;
        int r = fill(d);
        if (r < 0)
            return r;
    }
    if (d->at == d->len)
        return 0;
    *ret = d->buf[d->at];
    return 1;
}

/* ---- documents ---- */

static int parse(struct documents *d, size_t len, struct sl_field *fields, uint32_t *ret_width)
{
    const char *message;
    size_t at;
    *ret_width = d->typed.columns ? d->typed.count : 1;
    int r = sl_json_parse(d->task->scratch, d->buf + d->at, len, &fields[0], &message, &at);
    if (r == SL_EREJECT)
        return sl_task_explain(d->task, "json: at byte %zu of the document: %s", at + 1, message);
    if (r == SL_ENOMEM)
        return sl_error_nomem(d->task->err);
    struct sl_field value = fields[0];
    return r < 0 || !d->typed.columns ? r : sl_typed_members(&d->typed, d->task, &value, fields);
}

static int add_document(struct documents *d, size_t len)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    if (len > d->record_max)
        return reject_long(d, len, true);
    int r = parse(d, len, fields, &width);
    if (r < 0)
        return r == SL_EREJECT ? reject(d, len, true) : r;
    d->held += len;
    return sl_builder_add(&d->rows, fields, width, d->line);
}

/* What was read of a document that is too long is set aside and passed, then what follows of it. */
static int pass_long(struct documents *d, struct search *search)
{
    bool found = false;
    int r = reject_long(d, d->len - d->at, false);
    pass(d, d->len - d->at);
    while (r == 0 && !found && !d->ended) {
        r = fill(d);
        if (r == 0)
            pass(d, find_end(search, d->buf + d->at, d->len - d->at, &found));
    }
    return r;
}

/* The document at `at`. *ret_none: nothing that could be one begins there. */
static int take_document(struct documents *d, bool *ret_none)
{
    struct search search = {0};
    size_t len = 0;
    bool found = false;
    int r = 0;
    for (;;) {
        len += find_end(&search, d->buf + d->at + len, d->len - d->at - len, &found);
        if (found || d->ended)
            break;
        if (len > d->record_max)
            return pass_long(d, &search);
        r = fill(d);
        if (r < 0)
            return r;
    }
    *ret_none = len == 0;
    if (*ret_none)
        return 0;
    r = add_document(d, len);
    pass(d, len);
    bool is_full = d->rows.chunk.rows == SL_CHUNK_ROWS || d->held >= HELD_BYTES;
    return r == 0 && is_full ? flush(d) : r;
}

/* The file is read to its end, where damage may be found. */
static int refuse_rest(struct documents *d, const char *what)
{
    (void)sl_task_explain(d->task, "json: %s", what); /* gives SL_EREJECT */
    int r = reject(d, d->len - d->at, d->ended);
    do {
        pass(d, d->len - d->at);
        r = r < 0 || d->ended ? r : fill(d);
    } while (r == 0 && d->at < d->len);
    return r;
}

/* The items of the array at `at`. */
static int take_items(struct documents *d)
{
    uint8_t byte = 0;
    d->at++;
    int r = next(d, &byte);
    if (r > 0 && byte == ']')
        return 0;
    while (r >= 0) {
        bool is_none = r == 0;
        r = is_none ? 0 : take_document(d, &is_none);
        if (r == 0 && is_none)
            return refuse_rest(d, "an item of the array is missing");
        r = r < 0 ? r : next(d, &byte);
        if (r > 0 && byte == ']')
            return 0;
        if (r == 0 || (r > 0 && byte != ','))
            return refuse_rest(d, "a comma or the end of the array is missing");
        d->at += r > 0;
        r = r < 0 ? r : next(d, &byte);
    }
    return r;
}

static int take_documents(struct documents *d)
{
    uint8_t byte;
    int r;
    while ((r = next(d, &byte)) > 0) {
        bool is_none = false;
        r = take_document(d, &is_none);
        if (r == 0 && is_none)
            return refuse_rest(d, "no value begins here");
        if (r < 0)
            return r;
    }
    return r;
}

/* ---- the file ---- */

/* Looks for the end of the array, then for anything but space after it. False where there is something. */
static bool may_be_one(struct search *search, bool *found, const uint8_t *p, size_t len)
{
    size_t at = *found ? 0 : find_end(search, p, len, found);
    while (at < len && is_space(p[at]))
        at++;
    return at == len;
}

/* Of a file of which the array begins in the buffer and that continues after it. */
static int read_on(const struct documents *d, struct sl_byte_stream *stream, uint8_t *piece, bool *ret)
{
    struct search search = {0};
    bool found = false, began = false;
    ssize_t got;
    *ret = true;
    while (*ret && (got = stream->read(stream, piece, SL_READ_BYTES, d->task->err)) != 0) {
        if (got < 0)
            return (int)got;
        if (d->task->stop && atomic_load_explicit(d->task->stop, memory_order_relaxed))
            return sl_error_set(d->task->err, SL_ESTOP, "stopped while reading %s", d->part->file->path);
        const uint8_t *from = began ? piece : memchr(piece, '[', (size_t)got);
        began = from;
        *ret = !from || may_be_one(&search, &found, from, (size_t)got - (size_t)(from - piece));
    }
    return 0;
}

static int look_twice(const struct documents *d, bool *ret)
{
    struct sl_byte_stream *stream;
    int r = sl_part_stream_open(d->part, &stream, d->task->err);
    if (r < 0)
        return r;
    uint8_t *piece = malloc(SL_READ_BYTES);
    r = piece ? read_on(d, stream, piece, ret) : sl_error_nomem(d->task->err);
    free(piece);
    stream->close(stream);
    return r;
}

/* Whether nothing but space follows the first document, an array. */
static int is_one_array(const struct documents *d, bool *ret)
{
    struct search search = {0};
    bool found = false;
    *ret =
        d->at < d->len && d->buf[d->at] == '[' && may_be_one(&search, &found, d->buf + d->at, d->len - d->at);
    return *ret && !d->ended ? look_twice(d, ret) : 0;
}

static int take_all(struct documents *d)
{
    uint8_t byte;
    bool is_array;
    int r = 0;
    while (r == 0 && !d->ended && d->len < FIRST_BYTES)
        r = fill(d);
    if (r < 0)
        return r;
    if (d->len >= 3 && memcmp(d->buf, "\xEF\xBB\xBF", 3) == 0)
        d->at = 3;
    r = next(d, &byte);
    r = r < 0 ? r : is_one_array(d, &is_array);
    if (r == 0)
        r = is_array ? take_items(d) : take_documents(d);
    return r < 0 ? r : flush(d);
}

static int read_json(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                     uint64_t *ret_lines)
{
    uint64_t record_max = part->source->services->record_bytes_max;
    struct documents d = {
        .part = part, .task = task, .record_max = record_max < INT32_MAX ? (size_t)record_max : INT32_MAX};
    int r = sl_part_stream_open(part, &d.stream, task->err);
    if (r < 0)
        return r;
    sl_input_schema_typed(part->source->source.node, "json", &d.typed);
    sl_builder_init(&d.rows, out);
    d.rows.chunk.origin = part->origin;
    d.rows.chunk.line = d.rows.line;
    r = take_all(&d);
    *ret_lines = d.line;
    sl_builder_done(&d.rows);
    sl_part_stream_close(part, d.stream);
    free(d.buf);
    return r;
}

const struct sl_reader sl_reader_json = {
    .name = "json",
    .takes_schema = true,
    .summary = "a record per item where a file is one array, else per document in it; an object is a map",
    .read = read_json,
};
