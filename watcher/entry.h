/* What is known about the names of one directory: an entry per name, found by name; entries that wait are
 * in a list in the order in which they were seen. Memory is that of the names that are there: some 150 bytes
 * for each, and half of it for taken files that are there as they were taken, which are packed (watcher/packed_files.h).
 * Of a packed name there is no entry: adding the name makes one, SL_STANDING_TAKEN, of what was packed.
 *
 * sl_entries_init, then _find, _add, _remove, _put, _pack; sl_entries_done frees all. */
#pragma once

#include "watcher/events.h"
#include "watcher/file_stat.h"
#include "watcher/packed_files.h"
#include "watcher/watcher.h"

enum sl_list { SL_LIST_NONE, SL_LIST_READY, SL_LIST_DELAYED, SL_LISTS };

struct sl_entry {
    struct sl_entry *next_in_bucket;
    struct sl_entry *before, *after; /* in its list */
    struct sl_files *remembered;     /* of a directory, the files taken of it; of others see consumed.c */
    struct sl_file_stat look;        /* as last seen; of a taken file, as it was taken */
    int64_t changed_ms;              /* when it was last seen to change */
    uint64_t scan;                   /* the scan that saw it last */
    uint64_t looked;                 /* the round in which it was looked at last */
    uint32_t hash;
    uint8_t standing;    /* enum sl_file_class */
    uint8_t list;        /* enum sl_list */
    uint8_t hint;        /* enum sl_hint_kind: the last arrival that was hinted at and not looked at */
    bool touched : 1;    /* waits to be looked at */
    bool left : 1;       /* was hinted to have been absent */
    bool complete : 1;   /* renamed in: no need to ask whether it is being written */
    bool unverified : 1; /* remembered from an earlier run, not yet looked at */
    bool changed : 1;    /* after it was taken: counted */
    bool told : 1;       /* that it may not be read */
    char name[];
};

struct sl_entries {
    struct sl_entry **bucket;
    size_t buckets; /* a power of two, or 0 */
    size_t count;   /* packed ones apart */
    uint64_t seed;
    struct sl_packed_files packed;
    struct sl_entry *first[SL_LISTS], *last[SL_LISTS];
    uint64_t standing[SL_STANDINGS]; /* how many, packed ones among them */
};

void sl_entries_init(struct sl_entries *entries);
void sl_entries_done(struct sl_entries *entries);

/* NULL: there is none, or it is packed. */
struct sl_entry *sl_entries_find(const struct sl_entries *entries, const char *name);
/* NULL: it is not packed. */
struct sl_packed_file *sl_entries_find_packed(const struct sl_entries *entries, const char *name);
enum { SL_ENTRIES_AT_ONCE = 32 };
/* ret[i]: as of name[i], for at most SL_ENTRIES_AT_ONCE names. Faster than one by one: what the searches read is loaded into
 * the cache for all of them together. */
void sl_entries_find_packed_all(const struct sl_entries *entries, const char *const *name, size_t count,
                                struct sl_packed_file **ret);
/* *ret: its entry, made of what was packed where it was; NULL: nothing is known of the name. 0 or SL_ENOMEM. */
int sl_entries_get(struct sl_entries *entries, const char *name, struct sl_entry **ret);
/* The entry of this name, made where there is none: of what was packed, or SL_STANDING_NEW; in no list. NULL: out of
 * memory. */
struct sl_entry *sl_entries_add(struct sl_entries *entries, const char *name);
/* Frees it. */
void sl_entries_remove(struct sl_entries *entries, struct sl_entry *entry);

/* Gives it a state and with it its list, after the others unless it is there already. */
void sl_entries_put(struct sl_entries *entries, struct sl_entry *entry, enum sl_file_class standing);

/* Packs the entry and frees it, where it is of a taken file of which nothing else is known; otherwise, and without memory,
 * it stays. */
void sl_entries_pack(struct sl_entries *entries, struct sl_entry *entry);
/* Packs a file of an earlier run, which must be known neither by an entry nor packed. 0 or SL_ENOMEM. */
int sl_entries_add_packed(struct sl_entries *entries, const char *name, const struct sl_packed_file *file);

/* Calls each for all entries that are not packed; it may remove the one it is called for. Stops when it does not return 0. */
int sl_entries_each(struct sl_entries *entries, int (*each)(void *arg, struct sl_entry *entry), void *arg);
