#include "core/base/sqlite_files.h"

#include "core/base/place.h"
#include "core/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { FILES = 4 };

/* The name of the database, or of what may lie beside it. False: it is too long. */
static bool name_of(const char *path, size_t i, char name[static PATH_MAX])
{
    static const char *const suffixes[FILES] = {"", "-wal", "-shm", "-journal"};
    return snprintf(name, PATH_MAX, "%s%s", path, suffixes[i]) < PATH_MAX;
}

int sl_sqlite_files_check(struct sl_io *io, const char *path, struct sl_error *err)
{
    char name[PATH_MAX];
    int r = 0;
    for (size_t i = 0; r == 0 && i < FILES; i++)
        r = name_of(path, i, name) ? sl_io_check_file(io, AT_FDCWD, name, err)
                                   : sl_error_sys(err, ENAMETOOLONG, "opening %s", path);
    return r;
}

static bool all_may_write_directory(struct sl_io *io, const char *path)
{
    struct sl_place place;
    struct statx st;
    return sl_place_split(path, &place) == 0 &&
           io->ops->statx(io, AT_FDCWD, place.dir, 0, STATX_MODE, &st) == 0 && st.stx_mode & S_IWOTH;
}

int sl_sqlite_files_own(struct sl_io *io, const char *path, struct sl_error *err)
{
    char name[PATH_MAX];
    struct statx st;
    if (!all_may_write_directory(io, path))
        return 0;
    for (size_t i = 0; i < FILES; i++)
        if (name_of(path, i, name) &&
            io->ops->statx(io, AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_UID, &st) == 0 && st.stx_uid != 0 &&
            st.stx_uid != geteuid())
            return sl_error_set(
                err, SL_EUSAGE,
                "%s belongs to another user (uid %u), and SQLite does what it says; remove it, and keep the "
                "table in a directory that only its users may write",
                name, st.stx_uid);
    return 0;
}

int sl_sqlite_files_trust(struct sl_io *io, const char *path, const char *real, struct sl_error *err)
{
    int r = sl_trust_links(io, AT_FDCWD, path, err);
    r = r < 0 ? r : sl_trust_as_root(io, path, "keep a table there", err);
    return r < 0 ? r : sl_sqlite_files_own(io, real, err);
}
