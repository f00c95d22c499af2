#include "core/rows/rows.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/rows/short_copy.h"
#include "core/rows/stored_rows.h"

#include <stdlib.h>
#include <string.h>

struct sl_memory *sl_memory_new(void)
{
    struct sl_memory *memory = calloc(1, sizeof *memory);
    if (memory)
        atomic_init(&memory->refs, 1);
    return memory;
}

struct sl_memory *sl_memory_ref(struct sl_memory *memory)
{
    atomic_fetch_add_explicit(&memory->refs, 1, memory_order_relaxed);
    return memory;
}

void sl_memory_unref(struct sl_memory *memory)
{
    if (!memory || atomic_fetch_sub_explicit(&memory->refs, 1, memory_order_acq_rel) > 1)
        return;
    sl_memory_unref(memory->base[0]);
    sl_memory_unref(memory->base[1]);
    sl_arena_done(&memory->arena);
    free(memory);
}

/* ---- runs of rows ---- */

struct sl_rows *sl_rows_new(void)
{
    struct sl_rows *rows = calloc(1, sizeof *rows);
    if (rows)
        atomic_init(&rows->refs, 1);
    return rows;
}

struct sl_rows *sl_rows_ref(struct sl_rows *rows)
{
    atomic_fetch_add_explicit(&rows->refs, 1, memory_order_relaxed);
    return rows;
}

void sl_rows_unref(struct sl_rows *rows)
{
    if (!rows || atomic_fetch_sub_explicit(&rows->refs, 1, memory_order_acq_rel) > 1)
        return;
    sl_memory_unref(rows->memory);
    sl_stored_rows_free(rows->stored);
    sl_arena_done(&rows->arena);
    free(rows->chunk);
    free(rows->start);
    free(rows);
}

static bool make_index_room(struct sl_rows *rows)
{
    size_t capacity = rows->capacity, same = capacity;
    struct sl_chunk **chunk = sl_array_grow(rows->chunk, rows->chunks, &capacity, sizeof *chunk);
    rows->chunk = chunk ? chunk : rows->chunk;
    uint64_t *start = sl_array_grow(rows->start, rows->chunks, &same, sizeof *start);
    rows->start = start ? start : rows->start;
    if (chunk && start)
        rows->capacity = capacity;
    return chunk && start;
}

enum { ROOM_MIN = 16 };

/* A small run stays small, and so do stretches of one width: chunks grow from 16 rows to SL_CHUNK_ROWS. */
static uint32_t next_room(const struct sl_rows *rows, uint32_t width)
{
    const struct sl_chunk *last = rows->chunks ? rows->chunk[rows->chunks - 1] : NULL;
    if (!last || last->width != width)
        return ROOM_MIN;
    return rows->room * 4 < SL_CHUNK_ROWS ? rows->room * 4 : SL_CHUNK_ROWS;
}

/* A new last chunk of this width. */
static bool open_chunk(struct sl_rows *rows, uint32_t width, bool timed)
{
    size_t offsets = offsetof(struct sl_chunk, column) + width * sizeof(struct sl_field *);
    struct sl_chunk *chunk = make_index_room(rows) ? sl_arena_alloc(&rows->arena, offsets) : NULL;
    if (!chunk)
        return false;
    memset(chunk, 0, offsets);
    rows->room = next_room(rows, width);
    for (uint32_t c = 0; c < width; c++) {
        rows->open[c] = sl_arena_alloc(&rows->arena, rows->room * sizeof(struct sl_field));
        if (!rows->open[c])
            return false;
        chunk->column[c] = rows->open[c];
    }
    rows->open_time = timed ? sl_arena_alloc(&rows->arena, rows->room * sizeof(int64_t)) : NULL;
    if (timed && !rows->open_time)
        return false;
    chunk->time = rows->open_time;
    chunk->width = width;
    rows->start[rows->chunks] = rows->count;
    rows->chunk[rows->chunks++] = chunk;
    return true;
}

/* Rows the last chunk can still take of this width, with or without event times; opens a new one where there are
 * none. 0: out of memory. */
static uint32_t room(struct sl_rows *rows, uint32_t width, bool timed)
{
    struct sl_chunk *last = rows->chunks ? rows->chunk[rows->chunks - 1] : NULL;
    if (last && last->width == width && last->rows < rows->room && !last->time == !timed)
        return rows->room - last->rows;
    return open_chunk(rows, width, timed) ? rows->room : 0;
}

static inline bool copy_field(struct sl_arena *arena, const struct sl_field *from, struct sl_field *to)
{
    if (from->tag > SL_STR)
        return sl_field_copy(arena, from, to);
    *to = *from;
    if (from->tag == SL_STR)
        to->str = sl_arena_copy_short(arena, from->str, from->len);
    return from->tag != SL_STR || to->str || !from->len;
}

