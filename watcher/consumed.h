/* Names that were taken, in this run or an earlier one: whether what is there now is still that, and which of
 * them need not be remembered any more. */
#pragma once

#include "watcher/watched_dir.h"

/* Whether two looks saw one file or directory. */
bool sl_consumed_same(const struct sl_file_stat *a, const struct sl_file_stat *b);

/* A file of an earlier run that was taken under the entry's name, or, `is_part`, in the directory of that
 * name: the entry becomes SL_STANDING_TAKEN. 0 or SL_ENOMEM. */
int sl_consumed_remember(struct sl_watched_dir *intake, struct sl_entry *entry, const struct sl_file *file,
                         bool is_part);

/* *ret: whether what has the name of this SL_STANDING_TAKEN entry is a new arrival. `left`: events tell that
 * the name was absent for a while. Counts and tells of changes in place. */
int sl_consumed_again(struct sl_watched_dir *intake, struct sl_entry *entry, const struct sl_file_stat *look,
                      bool left, bool *ret, struct sl_error *err);

/* Whether the name of a packed file has that file, unchanged, which is noted. Otherwise it is a matter of
 * sl_consumed_again. */
bool sl_consumed_confirm(struct sl_packed_file *packed, const struct sl_file_stat *look);

/* Nothing is there: frees the entry (of any standing) and keeps what was taken under its name for gone(). */
int sl_consumed_forget(struct sl_watched_dir *intake, struct sl_entry *entry, struct sl_error *err);
