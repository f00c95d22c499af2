#include "cli/inquiry.h"

#include "core/base/pattern.h"
#include "core/base/place.h"
#include "core/contract/bucket.h"
#include "core/contract/source.h"
#include "engine/batch/replay.h"
#include "engine/graph/graph.h"
#include "engine/graph/validate.h"
#include "sources/find_dirs.h"
#include "watcher/file_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- where it is ---- */

static const char *join(struct sl_arena *arena, const char *dir, const char *name)
{
    size_t dir_len = strlen(dir), name_len = strlen(name);
    char *path = (char *)sl_arena_bytes(arena, dir_len + name_len + 2);
    if (!path)
        return NULL;
    memcpy(path, dir, dir_len);
    path[dir_len] = '/';
    memcpy(path + dir_len + 1, name, name_len + 1);
    return path;
}

/* A directory that was removed is where it was: what was taken of it is known. */
static int find_place(const struct sl_inquiry *inquiry, struct sl_place *ret, struct sl_error *err)
{
    int sys = sl_place_find_missing(inquiry->shown, ret);
    if (sys == 0)
        return 0;
    sl_error_sys(err, sys, "looking for %s", inquiry->shown);
    err->code = SL_EUSAGE;
    return SL_EUSAGE;
}

/* The place lies in the watched directory itself, or in a directory in it that is one arrival. */
static int place_in(struct sl_inquiry *inquiry, const char *directory, const char *watched,
                    const struct sl_place *place, struct sl_error *err)
{
    struct sl_arena *arena = &inquiry->target->arena;
    const char *inside = place->dir + strlen(watched),
               *name = sl_arena_text(arena, place->name, strlen(place->name));
    if (!name)
        return sl_error_nomem(err);
    inquiry->directory = directory;
    inquiry->name = inside[0] ? sl_arena_text(arena, inside + 1, strlen(inside + 1)) : name;
    inquiry->path = join(arena, directory, name);
    if (inside[0])
        inquiry->path = inquiry->name ? join(arena, directory, join(arena, inquiry->name, name)) : NULL;
    inquiry->arrival = inquiry->name ? join(arena, directory, inquiry->name) : NULL;
    return inquiry->path && inquiry->arrival ? 1 : sl_error_nomem(err);
}

static bool watches(const struct sl_node *node, const char *directory)
{
    if (node->op->kind != SL_OP_SOURCE || !node->op->source->remember)
        return false;
    struct sl_field dir = sl_node_value(node, 0); /* has no NUL */
    size_t len = dir.len;
    while (len > strlen(directory) && dir.str[len - 1] == '/')
        len--;
    return len == strlen(directory) && memcmp(dir.str, directory, len) == 0;
}

static bool is_recursive_node(const struct sl_inquiry *inquiry, const char *source)
{
    const struct sl_context *context = sl_job_context(inquiry->target->job_line.job);
    for (size_t n = 0; n < context->nodes; n++)
        if (watches(&context->stream[n]->node, source) &&
            sl_node_option_boolean(&context->stream[n]->node, "recursive", false))
            return true;
    return false;
}

/* Whether directories below it are watched, too: as the job says, or where none was loaded, as the last run has said. */
static bool is_recursive(const struct sl_inquiry *inquiry, const char *source)
{
    struct sl_field sources = sl_target_status(inquiry->target, NULL, "sources");
    if (inquiry->target->job_line.job)
        return is_recursive_node(inquiry, source);
    for (uint32_t i = 0; sources.tag == SL_LIST && i < sources.len; i++) {
        const struct sl_field *one = &sources.items[i];
        const struct sl_field *dir = one->tag == SL_MAP ? sl_map_get(one, "directory", 9) : NULL;
        const struct sl_field *below = dir ? sl_map_get(one, "recursive", 9) : NULL;
        if (below && below->tag == SL_BOOL && below->boolean && sl_field_is_text(dir, source))
            return true;
    }
    return false;
}

/* How much of `inside`, "/a/b" below the watched directory, are directories that are watched, too: up to a name that is left out. */
static size_t watched_below(const char *inside)
{
    size_t len = 0;
    while (inside[len]) {
        char name[NAME_MAX + 1];
        size_t next = 1 + strcspn(inside + len + 1, "/");
        snprintf(name, sizeof name, "%.*s", (int)next - 1, inside + len + 1);
        if (sl_dirs_leaves_out(name))
            break;
        len += next;
    }
    return len;
}

/* Where the directory is, or was. */
static bool resolve(const char *path, char ret[static PATH_MAX])
{
    return realpath(path, ret) || (errno == ENOENT && sl_place_path_missing(path, ret) == 0);
}

