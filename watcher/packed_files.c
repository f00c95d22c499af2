#include "watcher/packed_files.h"

#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    RECORD_ALIGN = 4,
    SLOTS_MIN = 64,
    BYTES_MIN = 4096,
    GAPS_MIN = 64 << 10, /* less is not worth the copying */
    HUGE_PAGE = 2 << 20,
};

_Static_assert(offsetof(struct sl_packed_file, name) <= 48, "a record is small");
_Static_assert(offsetof(struct sl_packed_file, scan) % sizeof(uint32_t) == 0, "threads claim it");

void sl_packed_files_done(struct sl_packed_files *packed)
{
    free(packed->slot);
    free(packed->bytes);
    *packed = (struct sl_packed_files){0};
}

/* Names are met in the order of the file system, which is none: with small pages every search would wait for the address
 * of a page, too. */
static void use_huge_pages(void *memory, size_t size)
{
    uintptr_t from = ((uintptr_t)memory + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uintptr_t to = ((uintptr_t)memory + size) / HUGE_PAGE * HUGE_PAGE;
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE); /* a hint */
}

/* ---- slots ---- */

static uint32_t hash_of(uint64_t slot)
{
    return (uint32_t)(slot >> 32);
}

static size_t home_of(const struct sl_packed_files *packed, uint32_t hash)
{
    return (size_t)((uint64_t)hash * packed->slots >> 32);
}

static size_t after(const struct sl_packed_files *packed, size_t i)
{
    return i + 1 < packed->slots ? i + 1 : 0;
}

static struct sl_packed_file *record_of(const struct sl_packed_files *packed, uint64_t slot)
{
    return (struct sl_packed_file *)(packed->bytes + ((size_t)(uint32_t)slot - 1) * RECORD_ALIGN);
}

