#include "sinks/table/sqlite_own.h"

#include "core/base/error.h"
#include "core/base/sqlite_files.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>

static sqlite3_vfs own; /* both are written once, before any file is opened */
static sqlite3_vfs *system_vfs;
static pthread_once_t made_once = PTHREAD_ONCE_INIT;

static bool is_ours(const char *name)
{
    struct sl_error ignored; /* the check before the next try reports it */
    return !name || sl_sqlite_files_own(&sl_io_system, name, &ignored) == 0;
}

/* Before it is opened, for a FIFO would be waited for; and afterwards, for it may have come meanwhile. Where the sticky bit is
 * set, what is another user's cannot become ours. */
static int open_own(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    (void)vfs;
    file->pMethods = NULL;
    if (!is_ours(name))
        return SQLITE_CANTOPEN;
    int code = system_vfs->xOpen(system_vfs, name, file, flags, ret_flags);
    if (code != SQLITE_OK || is_ours(name))
        return code;
    file->pMethods->xClose(file);
    file->pMethods = NULL;
    return SQLITE_CANTOPEN;
}

static void make(void)
{
    system_vfs = sqlite3_vfs_find(NULL);
    if (!system_vfs)
        return;
    own = *system_vfs;
    own.zName = "sluice-own";
    own.pNext = NULL;
    own.xOpen = open_own;
    if (sqlite3_vfs_register(&own, 0) != SQLITE_OK)
        system_vfs = NULL;
}

const char *sl_sqlite_own_vfs(void)
{
    pthread_once(&made_once, make);
    return system_vfs ? own.zName : NULL;
}
