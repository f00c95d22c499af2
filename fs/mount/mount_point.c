#include "fs/mount/mount_point.h"

#include "core/base/place.h"
#include "core/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACKED_MAX = 16, MARKER_MAX = 1 << 20, LINE_MAX_BYTES = 3 * PATH_MAX };

extern char **environ;

/* ---- mounts ---- */

enum occupant { OCCUPANT_NONE, OCCUPANT_SLUICE, OCCUPANT_OTHER };

/* Undoes the \040 escapes of mountinfo in place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned byte;
        if (from[0] == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
            *to = (char)byte;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = 0;
}

/* "36 35 98:0 / /mnt rw,nosuid - fuse.sluice sluice rw,...": the last line for a path is
 * the topmost mount. */
static bool line_is_at(char *line, const char *path, enum occupant *ret)
{
    char *save = NULL, *field = strtok_r(line, " ", &save), *point = NULL, *type = NULL, *source = NULL;
    for (int i = 0; field && i < 4; i++)
        field = strtok_r(NULL, " ", &save);
    point = field;
    while (field && strcmp(field, "-") != 0)
        field = strtok_r(NULL, " ", &save);
    type = field ? strtok_r(NULL, " ", &save) : NULL;
    source = type ? strtok_r(NULL, " ", &save) : NULL;
    if (!point || !source)
        return false;
    unescape(point);
    if (strcmp(point, path) != 0)
        return false;
    bool ours = strcmp(type, "fuse." SL_FUSE_NAME) == 0 && strcmp(source, SL_FUSE_NAME) == 0;
    *ret = ours ? OCCUPANT_SLUICE : OCCUPANT_OTHER;
    return true;
}

/* "36 35 0:45 / /mnt ...": device and mount point. */
static bool read_device(char *line, char **ret_device, char **ret_point)
{
    char *save = NULL, *field = strtok_r(line, " ", &save);
    for (int i = 0; field && i < 4; i++) {
        field = strtok_r(NULL, " ", &save);
        if (i == 1)
            *ret_device = field;
    }
    *ret_point = field;
    if (!field || !*ret_device)
        return false;
    unescape(field);
    return true;
}

bool sl_mount_point_device(const char *path, const char *device, char ret[static SL_MOUNT_DEVICE_MAX])
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL, *found = NULL, *point = NULL;
    size_t size = 0;
    bool any = false;
    while (file && getline(&line, &size, file) > 0) {
        if (!read_device(line, &found, &point) || strcmp(point, path) != 0 ||
            strlen(found) >= SL_MOUNT_DEVICE_MAX || (device && strcmp(found, device) != 0))
            continue;
        memcpy(ret, found, strlen(found) + 1);
        any = true;
    }
    free(line);
    if (file)
        fclose(file);
    return any;
}

static int find_mount(const char *path, enum occupant *ret, struct sl_error *err)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file)
        return sl_error_sys(err, errno, "reading /proc/self/mountinfo");
    char *line = NULL;
    size_t size = 0;
    *ret = OCCUPANT_NONE;
    while (getline(&line, &size, file) > 0)
        (void)line_is_at(line, path, ret);
    free(line);
    fclose(file);
    return 0;
}

/* The absolute path without symlinks, also when what is mounted there is dead: its parent is resolved. */
static int resolve(const char *dir, char *path, struct sl_error *err)
{
    if (realpath(dir, path))
        return 0;
    int sys = sl_place_path(dir, path);
    return sys ? sl_error_sys(err, sys, "mount point %s", dir) : 0;
}

static int run_fusermount(const char *path, struct sl_error *err)
{
    const char *const argv[] = {"fusermount3", "-u", "-z", "-q", "--", path, NULL};
    pid_t pid;
    int status, r = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
    if (r != 0)
        return sl_error_sys(err, r, "unmounting the dead mount %s: running fusermount3", path);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return sl_error_sys(err, errno, "unmounting the dead mount %s", path);
    if (status != 0)
        return sl_error_set(err, SL_EFAIL, "unmounting the dead mount %s: fusermount3 failed", path);
    return 0;
}

static int unmount_dead(const char *path, struct sl_error *err)
{
    if (geteuid() != 0)
        return run_fusermount(path, err);
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
        return sl_error_sys(err, errno, "unmounting the dead mount %s", path);
    return 0;
}

/* Opening sends a request to the process that serves the mount; attributes may be cached long after it has ended. */
static bool is_dead(struct sl_io *io, const char *path)
{
    struct sl_error err = {0};
    int fd = sl_io_open(io, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &err);
    if (fd >= 0)
        sl_io_close(io, fd);
    return fd < 0 && (err.sys == ENOTCONN || err.sys == ECONNABORTED);
}

void sl_mount_point_clear(const char *path)
{
    enum occupant occupant;
    if (find_mount(path, &occupant, NULL) == 0 && occupant == OCCUPANT_SLUICE && is_dead(&sl_io_system, path))
        (void)unmount_dead(path, NULL); /* the next start finds it dead and tries again */
}

static int clear_dead_mounts(struct sl_io *io, const char *dir, struct sl_error *err)
{
    char path[PATH_MAX];
    enum occupant occupant;
    int r = resolve(dir, path, err);
    for (int i = 0; r == 0 && i < STACKED_MAX; i++) {
        r = find_mount(path, &occupant, err);
        if (r < 0 || occupant == OCCUPANT_NONE)
            return r;
        if (occupant == OCCUPANT_OTHER)
            return sl_error_set(err, SL_EUSAGE,
                                "mount point %s: something else is mounted there; choose another directory",
                                dir);
        if (!is_dead(io, path))
            return sl_error_set(err, SL_EUSAGE,
                                "mount point %s: another sluice is showing its views there; choose another "
                                "directory (--mount DIR) or stop it",
                                dir);
        r = unmount_dead(path, err);
    }
    return r;
}

