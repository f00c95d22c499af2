/* The directories that a source of several reads now: those that a pattern names, or one and all below it. */
#pragma once

#include "core/contract/services.h"

struct sl_paths {
    char **path; /* owned */
    size_t count, capacity;
};
void sl_paths_done(struct sl_paths *paths);
/* Takes the path, which is malloc'ed; NULL is out of memory. */
int sl_paths_add(struct sl_paths *paths, char *path, struct sl_error *err);

/* Whether a directory of this name is left out, as no source takes such names (the manual, "Files"). */
bool sl_dirs_leaves_out(const char *name);

/* Whether the path names a directory. */
bool sl_dirs_is_one(const struct sl_services *services, const char *path);

/* Appends those that match, which need not exist where they have no pattern; with `recursive` those below them too, until there
 * are more than `most`. */
int sl_dirs_find(const struct sl_services *services, const char *pattern, bool recursive, size_t most,
                 struct sl_paths *ret, struct sl_error *err);
