#include "sinks/table/writer.h"

#include "core/base/error.h"
#include "sinks/table/connect.h"
#include "sinks/table/infer.h"
#include "text/row_codec.h"

#include <string.h>

enum {
    PIECE_ROWS = 8192,      /* written in one statement */
    PIECE_BYTES = 4 << 20,  /* or as many as come to so much */
    CREATE_BYTES = 32 << 20 /* of rows that are looked at before a table without a schema is made, at most */
};

/* ---- rows as bytes ---- */

/* In front of each row's fields, which text/row_codec.h writes; multiples of eight bytes. */
struct row_head {
    const struct sl_origin *origin;
    uint32_t line, ordinal; /* of its task: together they say where it comes from */
    uint64_t bytes;         /* of the fields */
};

static size_t padded(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

bool sl_table_row_append(struct sl_buf *buf, const struct sl_lane *lane, const struct sl_chunk *chunk,
                         uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct row_head head = {chunk->origin, chunk->line ? chunk->line[row] : SL_NO_LINE, lane->task->ordinal,
                            0};
    size_t at = buf->len;
    sl_chunk_row(chunk, row, fields);
    if (!sl_buf_append(buf, &head, sizeof head) || !sl_row_codec_append(buf, fields, chunk->width))
        return false;
    head.bytes = buf->len - at - sizeof head;
    memcpy(buf->bytes + at, &head, sizeof head);
    return sl_buf_append(buf, "\0\0\0\0\0\0\0", padded(head.bytes) - head.bytes);
}

/* The row at *at, which moves behind it. */
static int read_row(struct sl_table_writer *writer, const uint8_t *bytes, size_t len, size_t *at,
                    struct row_head *head, struct sl_field fields[SL_WIDTH_MAX], uint32_t *width,
                    struct sl_error *err)
{
    size_t from;
    memcpy(head, bytes + *at, sizeof *head);
    from = *at + sizeof *head;
    *at = from + padded(head->bytes);
    sl_assert(*at <= len);
    return sl_row_codec_borrow(bytes, from + head->bytes, &from, &writer->scratch, fields, width)
               ? 0
               : sl_error_nomem(err);
}

/* ---- rejecting ---- */

static int reject(struct sl_table_writer *writer, const struct row_head *head, const struct sl_field *fields,
                  uint32_t width, struct sl_error *err)
{
    struct sl_task *task = &writer->task;
    task->ordinal = head->ordinal;
    task->err = err;
    return task->sink->reject(task->sink, task, writer->stage->node->number, fields, width, head->origin,
                              head->line);
}

/* ---- a piece ---- */

struct piece {
    struct row_head *head;         /* [PIECE_ROWS] */
    const struct sl_field **given; /* as they came */
    uint32_t *width;
    const struct sl_field **fitted;
    uint32_t count;
};

static bool piece_init(struct piece *piece, struct sl_arena *arena, uint32_t rows)
{
    piece->head = sl_arena_alloc(arena, rows * sizeof *piece->head);
    piece->given = sl_arena_alloc(arena, rows * sizeof *piece->given);
    piece->width = sl_arena_alloc(arena, rows * sizeof *piece->width);
    piece->fitted = sl_arena_alloc(arena, rows * sizeof *piece->fitted);
    piece->count = 0;
    return piece->head && piece->given && piece->width && piece->fitted;
}

static bool is_key(const struct sl_table_writer *writer, const char *name)
{
    const struct sl_table_settings *settings = &writer->memory->settings;
    for (uint32_t k = 0; k < settings->keys; k++)
        if (strcmp(settings->key[k], name) == 0)
            return true;
    return false;
}

/* 0, SL_EREJECT (explained), SL_ENOMEM. */
static int fit_row(struct sl_table_writer *writer, const struct sl_field *fields, uint32_t width,
                   struct sl_field *fitted)
{
    struct sl_task *task = &writer->task;
    struct sl_field batch_ms = sl_integer(writer->stage->batch_ms);
    if (width != writer->width)
        return sl_task_explain(task, "table %s: the record has %u field%s, the table takes %u",
                               writer->memory->settings.table, width, width == 1 ? "" : "s", writer->width);
    for (uint32_t c = 0; c < writer->count; c++) {
        const struct sl_table_column *column = &writer->column[c];
        const char *why;
        int r = sl_table_fit(column->kind, &writer->scratch, c < width ? &fields[c] : &batch_ms, &fitted[c],
                             &why);
        if (r == SL_EREJECT)
            return sl_task_explain(task, "table %s: the value does not fit column \"%s\" of type %s: %s",
                                   writer->memory->settings.table, column->name, column->type, why);
        if (r < 0)
            return r;
        if (fitted[c].tag == SL_NIL && is_key(writer, column->name))
            return sl_task_explain(task, "table %s: column \"%s\" is part of the key, the value is nil",
                                   writer->memory->settings.table, column->name);
    }
    return 0;
}

static int add_to_piece(struct sl_table_writer *writer, struct piece *piece, size_t *at, struct sl_error *err)
{
    struct sl_field *fitted = sl_arena_alloc(&writer->scratch, writer->count * sizeof *fitted);
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t i = piece->count, width = 0;
    if (!fitted)
        return sl_error_nomem(err);
    int r =
        read_row(writer, writer->piece.bytes, writer->piece.len, at, &piece->head[i], fields, &width, err);
    if (r < 0)
        return r;
    r = fit_row(writer, fields, width, fitted);
    if (r == SL_EREJECT)
        return reject(writer, &piece->head[i], fields, width, err);
    void *given = r < 0 ? NULL : sl_arena_copy(&writer->scratch, fields, width * sizeof *fields);
    if (!given)
        return sl_error_nomem(err);
    piece->given[i] = given;
    piece->width[i] = width;
    piece->fitted[i] = fitted;
    piece->count++;
    return 0;
}

/* Rows [from, to) of the piece, where they are known to go in without one that is refused, or may be. Ranges that
 * wait are kept on a stack: the right half of each that was cut. */
static int write_piece(struct sl_table_writer *writer, const struct piece *piece, struct sl_error *err)
{
    struct sl_table_database *database = writer->memory->database;
    const struct sl_table_rows rows = {writer->count, writer->column, piece->fitted};
    uint32_t end[64], depth = 0, from = 0;
    end[depth++] = piece->count;
    while (depth) {
        uint32_t to = end[depth - 1], bad = to;
        if (from == to) {
            depth--;
            continue;
        }
        int r = database->ops->write(database, &rows, from, to, &bad, writer->task.message, err);
        if (r == 0) {
            writer->records += to - from;
            from = to;
        } else if (r != SL_EREJECT) {
            return r;
        } else if (to - from == 1 || bad == from) {
            r = reject(writer, &piece->head[from], piece->given[from], piece->width[from], err);
            if (r < 0)
                return r;
            from++;
        } else {
            end[depth++] = bad < to ? bad : from + (to - from) / 2;
        }
        sl_assert(depth < 60);
    }
    return 0;
}

static int flush(struct sl_table_writer *writer, struct sl_error *err)
{
    struct piece piece;
    size_t at = 0;
    if (!writer->piece_rows)
        return 0;
    sl_arena_reset(&writer->scratch);
    int r = piece_init(&piece, &writer->scratch, writer->piece_rows) ? 0 : sl_error_nomem(err);
    while (r == 0 && at < writer->piece.len)
        r = add_to_piece(writer, &piece, &at, err);
    writer->piece.len = 0;
    writer->piece_rows = 0;
    return r < 0 ? r : write_piece(writer, &piece, err);
}

/* ---- making the table ---- */

static void see_rows(struct sl_table_writer *writer, struct sl_table_seen *seen)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_error ignored;
    struct row_head head;
    uint32_t width = 0;
    for (size_t at = 0; at < writer->piece.len;) {
        sl_arena_reset(&writer->scratch);
        if (read_row(writer, writer->piece.bytes, writer->piece.len, &at, &head, fields, &width, &ignored) <
            0)
            return;
        for (uint32_t c = 0; c < width && width == writer->width; c++)
            sl_table_see(&seen[c], &fields[c]);
    }
}

