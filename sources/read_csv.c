/* "csv": a record per row of the file, over lines where quotes make it so.
 *
 * The buffer holds the record that is not complete yet and, after it, the piece just read; searched says
 * how far its end was looked for. What lies before `at` may still be in rows that were not pushed, so
 * rows are pushed before the buffer moves. Line numbers count from 0 in the file; a record has that of
 * its first line. */
#include "core/base/error.h"
#include "core/base/limits.h"
#include "sources/csv_columns.h"
#include "sources/readers.h"
#include "sources/stream.h"
#include "text/csv_plain.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 1 << 16 }; /* of a file of which some are chosen */

struct csv_reader {
    const struct sl_file_part *part;
    struct sl_task *task;
    struct sl_byte_stream *stream;
    struct sl_csv csv;
    struct sl_csv_columns columns;
    bool wants_header;    /* the next record is the header */
    bool has_long_header; /* that dead letters do not repeat: none of them can be read again */
    uint8_t *buf;
    size_t at, searched, len, capacity;
    enum sl_csv_place place;
    size_t record_max;
    struct sl_field comment; /* nil: none */
    uint64_t lines_to_skip;
    bool is_comment;  /* the line at `at` is one */
    bool is_skipping; /* the rest of a record that is too long */
    bool is_first;    /* nothing was read yet: a byte order mark may be here */
    bool ended;
    uint32_t line;
    bool has_plain; /* records without quotes may be cut at once */
    struct sl_csv_plain plain;
    struct sl_field *fields; /* [fields_max], of one record */
    uint32_t fields_max;
    struct sl_builder rows;
};

/* ---- one record ---- */

static int flush(struct csv_reader *r)
{
    if (r->task->stop && atomic_load_explicit(r->task->stop, memory_order_relaxed))
        return sl_error_set(r->task->err, SL_ESTOP, "stopped while reading %s", r->part->file->path);
    int result = sl_builder_flush(&r->rows);
    sl_arena_reset(r->task->scratch);
    return result;
}

/* The record as it is in the file is set aside, or its beginning; task->message says why. */
static int set_aside(struct csv_reader *r, const uint8_t *record, size_t len, bool is_whole)
{
    char message[SL_MESSAGE_MAX];
    memcpy(message, r->task->message, sizeof message);
    int result = flush(r); /* what precedes it is pushed first */
    if (result < 0)
        return result;
    memcpy(r->task->message, message, sizeof message);
    struct sl_field raw = sl_string(record, len);
    unsigned node = r->part->source->source.node->number;
    struct sl_chunk chunk = {
        .rows = 1, .width = 1, .origin = r->part->origin, .line = &r->line, .column = {&raw}};
    return is_whole && !r->has_long_header ? sl_task_reject(r->task, node, &chunk, 0)
                                           : sl_task_reject_cut(r->task, node, &chunk, 0);
}

static int reject(struct csv_reader *r, const uint8_t *record, size_t len)
{
    return set_aside(r, record, len, true);
}

static int add_row(struct csv_reader *r, const uint8_t *record, size_t len, struct sl_field *fields,
                   uint32_t count)
{
    struct sl_field picked[SL_WIDTH_MAX];
    const struct sl_csv_columns *columns = &r->columns;
    struct sl_field *row = columns->all ? fields : picked;
    for (uint32_t i = 0; i < columns->count; i++)
        picked[i] = fields[columns->pick[i]];
    int result = columns->typed.columns ? sl_typed_texts(&columns->typed, r->task, row) : 0;
    if (result < 0)
        return result == SL_EREJECT ? reject(r, record, len) : result;
    return sl_builder_add(&r->rows, row, columns->all ? count : columns->count, r->line);
}

/* Dead letters of the file's records repeat it: one part is the whole file, read by one thread. */
static int keep_header(struct csv_reader *r, const uint8_t *record, size_t len)
{
    struct sl_file_source *source = r->part->source;
    r->has_long_header = len >= SL_REJECTED_RECORD_BYTES_MAX;
    for (size_t f = 0; f < source->states; f++) {
        struct sl_file_state *state = &source->state[f];
        if (&state->origin != r->part->origin)
            continue;
        char *copy = r->has_long_header ? NULL : malloc(len + 1);
        if (!copy)
            return r->has_long_header ? 0 : sl_error_nomem(r->task->err);
        memcpy(copy, record, len);
        free(state->header);
        state->header = copy;
        state->origin.header = sl_string((const uint8_t *)copy, len);
    }
    return 0;
}

static int take_header(struct csv_reader *r, const struct sl_field *fields, uint32_t count)
{
    r->wants_header = false;
    return sl_csv_columns_header(&r->columns, fields, count, r->task->err);
}

