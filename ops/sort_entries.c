/* Sorting groups by key: pieces are sorted (ops/sort_keys.h), then merged pairwise. All steps run on the
 * stage's workers. */
#include "core/error.h"
#include "ops/groups.h"
#include "ops/sort_keys.h"

#include <stdlib.h>
#include <string.h>

struct sort {
    const struct sl_entry *entry;
    struct sl_entry *out;
    struct sl_sort_item *item, *spare;
    size_t count, piece; /* items of a piece; the last has the rest */
};

static size_t piece_end(const struct sort *sort, size_t from, size_t length)
{
    return from + length < sort->count ? from + length : sort->count;
}

static int sort_piece(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    (void)worker;
    (void)err;
    struct sort *sort = arg;
    size_t from = index * sort->piece, to = piece_end(sort, from, sort->piece);
    for (size_t i = from; i < to; i++)
        sort->item[i] = (struct sl_sort_item){sl_key_prefix(&sort->entry[i].key), &sort->entry[i].key};
    sl_sort_items(sort->item + from, sort->spare + from, to - from);
    return 0;
}

/* Merges pieces 2*index and 2*index+1 from item to spare. */
static int merge_pair(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    (void)worker;
    (void)err;
    struct sort *sort = arg;
    size_t a = index * 2 * sort->piece, a_end = piece_end(sort, a, sort->piece);
    size_t b = a_end, b_end = piece_end(sort, b, sort->piece), at = a;
    while (a < a_end && b < b_end)
        sort->spare[at++] =
            sl_sort_item_less(&sort->item[b], &sort->item[a]) ? sort->item[b++] : sort->item[a++];
    memcpy(&sort->spare[at], &sort->item[a], (a_end - a) * sizeof *sort->item);
    memcpy(&sort->spare[at + a_end - a], &sort->item[b], (b_end - b) * sizeof *sort->item);
    return 0;
}

enum { GATHER_ENTRIES = 64 << 10, PIECE_MIN = 4096 };

static int gather(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    (void)worker;
    (void)err;
    struct sort *sort = arg;
    size_t from = index * GATHER_ENTRIES, to = piece_end(sort, from, GATHER_ENTRIES);
    for (size_t i = from; i < to; i++)
        sort->out[i] = *(const struct sl_entry *)sort->item[i].key; /* its first member */
    return 0;
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static int sort_in_pieces(struct sl_stage *stage, struct sort *sort)
{
    size_t pieces = sl_pool_workers(stage->pool);
    sort->piece = divide_up(sort->count, pieces);
    if (sort->piece < PIECE_MIN)
        sort->piece = PIECE_MIN;
    int r = sl_pool_run(stage->pool, divide_up(sort->count, sort->piece), sort_piece, sort, stage->err);
    for (; r == 0 && sort->piece < sort->count; sort->piece *= 2) {
        r = sl_pool_run(stage->pool, divide_up(sort->count, 2 * sort->piece), merge_pair, sort, stage->err);
        struct sl_sort_item *swap = sort->item;
        sort->item = sort->spare;
        sort->spare = swap;
    }
    return r < 0 ? r
                 : sl_pool_run(stage->pool, divide_up(sort->count, GATHER_ENTRIES), gather, sort, stage->err);
}

int sl_entries_sort(struct sl_stage *stage, struct sl_entry *entry, size_t count)
{
    struct sort sort = {.entry = entry, .count = count};
    if (count < 2)
        return 0;
    sort.out = malloc(count * sizeof *sort.out);
    sort.item = malloc(count * sizeof *sort.item);
    sort.spare = malloc(count * sizeof *sort.spare);
    int r = sort.out && sort.item && sort.spare ? sort_in_pieces(stage, &sort) : SL_ENOMEM;
    if (r == 0)
        memcpy(entry, sort.out, count * sizeof *entry);
    free(sort.out);
    free(sort.item);
    free(sort.spare);
    return r;
}
