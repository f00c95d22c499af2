/* Rows on disk as a run like any other: chunk i is block i, loaded when it is read. What is loaded
 * to stay is in chunk[i] from then on. Also writes such runs. */
#include "core/rows/stored_rows.h"

#include "core/rows/rows.h"
#include "core/rows/spill.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct sl_stored_rows {
    struct sl_stored *run;
    pthread_mutex_t lock; /* guards `kept` and what it is for: chunk[] */
    struct sl_arena kept;
};

void sl_stored_rows_free(struct sl_stored_rows *stored)
{
    if (!stored)
        return;
    if (stored->run)
        stored->run->spill->ops->free(stored->run);
    sl_arena_done(&stored->kept);
    pthread_mutex_destroy(&stored->lock);
    free(stored);
}

static struct sl_stored_rows *stored_rows_new(struct sl_stored *run)
{
    struct sl_stored_rows *stored = calloc(1, sizeof *stored);
    if (!stored)
        return NULL;
    stored->run = run;
    pthread_mutex_init(&stored->lock, NULL);
    return stored;
}

struct sl_rows *sl_rows_stored(struct sl_stored *run)
{
    struct sl_rows *rows = sl_rows_new();
    struct sl_stored_rows *stored = rows ? stored_rows_new(run) : NULL;
    if (!stored) {
        sl_rows_unref(rows);
        run->spill->ops->free(run);
        return NULL;
    }
    rows->stored = stored;
    rows->count = run->rows;
    rows->chunks = rows->capacity = run->blocks;
    rows->chunk = calloc(run->blocks + 1, sizeof(struct sl_chunk *));
    rows->start = malloc((run->blocks + 1) * sizeof *rows->start);
    if (!rows->chunk || !rows->start) {
        sl_rows_unref(rows);
        return NULL;
    }
    if (run->blocks)
        memcpy(rows->start, run->start, run->blocks * sizeof *rows->start);
    return rows;
}

struct sl_stored *sl_rows_run(const struct sl_rows *rows)
{
    return rows->stored->run;
}

static const struct sl_chunk *load(const struct sl_stored *run, size_t i, struct sl_arena *arena)
{
    struct sl_chunk *chunk;
    return run->spill->ops->load(run, i, arena, &chunk, NULL) < 0 ? NULL : chunk;
}

static const struct sl_chunk *load_to_stay(const struct sl_rows *rows, size_t i)
{
    struct sl_stored_rows *stored = rows->stored;
    pthread_mutex_lock(&stored->lock);
    const struct sl_chunk *chunk = rows->chunk[i];
    if (!chunk)
        chunk = rows->chunk[i] = (struct sl_chunk *)load(stored->run, i, &stored->kept);
    pthread_mutex_unlock(&stored->lock);
    return chunk;
}

const struct sl_chunk *sl_rows_chunk_stored(const struct sl_rows *rows, size_t i, struct sl_arena *arena)
{
    return arena ? load(rows->stored->run, i, arena) : load_to_stay(rows, i);
}

int sl_spill_chunk(const struct sl_spill *spill, struct sl_spill_file *file, const struct sl_chunk *chunk,
                   struct sl_error *err)
{
    struct sl_field fields[SL_WIDTH_MAX];
    int r = 0;
    for (uint32_t row = 0; row < chunk->rows && r == 0; row++) {
        sl_chunk_row(chunk, row, fields);
        r = chunk->time ? spill->ops->timed_row(file, fields, chunk->width, chunk->time[row], err)
                        : spill->ops->row(file, fields, chunk->width, err);
    }
    return r;
}
