/* Which files there are: those that match the glob, those that were renamed, those that were missed. */
#include "core/base/array.h"
#include "core/base/limits.h"
#include "receive/tail_find.h"
#include "receive/tail_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <xxhash.h>

enum {
    DELETED_S = 5, /* a deleted file is followed so long after it gave something last */
    RENAMED_S = 60,
    TRIES = 200, /* of looking for a file among names that change */
    RENAMED_MAX = 200,
    NS_PER_MS = 1000000,
};

static void watch_dir(struct sl_tail_source *source, const char *dir)
{
    const uint32_t events =
        IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_ONLYDIR;
    for (size_t i = 0; i < source->watches; i++)
        if (strcmp(source->watch[i], dir) == 0)
            return;
    char **grown = sl_array_grow(source->watch, source->watches, &source->watches_capacity, sizeof(char *));
    source->watch = grown ? grown : source->watch;
    if (!grown || source->notify < 0 || inotify_add_watch(source->notify, dir, events) < 0)
        return; /* it is looked at once a second all the same */
    if ((grown[source->watches] = strdup(dir)))
        source->watches++;
}

static void watch_parent(struct sl_tail_source *source, const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    if (len == 0 || len >= sizeof dir)
        return;
    memcpy(dir, path, len);
    dir[len] = 0;
    watch_dir(source, dir);
}

static int set_path(struct sl_tail_file *file, const char *path)
{
    if (file->path && strcmp(file->path, path) == 0)
        return 0;
    char *copy = strdup(path);
    if (!copy)
        return SL_ENOMEM;
    free(file->path);
    file->path = copy;
    return 0;
}

struct scanning {
    struct sl_tail_source *source;
    bool is_first;    /* of the source: from = "end" is about these files */
    const char *path; /* of see_missed: the name that the files have had */
    struct sl_error *err;
};

static int begin_file(struct scanning *scanning, const struct sl_found *found)
{
    struct sl_tail_source *source = scanning->source;
    struct sl_tail_file begun = {.inode = found->inode,
                                 .born_ns = found->born_ns,
                                 .before = XXH3_64bits("", 0),
                                 .fd = -1,
                                 .mtime_ns = INT64_MIN,
                                 .limit = INT64_MAX,
                                 .is_matched = true,
                                 .grown_ns = sl_monotonic_ns()};
    if (set_path(&begun, found->path) < 0)
        return sl_error_nomem(scanning->err);
    struct sl_tail_file *file = sl_tail_table_add(source, &begun);
    if (!file) {
        sl_tail_file_done(&begun);
        return sl_error_nomem(scanning->err);
    }
    if (scanning->is_first && source->from_end && sl_tail_table_open_file(source, file, found->path) == 0)
        return sl_tail_file_skip_to_end(file, &source->received, scanning->err) == SL_ENOMEM ? SL_ENOMEM : 0;
    /* It may be renamed before it has a line: by its name alone a restart would not find it. */
    return scanning->is_first ? 0 : sl_tail_file_note(file, &source->received, scanning->err);
}

/* A file that was renamed before it was seen under its name, which the file that is there now has. */
static int see_missed(void *arg, const struct sl_found *found)
{
    struct scanning *scanning = arg;
    struct sl_tail_source *source = scanning->source;
    struct sl_found renamed = *found;
    if (sl_tail_table_find(source, found->inode, found->born_ns))
        return 0;
    renamed.path = scanning->path;
    int r = begin_file(scanning, &renamed);
    if (r < 0)
        return r;
    struct sl_tail_file *file = &source->file[source->files - 1];
    file->is_matched = false;
    if (sl_tail_table_open_file(source, file, found->path) == 0)
        return 0;
    sl_tail_table_remove(source, source->files - 1);
    return SL_EREJECT; /* it was renamed again: those after it must not begin before it */
}

