/* Sorting groups by key. Every entry gets a 64-bit prefix that never contradicts the order: three bits for
 * the kind, then the first bytes of a string or the rounded value of a number. Pieces are sorted by prefix
 * with a radix sort, runs of equal prefixes by comparison; then pieces are merged pairwise. All steps run on
 * the stage's workers. */
#include "core/error.h"
#include "ops/groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct item {
    uint64_t prefix;
    const struct sl_entry *entry;
};

static uint64_t number_prefix(double number)
{
    uint64_t bits;
    number += 0.0; /* -0.0 equals 0 */
    memcpy(&bits, &number, sizeof bits);
    if (isnan(number))
        return UINT64_MAX;
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint64_t string_prefix(const struct sl_field *key)
{
    uint64_t bits = 0;
    if (key->len >= 8) {
        memcpy(&bits, key->str, 8);
        return __builtin_bswap64(bits);
    }
    for (uint32_t i = 0; i < key->len; i++)
        bits |= (uint64_t)key->str[i] << (56 - 8 * i);
    return bits;
}

static uint64_t prefix_of(const struct sl_field *key)
{
    uint64_t kind = (uint64_t)(key->tag == SL_FLOAT ? SL_INT : key->tag) << 61, rest = 0;
    switch ((enum sl_tag)key->tag) {
    case SL_NIL:
    case SL_LIST:
    case SL_MAP:
        break;
    case SL_BOOL:
        rest = (uint64_t)key->boolean << 60;
        break;
    case SL_INT:
        rest = number_prefix((double)key->integer);
        break;
    case SL_FLOAT:
        rest = number_prefix(key->number);
        break;
    case SL_STR:
        rest = string_prefix(key);
        break;
    }
    return kind | rest >> 3;
}

/* Entries with equal keys stay in the order they came in. */
static int compare_items(const void *a, const void *b)
{
    const struct sl_entry *left = ((const struct item *)a)->entry, *right = ((const struct item *)b)->entry;
    int order = sl_field_compare(&left->key, &right->key);
    return order ? order : (left > right) - (left < right);
}

static bool item_less(const struct item *a, const struct item *b)
{
    return a->prefix != b->prefix ? a->prefix < b->prefix : compare_items(a, b) < 0;
}

enum { RADIX_MIN = 64 };

/* One pass over byte `shift / 8`; false where all items have the same byte and nothing moved. */
static bool radix_pass(const struct item *from, struct item *to, size_t count, unsigned shift)
{
    size_t start[257] = {0};
    for (size_t i = 0; i < count; i++)
        start[(from[i].prefix >> shift & 0xFF) + 1]++;
    if (start[(from[0].prefix >> shift & 0xFF) + 1] == count)
        return false;
    for (size_t b = 1; b < 257; b++)
        start[b] += start[b - 1];
    for (size_t i = 0; i < count; i++)
        to[start[from[i].prefix >> shift & 0xFF]++] = from[i];
    return true;
}

/* Sorts item[count], with spare[count] as a helper; the result is in item. */
static void sort_items(struct item *item, struct item *spare, size_t count)
{
    struct item *from = item, *to = spare;
    for (unsigned shift = 0; count >= RADIX_MIN && shift < 64; shift += 8)
        if (radix_pass(from, to, count, shift)) {
            struct item *swap = from;
            from = to;
            to = swap;
        }
    if (from != item)
        memcpy(item, from, count * sizeof *item);
    if (count < RADIX_MIN) {
        qsort(item, count, sizeof *item, compare_items);
        return;
    }
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && item[end].prefix == item[i].prefix; end++)
            continue;
        if (end - i > 1)
            qsort(item + i, end - i, sizeof *item, compare_items);
    }
}

struct sort {
    const struct sl_entry *entry;
    struct sl_entry *out;
    struct item *item, *spare;
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
        sort->item[i] = (struct item){prefix_of(&sort->entry[i].key), &sort->entry[i]};
    sort_items(sort->item + from, sort->spare + from, to - from);
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
        sort->spare[at++] = item_less(&sort->item[b], &sort->item[a]) ? sort->item[b++] : sort->item[a++];
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
        sort->out[i] = *sort->item[i].entry;
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
        struct item *swap = sort->item;
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
