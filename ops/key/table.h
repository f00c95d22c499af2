/* Groups by key: a hash table from keys to reducer states. Open addressing, linear probing, at most half
 * full.
 *
 * The slot of a hash is its upper bits, so slots are in hash order: the groups of a hash partition (again
 * upper bits) are adjacent, and merging tables by partition touches each slot once. Keys are copied once,
 * into the table's arena. Use: reserve for the rows to come, then find for each; pointers to groups stay
 * valid until the next reserve. */
#pragma once

#include "core/base/apart.h"
#include "core/base/fetch.h"
#include "core/contract/reducer.h"
#include "core/rows/field.h"

#include <stddef.h>

/* In key.flags, beside SL_FIELD_ROW. */
enum {
    SL_GROUP_TAKEN = 16,  /* the slot holds a group */
    SL_GROUP_EMPTY = 32,  /* no value was accepted yet: there is no state */
    SL_GROUP_FAILED = 64, /* a group error: left out */
};

struct sl_group {
    uint32_t hash;
    uint32_t first;      /* number of the lane that saw the key first */
    struct sl_field key; /* key.flags: SL_GROUP_* */
    union sl_state state;
};

static inline struct sl_group *sl_group_of(const union sl_state *state)
{
    return (struct sl_group *)((char *)state - offsetof(struct sl_group, state));
}

static inline const struct sl_group *sl_group_of_key(const struct sl_field *key)
{
    return (const struct sl_group *)((const char *)key - offsetof(struct sl_group, key));
}

struct sl_table {
    struct sl_group *slot; /* [capacity] */
    size_t capacity;       /* a power of two */
    size_t used;
    unsigned shift;  /* 32 - log2(capacity) */
    uint32_t spread; /* the slot of a hash is the upper bits of hash * spread */
    struct sl_arena arena;
};

/* One of several that workers fill at the same time. */
struct sl_table_apart {
    SL_APART struct sl_table table;
};

/* spread 1: slots are in hash order. SL_TABLE_SPREAD: they are not, and the table may be filled from another
 * one in that one's order; without it such a run of neighbours would pile up while the table is small. A
 * power of two, P: for the groups of one of P hash partitions, slots in hash order. */
#define SL_TABLE_SPREAD 0x9E3779B1u
void sl_table_init(struct sl_table *table, uint32_t spread);
void sl_table_done(struct sl_table *table);

/* Makes room for `more` new groups. 0 or SL_ENOMEM. */
int sl_table_reserve(struct sl_table *table, size_t more);

/* Bytes the table takes while `more` groups come in and it may have to grow; without more, what it holds. */
size_t sl_table_bytes(const struct sl_table *table, size_t more);

/* The slot where the key is or belongs; check key.flags. */
static inline struct sl_group *sl_table_slot(const struct sl_table *table, uint32_t hash,
                                             const struct sl_field *key)
{
    for (size_t at = hash * table->spread >> table->shift;; at = (at + 1) & (table->capacity - 1)) {
        struct sl_group *group = &table->slot[at];
        if (!(group->key.flags & SL_GROUP_TAKEN))
            return group;
        if (group->hash == hash && sl_field_equals(&group->key, key))
            return group;
    }
}

/* Takes a free slot for a copy of the key; the group is SL_GROUP_EMPTY. 0 or SL_ENOMEM. */
int sl_table_take(struct sl_table *table, struct sl_group *slot, uint32_t hash, const struct sl_field *key,
                  uint32_t first);

/* The groups whose hash has the upper bits `partition` (of `partitions`, a power of two up to 65536), in slot
 * order: start with *at = UINT64_MAX; NULL at the end. */
struct sl_group *sl_table_next(const struct sl_table *table, unsigned partition, unsigned partitions,
                               uint64_t *at);

/* Where the search for the hash begins. */
static inline struct sl_group *sl_table_first_slot(const struct sl_table *table, uint32_t hash)
{
    return &table->slot[hash * table->spread >> table->shift];
}

SL_FETCH sl_table_prefetch(const struct sl_table *table, uint32_t hash)
{
    __builtin_prefetch(sl_table_first_slot(table, hash), 1);
}

/* What the slot points to, which the slot itself must be there for: the bytes of a string key, and the state
 * of reducers that keep a pointer. A state that is a number has its lowest bit set where that is cheap to do: fetching
 * from such an address would walk the page tables in vain. */
SL_FETCH sl_table_prefetch_group(const struct sl_table *table, uint32_t hash)
{
    const struct sl_group *group = sl_table_first_slot(table, hash);
    __builtin_prefetch(group->key.str);
    __builtin_prefetch(group->state.integer & 1 ? group : group->state.pointer, 1);
}
