/* One look at one name of an open directory: what is there, its identity, and whether it is being written. */
#pragma once

#include "core/base/io.h"

enum sl_file_stat_kind {
    SL_LOOK_ABSENT,
    SL_LOOK_FILE,
    SL_LOOK_DIRECTORY,
    SL_LOOK_OTHER,
    SL_LOOK_HIDDEN, /* it is there, and the system will not say what it is */
};

struct sl_file_stat {
    enum sl_file_stat_kind kind;
    uint64_t inode;
    int64_t born_ns; /* INT64_MIN where the file system has none */
    int64_t mtime_ns, ctime_ns;
    int64_t size;
    uint64_t mount; /* never part of an identity */
    int sys;        /* SL_LOOK_HIDDEN: why */
};

/* Symlinks are not followed: they are SL_LOOK_OTHER. A name that is not there is SL_LOOK_ABSENT, not an
 * error. One that cannot be looked at, while the directory can (another user has mounted a file system of his own
 * there, say), is SL_LOOK_HIDDEN. Errors name `dir`/`name`. */
int sl_file_stat_get(struct sl_io *io, int dirfd, const char *dir, const char *name, struct sl_file_stat *ret,
                     struct sl_error *err);

/* Whether a failure has to do with this process or the machine and not with the name that was looked at. */
bool sl_file_stat_is_own_failure(int sys);

/* Whether a process has the file open for writing, as far as we may know: a read lease is refused then. False
 * for others' files, for those that may not be read and on file systems without leases; true where the question
 * cannot be asked now (no descriptors left, a failing disk): the file waits and is asked about again. */
bool sl_file_stat_has_writer(struct sl_io *io, int dirfd, const char *name);
