#include "sources/many_dirs.h"

#include "core/base/array.h"
#include "core/base/bisect.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/pattern.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { DIRS_MAX = 10000, NS_A_MS = 1000000 };

struct watched {
    char *path; /* as the job would name it */
    struct sl_arrivals *arrivals;
};

/* A remembered file, by the directory that it is in. */
struct by_dir {
    const char *path;
    size_t len;   /* of the directory */
    size_t index; /* of many.taken */
};

struct many {
    struct sl_arrivals arrivals; /* first */
    const struct sl_services *services;
    const char *dir;
    bool recursive;
    struct sl_arrivals_options options; /* of directories to come */
    struct watched *watched;            /* [count], by path */
    size_t count, capacity;
    struct sl_files taken; /* remembered files, also of directories that are not there yet */
    struct by_dir *by_dir; /* [sorted] the first of them by directory; a search needs all of them */
    size_t sorted;
    struct sl_watched_homes earlier; /* of earlier runs, for directories that come later */
    bool accepts;                    /* what is there now in their place */
    int64_t next_scan_ns;
    bool is_full_reported;
};

static struct many *own(struct sl_arrivals *arrivals)
{
    return (struct many *)arrivals;
}

/* ---- a growing list of paths ---- */

struct paths {
    char **path; /* owned */
    size_t count, capacity;
};

static void paths_done(struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->path[i]);
    free(paths->path);
    *paths = (struct paths){0};
}

/* Takes the path over; NULL is out of memory. */
static int paths_add(struct paths *paths, char *path, struct sl_error *err)
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

static bool is_directory(const struct many *many, const char *path, bool follows)
{
    struct statx info;
    struct sl_io *io = many->services->io;
    int flags = follows ? 0 : AT_SYMLINK_NOFOLLOW;
    return io->ops->statx(io, many->services->job_dirfd, path, flags, STATX_TYPE, &info) == 0 &&
           S_ISDIR(info.stx_mode);
}

bool sl_many_dirs_leaves_out(const char *name)
{
    size_t len = strlen(name);
    return name[0] == '.' || name[0] == '_' || (len && name[len - 1] == '~');
}

/* Appends the directories in `dir` whose name matches (NULL: every one). What cannot be read has none: it is looked
 * at again. */
static int list_directories(const struct many *many, const char *dir, const char *pattern, struct paths *ret,
                            struct sl_error *err)
{
    struct sl_io *io = many->services->io;
    struct sl_error opening = {0};
    int fd =
        sl_io_open(io, many->services->job_dirfd, dir[0] ? dir : ".", O_RDONLY | O_DIRECTORY, 0, &opening);
    DIR *stream = fd < 0 ? NULL : io->ops->fdopendir(io, fd);
    struct dirent *entry;
    int r = 0;
    if (!stream && fd >= 0)
        sl_io_close(io, fd);
    while (r == 0 && stream && (entry = io->ops->readdir(io, stream))) {
        bool may_be = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK;
        if (!may_be || sl_many_dirs_leaves_out(entry->d_name) ||
            (pattern && fnmatch(pattern, entry->d_name, 0) != 0))
            continue;
        char *path = join_path(dir, entry->d_name);
        if (path && !is_directory(many, path, pattern != NULL))
            free(path);
        else
            r = paths_add(ret, path, err);
    }
    if (stream)
        (void)io->ops->closedir(io, stream); /* nothing was written through it */
    return r;
}

/* The directories that the pattern names: part by part, each on what the parts before it gave. */
static int expand(const struct many *many, struct paths *ret, struct sl_error *err)
{
    const char *at = many->dir;
    struct paths found = {0};
    int r = paths_add(&found, strdup(at[0] == '/' ? "/" : ""), err);
    for (at += strspn(at, "/"); r == 0 && *at; at += strspn(at, "/")) {
        size_t len = strcspn(at, "/");
        char *part = strndup(at, len);
        struct paths next = {0};
        for (size_t i = 0; r == 0 && part && i < found.count; i++)
            r = sl_pattern_is(part) ? list_directories(many, found.path[i], part, &next, err)
                                    : paths_add(&next, join_path(found.path[i], part), err);
        r = part ? r : sl_error_nomem(err);
        free(part);
        paths_done(&found);
        found = next;
        at += len;
    }
    *ret = found;
    return r;
}

