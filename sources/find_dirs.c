#include "sources/find_dirs.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/base/pattern.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sl_paths_done(struct sl_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->path[i]);
    free(paths->path);
    *paths = (struct sl_paths){0};
}

/* Takes the path over; NULL is out of memory. */
int sl_paths_add(struct sl_paths *paths, char *path, struct sl_error *err)
{
    char **grown = path ? sl_array_grow(paths->path, paths->count, &paths->capacity, sizeof *grown) : NULL;
    if (!grown) {
        free(path);
        return sl_error_nomem(err);
    }
    paths->path = grown;
    paths->path[paths->count++] = path;
    return 0;
}

static char *join_path(const char *dir, const char *name)
{
    char *path;
    bool has_slash = !dir[0] || dir[strlen(dir) - 1] == '/';
    int len = asprintf(&path, "%s%s%s", dir, has_slash ? "" : "/", name);
    return len < 0 ? NULL : path;
}

/* ---- what there is ---- */

static bool is_directory(const struct sl_services *services, const char *path, bool follows)
{
    struct statx info;
    struct sl_io *io = services->io;
    int flags = follows ? 0 : AT_SYMLINK_NOFOLLOW;
    return io->ops->statx(io, services->job_dirfd, path, flags, STATX_TYPE, &info) == 0 &&
           S_ISDIR(info.stx_mode);
}

bool sl_dirs_leaves_out(const char *name)
{
    size_t len = strlen(name);
    return name[0] == '.' || name[0] == '_' || (len && name[len - 1] == '~');
}

/* Appends the directories in `dir` whose name matches (NULL: every one). What cannot be read has none: it is looked
 * at again. */
static int list_directories(const struct sl_services *services, const char *dir, const char *pattern,
                            struct sl_paths *ret, struct sl_error *err)
{
    struct sl_io *io = services->io;
    struct sl_error opening = {0};
    int fd = sl_io_open(io, services->job_dirfd, dir[0] ? dir : ".", O_RDONLY | O_DIRECTORY, 0, &opening);
    DIR *stream = fd < 0 ? NULL : io->ops->fdopendir(io, fd);
    struct dirent *entry;
    int r = 0;
    if (!stream && fd >= 0)
        sl_io_close(io, fd);
    while (r == 0 && stream && (entry = io->ops->readdir(io, stream))) {
        bool may_be = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK;
        if (!may_be || sl_dirs_leaves_out(entry->d_name) ||
            (pattern && fnmatch(pattern, entry->d_name, 0) != 0))
            continue;
        char *path = join_path(dir, entry->d_name);
        if (path && !is_directory(services, path, pattern != NULL))
            free(path);
        else
            r = sl_paths_add(ret, path, err);
    }
    if (stream)
        (void)io->ops->closedir(io, stream); /* nothing was written through it */
    return r;
}

/* The directories that the pattern names: part by part, each on what the parts before it gave. */
static int expand(const struct sl_services *services, const char *pattern, struct sl_paths *ret,
                  struct sl_error *err)
{
    const char *at = pattern;
    struct sl_paths found = {0};
    int r = sl_paths_add(&found, strdup(at[0] == '/' ? "/" : ""), err);
    for (at += strspn(at, "/"); r == 0 && *at; at += strspn(at, "/")) {
        size_t len = strcspn(at, "/");
        char *part = strndup(at, len);
        struct sl_paths next = {0};
        for (size_t i = 0; r == 0 && part && i < found.count; i++)
            r = sl_pattern_is(part) ? list_directories(services, found.path[i], part, &next, err)
                                    : sl_paths_add(&next, join_path(found.path[i], part), err);
        r = part ? r : sl_error_nomem(err);
        free(part);
        sl_paths_done(&found);
        found = next;
        at += len;
    }
    *ret = found;
    return r;
}

/* Those below them, too. */
static int descend(const struct sl_services *services, size_t most, struct sl_paths *paths,
                   struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < paths->count && paths->count <= most; i++)
        r = list_directories(services, paths->path[i], NULL, paths, err);
    return r;
}

int sl_dirs_find(const struct sl_services *services, const char *pattern, bool recursive, size_t most,
                 struct sl_paths *ret, struct sl_error *err)
{
    int r = expand(services, pattern, ret, err);
    return r < 0 || !recursive ? r : descend(services, most, ret, err);
}

bool sl_dirs_is_one(const struct sl_services *services, const char *path)
{
    return is_directory(services, path, true);
}
