/* The store's internals, shared by store*.c only. */
#pragma once

#include "core/base/buf.h"
#include "state/store/merge.h"
#include "state/store/store.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { SL_STORE_PATH_BYTES = 64, SL_STORE_APART_BYTES = 1 << 20 };

struct sl_store_entry {
    uint64_t number, bytes, hash;
};

/* A list of segments, oldest first. */
struct sl_store_list {
    size_t count, capacity;
    struct sl_store_entry *entry;
};

struct sl_store {
    struct sl_state_writer keeper; /* first */
    struct sl_io *io;
    struct sl_log *log;
    int dirfd; /* of <checkpoint>/state */
    struct sl_store_list list;
    uint64_t next; /* number of the next file */
    size_t apart;  /* segments that are not merged, at most */
    size_t keys, keys_capacity;
    char **key; /* of operators that have sections */
    size_t drops;
    const char **drop; /* [drops] and a NULL, of key[] */

    /* the batch being written */
    bool any_batch; /* since the store was opened */
    int64_t t, last_ms;
    const char *op_key;
    struct sl_segment_writer *writer; /* NULL: nothing was written yet */
    uint64_t number;
    int failed;
    struct sl_error error;
    struct sl_buf text; /* of the list to commit */
    size_t gone, gone_capacity;
    uint64_t *gone_number; /* files that the list to commit has no more */

    /* the merge under way */
    bool merging, is_awaited; /* awaited: by the batch that is being written */
    pthread_t thread;
    struct sl_segment_merge merge;
    struct sl_segment_merge_input *input; /* [merge.count] */
    char (*path)[SL_STORE_PATH_BYTES];    /* [merge.count + 1], the last is the result's */
    uint64_t merge_first;
    _Atomic int stop, done;
    int merge_result;
    struct sl_store_entry merged;
    struct sl_error merge_error;
};

/* "<number>.seg". */
static inline void sl_store_path(uint64_t number, char path[SL_STORE_PATH_BYTES])
{
    snprintf(path, SL_STORE_PATH_BYTES, "%" PRIu64 ".seg", number);
}
/* Appends what the text lists (state/store/store.c). SL_EDAMAGED: it is no list. */
int sl_store_list_parse(struct sl_store_list *list, const char *text, struct sl_error *err);
int sl_store_open_segment(struct sl_store *store, const struct sl_store_entry *entry, bool verify,
                          struct sl_segment **ret, struct sl_error *err);

/* store_merge.c: takes in a merge that is done; starts one where it is due; gives back what one needed. */
int sl_store_collect_merge(struct sl_store *store, struct sl_error *err);
void sl_store_start_merge(struct sl_store *store);
/* With the first batch of a run: the same, and the batch waits for it, where earlier runs left many segments. */
void sl_store_merge_left(struct sl_store *store);
/* Merges all segments at once, without what was dropped: that is dropped with the batch that
 * commits the list. */
int sl_store_purge(struct sl_store *store, struct sl_error *err);
void sl_store_free_merge(struct sl_store *store);
