#include "ops/key/table.h"

#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CAPACITY_MIN_LOG2 = 8, PAGE = 4 << 10, HUGE_PAGE = 2 << 20 };

void sl_table_init(struct sl_table *table, uint32_t spread)
{
    *table = (struct sl_table){.spread = spread};
}

/* Pages that are read before they are written are mapped twice, and the second time every processor that runs the process is
 * interrupted. So all of them are written first. */
static struct sl_group *touch(void *slots, size_t bytes)
{
    for (size_t at = 0; slots && at < bytes; at += PAGE)
        ((volatile char *)slots)[at] = 0;
    return slots;
}

/* Big tables are mapped on their own, in huge pages where the system has them: probes miss the TLB less. */
static struct sl_group *slots_new(size_t capacity)
{
    size_t bytes = capacity * sizeof(struct sl_group);
    if (bytes < HUGE_PAGE)
        return touch(calloc(capacity, sizeof(struct sl_group)), bytes);
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    (void)madvise(p, bytes, MADV_HUGEPAGE); /* a hint */
    return touch(p, bytes);
}

static void slots_free(struct sl_group *slot, size_t capacity)
{
    size_t bytes = capacity * sizeof(struct sl_group);
    if (bytes < HUGE_PAGE)
        free(slot);
    else
        munmap(slot, bytes);
}

void sl_table_done(struct sl_table *table)
{
    if (table->slot)
        slots_free(table->slot, table->capacity);
    sl_arena_done(&table->arena);
    *table = (struct sl_table){0};
}

static size_t first_slot(const struct sl_table *table, uint32_t hash)
{
    return hash * table->spread >> table->shift;
}

static size_t next_slot(const struct sl_table *table, size_t at)
{
    return (at + 1) & (table->capacity - 1);
}

static int grow(struct sl_table *table, size_t capacity)
{
    struct sl_table bigger = *table;
    bigger.slot = slots_new(capacity);
    if (!bigger.slot)
        return SL_ENOMEM;
    bigger.capacity = capacity;
    bigger.shift = 32 - (unsigned)__builtin_ctzll(capacity);
    for (size_t i = 0; i < table->capacity; i++) {
        if (!(table->slot[i].key.flags & SL_GROUP_TAKEN))
            continue;
        size_t at = first_slot(&bigger, table->slot[i].hash);
        while (bigger.slot[at].key.flags & SL_GROUP_TAKEN)
            at = next_slot(&bigger, at);
        bigger.slot[at] = table->slot[i];
    }
    if (table->slot)
        slots_free(table->slot, table->capacity);
    *table = bigger;
    return 0;
}

static size_t capacity_for(const struct sl_table *table, size_t more)
{
    size_t capacity = table->capacity ? table->capacity : (size_t)1 << CAPACITY_MIN_LOG2;
    while ((table->used + more) * 2 > capacity)
        capacity *= 2;
    return capacity;
}

size_t sl_table_bytes(const struct sl_table *table, size_t more)
{
    size_t slots = table->capacity, capacity = more ? capacity_for(table, more) : slots;
    if (capacity > slots)
        slots += capacity; /* both are there while it grows */
    return slots * sizeof(struct sl_group) + table->arena.bytes;
}

int sl_table_reserve(struct sl_table *table, size_t more)
{
    size_t capacity = capacity_for(table, more);
    if (capacity == table->capacity)
        return 0;
    return capacity > (size_t)1 << 31 ? SL_ENOMEM : grow(table, capacity);
}

int sl_table_take(struct sl_table *table, struct sl_group *slot, uint32_t hash, const struct sl_field *key,
                  uint32_t first)
{
    sl_assert(!(slot->key.flags & SL_GROUP_TAKEN));
    if (!sl_field_copy(&table->arena, key, &slot->key))
        return SL_ENOMEM;
    slot->key.flags = (key->flags & SL_FIELD_ROW) | SL_GROUP_TAKEN | SL_GROUP_EMPTY;
    slot->hash = hash;
    slot->first = first;
    slot->state = (union sl_state){0};
    table->used++;
    return 0;
}

/* Probing may have moved a partition's last groups after its range, even around the end of the table; so the
 * walk continues from the range's end to the next free slot, and skips what belongs to others. `at` counts
 * slots from the range's beginning. */
struct sl_group *sl_table_next(const struct sl_table *table, unsigned partition, unsigned partitions,
                               uint64_t *at)
{
    if (!table->capacity)
        return NULL;
    unsigned bits = (unsigned)__builtin_ctz(partitions);
    size_t range = table->capacity >> bits; /* 0: several partitions share a slot */
    size_t from = (size_t)((uint64_t)partition * table->capacity >> bits);
    for (uint64_t i = *at + 1; i < table->capacity; i++) {
        struct sl_group *group = &table->slot[(from + i) & (table->capacity - 1)];
        bool taken = group->key.flags & SL_GROUP_TAKEN;
        if (!taken && i >= range)
            return NULL;
        if (taken && (bits == 0 || group->hash >> (32 - bits) == partition)) {
            *at = i;
            return group;
        }
    }
    return NULL;
}
