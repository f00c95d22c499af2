/* Looks at many names that are not taken, by all workers: system calls only. What they mean for a name is decided by the main
 * thread, one after the other (watcher/classify.c, watcher/take.c). */
#pragma once

#include "watcher/watched_dir.h"

enum { SL_SEEN_MAX = 1024 };

/* seen[i] of entry[i], for at most SL_SEEN_MAX; few are left to the caller: nothing of them is seen. */
int sl_see(struct sl_watched_dir *intake, struct sl_entry *const *entry, size_t count, struct sl_seen *seen,
           struct sl_error *err);

/* Of entries that wait, at most SL_SEEN_MAX from this one on: those that are what was seen of them before are looked at in
 * this round. *ret_count: how many need not be asked for again. */
int sl_see_waiting(struct sl_watched_dir *intake, struct sl_entry *entry, uint64_t most, size_t *ret_count,
                   struct sl_error *err);
/* Whether the entry is what was seen of it before. */
bool sl_see_same(const struct sl_watched_dir *intake, const struct sl_entry *entry);