static size_t record_size(size_t name_len)
{
    size_t size = offsetof(struct sl_packed_file, name) + name_len;
    return (size + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

static void put_slot(struct sl_packed_files *packed, uint64_t slot)
{
    size_t i = home_of(packed, hash_of(slot));
    while (packed->slot[i])
        i = after(packed, i);
    packed->slot[i] = slot;
}

/* At most four of five slots are used. */
static bool has_slot(const struct sl_packed_files *packed)
{
    return packed->count + 1 <= packed->slots / 5 * 4;
}

static bool grow_slots(struct sl_packed_files *packed)
{
    struct sl_packed_files grown = *packed;
    grown.slots = packed->slots ? packed->slots + packed->slots / 2 : SLOTS_MIN;
    grown.slot = calloc(grown.slots, sizeof *grown.slot);
    if (!grown.slot)
        return false;
    use_huge_pages(grown.slot, grown.slots * sizeof *grown.slot);
    for (size_t i = 0; i < packed->slots; i++)
        if (packed->slot[i])
            put_slot(&grown, packed->slot[i]);
    free(packed->slot);
    *packed = grown;
    return true;
}

/* The slot of the record; a name is compared where the hashes are the same. */
static size_t find_slot(const struct sl_packed_files *packed, uint32_t hash, const char *name, size_t len)
{
    if (!packed->slots)
        return SIZE_MAX;
    for (size_t i = home_of(packed, hash); packed->slot[i]; i = after(packed, i)) {
        if (hash_of(packed->slot[i]) != hash)
            continue;
        const struct sl_packed_file *file = record_of(packed, packed->slot[i]);
        if (file->name_len == len && memcmp(file->name, name, len) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Moves what was pushed on by the slot that became free, so that no search ends there too early. */
static void free_slot(struct sl_packed_files *packed, size_t hole)
{
    size_t slots = packed->slots;
    for (size_t i = after(packed, hole); packed->slot[i]; i = after(packed, i)) {
        size_t home = home_of(packed, hash_of(packed->slot[i]));
        size_t from_home = (i + slots - home) % slots, from_hole = (i + slots - hole) % slots;
        if (from_home < from_hole)
            continue; /* its search begins after the hole */
        packed->slot[hole] = packed->slot[i];
        hole = i;
    }
    packed->slot[hole] = 0;
}

/* ---- records ---- */

/* Without memory the gaps stay. */
static void close_gaps(struct sl_packed_files *packed)
{
    size_t len = 0, capacity = packed->len - packed->gaps;
    uint8_t *bytes = malloc(capacity ? capacity : 1);
    if (!bytes)
        return;
    for (size_t i = 0; i < packed->slots; i++) {
        if (!packed->slot[i])
            continue;
        const struct sl_packed_file *file = record_of(packed, packed->slot[i]);
        size_t size = record_size(file->name_len);
        sl_assert(len + size <= capacity);
        memcpy(bytes + len, file, size);
        packed->slot[i] = (packed->slot[i] & ~(uint64_t)UINT32_MAX) | (len / RECORD_ALIGN + 1);
        len += size;
    }
    free(packed->bytes);
    packed->bytes = bytes;
    packed->len = packed->capacity = len;
    packed->gaps = 0;
}

static bool make_room(struct sl_packed_files *packed, size_t size)
{
    if (size <= packed->capacity - packed->len)
        return true;
    size_t capacity =
        packed->capacity < BYTES_MIN ? 2 * BYTES_MIN : 2 * packed->capacity; /* more than a record's */
    uint8_t *bytes = realloc(packed->bytes, capacity);
    if (!bytes)
        return false;
    use_huge_pages(bytes, capacity);
    packed->bytes = bytes;
    packed->capacity = capacity;
    return true;
}

/* ---- one name ---- */

void sl_packed_files_prefetch_slot(const struct sl_packed_files *packed, uint32_t hash)
{
    if (packed->count)
        __builtin_prefetch(&packed->slot[home_of(packed, hash)]);
}

void sl_packed_files_prefetch_record(const struct sl_packed_files *packed, uint32_t hash)
{
    if (!packed->count)
        return;
    for (size_t i = home_of(packed, hash); packed->slot[i]; i = after(packed, i))
        if (hash_of(packed->slot[i]) == hash) {
            const struct sl_packed_file *file = record_of(packed, packed->slot[i]);
            __builtin_prefetch(file);
            __builtin_prefetch(file->name);
            return;
        }
}

struct sl_packed_file *sl_packed_files_find(const struct sl_packed_files *packed, uint32_t hash,
                                            const char *name)
{
    size_t i = packed->count ? find_slot(packed, hash, name, strlen(name)) : SIZE_MAX;
    return i == SIZE_MAX ? NULL : record_of(packed, packed->slot[i]);
}

int sl_packed_files_add(struct sl_packed_files *packed, uint32_t hash, const char *name,
                        const struct sl_packed_file *file)
{
    size_t len = strlen(name), size = record_size(len), at = packed->len;
    sl_assert(len <= SL_PACKED_NAME_MAX);
    if (at / RECORD_ALIGN >= UINT32_MAX || !make_room(packed, size) ||
        (!has_slot(packed) && !grow_slots(packed)))
        return SL_ENOMEM;
    struct sl_packed_file *copy = (struct sl_packed_file *)(packed->bytes + at);
    memset(packed->bytes + at + size - RECORD_ALIGN, 0, RECORD_ALIGN); /* what rounding adds */
    memcpy(copy, file, offsetof(struct sl_packed_file, name));
    copy->name_len = (uint8_t)len;
    copy->is_removed = false;
    memcpy(copy->name, name, len);
    packed->len += size;
    put_slot(packed, (uint64_t)hash << 32 | (at / RECORD_ALIGN + 1));
    packed->count++;
    return 0;
}

void sl_packed_files_remove(struct sl_packed_files *packed, uint32_t hash, const struct sl_packed_file *file)
{
    size_t i = find_slot(packed, hash, file->name, file->name_len);
    sl_assert(i != SIZE_MAX);
    record_of(packed, packed->slot[i])->is_removed = true;
    packed->gaps += record_size(file->name_len);
    packed->count--;
    free_slot(packed, i);
    if (packed->gaps >= GAPS_MIN && packed->gaps >= packed->len / 2)
        close_gaps(packed);
}

bool sl_packed_file_claim(struct sl_packed_file *file, uint32_t scan, uint32_t *ret_before)
{
    *ret_before = __atomic_exchange_n(&file->scan, scan, __ATOMIC_ACQ_REL);
    return *ret_before != scan;
}

void sl_packed_file_unclaim(struct sl_packed_file *file, uint32_t before)
{
    __atomic_store_n(&file->scan, before, __ATOMIC_RELEASE);
}

struct sl_packed_file *sl_packed_files_walk(const struct sl_packed_files *packed, size_t *at)
{
    while (*at < packed->len) {
        struct sl_packed_file *file = (struct sl_packed_file *)(packed->bytes + *at);
        *at += record_size(file->name_len);
        if (!file->is_removed)
            return file;
    }
    return NULL;
}

struct sl_packed_file *sl_packed_files_next(const struct sl_packed_files *packed, size_t *at)
{
    while (*at < packed->slots && !packed->slot[*at])
        ++*at;
    return *at < packed->slots ? record_of(packed, packed->slot[*at]) : NULL;
}
