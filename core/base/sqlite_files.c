#include "core/base/sqlite_files.h"

#include "core/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int sl_sqlite_files_check(struct sl_io *io, const char *path, struct sl_error *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char name[PATH_MAX];
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof suffixes / sizeof *suffixes; i++) {
        if (snprintf(name, sizeof name, "%s%s", path, suffixes[i]) >= (int)sizeof name)
            return sl_error_sys(err, ENAMETOOLONG, "opening %s", path);
        r = sl_io_check_file(io, AT_FDCWD, name, err);
    }
    return r;
}

/* A journal may be made where files can be made, also in a directory with the sticky bit. */
static int check_directory(struct sl_io *io, const char *real, struct sl_error *err)
{
    char dir[PATH_MAX];
    struct statx st;
    const char *slash = strrchr(real, '/');
    int len = slash == real ? 1 : slash ? (int)(slash - real) : 0;
    snprintf(dir, sizeof dir, "%.*s", len ? len : 1, len ? real : ".");
    if (io->ops->statx(io, AT_FDCWD, dir, 0, STATX_MODE, &st) < 0 || !(st.stx_mode & S_IWOTH))
        return 0; /* what cannot be looked at cannot be opened: opening reports why */
    return sl_error_set(
        err, SL_EUSAGE,
        "all users may write %s, and SQLite does what a journal says that is put beside %s; keep it in a "
        "directory that only its users may write",
        dir, real);
}

int sl_sqlite_files_trust(struct sl_io *io, const char *path, const char *real, struct sl_error *err)
{
    int r = sl_trust_links(io, AT_FDCWD, path, err);
    r = r < 0 ? r : sl_trust_as_root(io, path, "keep a table there", err);
    return r < 0 ? r : check_directory(io, real, err);
}
