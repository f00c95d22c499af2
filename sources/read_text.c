/* "lines" with the options separator and encoding: a file is one partition, read as a stream.
 *
 * The buffer holds the record that is not complete yet and what was read after it; rows are slices of it, so they are
 * pushed before it moves. */
#include "sources/read_text.h"

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "sources/stream.h"
#include "text/decompress.h"

#include <stdlib.h>
#include <string.h>

enum { SEPARATOR_MAX = 64 };

bool sl_text_options_given(const struct sl_node *node)
{
    return sl_node_option_value(node, "separator").tag == SL_STR ||
           sl_node_option_value(node, "encoding").tag == SL_STR;
}

int sl_text_options_check(const struct sl_node *node, struct sl_error *err)
{
    struct sl_field separator = sl_node_option_value(node, "separator"),
                    encoding = sl_node_option_value(node, "encoding");
    if (separator.tag == SL_STR && (!separator.len || separator.len > SEPARATOR_MAX))
        return sl_error_set(err, SL_EUSAGE, "%s: separator must have 1 to %d bytes", node->op->name,
                            SEPARATOR_MAX);
    if (encoding.tag != SL_STR || sl_encoding_find(encoding.str, encoding.len) != SL_ENCODINGS)
        return 0;
    sl_error_set(err, SL_EUSAGE, "%s: encoding must be \"utf-8\", \"utf-16le\", \"utf-16be\" or \"latin1\"",
                 node->op->name);
    return sl_error_got(err, &encoding);
}

int sl_text_stream_open(const struct sl_file_part *part, enum sl_encoding encoding,
                        struct sl_byte_stream **ret, struct sl_error *err)
{
    struct sl_byte_stream *stream;
    int r = sl_part_stream_open(part, &stream, err);
    return r < 0 ? r : sl_recode_open(stream, encoding, ret, err);
}

void sl_text_stream_close(const struct sl_file_part *part, enum sl_encoding encoding,
                          struct sl_byte_stream *stream)
{
    bool is_recoded = encoding != SL_ENCODING_UTF8;
    uint64_t replaced = is_recoded ? sl_recode_replaced(stream) : 0;
    if (replaced)
        sl_log(part->source->services->log, SL_LOG_WARNING,
               "%s: %llu of its characters are none of %s: they were replaced by U+FFFD", part->file->path,
               (unsigned long long)replaced, sl_encoding_names[encoding]);
    sl_part_stream_warn(part, is_recoded ? sl_recode_source(stream) : stream);
    stream->close(stream);
}

enum sl_encoding sl_text_encoding_of(const struct sl_file_part *part, const uint8_t *head, size_t len)
{
    enum sl_encoding encoding = sl_encoding_of_mark(head, len);
    if (encoding != SL_ENCODING_UTF8 && !atomic_exchange(&part->source->encoding_reported, true))
        sl_log(part->source->services->log, SL_LOG_INFO,
               "%s begins with a byte order mark of %s and is decoded; so are others of its source that do",
               part->file->path, sl_encoding_names[encoding]);
    return encoding;
}

/* ---- records by a separator ---- */

struct text_reader {
    const struct sl_file_part *part;
    struct sl_task *task;
    struct sl_byte_stream *stream;
    struct sl_field separator;
    uint8_t *buf;
    size_t at, searched, len, capacity, record_max;
    uint32_t line;
    bool is_skipping; /* the rest of a record that is too long */
    bool is_first;    /* nothing was taken yet: a byte order mark may be here */
    struct sl_builder rows;
};

static int flush(struct text_reader *r)
{
    if (r->task->stop && atomic_load_explicit(r->task->stop, memory_order_relaxed))
        return sl_error_set(r->task->err, SL_ESTOP, "stopped while reading %s", r->part->file->path);
    int result = sl_builder_flush(&r->rows);
    sl_arena_reset(r->task->scratch);
    return result;
}

static int reject_long(struct text_reader *r, const uint8_t *record, size_t len, bool is_whole)
{
    int result = flush(r);
    if (result < 0)
        return result;
    struct sl_field raw = sl_string(record, len);
    unsigned node = r->part->source->source.node->number;
    struct sl_chunk chunk = {
        .rows = 1, .width = 1, .origin = r->part->origin, .line = &r->line, .column = {&raw}};
    (void)sl_task_explain(r->task, "record of more than %zu bytes (maxRecordBytes)",
                          r->record_max); /* gives SL_EREJECT */
    return is_whole ? sl_task_reject(r->task, node, &chunk, 0) : sl_task_reject_cut(r->task, node, &chunk, 0);
}

static int take_record(struct text_reader *r, size_t len)
{
    const uint8_t *record = r->buf + r->at;
    struct sl_field field = sl_string(record, len);
    int result = 0;
    if (!r->is_skipping)
        result = len > r->record_max ? reject_long(r, record, len, true)
                                     : sl_builder_add(&r->rows, &field, 1, r->line);
    r->is_skipping = false;
    r->line++;
    return result;
}