/* Room in an arena is left where as many bytes do not fit. */
enum { TOGETHER_MAX = 1024 };

/* How many strings have their bytes one after the other, as rows that were copied have: a copy of all costs little more
 * than one of them. */
static uint32_t count_together(const struct sl_field *from, uint32_t count, size_t *ret_bytes)
{
    uint32_t i = 1;
    *ret_bytes = from[0].len;
    for (; i < count && from[i].tag == SL_STR && from[i].str == from[i - 1].str + from[i - 1].len &&
           *ret_bytes < TOGETHER_MAX;
         i++)
        *ret_bytes += from[i].len;
    return i;
}

static bool copy_together(struct sl_arena *arena, const struct sl_field *from, uint32_t count, size_t bytes,
                          struct sl_field *to)
{
    uint8_t *p = sl_arena_copy_short(arena, from->str, bytes);
    if (!p)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        to[i] = from[i];
        to[i].str = p;
        p += from[i].len;
    }
    return true;
}

static bool append_column(struct sl_arena *arena, const struct sl_field *from, uint32_t count,
                          struct sl_field *to)
{
    for (uint32_t i = 0, some = 1; i < count; i += some) {
        size_t bytes;
        some = from[i].tag == SL_STR ? count_together(from + i, count - i, &bytes) : 1;
        if (!(some > 1 ? copy_together(arena, from + i, some, bytes, to + i)
                       : copy_field(arena, &from[i], &to[i])))
            return false;
    }
    return true;
}

static bool append_rows(struct sl_rows *rows, const struct sl_chunk *from, uint32_t first, uint32_t count)
{
    struct sl_chunk *last = rows->chunk[rows->chunks - 1];
    for (uint32_t c = 0; c < from->width; c++)
        if (!append_column(&rows->arena, from->column[c] + first, count, rows->open[c] + last->rows))
            return false;
    last->rows += count;
    rows->count += count;
    return true;
}

int sl_rows_append_some(struct sl_rows *rows, const struct sl_chunk *chunk, uint32_t from, uint32_t end)
{
    while (from < end) {
        uint32_t count = room(rows, chunk->width, false);
        if (count > end - from)
            count = end - from;
        if (!count || !append_rows(rows, chunk, from, count))
            return SL_ENOMEM;
        from += count;
    }
    return 0;
}

int sl_rows_append(struct sl_rows *rows, const struct sl_chunk *chunk)
{
    return sl_rows_append_some(rows, chunk, 0, chunk->rows);
}

int sl_rows_append_copy(struct sl_rows *rows, const struct sl_field *fields, uint32_t width)
{
    if (!room(rows, width, false))
        return SL_ENOMEM;
    struct sl_chunk *last = rows->chunk[rows->chunks - 1];
    for (uint32_t c = 0; c < width; c++)
        if (!copy_field(&rows->arena, &fields[c], &rows->open[c][last->rows]))
            return SL_ENOMEM;
    last->rows++;
    rows->count++;
    return 0;
}

int sl_rows_append_row(struct sl_rows *rows, const struct sl_field *fields, uint32_t width)
{
    if (!room(rows, width, false))
        return SL_ENOMEM;
    struct sl_chunk *last = rows->chunk[rows->chunks - 1];
    for (uint32_t c = 0; c < width; c++)
        rows->open[c][last->rows] = fields[c];
    last->rows++;
    rows->count++;
    return 0;
}

int sl_rows_append_timed(struct sl_rows *rows, const struct sl_field *fields, uint32_t width, int64_t time)
{
    if (!room(rows, width, true))
        return SL_ENOMEM;
    struct sl_chunk *last = rows->chunk[rows->chunks - 1];
    for (uint32_t c = 0; c < width; c++)
        rows->open[c][last->rows] = fields[c];
    rows->open_time[last->rows++] = time;
    rows->count++;
    return 0;
}

int sl_rows_adopt(struct sl_rows *to, struct sl_rows *from)
{
    sl_assert(!from->memory);
    for (size_t i = 0; i < from->chunks; i++) {
        if (!make_index_room(to))
            return SL_ENOMEM;
        to->start[to->chunks] = to->count;
        to->chunk[to->chunks++] = from->chunk[i];
        to->count += from->chunk[i]->rows;
    }
    to->room = 0; /* the next row begins a chunk: this one's columns are not open */
    sl_arena_adopt(&to->arena, &from->arena);
    from->chunks = 0;
    from->count = 0;
    return 0;
}
