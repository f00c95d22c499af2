#include "receive/tail_find.h"

#include "core/base/array.h"
#include "core/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether it is a regular file. */
static bool identify(const struct statx *st, struct sl_found *ret)
{
    ret->inode = st->stx_ino;
    ret->born_ns =
        st->stx_mask & STATX_BTIME ? st->stx_btime.tv_sec * 1000000000LL + st->stx_btime.tv_nsec : INT64_MIN;
    return S_ISREG(st->stx_mode);
}

/* False: it is not there, or no regular file. */
static bool look_along(struct sl_io *io, const char *path, char whole[static PATH_MAX], struct sl_found *ret,
                       struct sl_error *err)
{
    struct statx st;
    *ret = (struct sl_found){.path = whole};
    int r = sl_trust_target(io, AT_FDCWD, path, whole, err);
    if (r == SL_EUSAGE)
        ret->refusal = err->text;
    return r == SL_EUSAGE || (r == 0 &&
                              io->ops->statx(io, AT_FDCWD, whole, AT_SYMLINK_NOFOLLOW,
                                             STATX_BASIC_STATS | STATX_BTIME, &st) == 0 &&
                              identify(&st, ret));
}

int sl_tail_match(struct sl_io *io, const char *pattern,
                  int (*visit)(void *arg, const struct sl_found *found), void *arg)
{
    glob_t list;
    int r = 0, code = glob(pattern, 0, NULL, &list);
    if (code == GLOB_NOSPACE)
        return SL_ENOMEM;
    for (size_t i = 0; code == 0 && r >= 0 && i < list.gl_pathc; i++) {
        struct sl_error err;
        char whole[PATH_MAX];
        struct sl_found found;
        if (look_along(io, list.gl_pathv[i], whole, &found, &err))
            r = visit(arg, &found);
    }
    if (code != GLOB_NOMATCH)
        globfree(&list);
    return r;
}

int sl_tail_open(struct sl_io *io, const char *path, struct sl_found *ret)
{
    struct sl_error ignored;
    struct statx st;
    int fd = sl_io_open(io, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &ignored);
    if (fd < 0)
        return -1;
    ret->path = path;
    if (sl_trust_is_at(io, fd, path) &&
        io->ops->statx(io, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) == 0 &&
        identify(&st, ret))
        return fd;
    sl_io_close(io, fd);
    errno = ENOENT; /* it is another file by now */
    return -1;
}

/* The entry as it is now. False: it was removed, or its name belongs to another file meanwhile. */
static bool look_at(struct sl_io *io, int dirfd, const struct dirent *entry, struct sl_found *ret)
{
    struct statx st;
    return io->ops->statx(io, dirfd, entry->d_name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
                          &st) == 0 &&
           identify(&st, ret) && ret->inode == entry->d_ino;
}

/* The directory of `path`, open. */
static DIR *open_dir(struct sl_io *io, const char *path, char dir[static PATH_MAX], int *ret_fd)
{
    struct sl_error ignored;
    const char *slash = strrchr(path, '/');
    int len = slash == path ? 1 : slash ? (int)(slash - path) : 0;
    snprintf(dir, PATH_MAX, "%.*s", len ? len : 1, len ? path : ".");
    int fd = *ret_fd = sl_io_open(io, AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, &ignored);
    DIR *list = fd < 0 ? NULL : io->ops->fdopendir(io, fd);
    if (!list && fd >= 0)
        sl_io_close(io, fd);
    return list;
}

static bool join(char ret[static PATH_MAX], const char *dir, const char *name)
{
    return snprintf(ret, PATH_MAX, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name) < PATH_MAX;
}

int sl_tail_find(struct sl_io *io, const char *path, uint64_t inode, int64_t born_ns, char *ret)
{
    struct dirent *entry;
    char dir[PATH_MAX];
    int fd, found = 0;
    DIR *list = open_dir(io, path, dir, &fd);
    while (list && found == 0 && (entry = io->ops->readdir(io, list))) {
        struct sl_found seen;
        if (entry->d_ino != inode)
            continue;
        if (!look_at(io, fd, entry, &seen))
            found = SL_EREJECT;
        else if (seen.born_ns == born_ns)
            found = join(ret, dir, entry->d_name);
    }
    if (list)
        io->ops->closedir(io, list);
    return found;
}

/* ---- files that were never seen under their name ---- */

struct missed {
    char *path;
    uint64_t inode;
    int64_t born_ns;
};

struct missing {
    struct missed *list;
    size_t count, capacity;
};

/* "app.log.1", "app.log-20261128"; not what was compressed: that is a copy. */
static bool is_rotated_name(const char *name, const char *rotated)
{
    static const char *const compressed[] = {".gz", ".zst", ".bz2", ".xz", ".lz4", ".zip", ".Z"};
    size_t len = strlen(name), rotated_len = strlen(rotated);
    if (strncmp(name, rotated, len) != 0 ||
        (rotated[len] != '.' && rotated[len] != '-' && rotated[len] != '_'))
        return false;
    for (size_t i = 0; i < sizeof compressed / sizeof *compressed; i++) {
        size_t suffix = strlen(compressed[i]);
        if (rotated_len > suffix && strcmp(rotated + rotated_len - suffix, compressed[i]) == 0)
            return false;
    }
    return true;
}

static int add_missed(struct missing *missing, const char *path, const struct sl_found *found)
{
    struct missed *grown = sl_array_grow(missing->list, missing->count, &missing->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    missing->list = grown;
    grown[missing->count] = (struct missed){strdup(path), found->inode, found->born_ns};
    return grown[missing->count].path ? (missing->count++, 0) : SL_ENOMEM;
}

static int compare_births(const void *left, const void *right)
{
    int64_t a = ((const struct missed *)left)->born_ns, b = ((const struct missed *)right)->born_ns;
    return (a > b) - (a < b);
}

static int list_missed(struct sl_io *io, const char *path, int64_t after_ns, int64_t before_ns,
                       struct missing *missing)
{
    struct dirent *entry;
    char dir[PATH_MAX], joined[PATH_MAX];
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    int fd, r = 0;
    DIR *list = open_dir(io, path, dir, &fd);
    while (list && r == 0 && (entry = io->ops->readdir(io, list))) {
        struct sl_found found;
        if (!is_rotated_name(name, entry->d_name) || !join(joined, dir, entry->d_name))
            continue;
        if (!look_at(io, fd, entry, &found))
            r = entry->d_type == DT_REG ? SL_EREJECT : 0;
        else if (found.born_ns > after_ns && found.born_ns < before_ns)
            r = add_missed(missing, joined, &found);
    }
    if (list)
        io->ops->closedir(io, list);
    return r;
}

int sl_tail_missed(struct sl_io *io, const char *path, int64_t after_ns, int64_t before_ns,
                   int (*visit)(void *arg, const struct sl_found *found), void *arg)
{
    struct missing missing = {0};
    if (after_ns == INT64_MIN || before_ns == INT64_MIN)
        return 0;
    int r = list_missed(io, path, after_ns, before_ns, &missing);
    if (missing.count)
        qsort(missing.list, missing.count, sizeof *missing.list, compare_births);
    for (size_t i = 0; i < missing.count; i++) {
        const struct missed *missed = &missing.list[i];
        const struct sl_found found = {
            .path = missed->path, .inode = missed->inode, .born_ns = missed->born_ns};
        r = r < 0 ? r : visit(arg, &found);
        free(missing.list[i].path);
    }
    free(missing.list);
    return r < 0 ? r : 0;
}
