#include "fs/tree/keys.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/rows/stored_dataset.h"
#include "fs/tree/keyname.h"
#include "text/format.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

enum { NO_ROW = UINT32_MAX, SLOTS_MIN = 64, BATCH_ROWS = 64 };

struct key {
    const uint8_t *text; /* in the dataset where the text is the string itself and stays, else in the arena */
    uint32_t text_len;
    uint32_t first, last; /* rows */
};

/* The tag avoids reading the key, which is elsewhere in memory. */
struct slot {
    uint32_t number; /* of a key + 1, 0: empty */
    uint32_t tag;    /* of the hash of its file name */
};

struct sl_keys {
    const struct sl_dataset *rows;
    bool stored;   /* some rows are on disk: they are loaded while the cursor reads them */
    uint64_t seed; /* names come from input data: crafted ones must not collide */
    struct sl_arena arena;
    size_t count, capacity;
    struct key *key;
    size_t slots; /* a power of two */
    struct slot *slot;
    uint32_t *next; /* per row: the next row of the same key */
};

static bool slice_has_width(const struct sl_slice *slice, uint32_t width_min)
{
    const struct sl_rows *rows = slice->rows;
    struct sl_arena block = {0}; /* of rows on disk */
    bool found = false;
    for (size_t i = 0; i < rows->chunks && !found; i++) {
        uint64_t end = i + 1 < rows->chunks ? rows->start[i + 1] : rows->count;
        bool is_inside = rows->start[i] < slice->to && end > slice->from;
        const struct sl_chunk *chunk = is_inside ? sl_rows_chunk(rows, i, &block) : NULL;
        found = chunk && chunk->width >= width_min;
        sl_arena_reset(&block);
    }
    sl_arena_done(&block);
    return found;
}

bool sl_keys_possible(const struct sl_dataset *rows)
{
    if (rows->deferred)
        return true; /* only rows with a key are added */
    for (size_t p = 0; p < rows->partitions; p++)
        for (size_t s = 0; s < rows->partition[p].slices; s++)
            if (slice_has_width(&rows->partition[p].slice[s], 2))
                return true;
    return rows->count == 0;
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

static bool has_name(const struct key *key, const char *name, size_t len)
{
    char other[SL_KEY_NAME_MAX + 1];
    return sl_key_name(key->text, key->text_len, other) == len && memcmp(other, name, len) == 0;
}

/* The slot of the name, or the empty slot where it would be inserted. */
static size_t find_slot(const struct sl_keys *keys, uint64_t hash, const char *name, size_t len)
{
    for (size_t i = hash & (keys->slots - 1);; i = (i + 1) & (keys->slots - 1)) {
        const struct slot *slot = &keys->slot[i];
        if (!slot->number || (slot->tag == tag_of(hash) && has_name(&keys->key[slot->number - 1], name, len)))
            return i;
    }
}

/* At most half full, however many keys the rows have: pages that are never touched cost nothing. */
static bool make_slots(struct sl_keys *keys)
{
    keys->slots = SLOTS_MIN;
    while (keys->slots < keys->rows->count * 2)
        keys->slots *= 2;
    keys->slot = calloc(keys->slots, sizeof *keys->slot);
    return keys->slot != NULL;
}

static struct key *add_key(struct sl_keys *keys)
{
    struct key *key = sl_array_grow(keys->key, keys->count, &keys->capacity, sizeof *key);
    if (!key)
        return NULL;
    keys->key = key;
    return &keys->key[keys->count++];
}

/* A string that needed no escape is its own text: nothing to copy. */
static const uint8_t *keep_text(struct sl_keys *keys, const struct sl_field *field, const struct sl_buf *text)
{
    if (field->tag == SL_STR && field->len == text->len && !keys->stored)
        return field->str;
    return sl_arena_copy(&keys->arena, text->bytes, text->len);
}

/* A row that is being added to the index. */
struct added {
    const uint8_t *text;
    uint64_t hash;
    uint32_t text_len, row;
};

/* Its slot is prefetched while neighbouring rows are prepared: the cost is mostly waiting for memory. */
static bool prepare(struct sl_keys *keys, uint32_t row, const struct sl_field *field, struct sl_buf *text,
                    struct added *ret)
{
    char name[SL_KEY_NAME_MAX + 1];
    sl_buf_clear(text);
    if (!sl_tsv_field(text, field, NULL))
        return false;
    size_t len = sl_key_name(text->bytes, text->len, name);
    uint64_t hash = XXH3_64bits_withSeed(name, len, keys->seed);
    __builtin_prefetch(&keys->slot[hash & (keys->slots - 1)], 1);
    *ret = (struct added){keep_text(keys, field, text), hash, (uint32_t)text->len, row};
    return ret->text || text->len == 0;
}

static bool add(struct sl_keys *keys, const struct added *added)
{
    char name[SL_KEY_NAME_MAX + 1];
    size_t len = sl_key_name(added->text, added->text_len, name);
    size_t i = find_slot(keys, added->hash, name, len);
    keys->next[added->row] = NO_ROW;
    if (keys->slot[i].number) {
        struct key *key = &keys->key[keys->slot[i].number - 1];
        keys->next[key->last] = added->row;
        key->last = added->row;
        return true;
    }
    struct key *key = add_key(keys);
    if (!key)
        return false;
    *key = (struct key){added->text, added->text_len, added->row, added->row};
    keys->slot[i] = (struct slot){(uint32_t)keys->count, tag_of(added->hash)};
    return true;
}

static bool add_batch(struct sl_keys *keys, const struct added *added, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!add(keys, &added[i]))
            return false;
    return true;
}

