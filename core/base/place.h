/* Where a path leads when what it names need not exist: only its directory must. */
#pragma once

#include <limits.h>

struct sl_place {
    char dir[PATH_MAX];      /* absolute, without symbolic links, "." and "..", unless only split */
    char name[NAME_MAX + 1]; /* the last part of the path, without slashes after it; "" only for "/" */
};

/* Only splits the path: ret->dir is as it is written, "." where there is none. Returns 0, ENOENT for an empty path, or
 * ENAMETOOLONG. */
int sl_place_split(const char *path, struct sl_place *ret);
/* The last part itself is not followed if it is a symbolic link, and the directory need not exist either: what is missing of
 * it is appended as it is written, without "." and empty parts. Returns 0, or the errno: those of sl_place_split, ENOENT
 * where what is missing has a "..", or why the directory cannot be resolved. */
int sl_place_find_missing(const char *path, struct sl_place *ret);

/* One absolute path of what sl_place_find_missing finds. */
int sl_place_path_missing(const char *path, char ret[static PATH_MAX]);
/* The same where the directory must exist: ENOENT. */
int sl_place_path(const char *path, char ret[static PATH_MAX]);