/* 1: it is in this directory, which the source watches under the name `directory`. */
static int try_directory(struct sl_inquiry *inquiry, const char *directory, const struct sl_place *place,
                         struct sl_error *err)
{
    char watched[PATH_MAX], part[PATH_MAX];
    const char *dir = place->dir, *path = sl_target_path(inquiry->target, directory);
    if (!path)
        return sl_error_nomem(err);
    if (!resolve(path, watched))
        return 0;
    size_t len = strlen(watched);
    if (strncmp(dir, watched, len) != 0 || (dir[len] && dir[len] != '/'))
        return 0;
    size_t below = is_recursive(inquiry, inquiry->source) ? watched_below(dir + len) : 0;
    if (below) {
        snprintf(part, sizeof part, "%.*s", (int)(len + below), dir);
        memcpy(watched, part, sizeof part);
        directory = join(&inquiry->target->arena, directory, dir + len + 1);
        if (directory)
            directory = sl_arena_text(&inquiry->target->arena, directory,
                                      strlen(directory) - strlen(dir + len + below));
    }
    const char *rest = dir + len + below;
    if (!directory)
        return sl_error_nomem(err);
    if (rest[0] && strchr(rest + 1, '/'))
        return 0;
    inquiry->dirfd = open(watched, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (inquiry->dirfd < 0 && errno != ENOENT)
        return sl_error_sys(err, errno, "opening %s", watched);
    return place_in(inquiry, directory, watched, place, err);
}

/* The path `inside` the directory before the pattern, or, where a directory is one arrival, that of the directory above, where it
 * matches; NULL: neither does. */
static const char *matching(struct sl_arena *arena, const char *pattern, const char *inside)
{
    const char *slash = strrchr(inside, '/');
    const char *above = slash ? sl_arena_text(arena, inside, (size_t)(slash - inside)) : NULL;
    if (fnmatch(pattern, inside, FNM_PATHNAME | FNM_PERIOD) == 0)
        return inside;
    return above && fnmatch(pattern, above, FNM_PATHNAME | FNM_PERIOD) == 0 ? above : NULL;
}

/* 1: it is in a directory that the pattern named until it was removed. */
static int try_removed(struct sl_inquiry *inquiry, const char *pattern, const struct sl_place *place,
                       struct sl_error *err)
{
    struct sl_arena *arena = &inquiry->target->arena;
    char real[PATH_MAX];
    size_t len = strcspn(pattern, "*?["), base_len;
    while (len && pattern[len - 1] != '/')
        len--;
    for (base_len = len; base_len && pattern[base_len - 1] == '/';)
        base_len--;
    const char *base = sl_arena_text(arena, pattern, base_len);
    const char *path = base ? sl_target_path(inquiry->target, base_len ? base : len ? "/" : ".") : NULL;
    if (!path)
        return sl_error_nomem(err);
    size_t real_len = resolve(path, real) ? strlen(real) : 0;
    const char *inside = place->dir + real_len + (real_len > 1);
    if (!real_len || strncmp(place->dir, real, real_len) != 0 || (real_len > 1 && inside[-1] != '/'))
        return 0;
    const char *below = matching(arena, pattern + len, inside), *leaf = below ? strrchr(below, '/') : NULL;
    if (!below || sl_dirs_leaves_out(leaf ? leaf + 1 : below))
        return 0;
    below = len ? join(arena, base, below) : below;
    return below ? try_directory(inquiry, below, place, err) : sl_error_nomem(err);
}

/* The directories that the pattern names now, as many_dirs names them. */
static int try_pattern(struct sl_inquiry *inquiry, const char *pattern, const struct sl_place *place,
                       struct sl_error *err)
{
    size_t skipped = pattern[0] == '/' ? 0 : strlen(inquiry->target->dir) + 1;
    char *whole = sl_pattern_below(inquiry->target->dir, pattern, strlen(pattern));
    glob_t list;
    int r = 0;
    if (!whole)
        return sl_error_nomem(err);
    int code = glob(whole, GLOB_ONLYDIR, NULL, &list);
    free(whole);
    for (size_t i = 0; code == 0 && r == 0 && i < list.gl_pathc; i++) {
        const char *match = list.gl_pathv[i] + skipped, *base = strrchr(match, '/');
        const char *kept = sl_arena_text(&inquiry->target->arena, match, strlen(match));
        if (!kept)
            r = sl_error_nomem(err);
        else if (!sl_dirs_leaves_out(base ? base + 1 : match))
            r = try_directory(inquiry, kept, place, err);
    }
    if (code != GLOB_NOMATCH)
        globfree(&list);
    if (r == 0 && code != GLOB_NOSPACE)
        r = try_removed(inquiry, pattern, place, err);
    return code == GLOB_NOSPACE ? sl_error_nomem(err) : r;
}

/* 1: it is in this one. */
static int try_source(struct sl_inquiry *inquiry, const char *source, const struct sl_place *place,
                      struct sl_error *err)
{
    inquiry->source = source;
    return sl_pattern_is(source) ? try_pattern(inquiry, source, place, err)
                                 : try_directory(inquiry, source, place, err);
}

/* 1: the object is below this URL. */
static int try_url(struct sl_inquiry *inquiry, const char *url, struct sl_error *err)
{
    struct sl_arena *arena = &inquiry->target->arena;
    size_t len = sl_bucket_url_len(url, strlen(url));
    const char *name = sl_bucket_name_below(inquiry->shown, url);
    if (!name)
        return 0;
    inquiry->source = inquiry->directory = sl_arena_text(arena, url, len);
    inquiry->path = inquiry->shown;
    inquiry->name = sl_arena_text(arena, name, strcspn(name, "/"));
    inquiry->arrival = sl_arena_text(arena, inquiry->shown, len + 1 + strcspn(name, "/"));
    return inquiry->directory && inquiry->name && inquiry->arrival ? 1 : sl_error_nomem(err);
}

bool sl_inquiry_next_node(struct sl_inquiry *inquiry)
{
    const struct sl_context *context =
        inquiry->target->job_line.job ? sl_job_context(inquiry->target->job_line.job) : NULL;
    while (context && inquiry->next_node < context->nodes) {
        const struct sl_node *node = &context->stream[inquiry->next_node++]->node;
        if (!watches(node, inquiry->source))
            continue;
        inquiry->node = node;
        return true;
    }
    return false;
}

/* Whether it is the name of a received source, which has no files. */
static bool is_received(const struct sl_inquiry *inquiry)
{
    char text[PATH_MAX];
    const struct sl_context *context =
        inquiry->target->job_line.job ? sl_job_context(inquiry->target->job_line.job) : NULL;
    for (size_t n = 0; context && n < context->nodes; n++) {
        const struct sl_node *node = &context->stream[n]->node;
        const char *name = node->op->kind == SL_OP_SOURCE && node->op->source->name
                               ? sl_source_name(node, text, sizeof text)
                               : NULL;
        if (name && strcmp(name, inquiry->shown) == 0)
            return true;
    }
    return false;
}

/* Whether it is a watched directory, not a file in one. */
static bool is_watched(const struct sl_inquiry *inquiry, const char *const *source)
{
    char shown[PATH_MAX], watched[PATH_MAX];
    if (!realpath(inquiry->shown, shown))
        return false;
    for (size_t i = 0; source[i]; i++) {
        const char *path = strstr(source[i], "://") ? NULL : sl_target_path(inquiry->target, source[i]);
        if (path && realpath(path, watched) && strcmp(shown, watched) == 0)
            return true;
    }
    return false;
}

static int find_source(struct sl_inquiry *inquiry, struct sl_reading *reading, struct sl_error *err)
{
    struct sl_place place;
    const char *const *source;
    struct sl_buf list = {0};
    bool is_url = strstr(inquiry->shown, "://");
    int r = is_url ? 0 : find_place(inquiry, &place, err);
    r = r < 0 ? r : sl_target_sources(inquiry->target, reading, &source, err);
    for (size_t i = 0; r == 0 && source[i]; i++) {
        r = is_url ? try_url(inquiry, source[i], err) : try_source(inquiry, source[i], &place, err);
        if (r == 0)
            (void)sl_buf_printf(&list, "%s%s", i ? ", " : "", source[i]); /* for the message only */
    }
    if (r == 0 && !is_url && is_watched(inquiry, source))
        r = sl_error_set(err, SL_EUSAGE, "%s is a watched directory itself: name a file in it",
                         inquiry->shown);
    if (r == 0 && is_received(inquiry))
        r = sl_error_set(
            err, SL_EUSAGE,
            "%s is a received source, and this command is for files; sluice status shows its connection, "
            "sluice trace '%s#NUMBER', for Kafka '%s#TOPIC-PARTITION#OFFSET', what a record of it went into",
            inquiry->shown, inquiry->shown, inquiry->shown);
    if (r == 0)
        r = sl_error_set(err, SL_EUSAGE, "%s is in no directory that the job watches (it watches%s%.*s)",
                         inquiry->shown, list.len ? ": " : " none", (int)list.len, (const char *)list.bytes);
    sl_buf_done(&list);
    return r < 0 ? r : 0;
}

int sl_inquiry_open(struct sl_target *target, struct sl_reading *reading, const char *file,
                    struct sl_inquiry *ret, struct sl_error *err)
{
    *ret = (struct sl_inquiry){.target = target, .shown = file, .dirfd = -1, .from_ms = INT64_MIN};
    int r = find_source(ret, reading, err);
    if (r < 0)
        sl_inquiry_close(ret);
    else
        (void)sl_inquiry_next_node(ret); /* of what a changed job watches no more no options are known */
    return r;
}

void sl_inquiry_close(struct sl_inquiry *inquiry)
{
    if (inquiry->dirfd >= 0)
        close(inquiry->dirfd);
    free(inquiry->known.quarantined);
    inquiry->dirfd = -1;
    inquiry->known = (struct sl_inquiry_file){0};
}

/* ---- what the catalog knows ---- */

bool sl_inquiry_is_there(const struct sl_inquiry *inquiry, const struct sl_file *file)
{
    struct sl_file_stat look;
    const char *below = file->path + strlen(inquiry->directory) + 1;
    if (inquiry->dirfd < 0 ||
        sl_file_stat_get(&sl_io_system, inquiry->dirfd, inquiry->directory, below, &look, NULL) < 0)
        return false;
    struct sl_file now = {
        .inode = look.inode, .born_ns = look.born_ns, .mtime_ns = look.mtime_ns, .size = look.size};
    return look.kind == SL_LOOK_FILE && sl_file_same(file, &now);
}

/* Its files come batch after batch: those of a newer one replace what was known. */
static void note_below(struct sl_inquiry *inquiry, const struct sl_reading_file *file)
{
    struct sl_known_directory *known = &inquiry->known_directory;
    if (!known->any || known->batch_ms != file->batch_ms || known->committed != file->committed)
        *known = (struct sl_known_directory){
            .any = true, .committed = file->committed, .batch_ms = file->batch_ms};
    known->files++;
    known->quarantined += file->quarantined != NULL;
    known->is_there = known->is_there || sl_inquiry_is_there(inquiry, &file->file);
}

static int note_file(struct sl_inquiry *inquiry, const struct sl_reading_file *file)
{
    struct sl_inquiry_file *known = &inquiry->known;
    free(known->quarantined);
    *known = (struct sl_inquiry_file){
        .any = true,
        .committed = file->committed,
        .batch_ms = file->batch_ms,
        .file = file->file,
        .quarantined = file->quarantined ? strdup(file->quarantined) : NULL,
    };
    known->file.path = NULL;
    return file->quarantined && !known->quarantined ? SL_ENOMEM : 0;
}

static int note(void *arg, const struct sl_reading_file *file)
{
    struct sl_inquiry *inquiry = arg;
    if (strcmp(file->file.path, inquiry->arrival) != 0)
        note_below(inquiry, file);
    return strcmp(file->file.path, inquiry->path) == 0 ? note_file(inquiry, file) : 0;
}

/* What the history has dropped stays in the quarantine. */
static int note_quarantined(void *arg, const struct sl_reading_file *file)
{
    struct sl_inquiry *inquiry = arg;
    int r = 0;
    if (strcmp(file->file.path, inquiry->path) != 0)
        return 0;
    if (!inquiry->known.any || inquiry->known.batch_ms < file->batch_ms)
        r = note_file(inquiry, file);
    inquiry->known.is_in_quarantine = inquiry->known.batch_ms == file->batch_ms;
    return r;
}

static bool is_requested(const struct sl_inquiry *inquiry)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" SL_REPLAY_REQUEST, inquiry->target->checkpoint);
    return access(path, F_OK) == 0;
}

int sl_inquiry_read(struct sl_inquiry *inquiry, struct sl_reading *reading, struct sl_error *err)
{
    struct sl_reading_progress progress;
    int r = sl_reading_progress(reading, &progress, err);
    if (inquiry->known_directory.batch_ms >= inquiry->from_ms)
        inquiry->known_directory = (struct sl_known_directory){0}; /* its files come again */
    if (r == 0)
        r = sl_reading_files(reading, inquiry->arrival, inquiry->from_ms, INT64_MAX, note, inquiry, err);
    inquiry->known.is_in_quarantine = false;
    r = r < 0 ? r : sl_reading_quarantined(reading, note_quarantined, inquiry, err);
    inquiry->known.is_requested = is_requested(inquiry);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (r == 0 && progress.any)
        inquiry->from_ms = progress.last_ms;
    return r;
}
