#include "core/base/sqlite_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

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
