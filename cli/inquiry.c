#include "cli/inquiry.h"

#include "core/contract/bucket.h"
#include "core/contract/source.h"
#include "engine/batch/replay.h"
#include "engine/graph/graph.h"
#include "engine/graph/validate.h"
#include "watcher/file_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/* The file's directory, absolute, and its name there. */
static int split(struct sl_inquiry *inquiry, char dir[static PATH_MAX], const char **ret_name,
                 struct sl_error *err)
{
    struct sl_arena *arena = &inquiry->target->arena;
    size_t len = strlen(inquiry->shown);
    while (len > 1 && inquiry->shown[len - 1] == '/')
        len--;
    char *copy = sl_arena_text(arena, inquiry->shown, len);
    if (!copy)
        return sl_error_nomem(err);
    char *slash = strrchr(copy, '/');
    *ret_name = slash ? slash + 1 : copy;
    if (slash)
        *slash = 0;
    const char *parent = !slash ? "." : slash == copy ? "/" : copy;
    if (realpath(parent, dir))
        return 0;
    int sys = errno;
    sl_error_sys(err, sys, "looking for %s", inquiry->shown);
    err->code = SL_EUSAGE;
    return SL_EUSAGE;
}

/* dir/name lies in the watched directory itself, or in a directory in it that is one arrival. */
static int place_in(struct sl_inquiry *inquiry, const char *directory, const char *watched, const char *dir,
                    const char *name, struct sl_error *err)
{
    struct sl_arena *arena = &inquiry->target->arena;
    const char *inside = dir + strlen(watched);
    inquiry->directory = directory;
    inquiry->name = inside[0] ? sl_arena_text(arena, inside + 1, strlen(inside + 1)) : name;
    inquiry->path = join(arena, directory, name);
    if (inside[0])
        inquiry->path = inquiry->name ? join(arena, directory, join(arena, inquiry->name, name)) : NULL;
    inquiry->arrival = inquiry->name ? join(arena, directory, inquiry->name) : NULL;
    return inquiry->path && inquiry->arrival ? 1 : sl_error_nomem(err);
}

/* 1: it is in this one. */
static int try_source(struct sl_inquiry *inquiry, const char *directory, const char *dir, const char *name,
                      struct sl_error *err)
{
    char watched[PATH_MAX];
    const char *path = sl_target_path(inquiry->target, directory);
    if (!path)
        return sl_error_nomem(err);
    if (!realpath(path, watched))
        return 0;
    size_t len = strlen(watched);
    bool inside = strncmp(dir, watched, len) == 0 &&
                  (dir[len] == 0 || (dir[len] == '/' && !strchr(dir + len + 1, '/')));
    if (!inside)
        return 0;
    inquiry->dirfd = open(watched, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (inquiry->dirfd < 0)
        return sl_error_sys(err, errno, "opening %s", watched);
    return place_in(inquiry, directory, watched, dir, name, err);
}

/* 1: the object is below this URL. */
static int try_url(struct sl_inquiry *inquiry, const char *url, struct sl_error *err)
{
    struct sl_arena *arena = &inquiry->target->arena;
    size_t len = sl_bucket_url_len(url, strlen(url));
    const char *name = sl_bucket_name_below(inquiry->shown, url);
    if (!name)
        return 0;
    inquiry->directory = sl_arena_text(arena, url, len);
    inquiry->path = inquiry->shown;
    inquiry->name = sl_arena_text(arena, name, strcspn(name, "/"));
    inquiry->arrival = sl_arena_text(arena, inquiry->shown, len + 1 + strcspn(name, "/"));
    return inquiry->directory && inquiry->name && inquiry->arrival ? 1 : sl_error_nomem(err);
}

static bool watches(const struct sl_node *node, const char *directory)
{
    if (node->op->kind != SL_OP_SOURCE || !node->op->source->remember)
        return false;
    struct sl_field dir = sl_node_value(node, 0);
    size_t len = strlen(directory);
    return dir.len >= len && memcmp(dir.str, directory, len) == 0 &&
           strspn((const char *)dir.str + len, "/") >= dir.len - len;
}

bool sl_inquiry_next_node(struct sl_inquiry *inquiry)
{
    const struct sl_context *context =
        inquiry->target->job_line.job ? sl_job_context(inquiry->target->job_line.job) : NULL;
    while (context && inquiry->next_node < context->nodes) {
        const struct sl_node *node = &context->stream[inquiry->next_node++]->node;
        if (!watches(node, inquiry->directory))
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

static int find_source(struct sl_inquiry *inquiry, struct sl_reading *reading, struct sl_error *err)
{
    char dir[PATH_MAX];
    const char *name, *const *source;
    struct sl_buf list = {0};
    bool is_url = strstr(inquiry->shown, "://");
    int r = is_url ? 0 : split(inquiry, dir, &name, err);
    r = r < 0 ? r : sl_target_sources(inquiry->target, reading, &source, err);
    for (size_t i = 0; r == 0 && source[i]; i++) {
        r = is_url ? try_url(inquiry, source[i], err) : try_source(inquiry, source[i], dir, name, err);
        if (r == 0)
            (void)sl_buf_printf(&list, "%s%s", i ? ", " : "", source[i]); /* for the message only */
    }
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
    inquiry->known = (struct sl_known_file){0};
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
    struct sl_known_file *known = &inquiry->known;
    free(known->quarantined);
    *known = (struct sl_known_file){
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
