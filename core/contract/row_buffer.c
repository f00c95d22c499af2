#include "core/contract/row_buffer.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/contract/services.h"
#include "core/rows/spill.h"

#include <stdlib.h>

int sl_row_buffers_open(struct sl_row_buffers *piles, struct sl_spill *spill, unsigned workers)
{
    *piles = (struct sl_row_buffers){0};
    if (!spill)
        return 0;
    piles->workers = workers;
    piles->file = calloc(piles->workers, sizeof(struct sl_spill_file *));
    if (!piles->file)
        return SL_ENOMEM;
    piles->spill = spill;
    return 0;
}

int sl_row_buffers_init(struct sl_row_buffers *piles, const struct sl_stage *stage)
{
    bool is_bounded = stage->services && stage->node->op->wide->bounded;
    return sl_row_buffers_open(piles, is_bounded ? stage->services->spill : NULL,
                               sl_pool_workers(stage->pool));
}

void sl_row_buffers_done(struct sl_row_buffers *piles)
{
    for (unsigned w = 0; piles->file && w < piles->workers; w++)
        piles->spill->ops->close(piles->file[w]);
    free(piles->file);
    *piles = (struct sl_row_buffers){0};
}

int sl_row_buffer_init(struct sl_row_buffer *pile, struct sl_memory *memory)
{
    *pile = (struct sl_row_buffer){.rows = sl_rows_new()};
    if (pile->rows && memory)
        pile->rows->memory = sl_memory_ref(memory);
    return pile->rows ? 0 : SL_ENOMEM;
}

void sl_row_buffer_done(struct sl_row_buffer *pile)
{
    for (size_t i = 0; i < pile->runs; i++)
        sl_rows_unref(pile->run[i]);
    free(pile->run);
    sl_rows_unref(pile->rows);
    *pile = (struct sl_row_buffer){0};
}

/* ---- rows become a run on disk ---- */

/* Where the run's handle belongs: room for one more. */
static bool make_index_room(struct sl_row_buffer *pile)
{
    struct sl_rows **run = sl_array_grow(pile->run, pile->runs, &pile->capacity, sizeof *run);
    if (!run)
        return false;
    pile->run = run;
    return true;
}

static int write_rows(struct sl_row_buffers *piles, const struct sl_rows *rows, struct sl_task *task,
                      struct sl_rows **ret)
{
    const struct sl_spill_ops *ops = piles->spill->ops;
    struct sl_spill_file **file = &piles->file[task->worker];
    struct sl_stored *stored;
    int r = *file ? 0 : ops->open(piles->spill, file, task->err);
    for (size_t i = 0; i < rows->chunks && r == 0; i++)
        r = sl_spill_chunk(piles->spill, *file, rows->chunk[i], task->err);
    r = r < 0 ? r : ops->end(*file, &stored, task->err);
    if (r < 0)
        return r;
    *ret = sl_rows_stored(stored);
    return *ret ? 0 : SL_ENOMEM;
}

int sl_row_buffer_spill(struct sl_row_buffers *piles, struct sl_row_buffer *pile, struct sl_task *task)
{
    if (!pile->rows->count)
        return 0;
    struct sl_rows *fresh = sl_rows_new();
    int r = fresh && make_index_room(pile) ? 0 : SL_ENOMEM;
    r = r < 0 ? r : write_rows(piles, pile->rows, task, &pile->run[pile->runs]);
    if (r < 0) {
        sl_rows_unref(fresh);
        return r;
    }
    pile->runs++;
    fresh->memory = pile->rows->memory ? sl_memory_ref(pile->rows->memory) : NULL;
    sl_rows_unref(pile->rows);
    pile->rows = fresh;
    sl_heap_trim();
    return 0;
}

/* ---- how much is too much: one half is for piles that grow, the other for those that ended ---- */

int sl_row_buffer_make_room(struct sl_row_buffers *piles, struct sl_row_buffer *pile, struct sl_task *task)
{
    bool fits = !piles->spill || pile->rows->arena.bytes <= piles->spill->bytes / 2;
    return fits ? 0 : sl_row_buffer_spill(piles, pile, task);
}

int sl_row_buffer_end(struct sl_row_buffers *piles, struct sl_row_buffer *pile, struct sl_task *task)
{
    if (!piles->spill || !pile->rows->count)
        return 0;
    size_t bytes = pile->rows->arena.bytes;
    size_t held = atomic_fetch_add_explicit(&piles->held, bytes, memory_order_relaxed) + bytes;
    if (held <= piles->spill->bytes * piles->workers / 2)
        return 0;
    atomic_fetch_sub_explicit(&piles->held, bytes, memory_order_relaxed);
    return sl_row_buffer_spill(piles, pile, task);
}

int sl_row_buffer_show(const struct sl_row_buffer *pile, struct sl_dataset *dataset, size_t p)
{
    int r = 0;
    for (size_t i = 0; i < pile->runs && r == 0; i++)
        r = sl_dataset_add(dataset, p, pile->run[i], 0, pile->run[i]->count);
    return r < 0 ? r : sl_dataset_add(dataset, p, pile->rows, 0, pile->rows->count);
}