static bool add_all(struct sl_keys *keys)
{
    struct sl_cursor cursor;
    struct sl_field fields[SL_WIDTH_MAX];
    struct added batch[BATCH_ROWS];
    struct sl_buf text;
    struct sl_arena block = {0};
    size_t count = 0;
    uint32_t width;
    bool ok = true;
    sl_buf_init(&text);
    sl_cursor_pass(&cursor, keys->rows, &block);
    for (uint32_t row = 0; ok && sl_cursor_next(&cursor, fields, &width); row++) {
        if (width > 1)
            ok = prepare(keys, row, &fields[0], &text, &batch[count++]);
        if (ok && count == BATCH_ROWS) {
            ok = add_batch(keys, batch, count);
            count = 0;
        }
    }
    ok = ok && add_batch(keys, batch, count);
    sl_buf_done(&text);
    sl_arena_done(&block);
    return ok;
}

struct sl_keys *sl_keys_new(struct sl_dataset *rows)
{
    bool readable = rows->count < NO_ROW && sl_dataset_resolve(rows, NULL) == 0;
    struct sl_keys *keys = readable ? calloc(1, sizeof *keys) : NULL;
    if (!keys)
        return NULL;
    keys->rows = rows;
    keys->stored = sl_dataset_is_stored(rows);
    sl_arena_init(&keys->arena);
    (void)!getrandom(&keys->seed, sizeof keys->seed, GRND_NONBLOCK); /* without: as good as unseeded */
    keys->next = calloc(rows->count ? rows->count : 1, sizeof *keys->next);
    if (!keys->next || !make_slots(keys) || !add_all(keys)) {
        sl_keys_free(keys);
        return NULL;
    }
    return keys;
}

void sl_keys_free(struct sl_keys *keys)
{
    if (!keys)
        return;
    sl_arena_done(&keys->arena);
    free(keys->key);
    free(keys->slot);
    free(keys->next);
    free(keys);
}

uint64_t sl_keys_count(const struct sl_keys *keys)
{
    return keys->count;
}

bool sl_keys_find(const struct sl_keys *keys, const char *name, size_t len, uint64_t *ret_key)
{
    size_t i = find_slot(keys, XXH3_64bits_withSeed(name, len, keys->seed), name, len);
    if (!keys->slot[i].number)
        return false;
    *ret_key = keys->slot[i].number - 1;
    return true;
}

const uint8_t *sl_keys_text(const struct sl_keys *keys, uint64_t key, size_t *ret_len)
{
    sl_assert(key < keys->count);
    *ret_len = keys->key[key].text_len;
    return keys->key[key].text;
}

static bool render_row(const struct sl_format *tsv, const struct sl_field *fields, uint32_t width,
                       struct sl_buf *buf)
{
    uint64_t replaced = 0; /* of bytes that are not UTF-8; not counted here */
    struct sl_chunk chunk = {.rows = 1, .width = width - 1};
    for (uint32_t c = 1; c < width; c++)
        chunk.column[c - 1] = &fields[c];
    return tsv->rows(buf, &chunk, &replaced);
}

bool sl_keys_render(const struct sl_keys *keys, uint64_t key, struct sl_buf *buf)
{
    const struct sl_format *tsv = sl_format_find("tsv", 3);
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_arena block = {0};
    struct sl_cursor cursor;
    uint32_t width;
    bool ok = true;
    sl_assert(key < keys->count);
    sl_cursor_pass(&cursor, keys->rows, &block);
    for (uint32_t row = keys->key[key].first; ok && row != NO_ROW; row = keys->next[row]) {
        sl_cursor_seek(&cursor, row);
        ok = sl_cursor_next(&cursor, fields, &width) && render_row(tsv, fields, width, buf);
    }
    sl_arena_done(&block);
    return ok;
}
