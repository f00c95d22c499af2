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

static bool append_rows(struct sl_rows *rows, const struct sl_chunk *from, uint32_t first, uint32_t count)
{
    struct sl_chunk *last = rows->chunk[rows->chunks - 1];
    for (uint32_t c = 0; c < from->width; c++)
        for (uint32_t i = 0; i < count; i++)
            if (!copy_field(&rows->arena, &from->column[c][first + i], &rows->open[c][last->rows + i]))
                return false;
    last->rows += count;
    rows->count += count;
    return true;
}

int sl_rows_append(struct sl_rows *rows, const struct sl_chunk *chunk)
{
    for (uint32_t done = 0; done < chunk->rows;) {
        uint32_t count = room(rows, chunk->width, false);
        if (count > chunk->rows - done)
            count = chunk->rows - done;
        if (!count || !append_rows(rows, chunk, done, count))
            return SL_ENOMEM;
        done += count;
    }
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
