/* A heap of readers, the one with the least row on top. */
#include "ops/key/merge_runs.h"

#include "core/base/error.h"
#include "ops/key/sort_keys.h"

#include <stdlib.h>

struct sl_spilled_reader {
    const struct sl_stored *run;
    size_t number; /* of the run */
    size_t block;  /* that comes next */
    uint32_t row;  /* of the chunk: the one to be given */
    const struct sl_chunk *chunk;
    uint64_t prefix; /* of the row's key */
    struct sl_arena arena;
};

static const struct sl_field *key_of(const struct sl_spilled_reader *reader)
{
    return &reader->chunk->column[0][reader->row];
}

static int compare_keys(const struct sl_field *a, const struct sl_field *b, bool descending)
{
    int order = sl_field_compare(a, b);
    return descending ? -order : order;
}

/* ---- readers ---- */

static int load(struct sl_spilled_reader *reader, size_t block, struct sl_error *err)
{
    struct sl_chunk *chunk;
    sl_arena_reset(&reader->arena);
    reader->chunk = NULL;
    int r = reader->run->spill->ops->load(reader->run, block, &reader->arena, &chunk, err);
    if (r < 0)
        return r;
    reader->chunk = chunk;
    reader->block = block + 1;
    reader->row = 0;
    return 0;
}

/* Puts the reader on the next row: 1, or 0 at the end. */
static int advance(struct sl_spilled_reader *reader, struct sl_error *err)
{
    if (++reader->row >= reader->chunk->rows) {
        if (reader->block == reader->run->blocks)
            return 0;
        int r = load(reader, reader->block, err);
        if (r < 0)
            return r;
    }
    reader->prefix = sl_key_prefix(key_of(reader));
    return 1;
}

/* The last block that begins before `from`, or the first one. */
static int find_block(struct sl_spilled_reader *reader, const struct sl_field *from, bool descending,
                      size_t *ret, struct sl_error *err)
{
    size_t low = 0, high = reader->run->blocks;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        int r = load(reader, middle, err);
        if (r < 0)
            return r;
        if (compare_keys(key_of(reader), from, descending) < 0)
            low = middle;
        else
            high = middle;
    }
    *ret = low;
    return 0;
}

/* Puts the reader on the first row at or after `from`: 1, or 0 where there is none. */
static int seek(struct sl_spilled_reader *reader, const struct sl_field *from, bool descending,
                struct sl_error *err)
{
    size_t block = 0;
    if (!reader->run->blocks)
        return 0;
    int r = from ? find_block(reader, from, descending, &block, err) : 0;
    if (r == 0)
        r = load(reader, block, err);
    if (r < 0)
        return r;
    reader->prefix = sl_key_prefix(key_of(reader));
    for (r = 1; r > 0 && from && compare_keys(key_of(reader), from, descending) < 0;)
        r = advance(reader, err);
    return r;
}

/* ---- the heap ---- */

static bool stands_before(const struct sl_merge *merge, const struct sl_spilled_reader *a,
                          const struct sl_spilled_reader *b)
{
    if (a->prefix != b->prefix)
        return merge->descending ? a->prefix > b->prefix : a->prefix < b->prefix;
    int order = compare_keys(key_of(a), key_of(b), merge->descending);
    return order ? order < 0 : a->number < b->number;
}

static void sift_down(struct sl_merge *merge, size_t at)
{
    struct sl_spilled_reader *moved = merge->heap[at];
    for (size_t child; (child = 2 * at + 1) < merge->live; at = child) {
        if (child + 1 < merge->live && stands_before(merge, merge->heap[child + 1], merge->heap[child]))
            child++;
        if (!stands_before(merge, merge->heap[child], moved))
            break;
        merge->heap[at] = merge->heap[child];
    }
    merge->heap[at] = moved;
}

static bool is_inside(const struct sl_merge *merge, const struct sl_spilled_reader *reader)
{
    return !merge->to || compare_keys(key_of(reader), merge->to, merge->descending) < 0;
}

int sl_merge_open(struct sl_merge *merge, struct sl_stored *const *run, size_t runs, bool descending,
                  const struct sl_field *from, const struct sl_field *to, struct sl_error *err)
{
    *merge = (struct sl_merge){.descending = descending, .to = to, .readers = runs};
    merge->reader = calloc(runs + 1, sizeof *merge->reader);
    merge->heap = calloc(runs + 1, sizeof(struct sl_spilled_reader *));
    int r = merge->reader && merge->heap ? 0 : sl_error_nomem(err);
    for (size_t i = 0; r >= 0 && i < runs; i++) {
        struct sl_spilled_reader *reader = &merge->reader[i];
        reader->run = run[i];
        reader->number = i;
        r = seek(reader, from, descending, err);
        if (r > 0 && is_inside(merge, reader))
            merge->heap[merge->live++] = reader;
        else
            sl_arena_done(&reader->arena);
    }
    if (r < 0) {
        sl_merge_close(merge);
        return r;
    }
    for (size_t i = merge->live / 2; i-- > 0;)
        sift_down(merge, i);
    return 0;
}

void sl_merge_close(struct sl_merge *merge)
{
    for (size_t i = 0; merge->reader && i < merge->readers; i++)
        sl_arena_done(&merge->reader[i].arena);
    free(merge->reader);
    free(merge->heap);
    *merge = (struct sl_merge){0};
}

/* The reader on top moves on, or leaves the heap. */
static int move_on(struct sl_merge *merge, struct sl_error *err)
{
    struct sl_spilled_reader *top = merge->heap[0];
    int r = advance(top, err);
    if (r < 0)
        return r;
    if (r == 0 || !is_inside(merge, top)) {
        merge->heap[0] = merge->heap[--merge->live];
        sl_arena_done(&top->arena);
    }
    if (merge->live)
        sift_down(merge, 0);
    return 0;
}

int sl_merge_next(struct sl_merge *merge, struct sl_field *fields, uint32_t *ret_width, struct sl_error *err)
{
    int r = merge->last ? move_on(merge, err) : 0;
    merge->last = NULL;
    if (r < 0 || !merge->live)
        return r;
    merge->last = merge->heap[0];
    sl_chunk_row(merge->last->chunk, merge->last->row, fields);
    *ret_width = merge->last->chunk->width;
    return 1;
}

int sl_merge_gather(struct sl_merge *merge, struct sl_task *task, const struct sl_gatherer *gatherer,
                    void *arg)
{
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t width;
    int r;
    gatherer->begin(arg);
    while ((r = sl_merge_next(merge, row, &width, task->err)) > 0) {
        const struct sl_field *key = gatherer->key(arg);
        if (key && !sl_field_equals(key, &row[0])) {
            r = gatherer->end(arg);
            gatherer->begin(arg);
            if (r == 0 && task->stop && atomic_load_explicit(task->stop, memory_order_relaxed))
                r = SL_ESTOP;
        }
        r = r < 0 ? r : gatherer->add(arg, row);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : gatherer->end(arg);
}
