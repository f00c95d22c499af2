#include "state/catalog/shared_memory.h"

#include <errno.h>
#include <stdint.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    REGION_BYTES = 32 << 10, /* SQLite maps it in such pieces */
    REGIONS_MAX = 1 << 16,
};

bool sl_shared_memory_may_fail(const char *path)
{
    static const uint32_t not_in_place[] = {
        0x9123683E, /* btrfs */
        0x2FC12FC1, /* ZFS */
        0xCA451A4E, /* bcachefs */
        0xF2F52010, /* F2FS */
        0x3434,     /* NILFS */
        0x794C7630, /* overlayfs: on whichever */
    };
    struct statfs fs;
    if (statfs(path, &fs) < 0)
        return true; /* never wrong */
    for (size_t i = 0; i < sizeof not_in_place / sizeof *not_in_place; i++)
        if ((uint32_t)fs.f_type == not_in_place[i])
            return true;
    return false;
}

/* The first byte of each page: that of the first never changes, the others are written by the one writer alone. */
static bool store(const int pipe[static 2], volatile uint8_t *byte)
{
    uint8_t drained;
    if (write(pipe[1], (const void *)byte, 1) != 1)
        return errno != EFAULT; /* it cannot be asked now: SQLite will see */
    ssize_t got = read(pipe[0], (void *)byte, 1);
    int sys = errno;
    if (got == 1)
        return true;
    (void)!read(pipe[0], &drained, 1);
    return sys != EFAULT;
}

static bool store_region(const struct sl_database *database, volatile uint8_t *region)
{
    long page = sysconf(_SC_PAGESIZE);
    for (long at = 0; at < REGION_BYTES; at += page)
        if (!store(database->probe, region + at))
            return false;
    return true;
}

int sl_shared_memory_reserve(const struct sl_database *database, struct sl_error *err)
{
    sqlite3_file *file = NULL;
    if (sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
        !file || !file->pMethods || file->pMethods->iVersion < 2 || !file->pMethods->xShmMap)
        return 0;
    for (int i = 0; i < REGIONS_MAX; i++) {
        void volatile *region = NULL;
        if (file->pMethods->xShmMap(file, i, REGION_BYTES, 0, &region) != SQLITE_OK || !region)
            return 0; /* the last, or none was made yet */
        if (!store_region(database, region))
            return sl_error_sys(err, ENOSPC, "catalog %s: writing the memory shared with readers",
                                database->shown);
    }
    return 0;
}