static int split_failed(struct csv_reader *r, int result, const char *message, const uint8_t *record,
                        size_t len)
{
    if (result != SL_EREJECT)
        return result;
    if (r->wants_header)
        return sl_error_set(r->task->err, SL_EFAIL, "reading %s: its header: %s", r->part->file->path,
                            message);
    (void)sl_task_explain(r->task, "csv: %s", message); /* gives SL_EREJECT */
    return reject(r, record, len);
}

/* The record after a header that is too long is no header. */
static int reject_long(struct csv_reader *r, const uint8_t *record, size_t len, bool is_whole)
{
    const char *advice = r->place == SL_CSV_QUOTED ? "; a quote may not be closed" : "";
    if (r->wants_header)
        return sl_error_set(r->task->err, SL_EFAIL,
                            "reading %s: its header: record of more than %zu bytes (maxRecordBytes)%s",
                            r->part->file->path, r->record_max, advice);
    (void)sl_task_explain(r->task, "csv: record of more than %zu bytes (maxRecordBytes)%s", r->record_max,
                          advice); /* gives SL_EREJECT */
    return set_aside(r, record, len, is_whole);
}

/* Where bad values are nil, a record has as many fields as are expected: those that are missing are nil, those that are more
 * are dropped. */
static bool takes_any_count(const struct csv_reader *r)
{
    return r->columns.typed.columns && r->columns.typed.bad_is_nil;
}

/* Only chosen columns, and those that are expected, become fields of a row: files may have more of them than a row can. */
static bool may_be_wide(const struct csv_reader *r)
{
    const struct sl_csv_columns *columns = &r->columns;
    return (columns->header && (columns->wanted.tag == SL_LIST || columns->typed.columns)) ||
           takes_any_count(r);
}

/* Doubles the room for fields. 0; 1: there may be no more; or SL_ENOMEM. */
static int widen(struct csv_reader *r)
{
    uint32_t more = r->fields_max ? 2 * r->fields_max : SL_WIDTH_MAX;
    if (more > (may_be_wide(r) ? COLUMNS_MAX : SL_WIDTH_MAX))
        return 1;
    struct sl_field *grown = realloc(r->fields, more * sizeof *grown);
    if (!grown)
        return sl_error_nomem(r->task->err);
    r->fields = grown;
    r->fields_max = more;
    return 0;
}

/* Fills the fields from count to the expected ones with nil. */
static int fill_missing(struct csv_reader *r, uint32_t count)
{
    while (r->fields_max < r->columns.expected) {
        int result = widen(r);
        sl_assert(result <= 0); /* a header had so many */
        if (result < 0)
            return result;
    }
    for (uint32_t i = count; i < r->columns.expected; i++)
        r->fields[i] = sl_nil();
    return 0;
}

static int split(struct csv_reader *r, const uint8_t *record, size_t len, uint32_t *ret_count,
                 const char **ret_message)
{
    int result;
    do {
        *ret_message = NULL;
        result = sl_csv_split(&r->csv, r->task->scratch, record, len, r->fields, r->fields_max, ret_count,
                              ret_message);
        if (result != SL_EREJECT || *ret_message != sl_csv_too_wide)
            return result;
    } while ((result = widen(r)) == 0);
    if (result > 0)
        *ret_message = may_be_wide(r)
                           ? "more than 65536 columns"
                           : "more than 64 columns; choose some of them: header = true and columns = {...}";
    return result > 0 ? SL_EREJECT : result;
}

/* A blank line is no record, except in a file of one column. A CR before the newline is part of it, one at the end of
 * the file is data. */
static int take_record(struct csv_reader *r, const uint8_t *record, size_t len, bool is_ended)
{
    uint32_t count = 0, expected = r->columns.expected;
    const char *message = NULL;
    if (is_ended && len && record[len - 1] == '\r' && r->place != SL_CSV_QUOTED)
        len--;
    if (!len && expected != 1)
        return 0;
    if (len > r->record_max)
        return reject_long(r, record, len, true);
    int result = split(r, record, len, &count, &message);
    if (result < 0)
        return split_failed(r, result, message, record, len);
    if (r->wants_header) {
        result = keep_header(r, record, len);
        return result < 0 ? result : take_header(r, r->fields, count);
    }
    if (expected && takes_any_count(r)) {
        result = fill_missing(r, count);
        return result < 0 ? result : add_row(r, record, len, r->fields, expected);
    }
    if (!expected || count == expected)
        return add_row(r, record, len, r->fields, count);
    (void)sl_task_explain(r->task, "csv: %u field%s where %u are expected", count, count == 1 ? "" : "s",
                          expected); /* gives SL_EREJECT */
    return reject(r, record, len);
}

