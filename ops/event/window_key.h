/* Keys of panes: a pane's start and a record's key as one field, in the order of both.
 *
 * A pane is the piece of event time by which windows are made: the greatest common divisor of size and slide. What a
 * pane holds is kept by (pane, key). A key that is a string becomes a string: eight bytes of the start, highest first
 * and with its sign turned, then the key; so it is hashed and compared as quickly as any string. Other keys become the
 * list {start, key}. Strings come before lists in the order of fields, so a run of pane keys is two runs, each in the
 * order of pane and key. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

enum { SL_PANE_BYTES = 8 };

/* The bytes of a start, for the beginning of a string. */
static inline void sl_pane_write(uint8_t *bytes, int64_t start)
{
    uint64_t turned = __builtin_bswap64((uint64_t)start ^ UINT64_C(1) << 63);
    memcpy(bytes, &turned, SL_PANE_BYTES);
}

static inline int64_t sl_pane_read(const uint8_t *bytes)
{
    uint64_t turned;
    memcpy(&turned, bytes, SL_PANE_BYTES);
    return (int64_t)(__builtin_bswap64(turned) ^ UINT64_C(1) << 63);
}

/* (pane, key); memory from the arena, which the key's bytes must outlive where it is no string. False: out of
 * memory. */
static inline bool sl_pane_key(struct sl_arena *arena, int64_t start, const struct sl_field *key,
                               struct sl_field *ret)
{
    if (key->tag == SL_STR) {
        uint8_t *bytes = sl_arena_bytes(arena, SL_PANE_BYTES + (size_t)key->len);
        if (!bytes)
            return false;
        sl_pane_write(bytes, start);
        if (key->len)
            memcpy(bytes + SL_PANE_BYTES, key->str, key->len);
        *ret = sl_string(bytes, SL_PANE_BYTES + (size_t)key->len);
        return true;
    }
    struct sl_field *items = sl_arena_alloc(arena, 2 * sizeof *items);
    if (!items)
        return false;
    items[0] = sl_integer(start);
    items[1] = *key;
    *ret = sl_list(items, 2);
    return true;
}

static inline int64_t sl_pane_of(const struct sl_field *pane_key)
{
    return pane_key->tag == SL_STR ? sl_pane_read(pane_key->str) : pane_key->items[0].integer;
}

static inline struct sl_field sl_key_of_pane(const struct sl_field *pane_key)
{
    return pane_key->tag == SL_STR ? sl_string(pane_key->str + SL_PANE_BYTES, pane_key->len - SL_PANE_BYTES)
                                   : pane_key->items[1];
}

/* Whether it is one: what was read back from disk may be anything. */
static inline bool sl_pane_key_is_valid(const struct sl_field *field)
{
    if (field->tag == SL_STR)
        return field->len >= SL_PANE_BYTES;
    return field->tag == SL_LIST && field->len == 2 && field->items[0].tag == SL_INT;
}
