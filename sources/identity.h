/* Whether what is there is the file that was taken: core/contract/arrivals.h, as statx tells it. */
#pragma once

#include "core/contract/arrivals.h"

#include <sys/stat.h>

/* Inode and birth time; where there is none, inode, size and modification time. */
bool sl_identity_is(const struct statx *st, const struct sl_file *file);
/* What is there, under this path, which is borrowed. */
struct sl_file sl_identity_of(const struct statx *st, const char *path);
/* It was neither written nor cut since. */
bool sl_identity_unchanged(const struct statx *st, const struct sl_file *file);
