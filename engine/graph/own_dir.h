/* Directories of a run's own, its checkpoint and its mount, in which neither results nor files that were read may be put:
 * reset removes the one, and the other shows views. */
#pragma once

#include "core/base/error.h"

#include <limits.h>

struct sl_own_dir {
    const char *where; /* "inside the checkpoint" */
    const char *shown; /* as a path of the job; NULL: there is none */
    char lead[PATH_MAX];
};

/* path NULL: there is none. It is relative to dir or absolute; borrows it. */
struct sl_own_dir sl_own_dir_at(const char *dir, const char *where, const char *path);

/* SL_EUSAGE: `resolved` (lead.h) lies in it; `shown`, which is called `what`, would be made there. */
int sl_own_dir_refuse(const struct sl_own_dir *own, const char *what, const char *shown, const char *resolved,
                      struct sl_error *err);
