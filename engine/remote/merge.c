#include "engine/remote/merge.h"

#include "core/base/error.h"
#include "engine/remote/wire.h"

#include <stdlib.h>
#include <string.h>

/* One part: its bytes, and the row that comes next. */
struct part {
    struct sl_wire wire;
    struct sl_chunk chunk;
    uint32_t row; /* of the chunk */
    bool has_row;
    struct sl_field key, items[SL_WIDTH_MAX]; /* of that row */
};

struct sl_merging {
    enum sl_result_order order;
    struct sl_memory *memory; /* what all rows point to */
    size_t parts;
    struct part *part; /* [parts] */
    size_t *heap;      /* parts that have a row, the first one on top */
    size_t heaped;
};

struct sl_merging *sl_merging_new(size_t parts, enum sl_result_order order)
{
    struct sl_merging *merging = calloc(1, sizeof *merging);
    if (!merging)
        return NULL;
    merging->order = order;
    merging->parts = parts;
    merging->memory = sl_memory_new();
    merging->part = calloc(parts + 1, sizeof *merging->part);
    merging->heap = calloc(parts + 1, sizeof *merging->heap);
    if (merging->memory && merging->part && merging->heap)
        return merging;
    sl_merging_free(merging);
    return NULL;
}

void sl_merging_free(struct sl_merging *merging)
{
    if (!merging)
        return;
    sl_memory_unref(merging->memory);
    free(merging->part);
    free(merging->heap);
    free(merging);
}

/* ---- a part ---- */

/* Rows of (key, nil, record). */
static bool is_sorted(const struct sl_merging *merging)
{
    return merging->order == SL_RESULT_SORTED_UP || merging->order == SL_RESULT_SORTED_DOWN;
}

static bool is_record(const struct sl_chunk *chunk, uint32_t row)
{
    const struct sl_field *record = chunk->width == SL_PARTIAL_FIELDS ? &chunk->column[2][row] : NULL;
    return record && record->tag == SL_LIST && record->len >= 1 && record->len <= SL_WIDTH_MAX;
}

static int next_row(struct sl_merging *merging, struct part *part)
{
    part->row++;
    if (part->row >= part->chunk.rows) {
        part->row = 0;
        do
            part->has_row = sl_wire_chunk(&part->wire, NULL, &part->chunk);
        while (part->has_row && !part->chunk.rows);
    }
    if (part->wire.failed || !part->has_row)
        return part->wire.failed;
    if (is_sorted(merging) && !is_record(&part->chunk, part->row))
        return SL_EDAMAGED;
    part->key = merging->order == SL_RESULT_BY_RECORD ? sl_chunk_record(&part->chunk, part->row, part->items)
                                                      : part->chunk.column[0][part->row];
    return 0;
}

int sl_merging_add(struct sl_merging *merging, size_t i, const void *bytes, size_t len)
{
    struct part *part = &merging->part[i];
    uint8_t *copy = sl_arena_copy(&merging->memory->arena, len ? bytes : "", len);
    if (!copy)
        return SL_ENOMEM;
    part->wire = (struct sl_wire){copy, len, 0, &merging->memory->arena, 0};
    return next_row(merging, part);
}

/* ---- the heap ---- */

static bool is_before(const struct sl_merging *merging, size_t a, size_t b)
{
    int order = sl_field_compare(&merging->part[a].key, &merging->part[b].key);
    return merging->order == SL_RESULT_SORTED_DOWN ? order > 0 : order < 0;
}

static void sink(struct sl_merging *merging, size_t at)
{
    size_t *heap = merging->heap;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < merging->heaped; child++)
            if (is_before(merging, heap[child], heap[least]))
                least = child;
        if (least == at)
            return;
        size_t moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

static void build(struct sl_merging *merging)
{
    for (size_t i = 0; i < merging->parts; i++)
        if (merging->part[i].has_row)
            merging->heap[merging->heaped++] = i;
    for (size_t at = merging->heaped; at-- > 0;)
        sink(merging, at);
}

static int move_row(struct sl_merging *merging, struct sl_rows *rows)
{
    struct part *part = &merging->part[merging->heap[0]];
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width = part->chunk.width;
    sl_chunk_row(&part->chunk, part->row, fields);
    if (is_sorted(merging)) {
        const struct sl_field record = fields[2];
        width = record.len;
        memcpy(fields, record.items, width * sizeof *fields);
    }
    int r = sl_rows_append_row(rows, fields, width);
    r = r < 0 ? r : next_row(merging, part);
    if (!part->has_row)
        merging->heap[0] = merging->heap[--merging->heaped];
    sink(merging, 0);
    return r;
}

int sl_merging_finish(struct sl_merging *merging, struct sl_dataset **ret)
{
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? 0 : SL_ENOMEM;
    if (rows)
        rows->memory = sl_memory_ref(merging->memory);
    build(merging);
    while (r == 0 && merging->heaped)
        r = move_row(merging, rows);
    if (r == 0 && (*ret = sl_dataset_of(rows)))
        return 0;
    if (r < 0)
        sl_rows_unref(rows);
    return r < 0 ? r : SL_ENOMEM;
}