/* The newest known file that has had this name. */
static int64_t newest_birth(const struct sl_tail_source *source, const char *path)
{
    int64_t born_ns = INT64_MIN;
    for (size_t i = 0; i < source->files; i++)
        if (strcmp(source->file[i].path, path) == 0 && source->file[i].born_ns > born_ns)
            born_ns = source->file[i].born_ns;
    return born_ns;
}

static int see_new(struct scanning *scanning, const struct sl_found *found)
{
    struct sl_tail_source *source = scanning->source;
    scanning->path = found->path;
    int r = sl_tail_missed(source->received.services->io, found->path, newest_birth(source, found->path),
                           found->born_ns, see_missed, scanning);
    if (r == SL_EREJECT) { /* the next scan, which comes at once, looks again */
        source->needs_scan = true;
        return 0;
    }
    return r < 0 ? r : begin_file(scanning, found);
}

static int see_file(void *arg, const struct sl_found *found)
{
    struct scanning *scanning = arg;
    struct sl_tail_source *source = scanning->source;
    if (found->refusal) {
        sl_tail_table_report(source, &source->is_refusal_reported, found->refusal);
        return 0;
    }
    struct sl_tail_file *file = sl_tail_table_find(source, found->inode, found->born_ns);
    int r = file ? set_path(file, found->path) : see_new(scanning, found);
    if (r < 0)
        return r == SL_ENOMEM ? sl_error_nomem(scanning->err) : r;
    if (file)
        file->is_matched = true;
    watch_parent(source, found->path);
    return 0;
}

/* A file that the glob does not match now and that is not open is looked for and opened: after a restart. While names
 * change it is looked for again. */
static bool look_for(struct sl_tail_source *source, struct sl_tail_file *file)
{
    char path[PATH_MAX];
    int found = SL_EREJECT;
    for (int tries = 0; found == SL_EREJECT && tries < TRIES; tries++) {
        found = sl_tail_find(source->received.services->io, file->path, file->inode, file->born_ns, path);
        if (found > 0 && sl_tail_table_open_file(source, file, path) < 0)
            found = SL_EREJECT;
    }
    return found != 0; /* one that could not be opened is looked for again by the next scan */
}

static bool is_deleted(const struct sl_tail_source *source, const struct sl_tail_file *file)
{
    struct stat st;
    struct sl_io *io = source->received.services->io;
    return file->fd >= 0 && io->ops->fstat(io, file->fd, &st) == 0 && st.st_nlink == 0;
}

static bool is_quiet(const struct sl_tail_file *file, int64_t seconds)
{
    return file->is_done && (sl_monotonic_ns() - file->grown_ns) / NS_PER_MS > seconds * 1000;
}

/* Files that were renamed or deleted are followed for a time: who writes may not have noticed. Of those that were
 * renamed the last RENAMED_MAX as long as they are there. */
static bool is_gone(struct sl_tail_source *source, struct sl_tail_file *file, size_t renamed)
{
    if (file->is_matched)
        return false;
    if (file->fd < 0)
        return !look_for(source, file);
    return is_deleted(source, file) ? is_quiet(file, DELETED_S)
                                    : renamed > RENAMED_MAX && is_quiet(file, RENAMED_S);
}

static void forget_gone(struct sl_tail_source *source)
{
    size_t renamed = 0;
    for (size_t i = source->files; i-- > 0;) {
        renamed += !source->file[i].is_matched;
        if (is_gone(source, &source->file[i], renamed))
            sl_tail_table_remove(source, i);
    }
}

int sl_tail_scan(struct sl_tail_source *source, bool is_first, struct sl_error *err)
{
    struct scanning scanning = {.source = source, .is_first = is_first, .err = err};
    source->needs_scan = false;
    for (size_t i = 0; i < source->files; i++)
        source->file[i].is_matched = false;
    watch_parent(source, source->glob);
    int r = sl_tail_match(source->received.services->io, source->glob, see_file, &scanning);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (r == 0)
        forget_gone(source);
    return r;
}
