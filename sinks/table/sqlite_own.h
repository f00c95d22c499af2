/* How SQLite opens the files of a table: as by default, but not what belongs to another user where all users may write the
 * directory (core/base/sqlite_files). A check before a transaction does not see a journal that is put beside the table after it;
 * SQLite looks for one while it takes its lock, and opens it here. */
#pragma once

/* The name for sqlite3_open_v2; NULL, the default, where it cannot be registered. */
const char *sl_sqlite_own_vfs(void);