/* ---- plain files of ours ---- */

int sl_mount_point_lock_marker(struct sl_io *io, int dirfd, const char *dir, struct sl_error *err)
{
    struct stat st;
    int fd = sl_io_open_file(io, dirfd, SL_PLAIN_MARKER, O_RDONLY | O_NOFOLLOW, 0, err);
    if (fd >= 0 && io->ops->fstat(io, fd, &st) == 0 && st.st_uid != geteuid()) {
        sl_io_close(io, fd);
        return sl_error_set(
            err, SL_EUSAGE,
            "%s/" SL_PLAIN_MARKER
            " belongs to another user (uid %u), so what is there is none of our files; choose another "
            "directory or empty it",
            dir, st.st_uid);
    }
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        sl_io_close(io, fd);
        return sl_error_set(
            err, SL_EUSAGE,
            "%s: another sluice is showing its views there; choose another directory or stop it", dir);
    }
    return fd;
}

static bool is_listed(const char *names, const char *wanted)
{
    size_t len = strlen(wanted);
    for (size_t n; (n = strcspn(names, "/")) > 0; names += n + (names[n] == '/'))
        if (n == len && memcmp(names, wanted, len) == 0)
            return true;
    return false;
}

static int remove_listed(struct sl_io *io, int dirfd, char *names, struct sl_error *err)
{
    char *save = NULL;
    int r = 0;
    for (char *name = strtok_r(names, "/", &save); name && r == 0; name = strtok_r(NULL, "/", &save))
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            r = sl_io_remove_tree(io, dirfd, name, err);
    return r;
}

/* It may contain nothing but these names and the marker. */
static int check_only(struct sl_io *io, int dirfd, const char *dir, const char *names, struct sl_error *err)
{
    int fd = sl_io_open(io, dirfd, ".", O_RDONLY | O_DIRECTORY, 0, err);
    DIR *stream = fd >= 0 ? io->ops->fdopendir(io, fd) : NULL;
    if (fd < 0)
        return fd;
    if (!stream) {
        int r = sl_error_sys(err, errno, "reading directory %s", dir);
        sl_io_close(io, fd);
        return r;
    }
    int r = 0;
    for (struct dirent *entry; errno = 0, r == 0 && (entry = io->ops->readdir(io, stream));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, SL_PLAIN_MARKER) != 0 && !is_listed(names, entry->d_name))
            r = sl_error_set(
                err, SL_EUSAGE,
                "mount point %s is not empty (it holds %s); choose another directory or empty it", dir,
                entry->d_name);
    if (r == 0 && errno)
        r = sl_error_sys(err, errno, "reading directory %s", dir);
    (void)io->ops->closedir(io, stream); /* nothing was written through it */
    return r;
}

static int remove_plain(struct sl_io *io, int dirfd, const char *dir, struct sl_error *err)
{
    char *names;
    size_t len;
    int r = sl_io_read_file(io, dirfd, SL_PLAIN_MARKER, MARKER_MAX, &names, &len, err);
    if (r < 0)
        return r;
    r = check_only(io, dirfd, dir, names, err);
    if (r == 0 && (r = remove_listed(io, dirfd, names, err)) == 0)
        r = sl_io_remove_tree(io, dirfd, SL_PLAIN_MARKER, err);
    free(names);
    return r < 0 && r != SL_EUSAGE ? sl_error_wrap(err, "removing the files of an earlier run in %s", dir)
                                   : r;
}

/* Empties the directory. */
static int clear_directory(struct sl_io *io, int dirfd, const char *dir, struct sl_error *err)
{
    struct statx st;
    if (io->ops->statx(io, dirfd, SL_PLAIN_MARKER, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
        return errno == ENOENT ? check_only(io, dirfd, dir, "", err)
                               : sl_error_sys(err, errno, "looking at %s/" SL_PLAIN_MARKER, dir);
    int lock = sl_mount_point_lock_marker(io, dirfd, dir, err);
    if (lock < 0)
        return lock;
    int r = remove_plain(io, dirfd, dir, err);
    sl_io_close(io, lock);
    return r;
}

/* ---- the directory ---- */

/* A fault of a path that the user gave is an error of usage. */
static int as_usage(struct sl_error *err)
{
    if (err && (err->sys == ENOTDIR || err->sys == EEXIST || err->sys == EACCES || err->sys == ENOENT ||
                err->sys == ENAMETOOLONG || err->sys == EROFS))
        err->code = SL_EUSAGE;
    return err ? (int)err->code : SL_EFAIL;
}

static int open_directory(struct sl_io *io, const char *dir, struct sl_error *err)
{
    int r = sl_trust_make_dirs(io, AT_FDCWD, dir, 0777, err);
    int fd = r == 0 ? sl_trust_open_dir(io, AT_FDCWD, dir, err) : r;
    if (fd >= 0)
        return fd;
    (void)sl_error_wrap(err, "mount point %s", dir);
    return as_usage(err);
}

int sl_mount_point_prepare(struct sl_io *io, const char *dir, struct sl_error *err)
{
    struct sl_error ignored = {0};
    err = err ? err : &ignored;
    struct statx st;
    int links = sl_trust_links(io, AT_FDCWD, dir, err);
    if (links < 0)
        return links;
    bool missing =
        io->ops->statx(io, AT_FDCWD, dir, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0 && errno == ENOENT;
    int r = missing ? 0 : clear_dead_mounts(io, dir, err);
    if (r < 0)
        return r;
    int dirfd = open_directory(io, dir, err);
    if (dirfd < 0)
        return dirfd;
    r = clear_directory(io, dirfd, dir, err);
    sl_io_close(io, dirfd);
    return r;
}
