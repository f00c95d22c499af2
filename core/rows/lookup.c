/* An open hash table of row numbers. A slot holds half of its key's hash, so that a row is looked at only where it is
 * most likely the one. It is filled from the last row to the first: then the chain of a key is in the order of rows. */
#include "core/rows/lookup.h"

#include "core/base/error.h"

#include <stdlib.h>

struct sl_lookup_slot {
    uint32_t row; /* SL_NO_ROW: free */
    uint32_t tag; /* the upper half of the hash */
};

enum { SLOTS_MIN = 16, FIRST_CHUNKS = 3, FIRST_ROWS = 336 };

/* ---- rows by number ---- */

/* Runs of one width have chunks of 16, 64, 256 and then SL_CHUNK_ROWS rows: the guess is right for them. */
static size_t guess_chunk(const struct sl_rows *rows, uint64_t row)
{
    size_t guess = row < FIRST_ROWS ? row >= 16 ? row >= 80 ? 2 : 1 : 0
                                    : FIRST_CHUNKS + (size_t)((row - FIRST_ROWS) / SL_CHUNK_ROWS);
    return guess < rows->chunks ? guess : rows->chunks - 1;
}

static bool is_in_chunk(const struct sl_rows *rows, size_t chunk, uint64_t row)
{
    return rows->start[chunk] <= row && row - rows->start[chunk] < rows->chunk[chunk]->rows;
}

static const struct sl_chunk *find_chunk(const struct sl_rows *rows, uint32_t row, uint32_t *ret_at)
{
    size_t from = 0, to = rows->chunks, guess = guess_chunk(rows, row);
    if (is_in_chunk(rows, guess, row)) {
        *ret_at = (uint32_t)(row - rows->start[guess]);
        return rows->chunk[guess];
    }
    while (to - from > 1) {
        size_t middle = from + (to - from) / 2;
        if (rows->start[middle] <= row)
            from = middle;
        else
            to = middle;
    }
    *ret_at = (uint32_t)(row - rows->start[from]);
    return rows->chunk[from];
}

static const struct sl_field *key_of(const struct sl_lookup *lookup, uint32_t row)
{
    uint32_t at;
    const struct sl_chunk *chunk = find_chunk(lookup->rows, row, &at);
    return &chunk->column[lookup->key][at];
}

uint32_t sl_lookup_values(const struct sl_lookup *lookup, uint32_t row, struct sl_field *fields)
{
    uint32_t at, count = 0;
    const struct sl_chunk *chunk = find_chunk(lookup->rows, row, &at);
    for (uint32_t c = 0; c < chunk->width; c++)
        if (c != lookup->key)
            fields[count++] = chunk->column[c][at];
    if (!count)
        fields[count++] = sl_boolean(true);
    return count;
}

/* ---- the index ---- */

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

/* The slot of the key, or the free one where it belongs. There always is a free one. */
static struct sl_lookup_slot *find_slot(const struct sl_lookup *lookup, const struct sl_field *key,
                                        uint64_t hash)
{
    for (uint32_t i = (uint32_t)hash & lookup->mask;; i = (i + 1) & lookup->mask) {
        struct sl_lookup_slot *slot = &lookup->slot[i];
        if (slot->row == SL_NO_ROW ||
            (slot->tag == tag_of(hash) && sl_field_equals(key_of(lookup, slot->row), key)))
            return slot;
    }
}

static bool make_next(struct sl_lookup *lookup)
{
    uint64_t count = lookup->rows->count;
    if (lookup->next)
        return true;
    lookup->next = malloc(count * sizeof *lookup->next);
    for (uint64_t i = 0; lookup->next && i < count; i++)
        lookup->next[i] = SL_NO_ROW;
    return lookup->next != NULL;
}

static bool add_row(struct sl_lookup *lookup, uint32_t row, const struct sl_field *key)
{
    uint64_t hash = sl_field_hash(key, lookup->seed);
    struct sl_lookup_slot *slot = find_slot(lookup, key, hash);
    if (slot->row != SL_NO_ROW && !make_next(lookup))
        return false;
    if (slot->row != SL_NO_ROW)
        lookup->next[row] = slot->row;
    else
        lookup->keys++;
    *slot = (struct sl_lookup_slot){row, tag_of(hash)};
    return true;
}

static bool fill(struct sl_lookup *lookup)
{
    const struct sl_rows *rows = lookup->rows;
    for (size_t c = rows->chunks; c-- > 0;)
        for (uint32_t i = rows->chunk[c]->rows; i-- > 0;)
            if (!add_row(lookup, (uint32_t)rows->start[c] + i, &rows->chunk[c]->column[lookup->key][i]))
                return false;
    return true;
}

static bool make_slots(struct sl_lookup *lookup)
{
    uint64_t slots = SLOTS_MIN;
    while (slots * 3 / 4 < lookup->rows->count)
        slots *= 2;
    lookup->mask = (uint32_t)(slots - 1);
    lookup->slot = malloc(slots * sizeof *lookup->slot);
    for (uint64_t i = 0; lookup->slot && i < slots; i++)
        lookup->slot[i].row = SL_NO_ROW;
    return lookup->slot != NULL;
}

int sl_lookup_new(struct sl_rows *rows, uint32_t key, uint64_t seed, struct sl_lookup **ret)
{
    if (rows->count >= UINT32_MAX / 2)
        return SL_EUSAGE;
    struct sl_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return SL_ENOMEM;
    lookup->rows = sl_rows_ref(rows);
    lookup->dataset = sl_dataset_of(sl_rows_ref(rows));
    lookup->key = key;
    lookup->seed = seed;
    if (!lookup->dataset || !make_slots(lookup) || !fill(lookup)) {
        sl_lookup_free(lookup);
        return SL_ENOMEM;
    }
    *ret = lookup;
    return 0;
}

void sl_lookup_free(struct sl_lookup *lookup)
{
    if (!lookup)
        return;
    sl_dataset_unref(lookup->dataset);
    sl_rows_unref(lookup->rows);
    free(lookup->slot);
    free(lookup->next);
    free(lookup);
}

uint64_t sl_lookup_bytes(const struct sl_lookup *lookup)
{
    uint64_t slots = (uint64_t)lookup->mask + 1;
    return lookup->rows->arena.bytes + slots * sizeof *lookup->slot +
           (lookup->next ? lookup->rows->count * sizeof *lookup->next : 0);
}

/* ---- finding ---- */

uint32_t sl_lookup_find(const struct sl_lookup *lookup, const struct sl_field *key)
{
    return find_slot(lookup, key, sl_field_hash(key, lookup->seed))->row;
}

/* Slots first, then the rows they name: while one is on its way from memory the next is asked for. */
void sl_lookup_find_all(const struct sl_lookup *lookup, const struct sl_field *keys, uint32_t count,
                        uint32_t *ret_rows)
{
    uint64_t hash[SL_CHUNK_ROWS];
    sl_assert(count <= SL_CHUNK_ROWS);
    for (uint32_t i = 0; i < count; i++) {
        hash[i] = sl_field_hash(&keys[i], lookup->seed);
        __builtin_prefetch(&lookup->slot[(uint32_t)hash[i] & lookup->mask]);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_lookup_slot *slot = &lookup->slot[(uint32_t)hash[i] & lookup->mask];
        if (slot->row != SL_NO_ROW)
            __builtin_prefetch(key_of(lookup, slot->row));
    }
    for (uint32_t i = 0; i < count; i++)
        ret_rows[i] = find_slot(lookup, &keys[i], hash[i])->row;
}