/* ---- cutting the buffer into records ---- */

static void count_lines(struct csv_reader *r, const uint8_t *from, const uint8_t *to)
{
    while ((from = from < to ? memchr(from, '\n', (size_t)(to - from)) : NULL)) {
        r->line++;
        from++;
    }
}

/* The record at `at` ends before `end`. */
static int finish_record(struct csv_reader *r, size_t end)
{
    const uint8_t *record = r->buf + r->at;
    int result = r->is_skipping || r->is_comment ? 0 : take_record(r, record, end - r->at, true);
    r->is_skipping = r->is_comment = false;
    count_lines(r, record, r->buf + end);
    r->line++;
    r->at = end + 1;
    if (result == 0 && r->rows.chunk.rows == SL_CHUNK_ROWS)
        result = flush(r);
    return result;
}

/* What is left in the buffer continues in the next piece. Is it to be kept? */
static int take_rest(struct csv_reader *r)
{
    size_t len = r->len - r->at;
    int result = 0;
    if (!r->is_skipping && len > r->record_max) {
        result = r->is_comment ? 0 : reject_long(r, r->buf + r->at, len, false);
        r->is_skipping = true;
    }
    if (r->is_skipping) {
        count_lines(r, r->buf + r->at, r->buf + r->len);
        r->at = r->len;
    }
    return result;
}

/* The first lines of the file, which are no records. Whether all of them were read. */
static bool skip_lines(struct csv_reader *r)
{
    while (r->lines_to_skip && r->at < r->len) {
        const uint8_t *end = memchr(r->buf + r->at, '\n', r->len - r->at);
        r->at = r->searched = end ? (size_t)(end - r->buf) + 1 : r->len;
        r->line += end != NULL;
        r->lines_to_skip -= end != NULL;
    }
    return !r->lines_to_skip;
}

/* At the beginning of a record: whether it is a comment. False: more bytes must come to tell. */
static bool judge_comment(struct csv_reader *r)
{
    size_t left = r->len - r->at;
    if (r->comment.tag != SL_STR || r->searched > r->at || r->is_skipping)
        return true;
    if (left < r->comment.len && !r->ended && memcmp(r->buf + r->at, r->comment.str, left) == 0)
        return false;
    r->is_comment = left >= r->comment.len && memcmp(r->buf + r->at, r->comment.str, r->comment.len) == 0;
    return true;
}

/* In a comment quotes mean nothing. */
static size_t find_end(struct csv_reader *r, const uint8_t *from, size_t left)
{
    if (!r->is_comment)
        return sl_csv_end(&r->csv, &r->place, from, left);
    const uint8_t *end = memchr(from, '\n', left);
    return end ? (size_t)(end - from) : left;
}

/* ---- records without quotes ---- */

static struct sl_field plain_field(const uint8_t *from, const uint8_t *to)
{
    size_t len = (size_t)(to - from);
    return len == 2 && from[0] == '\\' && from[1] == 'N' ? sl_nil() : sl_string(from, len);
}

/* The fields that a row is made of, from where the record's fields end. */
static uint32_t make_fields(const struct csv_reader *r, const uint8_t *record, const uint8_t *const *end,
                            uint32_t count, struct sl_field *row)
{
    const struct sl_csv_columns *columns = &r->columns;
    uint32_t width = columns->all ? count : columns->count;
    for (uint32_t i = 0; i < width; i++) {
        uint32_t k = columns->all ? i : columns->pick[i];
        row[i] = plain_field(k ? end[k - 1] + 1 : record, end[k]);
    }
    return width;
}

/* Records up to the first that needs a closer look: it has a quote, its end is not there, or it is wrong. */
static int take_plain(struct csv_reader *r)
{
    const uint8_t *end[SL_WIDTH_MAX], *record = r->buf + r->at, *newline;
    uint32_t count, expected = r->columns.expected;
    struct sl_field row[SL_WIDTH_MAX];
    int result = 0;
    sl_csv_plain_start(&r->plain, record, r->buf + r->len);
    while (result == 0 && (newline = sl_csv_plain_next(&r->plain, end, SL_WIDTH_MAX, &count))) {
        size_t len = (size_t)(newline - record);
        end[count - 1] -= len && newline[-1] == '\r' && end[count - 1] > record;
        if (end[count - 1] == record || (expected && count != expected) || len > r->record_max)
            break;
        uint32_t width = make_fields(r, record, end, count, row);
        result = r->columns.typed.columns ? sl_typed_texts(&r->columns.typed, r->task, row) : 0;
        if (result == SL_EREJECT)
            return 0; /* it comes again */
        result = result < 0 ? result : sl_builder_add(&r->rows, row, width, r->line);
        r->line++;
        record = newline + 1;
        r->at = r->searched = (size_t)(record - r->buf);
        if (result == 0 && r->rows.chunk.rows == SL_CHUNK_ROWS)
            result = flush(r);
    }
    return result;
}