/* Those below them, too. */
static int descend(const struct many *many, struct paths *paths, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && many->recursive && i < paths->count && paths->count <= DIRS_MAX; i++)
        r = list_directories(many, paths->path[i], NULL, paths, err);
    return r;
}

/* ---- watching ---- */

static size_t find_place(const struct many *many, const char *path)
{
    return SL_BISECT(i, 0, many->count, strcmp(many->watched[i].path, path) < 0);
}

static size_t dir_len(const struct sl_file *file)
{
    const char *slash = strrchr(file->path, '/');
    return slash ? (size_t)(slash - file->path) : 0;
}

/* Of the first len bytes of each. */
static int compare_paths(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* The directory that the file is in; NULL: it is not watched. */
static struct watched *watched_of(const struct many *many, const struct sl_file *file)
{
    size_t len = dir_len(file);
    size_t place =
        SL_BISECT(i, 0, many->count,
                  compare_paths(many->watched[i].path, strlen(many->watched[i].path), file->path, len) < 0);
    struct watched *watched = place < many->count ? &many->watched[place] : NULL;
    return watched && compare_paths(watched->path, strlen(watched->path), file->path, len) == 0 ? watched
                                                                                                : NULL;
}

static int compare_by_dir(const void *a, const void *b)
{
    const struct by_dir *x = a, *y = b;
    int order = compare_paths(x->path, x->len, y->path, y->len);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int sort_taken(struct many *many)
{
    if (many->sorted == many->taken.count)
        return 0;
    struct by_dir *grown = realloc(many->by_dir, many->taken.count * sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    many->by_dir = grown;
    for (size_t i = 0; i < many->taken.count; i++)
        grown[i] = (struct by_dir){many->taken.file[i].path, dir_len(&many->taken.file[i]), i};
    many->sorted = many->taken.count;
    qsort(grown, many->sorted, sizeof *grown, compare_by_dir);
    return 0;
}

/* What was taken of this directory in earlier runs. */
static int remind(struct many *many, const struct watched *watched, struct sl_error *err)
{
    size_t len = strlen(watched->path);
    int r = sort_taken(many) < 0 ? sl_error_nomem(err) : 0;
    const struct by_dir *by_dir = many->by_dir;
    size_t at = r < 0 ? 0
                      : SL_BISECT(i, 0, many->sorted,
                                  compare_paths(by_dir[i].path, by_dir[i].len, watched->path, len) < 0);
    for (; r == 0 && at < many->sorted &&
           compare_paths(by_dir[at].path, by_dir[at].len, watched->path, len) == 0;
         at++) {
        const struct sl_files one = {.file = &many->taken.file[by_dir[at].index], .count = 1};
        r = watched->arrivals->ops->remember(watched->arrivals, &one, err);
    }
    return r;
}

static bool is_full(struct many *many)
{
    if (many->count < DIRS_MAX)
        return false;
    if (!many->is_full_reported)
        sl_log(many->services->log, SL_LOG_WARNING, "%s: more than %d directories; the others are not read",
               many->dir, DIRS_MAX);
    many->is_full_reported = true;
    return true;
}

/* A directory that was removed again, or may not be read yet, is tried at the next look. */
static int watch(struct many *many, const char *path, struct sl_error *err)
{
    size_t place = find_place(many, path);
    struct sl_error opening = {0};
    if ((place < many->count && strcmp(many->watched[place].path, path) == 0) || is_full(many) ||
        !is_directory(many, path, true))
        return 0;
    struct watched watched = {.path = strdup(path)};
    struct watched *grown =
        watched.path ? sl_array_grow(many->watched, many->count, &many->capacity, sizeof *grown) : NULL;
    if (grown)
        many->watched = grown;
    int r = grown ? many->services->open_arrivals(many->services, watched.path, &many->options,
                                                  &watched.arrivals, &opening)
                  : sl_error_nomem(err);
    if (r < 0) {
        if (grown)
            sl_log(many->services->log, SL_LOG_WARNING, "%s; it is tried again", opening.text);
        free(watched.path);
        return grown ? 0 : r;
    }
    memmove(grown + place + 1, grown + place, (many->count - place) * sizeof *grown);
    grown[place] = watched;
    many->count++;
    r = watched.arrivals->ops->remember_homes(watched.arrivals, &many->earlier, many->accepts, err);
    r = r < 0 ? r : remind(many, &watched, err);
    return r < 0 ? r : watched.arrivals->ops->refresh(watched.arrivals, err);
}

static int look_around(struct many *many, struct sl_error *err)
{
    struct paths paths = {0};
    int r = expand(many, &paths, err);
    r = r < 0 ? r : descend(many, &paths, err);
    for (size_t i = 0; r == 0 && i < paths.count; i++)
        r = watch(many, paths.path[i], err);
    paths_done(&paths);
    many->next_scan_ns = sl_monotonic_ns() + many->options.poll_interval_ms * NS_A_MS;
    return r;
}

/* ---- as arrivals ---- */

static bool pending(struct sl_arrivals *arrivals)
{
    const struct many *many = own(arrivals);
    for (size_t i = 0; i < many->count; i++)
        if (many->watched[i].arrivals->ops->pending(many->watched[i].arrivals))
            return true;
    return false;
}

static int refresh(struct sl_arrivals *arrivals, struct sl_error *err)
{
    struct many *many = own(arrivals);
    int r = look_around(many, err);
    for (size_t i = 0; r == 0 && i < many->count; i++)
        r = many->watched[i].arrivals->ops->refresh(many->watched[i].arrivals, err);
    return r;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct sl_file *)a)->path, ((const struct sl_file *)b)->path);
}

