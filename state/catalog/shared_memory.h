/* The file that SQLite shares with readers through memory (catalog.db-shm), on a full disk.
 *
 * Where a file system writes nothing in place (btrfs, ZFS ...), a store into a mapped page needs a new block, and where
 * there is none the process gets SIGBUS. A system call that stores there fails with EFAULT instead: so each page is
 * written to by one, with what it holds, before SQLite stores into it. It is then dirty, and has its block. Between that
 * and the stores the kernel may write the page out, on a disk that becomes full at that moment: cli/bus_error. */
#pragma once

#include "state/catalog/database.h"

/* Whether that is so for this file. */
bool sl_shared_memory_may_fail(const char *path);

/* Before a transaction that writes; 0 or SL_EFULL. */
int sl_shared_memory_reserve(const struct sl_database *database, struct sl_error *err);
