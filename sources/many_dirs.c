#include "sources/many_dirs.h"

#include "core/base/array.h"
#include "core/base/bisect.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/pattern.h"
#include "core/base/removed.h"
#include "sources/find_dirs.h"
#include "sources/known_files.h"

#include <stdlib.h>
#include <string.h>

enum { DIRS_MAX = 10000, NS_A_MS = 1000000 };

struct watched {
    char *path; /* as the job would name it */
    struct sl_arrivals *arrivals;
};

struct many {
    struct sl_arrivals arrivals; /* first */
    const struct sl_services *services;
    const char *dir;
    bool recursive;
    struct sl_arrivals_options options; /* of directories to come */
    struct watched *watched;            /* [count], by path */
    size_t count, capacity;
    char *base;                      /* the part of dir before a pattern; owned */
    struct sl_paths refused;         /* that could not be watched when they were tried last */
    struct sl_known_files taken;     /* in earlier runs, also of directories that are not there yet */
    struct sl_files gone;            /* of these, those of directories that were removed */
    bool is_reminded;                /* of some of which it was not checked whether they were removed */
    struct sl_watched_homes earlier; /* of earlier runs, for directories that come later */
    bool accepts;                    /* what is there now in their place */
    size_t
        first; /* where the next batch begins, so that none waits for ever for others that are never empty */
    int64_t next_scan_ns;
    bool is_full_reported;
};

static struct many *own(struct sl_arrivals *arrivals)
{
    return (struct many *)arrivals;
}

/* ---- watching ---- */

static int compare_watched(const struct watched *watched, const char *path, size_t len)
{
    int order = strncmp(watched->path, path, len);
    return order ? order : watched->path[len] != 0;
}

static size_t find_place(const struct many *many, const char *path, size_t len)
{
    return SL_BISECT(i, 0, many->count, compare_watched(&many->watched[i], path, len) < 0);
}

/* The directory whose path these bytes are; NULL: it is not watched. */
static struct watched *watched_at(const struct many *many, const char *path, size_t len)
{
    size_t place = find_place(many, path, len);
    bool is_it = place < many->count && compare_watched(&many->watched[place], path, len) == 0;
    return is_it ? &many->watched[place] : NULL;
}

/* Of the path up to its last slash in the first len bytes; 0: there is none. */
static size_t len_above(const char *path, size_t len)
{
    while (len && path[len - 1] != '/')
        len--;
    return len ? len - 1 : 0;
}

/* The watched directory whose arrivals have files in this one: it, or the one above it where directories are arrivals. NULL:
 * there is none. */
static struct watched *watched_of(const struct many *many, const char *dir, size_t len)
{
    struct watched *watched = watched_at(many, dir, len);
    if (watched || many->options.flat)
        return watched;
    return watched_at(many, dir, len_above(dir, len));
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

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Logged once, however often it is tried. */
static int refuse(struct many *many, const char *path, const struct sl_error *why, struct sl_paths *refused,
                  struct sl_error *err)
{
    const struct sl_paths *before = &many->refused;
    bool is_known =
        before->count && bsearch(&path, before->path, before->count, sizeof *before->path, compare_strings);
    if (!is_known)
        sl_log(many->services->log, SL_LOG_WARNING, "%s; it is tried again", why->text);
    return sl_paths_add(refused, strdup(path), err);
}

/* A directory that is named itself is waited for when it is missing. */
static struct sl_arrivals_options options_of(const struct many *many, const char *path)
{
    struct sl_arrivals_options options = many->options;
    options.base = !sl_pattern_is(many->dir) && strcmp(path, many->base) == 0 ? NULL : many->base;
    return options;
}

static int add_watched(struct many *many, const char *path, struct sl_arrivals *arrivals,
                       struct sl_error *err)
{
    struct watched *grown = sl_array_grow(many->watched, many->count, &many->capacity, sizeof *grown);
    char *copy = strdup(path);
    if (grown)
        many->watched = grown;
    if (!grown || !copy) {
        free(copy);
        arrivals->ops->close(arrivals);
        return sl_error_nomem(err);
    }
    size_t place = find_place(many, path, strlen(path));
    memmove(grown + place + 1, grown + place, (many->count++ - place) * sizeof *grown);
    grown[place] = (struct watched){copy, arrivals};
    return 0;
}

/* A directory that was removed again, or may not be read yet, is tried at the next look. */
static int watch(struct many *many, const char *path, struct sl_paths *refused, struct sl_error *err)
{
    struct sl_error opening = {0};
    struct sl_arrivals *arrivals;
    if (watched_at(many, path, strlen(path)) || is_full(many) || !sl_dirs_is_one(many->services, path))
        return 0;
    struct sl_arrivals_options options = options_of(many, path);
    int r = many->services->open_arrivals(many->services, path, &options, &arrivals, &opening);
    if (r < 0)
        return refuse(many, path, &opening, refused, err);
    r = add_watched(many, path, arrivals, err);
    r = r < 0 ? r : arrivals->ops->remember_homes(arrivals, &many->earlier, many->accepts, err);
    r = r < 0 ? r : sl_known_files_remind(&many->taken, path, arrivals, err);
    return r < 0 ? r : arrivals->ops->refresh(arrivals, err);
}

static int watch_all(struct many *many, const struct sl_paths *paths, struct sl_error *err)
{
    struct sl_paths refused = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < paths->count; i++)
        r = watch(many, paths->path[i], &refused, err);
    if (refused.count)
        qsort(refused.path, refused.count, sizeof *refused.path, compare_strings);
    sl_paths_done(&many->refused);
    many->refused = refused;
    return r;
}

