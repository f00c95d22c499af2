#include "core/rows/dataset.h"

#include "core/base/array.h"
#include "core/base/bisect.h"
#include "core/base/error.h"

#include <stdlib.h>

struct sl_dataset *sl_dataset_new(size_t partitions)
{
    struct sl_dataset *dataset = calloc(1, sizeof *dataset);
    if (!dataset)
        return NULL;
    atomic_init(&dataset->refs, 1);
    pthread_mutex_init(&dataset->making, NULL);
    if (!partitions)
        return dataset;
    dataset->partition = calloc(partitions, sizeof *dataset->partition);
    if (!dataset->partition) {
        sl_dataset_unref(dataset);
        return NULL;
    }
    dataset->partitions = dataset->capacity = partitions;
    return dataset;
}

struct sl_dataset *sl_dataset_ref(struct sl_dataset *dataset)
{
    atomic_fetch_add_explicit(&dataset->refs, 1, memory_order_relaxed);
    return dataset;
}

void sl_dataset_unref(struct sl_dataset *dataset)
{
    if (!dataset || atomic_fetch_sub_explicit(&dataset->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t p = 0; p < dataset->partitions; p++) {
        for (size_t s = 0; s < dataset->partition[p].slices; s++)
            sl_rows_unref(dataset->partition[p].slice[s].rows);
        free(dataset->partition[p].slice);
    }
    free(dataset->partition);
    if (dataset->recipe)
        dataset->recipe->done(dataset->recipe);
    sl_dataset_unref(dataset->revision.changes);
    pthread_mutex_destroy(&dataset->making);
    free(dataset);
}

int sl_dataset_add(struct sl_dataset *dataset, size_t p, struct sl_rows *rows, uint64_t from, uint64_t to)
{
    sl_assert(p < dataset->partitions && from <= to && to <= rows->count);
    struct sl_partition *partition = &dataset->partition[p];
    if (from == to)
        return 0;
    struct sl_slice *slice =
        sl_array_grow(partition->slice, partition->slices, &partition->capacity, sizeof *slice);
    if (!slice)
        return SL_ENOMEM;
    partition->slice = slice;
    partition->slice[partition->slices++] = (struct sl_slice){sl_rows_ref(rows), from, to};
    partition->count += to - from;
    dataset->count += to - from;
    return 0;
}

int sl_dataset_take(struct sl_dataset *dataset, size_t p, struct sl_rows **rows, size_t count)
{
    int r = 0;
    for (size_t i = 0; i < count; i++) {
        if (r == 0 && rows[i])
            r = sl_dataset_add(dataset, p, rows[i], 0, rows[i]->count);
        sl_rows_unref(rows[i]);
    }
    return r;
}

int sl_dataset_add_partition(struct sl_dataset *dataset)
{
    struct sl_partition *partition =
        sl_array_grow(dataset->partition, dataset->partitions, &dataset->capacity, sizeof *partition);
    if (!partition)
        return SL_ENOMEM;
    dataset->partition = partition;
    dataset->partition[dataset->partitions++] = (struct sl_partition){0};
    return 0;
}

/* ---- out of others ---- */

int sl_dataset_concat(struct sl_dataset *dataset, const struct sl_dataset *other)
{
    sl_assert(!other->deferred);
    for (size_t p = 0; p < other->partitions; p++) {
        int r = sl_dataset_add_partition(dataset);
        for (size_t s = 0; s < other->partition[p].slices && r == 0; s++) {
            const struct sl_slice *slice = &other->partition[p].slice[s];
            r = sl_dataset_add(dataset, dataset->partitions - 1, slice->rows, slice->from, slice->to);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

/* The part of a slice that lies in records [from, to) when the slice begins at record `at`. */
static int add_overlap(struct sl_dataset *dataset, size_t p, const struct sl_slice *slice, uint64_t at,
                       uint64_t from, uint64_t to)
{
    uint64_t count = slice->to - slice->from;
    uint64_t first = from > at ? from - at : 0, last = to - at < count ? to - at : count;
    if (at >= to || first >= last)
        return 0;
    return sl_dataset_add(dataset, p, slice->rows, slice->from + first, slice->from + last);
}

int sl_dataset_add_range(struct sl_dataset *dataset, size_t p, const struct sl_dataset *other, uint64_t from,
                         uint64_t to)
{
    uint64_t at = 0;
    sl_assert(!other->deferred);
    for (size_t q = 0; q < other->partitions; q++) {
        const struct sl_partition *partition = &other->partition[q];
        for (size_t s = 0; s < partition->slices; s++) {
            int r = add_overlap(dataset, p, &partition->slice[s], at, from, to);
            if (r < 0)
                return r;
            at += partition->slice[s].to - partition->slice[s].from;
        }
    }
    return 0;
}

struct sl_dataset *sl_dataset_pieces(const struct sl_dataset *other, size_t n)
{
    struct sl_dataset *dataset = sl_dataset_new(n);
    for (size_t i = 0; dataset && i < n; i++) {
        uint64_t from = (uint64_t)((__uint128_t)i * other->count / n);
        uint64_t to = (uint64_t)((__uint128_t)(i + 1) * other->count / n);
        if (sl_dataset_add_range(dataset, i, other, from, to) < 0) {
            sl_dataset_unref(dataset);
            return NULL;
        }
    }
    return dataset;
}

struct sl_dataset *sl_dataset_of(struct sl_rows *rows)
{
    struct sl_dataset *dataset = rows ? sl_dataset_new(1) : NULL;
    if (dataset && sl_dataset_add(dataset, 0, rows, 0, rows->count) < 0) {
        sl_dataset_unref(dataset);
        dataset = NULL;
    }
    sl_rows_unref(rows);
    return dataset;
}

/* ---- reading ---- */

/* The chunk that holds row `row`. */
static size_t find_chunk(const struct sl_rows *rows, uint64_t row)
{
    return SL_BISECT(i, 1, rows->chunks, rows->start[i] <= row) - 1;
}

static int push_part(const struct sl_chunk *chunk, uint32_t from, uint32_t to, struct sl_outlet *outlet)
{
    struct sl_chunk part = {
        .rows = to - from, .width = chunk->width, .time = chunk->time ? chunk->time + from : NULL};
    for (uint32_t c = 0; c < chunk->width; c++)
        part.column[c] = chunk->column[c] + from;
    return sl_push(outlet, &part);
}

static int push_slice(const struct sl_slice *slice, uint64_t from, uint64_t to, struct sl_outlet *outlet)
{
    const struct sl_rows *rows = slice->rows;
    struct sl_arena block = {0}; /* of rows on disk */
    int r = 0;
    from += slice->from;
    to += slice->from;
    for (size_t i = find_chunk(rows, from); r == 0 && from < to; i++) {
        const struct sl_chunk *chunk = sl_rows_chunk(rows, i, &block);
        if (!chunk) {
            r = SL_EFAIL;
            break;
        }
        uint64_t end = rows->start[i] + chunk->rows < to ? rows->start[i] + chunk->rows : to;
        r = push_part(chunk, (uint32_t)(from - rows->start[i]), (uint32_t)(end - rows->start[i]), outlet);
        from = end;
        sl_arena_reset(&block);
    }
    sl_arena_done(&block);
    return r;
}

int sl_dataset_push(const struct sl_dataset *dataset, size_t p, uint64_t from, uint64_t to,
                    struct sl_outlet *outlet)
{
    const struct sl_partition *partition = &dataset->partition[p];
    uint64_t at = 0;
    sl_assert(!dataset->deferred);
    for (size_t s = 0; s < partition->slices && at < to; s++) {
        uint64_t count = partition->slice[s].to - partition->slice[s].from;
        uint64_t first = from > at ? from - at : 0, last = to - at < count ? to - at : count;
        int r = first < last ? push_slice(&partition->slice[s], first, last, outlet) : 0;
        if (r < 0)
            return r;
        at += count;
    }
    return 0;
}

void sl_cursor_init(struct sl_cursor *cursor, const struct sl_dataset *dataset)
{
    sl_assert(!dataset->deferred);
    *cursor = (struct sl_cursor){.dataset = dataset};
    sl_cursor_seek(cursor, 0);
}

/* The slice at the cursor, skipping what is after it; NULL at the end. */
static const struct sl_slice *current_slice(struct sl_cursor *cursor)
{
    const struct sl_dataset *dataset = cursor->dataset;
    while (cursor->partition < dataset->partitions) {
        const struct sl_partition *partition = &dataset->partition[cursor->partition];
        if (cursor->slice < partition->slices) {
            const struct sl_slice *slice = &partition->slice[cursor->slice];
            if (cursor->row == UINT64_MAX) {
                cursor->row = slice->from;
                cursor->chunk = find_chunk(slice->rows, cursor->row);
            }
            if (cursor->row < slice->to)
                return slice;
            cursor->slice++;
        } else {
            cursor->partition++;
            cursor->slice = 0;
        }
        cursor->row = UINT64_MAX;
    }
    return NULL;
}

void sl_cursor_pass(struct sl_cursor *cursor, const struct sl_dataset *dataset, struct sl_arena *arena)
{
    sl_cursor_init(cursor, dataset);
    cursor->arena = arena;
}

/* Of rows on disk: to stay, or in the place of the block before. */
static const struct sl_chunk *stored_chunk(struct sl_cursor *cursor, const struct sl_rows *rows)
{
    if (!cursor->arena)
        return sl_rows_chunk(rows, cursor->chunk, NULL);
    if (cursor->block && cursor->block_rows == rows && cursor->block_number == cursor->chunk)
        return cursor->block;
    sl_arena_reset(cursor->arena);
    cursor->block = sl_rows_chunk(rows, cursor->chunk, cursor->arena);
    cursor->block_rows = rows;
    cursor->block_number = cursor->chunk;
    return cursor->block;
}

bool sl_cursor_next(struct sl_cursor *cursor, struct sl_field *fields, uint32_t *ret_width)
{
    const struct sl_slice *slice = current_slice(cursor);
    if (!slice)
        return false;
    const struct sl_rows *rows = slice->rows;
    while (cursor->chunk + 1 < rows->chunks && cursor->row >= rows->start[cursor->chunk + 1])
        cursor->chunk++;
    const struct sl_chunk *chunk = rows->stored ? stored_chunk(cursor, rows) : rows->chunk[cursor->chunk];
    if (!chunk)
        return false;
    sl_chunk_row(chunk, (uint32_t)(cursor->row - rows->start[cursor->chunk]), fields);
    *ret_width = chunk->width;
    cursor->row++;
    return true;
}

void sl_cursor_seek(struct sl_cursor *cursor, uint64_t record)
{
    const struct sl_dataset *dataset = cursor->dataset;
    cursor->partition = cursor->slice = cursor->chunk = 0;
    cursor->row = UINT64_MAX;
    for (; cursor->partition < dataset->partitions; cursor->partition++) {
        const struct sl_partition *partition = &dataset->partition[cursor->partition];
        if (record < partition->count)
            break;
        record -= partition->count;
    }
    if (cursor->partition == dataset->partitions)
        return;
    const struct sl_slice *slice = dataset->partition[cursor->partition].slice;
    for (; record >= slice->to - slice->from; slice++, cursor->slice++)
        record -= slice->to - slice->from;
    cursor->row = slice->from + record;
    cursor->chunk = find_chunk(slice->rows, cursor->row);
}
