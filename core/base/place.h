/* Where a path leads when what it names need not exist: only its directory must. */
#pragma once

#include <limits.h>

struct sl_place {
    char dir[PATH_MAX];      /* absolute, without symbolic links, "." and ".." */
    char name[NAME_MAX + 1]; /* the last part of the path, without slashes after it; "" only for "/" */
};

/* The last part itself is not followed if it is a symbolic link. Returns 0, or the errno: ENOENT for an empty path,
 * ENAMETOOLONG, or why the directory cannot be resolved. */
int sl_place_find(const char *path, struct sl_place *ret);
/* The same where the directory need not exist either: what is missing of it is appended as it is written, without "." and
 * empty parts. ENOENT where that has a "..". */
int sl_place_find_missing(const char *path, struct sl_place *ret);
/* Both as one absolute path. Returns 0, or ENAMETOOLONG. */
int sl_place_join(const struct sl_place *place, char path[static PATH_MAX]);