/* ---- directories that were removed ---- */

static bool is_mount_of(const struct many *many, const char *path, uint64_t mount)
{
    struct statx st;
    struct sl_io *io = many->services->io;
    return io->ops->statx(io, many->services->job_dirfd, path, 0, STATX_BASIC_STATS | STATX_MNT_ID, &st) ==
               0 &&
           sl_mount_of(&st) == mount;
}

static bool had_home(const struct many *many, const char *dir, size_t len)
{
    char *path = strndup(dir, len);
    bool had = !path || sl_watched_homes_find(&many->earlier, path);
    free(path);
    return had;
}

/* Of a directory with files that an earlier run took: it was on the file system of the job or on that of /, which are
 * there, and nothing is there now. */
static bool was_removed(const void *arg, const char *dir)
{
    const struct many *many = arg;
    size_t len = strlen(dir);
    uint64_t mount;
    if (watched_of(many, dir, len) || had_home(many, dir, len) ||
        (!many->options.flat && had_home(many, dir, len_above(dir, len))))
        return false;
    return sl_path_is_absent(many->services->io, many->services->job_dirfd, dir, many->base, &mount) &&
           (is_mount_of(many, ".", mount) || is_mount_of(many, "/", mount));
}

static int forget_removed(struct many *many, struct sl_error *err)
{
    if (!many->is_reminded)
        return 0;
    many->is_reminded = false;
    return sl_known_files_forget_removed(&many->taken, was_removed, many, &many->gone, err);
}

/* When its files were given as gone. */
static int leave_removed(struct many *many, size_t i, struct sl_error *err)
{
    struct watched removed = many->watched[i];
    int r = sl_known_files_forget(&many->taken, removed.path, err);
    many->count--;
    memmove(many->watched + i, many->watched + i + 1, (many->count - i) * sizeof removed);
    removed.arrivals->ops->close(removed.arrivals);
    free(removed.path);
    many->is_full_reported = false;
    return r;
}

