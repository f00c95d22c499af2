/* A run of rows with the memory they live in: what datasets (core/rows/dataset.h) are made of.
 *
 * Immutable once it is built, reference-counted. sl_rows_new, sl_rows_append (any number; copies), then hand
 * it to a dataset and unref it. While it is being built a run belongs to one thread. The rows of a run may be
 * on disk (core/rows/spill.h). */
#pragma once

#include "core/base/arena.h"
#include "core/rows/chunk.h"

#include <stdatomic.h>

/* An arena that several runs point into. What is in it may point into the arenas it depends on. */
struct sl_memory {
    _Atomic unsigned refs;
    struct sl_arena arena;
    struct sl_memory *base[2]; /* references, or NULL */
};

struct sl_memory *sl_memory_new(void);
struct sl_memory *sl_memory_ref(struct sl_memory *memory);
void sl_memory_unref(struct sl_memory *memory);

struct sl_stored;
struct sl_stored_rows;

struct sl_rows {
    _Atomic unsigned refs;
    uint64_t count;           /* rows */
    size_t chunks, capacity;  /* of chunk[] */
    struct sl_chunk **chunk;  /* every chunk but the last of a width run may be short; start[] tells; rows
                                 that are on disk: use sl_rows_chunk */
    uint64_t *start;          /* index of the first row of chunk[i] */
    uint32_t room;            /* rows the last chunk has memory for */
    struct sl_arena arena;    /* chunks, columns and bytes */
    struct sl_memory *memory; /* more bytes that fields point to; a reference, or NULL */
    struct sl_stored_rows *stored;       /* of rows on disk, or NULL */
    struct sl_field *open[SL_WIDTH_MAX]; /* columns of the chunk that still takes rows */
    int64_t *open_time;                  /* its event times; NULL: its rows have none */
};

struct sl_rows *sl_rows_new(void);
struct sl_rows *sl_rows_ref(struct sl_rows *rows);
void sl_rows_unref(struct sl_rows *rows);

/* Copies the chunk's rows, strings included, to the end of the run. 0 or SL_ENOMEM. Origins and event times are
 * dropped. */
int sl_rows_append(struct sl_rows *rows, const struct sl_chunk *chunk);
/* The same for its rows [from, end). */
int sl_rows_append_some(struct sl_rows *rows, const struct sl_chunk *chunk, uint32_t from, uint32_t end);
/* The same for one row of these fields. */
int sl_rows_append_copy(struct sl_rows *rows, const struct sl_field *fields, uint32_t width);

/* Moves all rows of `from`, which must have one owner, to the end of `to`; from is empty afterwards. 0 or
 * SL_ENOMEM. */
int sl_rows_adopt(struct sl_rows *to, struct sl_rows *from);

/* Appends one row whose bytes already live in rows->arena (or in memory that outlives it). */
int sl_rows_append_row(struct sl_rows *rows, const struct sl_field *fields, uint32_t width);
/* The same for a row with an event time. */
int sl_rows_append_timed(struct sl_rows *rows, const struct sl_field *fields, uint32_t width, int64_t time);

/* A run that is on disk; takes it over, also when it fails. NULL: out of memory. */
struct sl_rows *sl_rows_stored(struct sl_stored *stored);
/* The run on disk that rows->stored is, borrowed. */
struct sl_stored *sl_rows_run(const struct sl_rows *rows);
/* Chunk i. One of a run on disk is loaded into `arena`, or, where that is NULL, into the run's own memory,
 * where it stays. NULL: it could not be (core/rows/spill.h). Any thread. */
const struct sl_chunk *sl_rows_chunk_stored(const struct sl_rows *rows, size_t i, struct sl_arena *arena);
static inline const struct sl_chunk *sl_rows_chunk(const struct sl_rows *rows, size_t i,
                                                   struct sl_arena *arena)
{
    return rows->stored ? sl_rows_chunk_stored(rows, i, arena) : rows->chunk[i];
}