static int take_records(struct text_reader *r)
{
    int result = 0;
    const uint8_t *end;
    while (result == 0 &&
           (end = memmem(r->buf + r->searched, r->len - r->searched, r->separator.str, r->separator.len))) {
        result = take_record(r, (size_t)(end - r->buf) - r->at);
        r->at = r->searched = (size_t)(end - r->buf) + r->separator.len;
    }
    /* the separator may be cut in two */
    size_t kept = r->len - r->at < r->separator.len - 1 ? r->len - r->at : r->separator.len - 1;
    r->searched = r->len - kept;
    if (result == 0 && !r->is_skipping && r->len - r->at > r->record_max + r->separator.len) {
        result = reject_long(r, r->buf + r->at, r->len - r->at, false);
        r->is_skipping = true;
    }
    if (r->is_skipping)
        r->at = r->searched;
    return result;
}

static bool make_room(struct text_reader *r)
{
    memmove(r->buf, r->buf + r->at, r->len - r->at);
    r->searched -= r->at;
    r->len -= r->at;
    r->at = 0;
    if (r->capacity - r->len >= SL_READ_BYTES / 2)
        return true;
    uint8_t *bigger = realloc(r->buf, 2 * r->capacity);
    if (!bigger)
        return false;
    r->buf = bigger;
    r->capacity *= 2;
    return true;
}

static void drop_mark(struct text_reader *r, bool is_ended)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (r->len >= 3 && memcmp(r->buf, mark, 3) == 0)
        r->at = r->searched = 3;
    r->is_first = r->len < 3 && !is_ended;
}

static int read_records(struct text_reader *r)
{
    ssize_t got = 1;
    int result = 0;
    while (result == 0 && got > 0) {
        result = flush(r);
        if (result < 0)
            return result;
        if (!make_room(r))
            return sl_error_nomem(r->task->err);
        got = r->stream->read(r->stream, r->buf + r->len, r->capacity - r->len, r->task->err);
        if (got < 0)
            return (int)got;
        r->len += (size_t)got;
        if (r->is_first)
            drop_mark(r, got == 0);
        if (!r->is_first)
            result = take_records(r);
    }
    if (result == 0 && r->at < r->len && !r->is_skipping) /* the last record needs no separator */
        result = take_record(r, r->len - r->at);
    return result < 0 ? result : flush(r);
}

static int read_separated(const struct sl_file_part *part, struct sl_byte_stream *stream,
                          struct sl_field separator, struct sl_task *task, struct sl_outlet *out,
                          uint64_t *ret_lines)
{
    uint64_t record_max = part->source->services->record_bytes_max;
    struct text_reader r = {
        .part = part,
        .task = task,
        .stream = stream,
        .separator = separator,
        .capacity = SL_READ_BYTES,
        .record_max = record_max < INT32_MAX ? (size_t)record_max : INT32_MAX,
        .buf = malloc(SL_READ_BYTES),
        .is_first = !part->bytes,
    };
    sl_builder_init(&r.rows, out);
    r.rows.chunk.origin = part->origin;
    r.rows.chunk.line = r.rows.line;
    int result = r.buf ? read_records(&r) : sl_error_nomem(task->err);
    *ret_lines = r.line;
    sl_builder_done(&r.rows);
    free(r.buf);
    return result;
}

int sl_text_read_lines(const struct sl_file_part *part, struct sl_byte_stream *stream, struct sl_task *task,
                       struct sl_outlet *out, uint64_t *ret_lines)
{
    const struct sl_lines lines = {
        .path = part->file->path,
        .record_bytes_max = part->source->services->record_bytes_max,
        .node = part->source->source.node->number,
        .origin = part->origin,
    };
    return sl_lines_read_stream(&lines, stream, task, out, ret_lines);
}

/* A dead letter is in UTF-8; else it is as the option says, or the mark of a plain file. */
static enum sl_encoding encoding_of(const struct sl_file_part *part)
{
    struct sl_field name = sl_node_option_value(part->source->source.node, "encoding");
    struct sl_error ignored = {0}; /* who reads on finds it */
    uint8_t head[2];
    if (part->bytes)
        return SL_ENCODING_UTF8;
    if (name.tag == SL_STR)
        return sl_encoding_find(name.str, name.len);
    if (sl_name_is_compressed(part->file->path) || part->file->size < (int64_t)sizeof head)
        return SL_ENCODING_UTF8;
    ssize_t got = sl_io_read_at(part->io, part->fd, head, sizeof head, 0, part->file->path, &ignored);
    return got < 0 ? SL_ENCODING_UTF8 : sl_text_encoding_of(part, head, (size_t)got);
}

static int read_text(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                     uint64_t *ret_lines)
{
    struct sl_field separator = sl_node_option_value(part->source->source.node, "separator");
    enum sl_encoding encoding = encoding_of(part);
    struct sl_byte_stream *stream;
    int r = sl_text_stream_open(part, encoding, &stream, task->err);
    if (r < 0)
        return r;
    r = separator.tag == SL_STR ? read_separated(part, stream, separator, task, out, ret_lines)
                                : sl_text_read_lines(part, stream, task, out, ret_lines);
    sl_text_stream_close(part, encoding, stream);
    return r;
}

const struct sl_reader sl_reader_text = {
    .name = "lines",
    .summary = "a record per line",
    .read = read_text,
    .check = sl_text_options_check,
};