/* Directory by directory, until the limits are reached. */
static int take(struct sl_arrivals *arrivals, uint64_t files_max, uint64_t bytes_max, struct sl_files *ret,
                struct sl_error *err)
{
    struct many *many = own(arrivals);
    size_t first = ret->count;
    int r = sl_monotonic_ns() >= many->next_scan_ns ? look_around(many, err) : 0;
    for (size_t i = 0; r == 0 && i < many->count && files_max && bytes_max; i++) {
        size_t before = ret->count;
        r = many->watched[i].arrivals->ops->take(many->watched[i].arrivals, files_max, bytes_max, ret, err);
        files_max -= files_max == UINT64_MAX ? 0 : ret->count - before;
        for (size_t f = before; f < ret->count && bytes_max != UINT64_MAX; f++)
            bytes_max -= (uint64_t)ret->file[f].size < bytes_max ? (uint64_t)ret->file[f].size : bytes_max;
    }
    if (r == 0 && ret->count > first)
        qsort(ret->file + first, ret->count - first, sizeof *ret->file, compare_files);
    return r;
}

static int remember(struct sl_arrivals *arrivals, const struct sl_files *files, struct sl_error *err)
{
    struct many *many = own(arrivals);
    int r = 0;
    for (size_t i = 0; r == 0 && i < files->count; i++)
        r = sl_files_add(&many->taken, &files->file[i]) < 0 ? sl_error_nomem(err) : 0;
    for (size_t i = 0; r == 0 && i < files->count; i++) {
        const struct sl_files one = {.file = &files->file[i], .count = 1};
        const struct watched *watched = watched_of(many, one.file);
        r = watched ? watched->arrivals->ops->remember(watched->arrivals, &one, err) : 0;
    }
    return r;
}

static int remember_homes(struct sl_arrivals *arrivals, const struct sl_watched_homes *homes, bool accepts,
                          struct sl_error *err)
{
    struct many *many = own(arrivals);
    int r = 0;
    many->accepts = accepts;
    for (size_t i = 0; r == 0 && i < homes->count; i++)
        r = sl_watched_homes_add(&many->earlier, &homes->home[i]) < 0 ? sl_error_nomem(err) : 0;
    for (size_t w = 0; r == 0 && w < many->count; w++)
        r = many->watched[w].arrivals->ops->remember_homes(many->watched[w].arrivals, homes, accepts, err);
    return r;
}

