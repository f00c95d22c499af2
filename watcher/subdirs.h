/* A directory inside the watched one, as one arrival: another job's output, complete as soon as it holds
 * _SUCCESS. */
#pragma once

#include "watcher/watched_dir.h"

/* Whether it holds _SUCCESS and may be read. */
int sl_subdirs_finished(struct sl_watched_dir *intake, struct sl_entry *entry, bool *ret,
                        struct sl_error *err);

/* Logs, once for each entry, that it cannot be read and waits; sys says why. */
void sl_subdirs_tell_unusable(struct sl_watched_dir *intake, struct sl_entry *entry, int sys);

/* Its regular files, ignored names apart, in name order. None when the directory was removed. */
int sl_subdirs_list(struct sl_watched_dir *intake, const char *name, struct sl_files *ret,
                    struct sl_error *err);

/* By path; for qsort and bsearch. */
int sl_subdirs_compare(const void *a, const void *b);

/* Whether `files`, in name order, holds this one: path and identity. */
bool sl_subdirs_hold(const struct sl_files *files, const struct sl_file *file);
