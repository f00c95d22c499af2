#include "engine/run/resources.h"

#include "core/base/io.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static struct sl_io *const io = &sl_io_system;

enum { ENTRIES_MAX = 20000, DEPTH_MAX = 3 };

static DIR *open_directory(int dirfd, const char *path)
{
    struct sl_error ignored;
    int fd = sl_io_open(io, dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &ignored);
    DIR *dir = fd < 0 ? NULL : io->ops->fdopendir(io, fd);
    if (fd >= 0 && !dir)
        sl_io_close(io, fd);
    return dir;
}

/* ---- the process ---- */

static void read_memory(struct sl_process_use *ret)
{
    struct sl_error ignored;
    char text[128];
    int64_t pages, resident;
    int fd = sl_io_open(io, AT_FDCWD, "/proc/self/statm", O_RDONLY, 0, &ignored);
    if (fd < 0)
        return;
    ssize_t len = sl_io_read_at(io, fd, text, sizeof text - 1, 0, "/proc/self/statm", &ignored);
    sl_io_close(io, fd);
    text[len > 0 ? len : 0] = '\0';
    if (sscanf(text, "%" SCNd64 " %" SCNd64, &pages, &resident) != 2)
        return;
    ret->virtual_bytes = pages * sysconf(_SC_PAGESIZE);
    ret->resident_bytes = resident * sysconf(_SC_PAGESIZE);
}

static int64_t count_fds(void)
{
    DIR *dir = open_directory(AT_FDCWD, "/proc/self/fd");
    int64_t count = -1; /* the directory's own */
    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = io->ops->readdir(io, dir));)
        count += entry->d_name[0] != '.';
    (void)io->ops->closedir(io, dir); /* nothing was written through it */
    return count;
}

void sl_process_use(struct sl_process_use *ret)
{
    struct rlimit limit;
    struct timespec cpu;
    *ret = (struct sl_process_use){-1, -1, -1, -1, -1};
    read_memory(ret);
    ret->open_fds = count_fds();
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        ret->fds_max = (int64_t)limit.rlim_cur;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
        ret->cpu_seconds = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
}

/* ---- the checkpoint ---- */

const char *const sl_disk_part_name[SL_DISK_PARTS] = {"catalog", "state", "deadletters", "received", "other"};

static enum sl_disk_part part_of(const char *name)
{
    if (strncmp(name, "catalog", strlen("catalog")) == 0)
        return SL_DISK_CATALOG;
    return strcmp(name, "state") == 0        ? SL_DISK_STATE
           : strcmp(name, "deadletter") == 0 ? SL_DISK_DEADLETTERS
           : strcmp(name, "received") == 0   ? SL_DISK_RECEIVED
                                             : SL_DISK_OTHER;
}

struct walk {
    DIR *dir[DEPTH_MAX]; /* from the checkpoint down */
    int depth;
    enum sl_disk_part part; /* below the top */
};

static void look_at(struct walk *walk, const char *name, struct sl_disk_use *ret)
{
    struct statx st;
    int fd = dirfd(walk->dir[walk->depth]);
    enum sl_disk_part part = walk->depth ? walk->part : part_of(name);
    if (io->ops->statx(io, fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_SIZE, &st) < 0)
        return; /* it was removed meanwhile */
    if (S_ISREG(st.stx_mode))
        ret->bytes[part] += (int64_t)st.stx_size;
    if (!S_ISDIR(st.stx_mode) || walk->depth + 1 == DEPTH_MAX)
        return;
    walk->dir[walk->depth + 1] = open_directory(fd, name);
    walk->depth += walk->dir[walk->depth + 1] != NULL;
    walk->part = part;
}

static void look_at_all(struct walk *walk, struct sl_disk_use *ret)
{
    for (int left = ENTRIES_MAX; walk->depth >= 0; left--) {
        DIR *dir = walk->dir[walk->depth];
        struct dirent *entry = left > 0 ? io->ops->readdir(io, dir) : NULL;
        if (entry && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            look_at(walk, entry->d_name, ret);
        if (entry)
            continue;
        (void)io->ops->closedir(io, dir); /* nothing was written through it */
        walk->depth--;
    }
}

void sl_disk_use(int at, const char *checkpoint, struct sl_disk_use *ret)
{
    struct walk walk = {.dir = {open_directory(at, checkpoint)}};
    struct statvfs fs;
    *ret = (struct sl_disk_use){.free_bytes = -1};
    if (!walk.dir[0])
        return;
    if (fstatvfs(dirfd(walk.dir[0]), &fs) == 0)
        ret->free_bytes = (int64_t)(fs.f_bavail * fs.f_frsize);
    look_at_all(&walk, ret);
}