static bool may_be_plain(const struct csv_reader *r)
{
    return r->has_plain && r->searched == r->at && r->place == SL_CSV_START && !r->is_skipping &&
           !r->wants_header;
}

static int take_records(struct csv_reader *r)
{
    int result = 0;
    if (!skip_lines(r))
        return 0;
    while (r->searched < r->len && result == 0 && judge_comment(r)) {
        if (may_be_plain(r))
            result = take_plain(r);
        if (result < 0 || r->searched == r->len)
            break;
        size_t left = r->len - r->searched;
        size_t end = find_end(r, r->buf + r->searched, left);
        if (end < left)
            result = finish_record(r, r->searched + end);
        r->searched += end < left ? end + 1 : left;
    }
    return result < 0 ? result : take_rest(r);
}

/* The last record needs no newline; a quote that is still open is an error that its splitting finds. */
static int take_last(struct csv_reader *r)
{
    bool is_none = r->is_skipping || r->is_comment || r->lines_to_skip;
    int result = r->at < r->len && !is_none ? take_record(r, r->buf + r->at, r->len - r->at, false) : 0;
    return result < 0 ? result : flush(r);
}

/* ---- filling ---- */

static bool make_room(struct csv_reader *r)
{
    size_t left = r->len - r->at;
    if (r->at && left)
        memmove(r->buf, r->buf + r->at, left);
    r->searched -= r->at;
    r->len = left;
    r->at = 0;
    if (r->capacity - r->len >= SL_READ_BYTES / 2)
        return true;
    uint8_t *bigger = realloc(r->buf, r->capacity ? r->capacity * 2 : SL_READ_BYTES);
    if (!bigger)
        return false;
    r->buf = bigger;
    r->capacity = r->capacity ? r->capacity * 2 : SL_READ_BYTES;
    return true;
}

static int fill(struct csv_reader *r)
{
    int result = flush(r);
    if (result < 0)
        return result;
    if (!make_room(r))
        return sl_error_nomem(r->task->err);
    ssize_t got = r->stream->read(r->stream, r->buf + r->len, r->capacity - r->len, r->task->err);
    if (got < 0)
        return (int)got;
    r->len += (size_t)got;
    r->ended = got == 0;
    return 0;
}

static void drop_mark(struct csv_reader *r)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (r->len >= 3 && memcmp(r->buf, mark, 3) == 0)
        r->at = r->searched = 3;
    r->is_first = r->len < 3 && !r->ended;
}

static int read_all(struct csv_reader *r)
{
    int result = 0;
    while (!r->ended && result == 0) {
        result = fill(r);
        if (result == 0 && r->is_first)
            drop_mark(r);
        if (result == 0 && !r->is_first)
            result = take_records(r);
    }
    return result < 0 ? result : take_last(r);
}

static int read_csv(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                    uint64_t *ret_lines)
{
    const struct sl_node *node = part->source->source.node;
    uint64_t record_max = part->source->services->record_bytes_max;
    struct csv_reader r = {
        .part = part,
        .task = task,
        .csv = sl_csv_dialect(node),
        .comment = sl_csv_comment(node),
        .lines_to_skip = part->bytes ? 0 : sl_csv_skip_lines(node), /* a dead letter is no file's beginning */
        .record_max = record_max < INT32_MAX ? (size_t)record_max : INT32_MAX,
        .is_first = true,
    };
    int result = sl_part_stream_open(part, &r.stream, task->err);
    if (result < 0)
        return result;
    sl_csv_columns_init(&r.columns, node, part->file->path);
    r.has_plain = sl_csv_has_plain(&r.csv) && r.comment.tag != SL_STR;
    sl_csv_plain_init(&r.plain, &r.csv, NULL);
    r.wants_header = r.columns.header;
    sl_builder_init(&r.rows, out);
    r.rows.chunk.origin = part->origin;
    r.rows.chunk.line = r.rows.line;
    result = read_all(&r);
    *ret_lines = r.line;
    sl_builder_done(&r.rows);
    sl_part_stream_close(part, r.stream);
    free(r.buf);
    free(r.fields);
    return result;
}

const struct sl_reader sl_reader_csv = {
    .name = "csv",
    .takes_schema = true,
    .summary =
        "a record per row, fields as strings; \\N is nil; takes header, columns, delimiter, quote, comment, skipLines and trim",
    .read = read_csv,
    .check = sl_csv_options_check,
};
