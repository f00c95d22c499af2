/* SQLite reads the clock through its file system layer. A database of ours that must not see it has a layer of its own,
 * the default one with another clock, which notes that it was asked and refuses. */
#include "sql/sql_internal.h"

#include <stdio.h>
#include <string.h>

static int refuse_time(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    ((struct sl_sql_clock *)vfs)->was_asked = true;
    return SQLITE_ERROR;
}

static int refuse_days(sqlite3_vfs *vfs, double *ret)
{
    ((struct sl_sql_clock *)vfs)->was_asked = true;
    return SQLITE_ERROR;
}

int sl_sql_clock_open(struct sl_sql_clock *clock)
{
    sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
    if (!usual)
        return SQLITE_ERROR;
    clock->vfs = *usual;
    snprintf(clock->name, sizeof clock->name, "sluice-%p", (void *)clock);
    clock->vfs.zName = clock->name;
    clock->vfs.pNext = NULL;
    clock->vfs.xCurrentTime = refuse_days;
    if (clock->vfs.iVersion >= 2)
        clock->vfs.xCurrentTimeInt64 = refuse_time;
    int code = sqlite3_vfs_register(&clock->vfs, 0);
    clock->is_registered = code == SQLITE_OK;
    return code;
}

void sl_sql_clock_close(struct sl_sql_clock *clock)
{
    if (clock->is_registered)
        (void)sqlite3_vfs_unregister(&clock->vfs); /* it is there */
    clock->is_registered = false;
}
