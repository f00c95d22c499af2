/* "json": files of JSON that is not one value a line. A file that is one array gives its items; any other gives each
 * document in it, one after the other, pretty-printed or not.
 *
 * The file is in memory as a whole. The end of a document is found by its brackets, so that one that is wrong inside
 * is a record error and the next one is read. */
#include "core/base/error.h"
#include "core/base/limits.h"
#include "sources/input_schema.h"
#include "sources/readers.h"
#include "sources/stream.h"
#include "text/json.h"

#include <stdlib.h>
#include <string.h>

struct documents {
    const struct sl_file_part *part;
    struct sl_task *task;
    const uint8_t *at, *end;
    struct sl_typed typed;
    uint32_t line; /* of `at`, from 0 */
    size_t record_max;
    struct sl_builder rows;
};

/* ---- where documents end ---- */

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static void skip_space(struct documents *d)
{
    for (; d->at < d->end && is_space(*d->at); d->at++)
        d->line += *d->at == '\n';
}

/* Behind the closing quote of the string that begins at `at`, or the end. */
static const uint8_t *string_end(const uint8_t *at, const uint8_t *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\';
    return at < end ? at + 1 : end;
}

/* Behind the value that begins at `at`: its brackets are balanced there, or the file ends. */
static const uint8_t *value_end(const uint8_t *at, const uint8_t *end)
{
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = string_end(at, end);
        } else if (depth == 0 && (is_space(*at) || *at == ',' || *at == ']' || *at == '}')) {
            return at;
        } else {
            depth += *at == '{' || *at == '[';
            depth -= depth && (*at == '}' || *at == ']');
            at++;
        }
        if (depth == 0 && (at[-1] == '"' || at[-1] == '}' || at[-1] == ']'))
            return at;
    }
    return end;
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
    sl_arena_reset(d->task->scratch);
    return r;
}

static int reject(struct documents *d, const uint8_t *text, size_t len)
{
    char message[SL_MESSAGE_MAX];
    memcpy(message, d->task->message, sizeof message);
    int r = flush(d);
    if (r < 0)
        return r;
    memcpy(d->task->message, message, sizeof message);
    struct sl_field raw = sl_string(text, len < UINT32_MAX ? len : UINT32_MAX);
    struct sl_chunk chunk = {
        .rows = 1, .width = 1, .origin = d->part->origin, .line = &d->line, .column = {&raw}};
    return sl_task_reject(d->task, d->part->source->source.node->number, &chunk, 0);
}

static int parse(struct documents *d, const uint8_t *text, size_t len, struct sl_field *fields,
                 uint32_t *ret_width)
{
    const char *message;
    size_t at;
    *ret_width = d->typed.columns ? d->typed.count : 1;
    if (len > d->record_max)
        return sl_task_explain(d->task, "json: document of more than %zu bytes (maxRecordBytes)",
                               d->record_max);
    int r = sl_json_parse(d->task->scratch, text, len, &fields[0], &message, &at);
    if (r == SL_EREJECT)
        return sl_task_explain(d->task, "json: at byte %zu of the document: %s", at + 1, message);
    struct sl_field value = fields[0];
    return r < 0 || !d->typed.columns ? r : sl_typed_members(&d->typed, d->task, &value, fields);
}

static int take_document(struct documents *d, const uint8_t *end)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    size_t len = (size_t)(end - d->at);
    int r = parse(d, d->at, len, fields, &width);
    r = r == SL_EREJECT ? reject(d, d->at, len)
        : r < 0         ? r
                        : sl_builder_add(&d->rows, fields, width, d->line);
    d->line += count_lines(d->at, end);
    d->at = end;
    return r == 0 && d->rows.chunk.rows == SL_CHUNK_ROWS ? flush(d) : r;
}

/* Whether nothing but space follows the first document, an array. */
static bool is_one_array(const struct documents *d)
{
    if (d->at == d->end || *d->at != '[')
        return false;
    const uint8_t *end = value_end(d->at, d->end);
    while (end < d->end && is_space(*end))
        end++;
    return end == d->end;
}

static int refuse_rest(struct documents *d, const char *what)
{
    (void)sl_task_explain(d->task, "json: %s", what); /* gives SL_EREJECT */
    int r = reject(d, d->at, (size_t)(d->end - d->at));
    d->at = d->end;
    return r;
}

/* The items of the array at `at`. */
static int take_items(struct documents *d)
{
    int r = 0;
    d->at++;
    skip_space(d);
    if (d->at < d->end && *d->at == ']')
        return 0;
    while (r == 0) {
        const uint8_t *end = value_end(d->at, d->end);
        if (end == d->at)
            return refuse_rest(d, "an item of the array is missing");
        r = take_document(d, end);
        skip_space(d);
        if (d->at < d->end && *d->at == ']')
            return r;
        if (r == 0 && (d->at == d->end || *d->at != ','))
            return refuse_rest(d, "a comma or the end of the array is missing");
        d->at += r == 0;
        skip_space(d);
    }
    return r;
}

static int take_documents(struct documents *d)
{
    int r = 0;
    for (skip_space(d); r == 0 && d->at < d->end; skip_space(d)) {
        const uint8_t *end = value_end(d->at, d->end);
        r = end == d->at ? refuse_rest(d, "no value begins here") : take_document(d, end);
    }
    return r;
}

static int take_all(struct documents *d)
{
    if (d->end - d->at >= 3 && memcmp(d->at, "\xEF\xBB\xBF", 3) == 0)
        d->at += 3;
    skip_space(d);
    int r = is_one_array(d) ? take_items(d) : take_documents(d);
    return r < 0 ? r : flush(d);
}

/* ---- the file ---- */

static int read_bytes(struct sl_byte_stream *stream, uint8_t **ret, size_t *ret_len, struct sl_error *err)
{
    size_t capacity = 0, len = 0;
    uint8_t *bytes = NULL;
    ssize_t got = 1;
    while (got > 0) {
        if (len == capacity) {
            capacity = capacity ? 2 * capacity : SL_READ_BYTES;
            uint8_t *bigger = realloc(bytes, capacity);
            if (!bigger) {
                free(bytes);
                return sl_error_nomem(err);
            }
            bytes = bigger;
        }
        got = stream->read(stream, bytes + len, capacity - len, err);
        len += got > 0 ? (size_t)got : 0;
    }
    *ret = bytes;
    *ret_len = len;
    if (got < 0)
        free(bytes);
    return got < 0 ? (int)got : 0;
}

static int read_json(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                     uint64_t *ret_lines)
{
    uint64_t record_max = part->source->services->record_bytes_max;
    struct documents d = {
        .part = part, .task = task, .record_max = record_max < INT32_MAX ? (size_t)record_max : INT32_MAX};
    struct sl_byte_stream *stream;
    uint8_t *bytes;
    size_t len;
    int r = sl_part_stream_open(part, &stream, task->err);
    if (r < 0)
        return r;
    r = read_bytes(stream, &bytes, &len, task->err);
    sl_part_stream_close(part, stream);
    if (r < 0)
        return r;
    d.at = bytes;
    d.end = bytes + len;
    sl_input_schema_typed(part->source->source.node, "json", &d.typed);
    sl_builder_init(&d.rows, out);
    d.rows.chunk.origin = part->origin;
    d.rows.chunk.line = d.rows.line;
    r = take_all(&d);
    *ret_lines = d.line;
    sl_builder_done(&d.rows);
    free(bytes);
    return r;
}

const struct sl_reader sl_reader_json = {
    .name = "json",
    .takes_schema = true,
    .summary = "a record per item where a file is one array, else per document in it; an object is a map",
    .read = read_json,
};
