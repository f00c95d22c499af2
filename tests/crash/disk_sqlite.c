/* SQLite's file system as seen by the disk: the system's own, called through a layer that asks and traces.
 *
 * Locks and the shared memory of the log pass through uncounted: they are no durable bytes, a start makes
 * them anew. */
#include "tests/crash/disk.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct file {
    sqlite3_file base; /* first */
    struct disk *disk;
    char path[PATH_MAX];   /* "" : a temporary file, not traced */
    bool syncs_directory;  /* the first sync of a journal or log that was made is one of its directory, too */
    sqlite3_file system[]; /* the system's own, of its size */
};

static sqlite3_file *system_of(sqlite3_file *file)
{
    return ((struct file *)file)->system;
}

static sqlite3_vfs *system_vfs(sqlite3_vfs *vfs)
{
    return ((sqlite3_vfs **)vfs->pAppData)[0];
}

static struct disk *disk_of(sqlite3_vfs *vfs)
{
    return ((struct disk **)vfs->pAppData)[1];
}

/* ---- files ---- */

static int file_close(sqlite3_file *file)
{
    return system_of(file)->pMethods->xClose(system_of(file));
}

static int file_read(sqlite3_file *base, void *to, int size, sqlite3_int64 offset)
{
    struct file *file = (struct file *)base;
    if (disk_ask(file->disk, "read", file->path, false) == DISK_FAIL)
        return errno == EINTR ? file->system->pMethods->xRead(file->system, to, size, offset)
                              : SQLITE_IOERR_READ;
    return file->system->pMethods->xRead(file->system, to, size, offset);
}

/* SQLite's own layer goes on after a short write and after EINTR. */
static int file_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset)
{
    struct file *file = (struct file *)base;
    sqlite3_file *system = file->system;
    enum disk_fault fault = disk_ask(file->disk, "write", file->path, true);
    if (fault == DISK_FULL || (fault == DISK_FAIL && errno == ENOSPC))
        return SQLITE_FULL;
    if (fault == DISK_FAIL && errno != EINTR)
        return SQLITE_IOERR_WRITE;
    if (fault == DISK_TEAR) {
        (void)system->pMethods->xWrite(system, bytes, size / 2, offset);
        disk_stop();
    }
    int r = system->pMethods->xWrite(system, bytes, size, offset);
    if (r == SQLITE_OK)
        disk_trace_write(file->disk, file->path, offset, bytes, (size_t)size);
    return r;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct file *file = (struct file *)base;
    if (disk_ask(file->disk, "truncate", file->path, false) == DISK_FAIL && errno != EINTR)
        return SQLITE_IOERR_TRUNCATE;
    int r = file->system->pMethods->xTruncate(file->system, size);
    if (r == SQLITE_OK)
        disk_trace_truncate(file->disk, file->path, size);
    return r;
}

static void trace_directory_sync(struct disk *disk, const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    disk_trace(disk, "sync", dir, NULL);
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct file *file = (struct file *)base;
    enum disk_fault fault = disk_ask(file->disk, "sync", file->path, true);
    if (fault == DISK_FAIL || fault == DISK_FULL)
        return SQLITE_IOERR_FSYNC;
    disk_trace(file->disk, "sync", file->path, NULL);
    if (file->syncs_directory)
        trace_directory_sync(file->disk, file->path);
    file->syncs_directory = false;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return system_of(file)->pMethods->xFileSize(system_of(file), ret);
}

static int file_lock(sqlite3_file *file, int level)
{
    return system_of(file)->pMethods->xLock(system_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return system_of(file)->pMethods->xUnlock(system_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *ret)
{
    return system_of(file)->pMethods->xCheckReservedLock(system_of(file), ret);
}

/* A size hint would write behind our back. */
static int file_control(sqlite3_file *file, int op, void *arg)
{
    return op == SQLITE_FCNTL_SIZE_HINT ? SQLITE_OK
                                        : system_of(file)->pMethods->xFileControl(system_of(file), op, arg);
}

static int file_sector(sqlite3_file *file)
{
    return system_of(file)->pMethods->xSectorSize(system_of(file));
}

static int file_traits(sqlite3_file *file)
{
    return system_of(file)->pMethods->xDeviceCharacteristics(system_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    return system_of(file)->pMethods->xShmMap(system_of(file), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return system_of(file)->pMethods->xShmLock(system_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    system_of(file)->pMethods->xShmBarrier(system_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int deletes)
{
    return system_of(file)->pMethods->xShmUnmap(system_of(file), deletes);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- the file system ---- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *ret_flags)
{
    struct file *file = (struct file *)base;
    struct disk *disk = disk_of(vfs);
    sqlite3_vfs *system = system_vfs(vfs);
    int there = 1;
    file->base.pMethods = NULL;
    file->disk = disk;
    snprintf(file->path, sizeof file->path, "%s", name ? name : "");
    if (name && system->xAccess(system, name, SQLITE_ACCESS_EXISTS, &there) != SQLITE_OK)
        return SQLITE_CANTOPEN;
    enum disk_fault fault = disk_ask(disk, "open", file->path, !there);
    if (fault == DISK_FULL || (fault == DISK_FAIL && errno != EINTR))
        return SQLITE_CANTOPEN;
    int r = system->xOpen(system, name, file->system, flags, ret_flags);
    if (r != SQLITE_OK)
        return r;
    file->syncs_directory =
        !there && flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL);
    if (!there)
        disk_trace(disk, "create", file->path, NULL);
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    struct disk *disk = disk_of(vfs);
    if (disk_ask(disk, "unlink", name, false) == DISK_FAIL && errno != EINTR)
        return SQLITE_IOERR_DELETE;
    int r = system_vfs(vfs)->xDelete(system_vfs(vfs), name, 0);
    if (r == SQLITE_OK)
        disk_trace(disk, "unlink", name, NULL);
    if (r == SQLITE_OK && sync_directory)
        trace_directory_sync(disk, name);
    return r;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    return system_vfs(vfs)->xAccess(system_vfs(vfs), name, flags, ret);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
    return system_vfs(vfs)->xFullPathname(system_vfs(vfs), name, size, ret);
}

static int vfs_random(sqlite3_vfs *vfs, int size, char *ret)
{
    return system_vfs(vfs)->xRandomness(system_vfs(vfs), size, ret);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    return system_vfs(vfs)->xSleep(system_vfs(vfs), us);
}

static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
    return system_vfs(vfs)->xCurrentTime(system_vfs(vfs), ret);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *ret)
{
    return system_vfs(vfs)->xGetLastError(system_vfs(vfs), size, ret);
}

int disk_open_sqlite(struct disk *disk)
{
    /* SQLite keeps both until the process ends. */
    static sqlite3_vfs vfs;
    static void *data[2];
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    if (!system)
        return -1;
    data[0] = system;
    data[1] = disk;
    vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(struct file) + system->szOsFile,
        .mxPathname = system->mxPathname,
        .zName = "crash",
        .pAppData = data,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_random,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK ? 0 : -1;
}
