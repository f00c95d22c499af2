/* Files that were taken and are there as they were taken, by name: nearly all that a watched directory holds, and there may
 * be millions. What decides whether one is still that file is kept in a record of some 60 bytes, without a malloc of its own;
 * whatever else happens to a name is watcher/entry's, which takes the record out and knows more of it.
 *
 * A record is the struct below, its name after it, in one growing array; a table of slots finds it by the hash of the name. A
 * slot is 0, or the hash (upper half) and where the record is (lower half: position / RECORD_ALIGN + 1). The slot in which the
 * search begins is hash * slots / 2^32, so slots in order are in order of hashes, and the table grows without looking at
 * records. Records that were removed leave gaps, which go when they are half of the array.
 *
 * Zero is an empty table; sl_packed_files_done frees it. Pointers to records are good until the next call that is not a find. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SL_PACKED_NAME_MAX = 255 };

struct sl_packed_file {
    uint64_t inode;
    int64_t born_ns, mtime_ns, ctime_ns, size; /* as in struct sl_file_stat */
    uint32_t scan;                             /* the scan that saw it last */
    uint8_t is_unverified;                     /* remembered from an earlier run, not yet looked at */
    uint8_t name_len;
    uint8_t is_removed; /* a gap */
    char name[];
} __attribute__((packed, aligned(4)));

struct sl_packed_files {
    uint64_t *slot;
    size_t slots, count;
    uint8_t *bytes; /* records */
    size_t len, capacity, gaps;
};

void sl_packed_files_done(struct sl_packed_files *packed);

/* NULL: there is none. The caller may change what it holds, but for the name. */
struct sl_packed_file *sl_packed_files_find(const struct sl_packed_files *packed, uint32_t hash,
                                            const char *name);
/* Begin to load into the cache what a find will look at: its slot, and, when that has come, its record. */
void sl_packed_files_prefetch_slot(const struct sl_packed_files *packed, uint32_t hash);
void sl_packed_files_prefetch_record(const struct sl_packed_files *packed, uint32_t hash);
/* Copies `file` and the name, of which there must be no record. 0 or SL_ENOMEM. */
int sl_packed_files_add(struct sl_packed_files *packed, uint32_t hash, const char *name,
                        const struct sl_packed_file *file);
/* Must be one. */
void sl_packed_files_remove(struct sl_packed_files *packed, uint32_t hash, const struct sl_packed_file *file);

/* For threads that look at records of one table at once, while none is added or removed: this scan has seen the file, and
 * only the thread whose claim is true changes the record. Until it takes the claim back; *ret_before is for that. */
bool sl_packed_file_claim(struct sl_packed_file *file, uint32_t scan, uint32_t *ret_before);
void sl_packed_file_unclaim(struct sl_packed_file *file, uint32_t before);

/* Records one after the other in the order in which they were added (but for gaps that were closed), which is mostly that of the files:
 * the kernel then finds what it knows of them in the order of its memory. The first one at position *at or after it, *at becomes the
 * position after it; NULL: there is no other. */
struct sl_packed_file *sl_packed_files_walk(const struct sl_packed_files *packed, size_t *at);

/* The first record from slot *at on, which becomes its slot; NULL: none. When it is removed, the search goes on from the
 * same slot, else from the next. */
struct sl_packed_file *sl_packed_files_next(const struct sl_packed_files *packed, size_t *at);