static bool knows_types(const struct sl_table_writer *writer)
{
    const struct sl_columns *columns = writer->memory->settings.columns;
    for (uint32_t c = 0; c < writer->width; c++)
        if (columns->column[c].type == SL_COLUMN_ANY)
            return false;
    return true;
}

static int create(struct sl_table_writer *writer, struct sl_error *err)
{
    struct sl_table_seen seen[SL_WIDTH_MAX] = {0};
    struct sl_table_database *database = writer->memory->database;
    const struct sl_columns *columns = writer->memory->settings.columns;
    if (!knows_types(writer))
        see_rows(writer, seen);
    for (uint32_t c = 0; c < writer->count; c++) {
        enum sl_table_kind kind =
            c < writer->width ? sl_table_kind_of_type(columns->column[c].type) : SL_TABLE_INT8;
        if (kind == SL_TABLE_DYNAMIC)
            kind = sl_table_kind_of_seen(&seen[c]);
        const char *name = writer->column[c].name;
        writer->column[c] = database->ops->type_of(kind);
        writer->column[c].name = name;
    }
    writer->is_creating = false;
    return database->ops->create(database, writer->column, writer->count, err);
}

/* ---- a batch ---- */

static int describe(struct sl_table_writer *writer, struct sl_error *err)
{
    struct sl_table_database *database = writer->memory->database;
    int r = database->ops->describe(database, &writer->arena, &writer->shape, err);
    return r < 0 ? r
                 : sl_table_match(&writer->memory->settings, &writer->shape, writer->column, &writer->count,
                                  &writer->width, err);
}

