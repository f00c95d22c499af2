#include "watcher/entry.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

enum { BUCKETS_MIN = 64 };

/* There is one for every name that lies in the directory. */
_Static_assert(sizeof(struct sl_entry) <= 128, "an entry is small");

void sl_entries_init(struct sl_entries *entries)
{
    *entries = (struct sl_entries){0};
    /* File names may be crafted to collide. Without random bytes the address has to do. */
    if (getrandom(&entries->seed, sizeof entries->seed, GRND_NONBLOCK) != sizeof entries->seed)
        entries->seed = (uint64_t)(uintptr_t)entries;
}

static void entry_free(struct sl_entry *entry)
{
    if (entry->remembered)
        sl_files_done(entry->remembered);
    free(entry->remembered);
    free(entry);
}

void sl_entries_done(struct sl_entries *entries)
{
    for (size_t i = 0; i < entries->buckets; i++)
        for (struct sl_entry *entry = entries->bucket[i], *next; entry; entry = next) {
            next = entry->next_in_bucket;
            entry_free(entry);
        }
    free(entries->bucket);
    sl_packed_files_done(&entries->packed);
}

static uint32_t hash_of(const struct sl_entries *entries, const char *name)
{
    return (uint32_t)XXH3_64bits_withSeed(name, strlen(name), entries->seed);
}

static struct sl_entry *find(const struct sl_entries *entries, const char *name, uint32_t hash)
{
    if (!entries->buckets)
        return NULL;
    struct sl_entry *entry = entries->bucket[hash & (entries->buckets - 1)];
    while (entry && (entry->hash != hash || strcmp(entry->name, name) != 0))
        entry = entry->next_in_bucket;
    return entry;
}

struct sl_entry *sl_entries_find(const struct sl_entries *entries, const char *name)
{
    return find(entries, name, hash_of(entries, name));
}

static bool grow(struct sl_entries *entries)
{
    size_t buckets = entries->buckets ? entries->buckets * 2 : BUCKETS_MIN;
    struct sl_entry **bucket = calloc(buckets, sizeof(struct sl_entry *));
    if (!bucket)
        return false;
    for (size_t i = 0; i < entries->buckets; i++)
        for (struct sl_entry *entry = entries->bucket[i], *next; entry; entry = next) {
            next = entry->next_in_bucket;
            entry->next_in_bucket = bucket[entry->hash & (buckets - 1)];
            bucket[entry->hash & (buckets - 1)] = entry;
        }
    free(entries->bucket);
    entries->bucket = bucket;
    entries->buckets = buckets;
    return true;
}

/* Of a name that has no entry. NULL: out of memory. */
static struct sl_entry *insert(struct sl_entries *entries, const char *name, uint32_t hash,
                               enum sl_file_class standing)
{
    if (entries->count == entries->buckets && !grow(entries))
        return NULL;
    size_t size = strlen(name) + 1;
    struct sl_entry *entry = calloc(1, offsetof(struct sl_entry, name) + size);
    if (!entry)
        return NULL;
    memcpy(entry->name, name, size);
    entry->hash = hash;
    entry->standing = (uint8_t)standing;
    entry->next_in_bucket = entries->bucket[hash & (entries->buckets - 1)];
    entries->bucket[hash & (entries->buckets - 1)] = entry;
    entries->count++;
    return entry;
}

/* ---- lists ---- */

static void list_remove(struct sl_entries *entries, struct sl_entry *entry)
{
    if (entry->list == SL_LIST_NONE)
        return;
    *(entry->before ? &entry->before->after : &entries->first[entry->list]) = entry->after;
    *(entry->after ? &entry->after->before : &entries->last[entry->list]) = entry->before;
    entry->before = entry->after = NULL;
    entry->list = SL_LIST_NONE;
}

static void list_append(struct sl_entries *entries, struct sl_entry *entry, enum sl_list list)
{
    entry->list = (uint8_t)list;
    if (list == SL_LIST_NONE)
        return;
    entry->before = entries->last[list];
    *(entry->before ? &entry->before->after : &entries->first[list]) = entry;
    entries->last[list] = entry;
}

/* Takes it out of the table and its list; it stays counted. */
static void unlink_entry(struct sl_entries *entries, struct sl_entry *entry)
{
    struct sl_entry **at = &entries->bucket[entry->hash & (entries->buckets - 1)];
    while (*at != entry)
        at = &(*at)->next_in_bucket;
    *at = entry->next_in_bucket;
    list_remove(entries, entry);
    entries->count--;
}

/* ---- packed ---- */

struct sl_packed_file *sl_entries_find_packed(const struct sl_entries *entries, const char *name)
{
    return sl_packed_files_find(&entries->packed, hash_of(entries, name), name);
}

