#include "engine/remote/wire.h"

#include "core/base/error.h"
#include "text/row_codec.h"

#include <string.h>

enum { HAS_ORIGIN = 1, HAS_LINES = 2, HAS_TIMES = 4 };

/* ---- writing ---- */

bool sl_wire_put_field(struct sl_buf *buf, struct sl_field field)
{
    return sl_row_codec_append(buf, &field, 1);
}

bool sl_wire_put_row(struct sl_buf *buf, const struct sl_field *fields, uint32_t width)
{
    return sl_row_codec_append(buf, fields, width);
}

bool sl_wire_put_integer(struct sl_buf *buf, int64_t integer)
{
    return sl_wire_put_field(buf, sl_integer(integer));
}

bool sl_wire_put_bytes(struct sl_buf *buf, const void *bytes, size_t len)
{
    return sl_wire_put_field(buf, sl_string(bytes, len));
}

bool sl_wire_put_text(struct sl_buf *buf, const char *text)
{
    return text ? sl_wire_put_bytes(buf, text, strlen(text)) : sl_wire_put_field(buf, sl_nil());
}

/* Integers a, b, ... in differences: lines rise, times are close to each other. */
static void put_lines(struct sl_buf *buf, const uint32_t *line, uint32_t rows)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < rows; i++) {
        sl_wire_put_integer(buf, (int64_t)line[i] - before);
        before = line[i];
    }
}

static void put_times(struct sl_buf *buf, const int64_t *time, uint32_t rows)
{
    for (uint32_t i = 0; i < rows; i++)
        sl_wire_put_integer(buf, time[i]);
}

bool sl_wire_put_chunk(struct sl_buf *buf, const struct sl_chunk *chunk)
{
    struct sl_field fields[SL_WIDTH_MAX];
    int64_t has =
        (chunk->origin ? HAS_ORIGIN : 0) | (chunk->line ? HAS_LINES : 0) | (chunk->time ? HAS_TIMES : 0);
    sl_wire_put_integer(buf, chunk->rows);
    sl_wire_put_integer(buf, chunk->width);
    sl_wire_put_integer(buf, has);
    if (chunk->line)
        put_lines(buf, chunk->line, chunk->rows);
    if (chunk->time)
        put_times(buf, chunk->time, chunk->rows);
    for (uint32_t i = 0; i < chunk->rows; i++) {
        sl_chunk_row(chunk, i, fields);
        sl_row_codec_append(buf, fields, chunk->width);
    }
    return !buf->failed;
}

/* ---- reading ---- */

bool sl_wire_row(struct sl_wire *wire, uint32_t width, struct sl_field *fields)
{
    struct sl_field row[SL_ROWCODE_WIDTH_MAX];
    uint32_t got;
    if (wire->failed || wire->at >= wire->len)
        return false;
    int r = sl_row_codec_borrow(wire->bytes, wire->len, &wire->at, wire->arena, row, &got);
    wire->failed = r == 0 && got != width ? SL_EDAMAGED : r;
    if (wire->failed)
        return false;
    memcpy(fields, row, width * sizeof *row);
    return true;
}

struct sl_field sl_wire_field(struct sl_wire *wire)
{
    struct sl_field field = sl_nil();
    if (!sl_wire_row(wire, 1, &field) && !wire->failed)
        wire->failed = SL_EDAMAGED;
    return wire->failed ? sl_nil() : field;
}

static struct sl_field field_of(struct sl_wire *wire, enum sl_tag tag)
{
    struct sl_field field = sl_wire_field(wire);
    if (!wire->failed && field.tag != tag)
        wire->failed = SL_EDAMAGED;
    return field;
}

int64_t sl_wire_integer(struct sl_wire *wire)
{
    struct sl_field field = field_of(wire, SL_INT);
    return wire->failed ? 0 : field.integer;
}

struct sl_field sl_wire_bytes(struct sl_wire *wire)
{
    struct sl_field field = field_of(wire, SL_STR);
    return wire->failed ? sl_string((const uint8_t *)"", 0) : field;
}

const char *sl_wire_text(struct sl_wire *wire)
{
    struct sl_field field = sl_wire_field(wire);
    if (wire->failed || field.tag == SL_NIL)
        return NULL;
    if (field.tag != SL_STR) {
        wire->failed = SL_EDAMAGED;
        return NULL;
    }
    const char *text = sl_arena_text(wire->arena, (const char *)field.str, field.len);
    wire->failed = text ? 0 : SL_ENOMEM;
    return text;
}

size_t sl_wire_count(struct sl_wire *wire)
{
    int64_t count = sl_wire_integer(wire);
    if (count < 0 || (uint64_t)count > wire->len - wire->at)
        wire->failed = SL_EDAMAGED;
    return wire->failed ? 0 : (size_t)count;
}

static void *allocate(struct sl_wire *wire, size_t count, size_t size)
{
    void *memory = wire->failed ? NULL : sl_arena_alloc(wire->arena, (count + 1) * size);
    if (!memory && !wire->failed)
        wire->failed = SL_ENOMEM;
    return memory;
}

static const uint32_t *read_lines(struct sl_wire *wire, uint32_t rows)
{
    uint32_t *line = allocate(wire, rows, sizeof *line), before = 0;
    for (uint32_t i = 0; line && !wire->failed && i < rows; i++)
        before = line[i] = (uint32_t)(before + sl_wire_integer(wire));
    return line;
}

static const int64_t *read_times(struct sl_wire *wire, uint32_t rows)
{
    int64_t *time = allocate(wire, rows, sizeof *time);
    for (uint32_t i = 0; time && !wire->failed && i < rows; i++)
        time[i] = sl_wire_integer(wire);
    return time;
}

static void read_rows(struct sl_wire *wire, struct sl_chunk *chunk)
{
    struct sl_field *column[SL_WIDTH_MAX], row[SL_WIDTH_MAX];
    for (uint32_t c = 0; c < chunk->width; c++)
        chunk->column[c] = column[c] = allocate(wire, chunk->rows, sizeof **column);
    for (uint32_t i = 0; !wire->failed && i < chunk->rows; i++) {
        if (!sl_wire_row(wire, chunk->width, row) && !wire->failed)
            wire->failed = SL_EDAMAGED;
        for (uint32_t c = 0; !wire->failed && c < chunk->width; c++)
            column[c][i] = row[c];
    }
}

bool sl_wire_chunk(struct sl_wire *wire, const struct sl_origin *origin, struct sl_chunk *ret)
{
    if (wire->failed || wire->at >= wire->len)
        return false;
    int64_t rows = sl_wire_integer(wire), width = sl_wire_integer(wire), has = sl_wire_integer(wire);
    if (rows < 0 || rows > SL_CHUNK_ROWS || width < 0 || width > SL_WIDTH_MAX || (rows && !width))
        wire->failed = SL_EDAMAGED;
    if (wire->failed)
        return false;
    *ret = (struct sl_chunk){.rows = (uint32_t)rows, .width = (uint32_t)width};
    ret->origin = has & HAS_ORIGIN ? origin : NULL;
    ret->line = has & HAS_LINES ? read_lines(wire, ret->rows) : NULL;
    ret->time = has & HAS_TIMES ? read_times(wire, ret->rows) : NULL;
    read_rows(wire, ret);
    return !wire->failed;
}
