/* Hands over what waits. */
#pragma once

#include "watcher/watched_dir.h"

/* As take of core/contract/arrivals.h, when the directory is up to date. */
int sl_watched_dir_take(struct sl_watched_dir *intake, uint64_t files_max, uint64_t bytes_max,
                        struct sl_files *ret, struct sl_error *err);
