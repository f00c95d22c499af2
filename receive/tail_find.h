/* Files as tailStream finds them: by glob, and by identity in a directory. */
#pragma once

#include "core/base/io.h"
#include "core/rows/field.h"

struct sl_found {
    const char *path; /* without symlinks */
    uint64_t inode;
    int64_t born_ns; /* INT64_MIN where the file system has none */
    const char
        *refusal; /* why it must not be read: a link of another user; the rest is not set. NULL: it may be */
};

/* Calls visit for each regular file that matches, in the order of names; symlinks are followed (sl_trust_target). 0, or what
 * visit gave below 0, or SL_ENOMEM. What cannot be looked at is left out. */
int sl_tail_match(struct sl_io *io, const char *pattern,
                  int (*visit)(void *arg, const struct sl_found *found), void *arg);
/* Opens a regular file by a path without links and says what it is. The fd, or -1 with errno. */
int sl_tail_open(struct sl_io *io, const char *path, struct sl_found *ret);
/* Calls visit for the files that have had the name `path` and were renamed away before a scan saw them, in the order of
 * their birth: their names are that name with something added, and they were born between the two times. Where there
 * are no birth times there are none. 0, or what visit gave below 0, or SL_ENOMEM; SL_EREJECT: names changed meanwhile. */
int sl_tail_missed(struct sl_io *io, const char *path, int64_t after_ns, int64_t before_ns,
                   int (*visit)(void *arg, const struct sl_found *found), void *arg);
/* The file of this identity in the directory of `path`. 1 and its path[PATH_MAX]; 0: it is not there;
 * SL_EREJECT: names changed meanwhile, look again. */
int sl_tail_find(struct sl_io *io, const char *path, uint64_t inode, int64_t born_ns, char *ret);