static int homes(struct sl_arrivals *arrivals, struct sl_watched_homes *ret, struct sl_error *err)
{
    struct many *many = own(arrivals);
    int r = 0;
    for (size_t w = 0; r == 0 && w < many->count; w++)
        r = many->watched[w].arrivals->ops->homes(many->watched[w].arrivals, ret, err);
    return r;
}

static bool awaits_home(const struct sl_arrivals *arrivals, const struct sl_file *file)
{
    const struct many *many = (const struct many *)arrivals;
    for (size_t w = 0; w < many->count; w++)
        if (many->watched[w].arrivals->ops->awaits_home(many->watched[w].arrivals, file))
            return true;
    return false;
}

static int decide(struct sl_arrivals *arrivals, bool is_decided, struct sl_files *ret, struct sl_error *err)
{
    struct many *many = own(arrivals);
    int r = 0;
    for (size_t i = 0; r == 0 && i < many->count; i++)
        r = many->watched[i].arrivals->ops->decide(many->watched[i].arrivals, is_decided, ret, err);
    return r;
}

static int gone(struct sl_arrivals *arrivals, struct sl_files *ret, struct sl_error *err)
{
    struct many *many = own(arrivals);
    int r = 0;
    for (size_t i = 0; r == 0 && i < many->count; i++)
        r = many->watched[i].arrivals->ops->gone(many->watched[i].arrivals, ret, err);
    return r;
}

static void close_many(struct sl_arrivals *arrivals)
{
    struct many *many = own(arrivals);
    for (size_t i = 0; i < many->count; i++) {
        many->watched[i].arrivals->ops->close(many->watched[i].arrivals);
        free(many->watched[i].path);
    }
    free(many->watched);
    sl_files_done(&many->taken);
    free(many->by_dir);
    sl_watched_homes_done(&many->earlier);
    free(many);
}

static const struct sl_arrivals *part(const struct sl_arrivals *arrivals, size_t i)
{
    const struct many *many = (const struct many *)arrivals;
    return i < many->count ? many->watched[i].arrivals : NULL;
}

static const struct sl_arrivals_ops ops = {
    .pending = pending,
    .refresh = refresh,
    .take = take,
    .remember = remember,
    .decide = decide,
    .gone = gone,
    .remember_homes = remember_homes,
    .homes = homes,
    .awaits_home = awaits_home,
    .close = close_many,
    .part = part,
};

int sl_many_dirs_open(const struct sl_services *services, const char *dir, bool recursive,
                      const struct sl_arrivals_options *options, struct sl_arrivals **ret,
                      struct sl_error *err)
{
    struct many *many = calloc(1, sizeof *many);
    if (!many)
        return sl_error_nomem(err);
    *many = (struct many){
        .arrivals = {&ops}, .services = services, .dir = dir, .recursive = recursive, .options = *options};
    many->options.flat = recursive;
    if (!sl_pattern_is(dir) && !is_directory(many, dir, true)) {
        free(many);
        return sl_error_set(err, SL_EUSAGE, "the watched directory %s does not exist; make it with mkdir",
                            dir);
    }
    int r = look_around(many, err);
    if (r < 0) {
        close_many(&many->arrivals);
        return r;
    }
    many->options.existing = true; /* what lies in a directory that appears later has arrived with it */
    *ret = &many->arrivals;
    return 0;
}

int sl_many_dirs_or_one(const struct sl_services *services, const struct sl_file_options *options,
                        struct sl_arrivals **ret, struct sl_error *err)
{
    bool is_many = options->recursive || sl_pattern_is(options->dir);
    if (is_many && !services->trial)
        return sl_many_dirs_open(services, options->dir, options->recursive, &options->arrivals, ret, err);
    return services->open_arrivals(services, options->dir, &options->arrivals, ret, err);
}
