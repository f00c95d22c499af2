#include "sinks/table/piece.h"

#include "core/base/error.h"
#include "text/framed_rows.h"

#include <string.h>

static int reject(struct sl_table_writer *writer, const struct sl_framed_row *head,
                  const struct sl_field *fields, uint32_t width, struct sl_error *err)
{
    struct sl_task *task = &writer->task;
    task->ordinal = head->ordinal;
    task->err = err;
    return task->sink->reject(task->sink, task, writer->stage->node->number, fields, width, head->origin,
                              head->line);
}

enum { LIMIT_MIN = 64 }; /* rows that are written after one was refused */

struct piece {
    struct sl_framed_row *head;    /* [PIECE_ROWS] */
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

static int add_to_piece(struct sl_table_writer *writer, struct piece *piece, const struct sl_buf *bytes,
                        size_t *at, struct sl_error *err)
{
    struct sl_field *fitted = sl_arena_alloc(&writer->scratch, writer->count * sizeof *fitted);
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t i = piece->count, width = 0;
    if (!fitted)
        return sl_error_nomem(err);
    if (!sl_framed_row_read(bytes->bytes, bytes->len, at, &writer->scratch, &piece->head[i], fields, &width))
        return sl_error_nomem(err);
    int r = fit_row(writer, fields, width, fitted);
    if (r == SL_EREJECT)
        return reject(writer, &piece->head[i], fields, width, err);
    struct sl_field *given = r < 0 ? NULL : sl_fields_place(&writer->scratch, fields, width);
    if (!given)
        return sl_error_nomem(err);
    piece->given[i] = given;
    piece->width[i] = width;
    piece->fitted[i] = fitted;
    piece->count++;
    return 0;
}

static int reject_row(struct sl_table_writer *writer, const struct piece *piece, uint32_t row,
                      struct sl_error *err)
{
    return reject(writer, &piece->head[row], piece->given[row], piece->width[row], err);
}

/* Rows [from, to) of the piece, where they are known to go in without one that is refused, or may be. Ranges that
 * wait are kept on a stack: the right half of each that was cut. Where rows are refused, ranges are short: what is
 * sent after a refused row is sent again. A row that the database has named is not sent again: it is refused once the rows before
 * it are there, as they were when it was refused. */
static int write_piece(struct sl_table_writer *writer, const struct piece *piece, struct sl_error *err)
{
    struct sl_table_database *database = writer->memory->database;
    const struct sl_table_rows rows = {writer->count, writer->column, piece->fitted};
    uint32_t end[64], depth = 0, from = 0, limit = piece->count, named = UINT32_MAX;
    end[depth++] = piece->count;
    while (depth) {
        uint32_t to = end[depth - 1] - from > limit ? from + limit : end[depth - 1], bad = to;
        if (from == to) {
            depth--;
            continue;
        }
        int r = from == named
                    ? SL_EREJECT
                    : database->ops->write(database, &rows, from, to, &bad, writer->task.message, err);
        if (r == 0) {
            writer->records += to - from;
            from = to;
            limit = limit < piece->count / 2 ? limit * 2 : piece->count;
        } else if (r != SL_EREJECT) {
            return r;
        } else if (from == named || to - from == 1 || bad == from) {
            r = reject_row(writer, piece, from, err);
            if (r < 0)
                return r;
            from++;
            limit = LIMIT_MIN;
        } else {
            named = bad < to ? bad : UINT32_MAX;
            end[depth++] = bad < to ? bad : from + (to - from) / 2;
        }
        sl_assert(depth < 60);
    }
    return 0;
}

int sl_table_piece_write(struct sl_table_writer *writer, const struct sl_buf *bytes, uint32_t rows,
                         struct sl_error *err)
{
    struct piece piece;
    size_t at = 0;
    sl_arena_reset(&writer->scratch);
    int r = piece_init(&piece, &writer->scratch, rows) ? 0 : sl_error_nomem(err);
    while (r == 0 && at < bytes->len)
        r = add_to_piece(writer, &piece, bytes, &at, err);
    return r < 0 ? r : write_piece(writer, &piece, err);
}