void sl_entries_find_packed_all(const struct sl_entries *entries, const char *const *name, size_t count,
                                struct sl_packed_file **ret)
{
    uint32_t hash[SL_ENTRIES_AT_ONCE];
    sl_assert(count <= SL_ENTRIES_AT_ONCE);
    for (size_t i = 0; i < count; i++) {
        hash[i] = hash_of(entries, name[i]);
        sl_packed_files_prefetch_slot(&entries->packed, hash[i]);
    }
    for (size_t i = 0; i < count; i++)
        sl_packed_files_prefetch_record(&entries->packed, hash[i]);
    for (size_t i = 0; i < count; i++)
        ret[i] = sl_packed_files_find(&entries->packed, hash[i], name[i]);
}

static struct sl_entry *unpack(struct sl_entries *entries, const char *name, uint32_t hash,
                               const struct sl_packed_file *file)
{
    struct sl_entry *entry = insert(entries, name, hash, SL_STANDING_TAKEN);
    if (!entry)
        return NULL;
    entry->look = (struct sl_file_stat){
        .kind = SL_LOOK_FILE,
        .inode = file->inode,
        .born_ns = file->born_ns,
        .mtime_ns = file->mtime_ns,
        .ctime_ns = file->ctime_ns,
        .size = file->size,
    };
    entry->unverified = file->is_unverified;
    sl_packed_files_remove(&entries->packed, hash, file);
    return entry;
}

static bool can_be_packed(const struct sl_entry *entry)
{
    return entry->standing == SL_STANDING_TAKEN && entry->look.kind == SL_LOOK_FILE && !entry->remembered &&
           entry->hint == SL_HINT_NONE && !entry->touched && !entry->left && !entry->changed &&
           strlen(entry->name) <= SL_PACKED_NAME_MAX;
}

void sl_entries_pack(struct sl_entries *entries, struct sl_entry *entry)
{
    const struct sl_packed_file file = {
        .inode = entry->look.inode,
        .born_ns = entry->look.born_ns,
        .mtime_ns = entry->look.mtime_ns,
        .ctime_ns = entry->look.ctime_ns,
        .size = entry->look.size,
        .scan = (uint32_t)entry->scan,
        .is_unverified = entry->unverified,
    };
    if (!can_be_packed(entry) || sl_packed_files_add(&entries->packed, entry->hash, entry->name, &file))
        return;
    unlink_entry(entries, entry);
    entry_free(entry);
}

int sl_entries_add_packed(struct sl_entries *entries, const char *name, const struct sl_packed_file *file)
{
    int rc = sl_packed_files_add(&entries->packed, hash_of(entries, name), name, file);
    entries->standing[SL_STANDING_TAKEN] += rc == 0;
    return rc;
}

/* ---- one name ---- */

int sl_entries_get(struct sl_entries *entries, const char *name, struct sl_entry **ret)
{
    uint32_t hash = hash_of(entries, name);
    const struct sl_packed_file *file;
    *ret = find(entries, name, hash);
    if (*ret || !(file = sl_packed_files_find(&entries->packed, hash, name)))
        return 0;
    *ret = unpack(entries, name, hash, file);
    return *ret ? 0 : SL_ENOMEM;
}

struct sl_entry *sl_entries_add(struct sl_entries *entries, const char *name)
{
    uint32_t hash = hash_of(entries, name);
    struct sl_entry *entry = find(entries, name, hash);
    if (entry)
        return entry;
    const struct sl_packed_file *file = sl_packed_files_find(&entries->packed, hash, name);
    if (file)
        return unpack(entries, name, hash, file);
    entry = insert(entries, name, hash, SL_STANDING_NEW);
    entries->standing[SL_STANDING_NEW] += entry != NULL;
    return entry;
}

void sl_entries_remove(struct sl_entries *entries, struct sl_entry *entry)
{
    unlink_entry(entries, entry);
    entries->standing[entry->standing]--;
    entry_free(entry);
}

static enum sl_list list_of(enum sl_file_class standing)
{
    switch (standing) {
    case SL_STANDING_WAITING:
        return SL_LIST_READY;
    case SL_STANDING_WRITING:
    case SL_STANDING_AGING:
    case SL_STANDING_UNMARKED:
    case SL_STANDING_UNFINISHED:
        return SL_LIST_DELAYED;
    case SL_STANDING_NEW:
    case SL_STANDING_TAKEN:
    case SL_STANDING_OLD:
    case SL_STANDING_FILTERED:
    case SL_STANDING_IRREGULAR:
    case SL_STANDINGS:
        return SL_LIST_NONE;
    }
    return SL_LIST_NONE;
}

void sl_entries_put(struct sl_entries *entries, struct sl_entry *entry, enum sl_file_class standing)
{
    entries->standing[entry->standing]--;
    entries->standing[standing]++;
    entry->standing = (uint8_t)standing;
    enum sl_list list = list_of(standing);
    if (list == (enum sl_list)entry->list)
        return;
    list_remove(entries, entry);
    list_append(entries, entry, list);
}

int sl_entries_each(struct sl_entries *entries, int (*each)(void *arg, struct sl_entry *entry), void *arg)
{
    for (size_t i = 0; i < entries->buckets; i++)
        for (struct sl_entry *entry = entries->bucket[i], *next; entry; entry = next) {
            next = entry->next_in_bucket;
            int rc = each(arg, entry);
            if (rc)
                return rc;
        }
    return 0;
}