/* Connects, unless it is connected, and begins. A connection from an earlier batch may be dead by now. */
static int begin(struct sl_table_writer *writer, struct sl_error *err)
{
    struct sl_table_memory *memory = writer->memory;
    bool is_old = memory->database != NULL;
    int r = sl_table_connect(memory, writer->stage->services, writer->task.stop, err);
    if (r < 0)
        return r;
    struct sl_table_database *database = memory->database;
    r = database->ops->begin(database, writer->stage->batch_ms, &writer->is_there, &writer->records, err);
    if (r == SL_EUNREACHABLE && is_old) {
        sl_table_disconnect(memory);
        return begin(writer, err);
    }
    writer->is_begun = r == 0;
    if (r < 0 || writer->is_there)
        return r;
    r = describe(writer, err);
    writer->is_creating = r == 0 && !writer->shape.exists;
    if (r == 0 && writer->is_creating && knows_types(writer))
        r = create(writer, err);
    if (r == 0 && memory->settings.mode == SL_TABLE_REPLACE && writer->shape.exists)
        r = database->ops->clear(database, err);
    return r;
}

static bool is_full(const struct sl_table_writer *writer)
{
    if (writer->is_creating)
        return writer->piece.len >= CREATE_BYTES;
    return writer->piece_rows >= PIECE_ROWS || writer->piece.len >= PIECE_BYTES;
}

static int take_row(struct sl_table_writer *writer, const uint8_t *row, size_t len, struct sl_error *err)
{
    if (!sl_buf_append(&writer->piece, row, len))
        return sl_error_nomem(err);
    writer->piece_rows++;
    if (!is_full(writer))
        return 0;
    int r = writer->is_creating ? create(writer, err) : 0;
    return r < 0 ? r : flush(writer, err);
}

int sl_table_writer_rows(void *arg, const void *bytes, size_t len, struct sl_error *err)
{
    struct sl_table_writer *writer = arg;
    int r = writer->is_begun ? 0 : begin(writer, err);
    for (size_t at = 0, step; r == 0 && at < len && !writer->is_there; at += step) {
        struct row_head head;
        memcpy(&head, (const uint8_t *)bytes + at, sizeof head);
        step = sizeof head + padded(head.bytes);
        r = take_row(writer, (const uint8_t *)bytes + at, step, err);
    }
    return r;
}

int sl_table_writer_finish(struct sl_table_writer *writer, bool said, struct sl_error *err)
{
    bool empties = said && writer->memory->settings.mode == SL_TABLE_REPLACE;
    int r = empties && !writer->is_begun ? begin(writer, err) : 0;
    if (r < 0 || !writer->is_begun || writer->is_there)
        return r;
    r = writer->is_creating ? create(writer, err) : 0;
    r = r < 0 ? r : flush(writer, err);
    struct sl_table_database *database = writer->memory->database;
    return r < 0 ? r : database->ops->end(database, writer->records, err);
}

int sl_table_writer_commit(struct sl_table_writer *writer, struct sl_error *err)
{
    struct sl_table_database *database = writer->memory->database;
    return writer->is_begun && !writer->is_there ? database->ops->commit(database, err) : 0;
}

void sl_table_writer_init(struct sl_table_writer *writer, const struct sl_stage *stage,
                          struct sl_table_memory *memory)
{
    *writer = (struct sl_table_writer){.stage = stage, .memory = memory, .task = stage->tasks[0]};
    writer->task.scratch = &writer->scratch;
}

void sl_table_writer_done(struct sl_table_writer *writer)
{
    struct sl_table_memory *memory = writer->memory;
    if (memory->database && memory->database->in_batch)
        memory->database->ops->rollback(memory->database);
    if (memory->database && memory->database->broken)
        sl_table_disconnect(memory);
    sl_arena_done(&writer->arena);
    sl_arena_done(&writer->scratch);
    sl_buf_done(&writer->piece);
}