static int look_around(struct many *many, struct sl_error *err)
{
    struct sl_paths paths = {0};
    int r = sl_dirs_find(many->services, many->dir, many->recursive, DIRS_MAX, &paths, err);
    r = r < 0 ? r : watch_all(many, &paths, err);
    r = r < 0 ? r : forget_removed(many, err);
    sl_paths_done(&paths);
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

struct limits {
    uint64_t files, bytes;
};

/* What was taken from number `from` on is within them, but for the first arrival of a batch. */
static void subtract(struct limits *limits, const struct sl_files *files, size_t from)
{
    uint64_t count = files->count - from;
    if (limits->files != UINT64_MAX)
        limits->files -= count < limits->files ? count : limits->files;
    for (size_t i = from; i < files->count && limits->bytes != UINT64_MAX; i++) {
        uint64_t size = (uint64_t)files->file[i].size;
        limits->bytes -= size < limits->bytes ? size : limits->bytes;
    }
}

/* Of number i. *ret_full: it has more than the limits permit. */
static int take_from(struct many *many, size_t i, struct limits *limits, struct sl_files *ret, bool *ret_full,
                     struct sl_error *err)
{
    struct sl_arrivals *of = many->watched[i].arrivals;
    size_t before = ret->count;
    int r = of->ops->take(of, limits->files, limits->bytes, ret, err);
    subtract(limits, ret, before);
    *ret_full = !limits->files || !limits->bytes || (ret->count && of->ops->pending(of));
    return r;
}

/* Directory by directory, until the limits are reached; the next batch begins with the one after that. */
static int take_all(struct many *many, struct limits limits, struct sl_files *ret, struct sl_error *err)
{
    bool is_limited = limits.files != UINT64_MAX || limits.bytes != UINT64_MAX;
    size_t first = is_limited && many->first < many->count ? many->first : 0;
    bool is_full = false;
    int r = 0;
    for (size_t n = 0; r == 0 && n < many->count && !(is_full && is_limited); n++) {
        size_t i = (first + n) % many->count, before = ret->count;
        r = take_from(many, i, &limits, ret, &is_full, err);
        many->first = ret->count > before ? i + 1 : i;
    }
    return r;
}

static int take(struct sl_arrivals *arrivals, uint64_t files_max, uint64_t bytes_max, struct sl_files *ret,
                struct sl_error *err)
{
    struct many *many = own(arrivals);
    size_t before = ret->count;
    int r = sl_monotonic_ns() >= many->next_scan_ns ? look_around(many, err) : 0;
    r = r < 0 ? r : take_all(many, (struct limits){files_max, bytes_max}, ret, err);
    if (r == 0 && ret->count > before)
        qsort(ret->file + before, ret->count - before, sizeof *ret->file, compare_files);
    return r;
}

static int remember_one(struct many *many, struct sl_file *file, struct sl_error *err)
{
    const struct sl_files one = {.file = file, .count = 1};
    const struct watched *watched = watched_of(many, file->path, len_above(file->path, strlen(file->path)));
    return watched ? watched->arrivals->ops->remember(watched->arrivals, &one, err) : 0;
}

static int remember(struct sl_arrivals *arrivals, const struct sl_files *files, struct sl_error *err)
{
    struct many *many = own(arrivals);
    int r = 0;
    for (size_t i = 0; r == 0 && i < files->count; i++)
        r = sl_known_files_add(&many->taken, &files->file[i], err);
    for (size_t i = 0; r == 0 && i < files->count; i++)
        r = remember_one(many, &files->file[i], err);
    many->is_reminded = true;
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

static int gone_earlier(struct many *many, struct sl_files *ret, struct sl_error *err)
{
    for (size_t i = 0; i < many->gone.count; i++)
        if (sl_files_add(ret, &many->gone.file[i]) < 0)
            return sl_error_nomem(err);
    sl_files_done(&many->gone);
    return 0;
}

static int gone(struct sl_arrivals *arrivals, struct sl_files *ret, struct sl_error *err)
{
    struct many *many = own(arrivals);
    int r = gone_earlier(many, ret, err);
    for (size_t i = many->count; r == 0 && i-- > 0;) {
        struct sl_arrivals *of = many->watched[i].arrivals;
        r = of->ops->gone(of, ret, err);
        if (r == 0 && of->ops->is_removed && of->ops->is_removed(of))
            r = leave_removed(many, i, err);
    }
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
    free(many->base);
    sl_paths_done(&many->refused);
    sl_known_files_done(&many->taken);
    sl_files_done(&many->gone);
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

/* The directory that all of them are in, or which is the one that they are below: the path before a part with a pattern. */
static char *base_of(const char *dir)
{
    size_t len = strcspn(dir, "*?[");
    if (!sl_pattern_is(dir)) {
        while (len > 1 && dir[len - 1] == '/')
            len--;
        return strndup(dir, len);
    }
    len = len_above(dir, len);
    return len ? strndup(dir, len) : strdup(dir[0] == '/' ? "/" : ".");
}

/* dir and options are borrowed until close. SL_EUSAGE: a directory that is named without a pattern does not exist. */
static int open_many(const struct sl_services *services, const char *dir, bool recursive,
                     const struct sl_arrivals_options *options, struct sl_arrivals **ret,
                     struct sl_error *err)
{
    struct many *many = calloc(1, sizeof *many);
    if (!many)
        return sl_error_nomem(err);
    *many = (struct many){
        .arrivals = {&ops}, .services = services, .dir = dir, .recursive = recursive, .options = *options};
    many->options.flat = many->taken.flat = recursive;
    many->base = base_of(dir);
    if (many->base && !sl_pattern_is(dir) && !sl_dirs_is_one(services, dir)) {
        close_many(&many->arrivals);
        return sl_error_set(err, SL_EUSAGE, "the watched directory %s does not exist; make it with mkdir",
                            dir);
    }
    int r = many->base ? look_around(many, err) : sl_error_nomem(err);
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
        return open_many(services, options->dir, options->recursive, &options->arrivals, ret, err);
    return services->open_arrivals(services, options->dir, &options->arrivals, ret, err);
}
