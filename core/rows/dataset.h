/* Records that stay: an immutable, reference-counted sequence cut into contiguous partitions.
 *
 * A partition is a list of slices of runs (core/rows/rows.h); a dataset is a list of partitions. Windows, unions
 * and repartitioning share runs and copy nothing. Counts are atomic: datasets travel between threads.
 *
 * Rows may be on disk: pushing loads them block by block and releases them; a cursor's rows stay, for its
 * users keep what it gave them.
 *
 * A dataset may be deferred: how many rows it has is known, and they are made when a reader first wants
 * them (sl_dataset_resolve), not when the dataset is only passed on. */
#pragma once

#include "core/rows/rows.h"

#include <pthread.h>

struct sl_slice {
    struct sl_rows *rows; /* a reference */
    uint64_t from, to;    /* rows [from, to) */
};

struct sl_partition {
    uint64_t count; /* rows */
    size_t slices, capacity;
    struct sl_slice *slice;
};

struct sl_pool;

/* Makes the rows of a deferred dataset. */
struct sl_lazy_rows {
    /* A new run of as many rows as the dataset counts; pool: NULL where there is none. 0 or SL_ENOMEM. */
    int (*make)(const struct sl_lazy_rows *recipe, struct sl_pool *pool, struct sl_rows **ret);
    void (*done)(struct sl_lazy_rows *recipe);
};

/* What a dataset of keyed rows has that the one before it had not. With a revision the rows are in the order
 * of their first fields, no two of which are equal. */
struct sl_revision {
    const void *of;             /* who made it; NULL: nothing is known */
    uint64_t number;            /* changes are those since number - 1 of the same maker */
    struct sl_dataset *changes; /* rows in the order of keys; a key alone was removed. A reference */
};

struct sl_dataset {
    _Atomic unsigned refs;
    uint64_t count; /* rows */
    size_t partitions, capacity;
    struct sl_partition *partition;
    struct sl_lazy_rows *recipe; /* of a deferred one */
    pthread_mutex_t making;
    _Atomic bool deferred; /* the rows are not there yet */
    struct sl_revision revision;
};

/* A dataset of `partitions` empty partitions. */
struct sl_dataset *sl_dataset_new(size_t partitions);
struct sl_dataset *sl_dataset_ref(struct sl_dataset *dataset);
void sl_dataset_unref(struct sl_dataset *dataset);

/* Appends rows [from, to) of a run to partition p; takes a reference of its own. 0 or SL_ENOMEM. */
int sl_dataset_add(struct sl_dataset *dataset, size_t p, struct sl_rows *rows, uint64_t from, uint64_t to);
/* Appends rows[count] to partition p and releases them, also when it fails. NULL among them: nothing. */
int sl_dataset_take(struct sl_dataset *dataset, size_t p, struct sl_rows **rows, size_t count);
/* Appends an empty partition. */
int sl_dataset_add_partition(struct sl_dataset *dataset);
/* Appends all partitions of `other`. */
int sl_dataset_concat(struct sl_dataset *dataset, const struct sl_dataset *other);
/* Appends records [from, to) of `other`, counted over all its partitions, to partition p. */
int sl_dataset_add_range(struct sl_dataset *dataset, size_t p, const struct sl_dataset *other, uint64_t from,
                         uint64_t to);
/* All records of `other` in n contiguous pieces: piece i is records [i*N/n, (i+1)*N/n). NULL:
 * out of memory. */
struct sl_dataset *sl_dataset_pieces(const struct sl_dataset *other, size_t n);
/* A dataset of one partition that is the whole run; takes over the caller's reference. NULL:
 * out of memory. */
struct sl_dataset *sl_dataset_of(struct sl_rows *rows);

/* A deferred dataset of one partition; takes over the recipe, also when it fails. NULL: out of memory. */
struct sl_dataset *sl_dataset_defer(uint64_t count, struct sl_lazy_rows *recipe);
/* Makes the rows of a deferred dataset; any thread, any number of times. To be called before rows are read:
 * the engine does so for operators. `pool` helps where the caller may use one; NULL elsewhere. 0 or
 * SL_ENOMEM. */
int sl_dataset_resolve(struct sl_dataset *dataset, struct sl_pool *pool);
/* Says what is new; takes a reference to the changes. To be called before the dataset is shared. */
void sl_dataset_revise(struct sl_dataset *dataset, const void *of, uint64_t number,
                       struct sl_dataset *changes);

/* Pushes rows [from, to) of partition p in order, in chunks. Stops at the first failure and returns it. */
int sl_dataset_push(const struct sl_dataset *dataset, size_t p, uint64_t from, uint64_t to,
                    struct sl_outlet *outlet);

/* Reads rows one after the other, over all partitions, in order. */
struct sl_cursor {
    const struct sl_dataset *dataset;
    size_t partition, slice, chunk;
    uint64_t row;                 /* within the run */
    struct sl_arena *arena;       /* sl_cursor_pass */
    const struct sl_chunk *block; /* what it holds: chunk `block_number` of `block_rows`; or NULL */
    const struct sl_rows *block_rows;
    size_t block_number;
};
void sl_cursor_init(struct sl_cursor *cursor, const struct sl_dataset *dataset);
/* The same for those who need a row no longer than until the next: rows on disk are loaded into the arena,
 * which is the caller's, block by block. */
void sl_cursor_pass(struct sl_cursor *cursor, const struct sl_dataset *dataset, struct sl_arena *arena);
/* Writes the next row to fields[SL_WIDTH_MAX] and its width to *ret_width; false at the end. */
bool sl_cursor_next(struct sl_cursor *cursor, struct sl_field *fields, uint32_t *ret_width);
/* Whether the row that came last is one of those, and what it points to is void with the next. */
static inline bool sl_cursor_is_passing(const struct sl_cursor *cursor)
{
    return cursor->block != NULL;
}
/* Moves the cursor to record number `record` over all partitions (count: the end). */
void sl_cursor_seek(struct sl_cursor *cursor, uint64_t record);
