#include "cli/verdict.h"

#include "core/base/clock.h"
#include "core/base/duration.h"
#include "core/contract/names.h"
#include "core/contract/task.h"
#include "sources/options.h"
#include "watcher/file_stat.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A judgement under way. */
struct judgement {
    struct sl_inquiry *inquiry;
    struct sl_reading *reading;
    struct sl_file_stat look; /* at the arrival: file or directory */
    struct sl_file_stat file; /* at the file itself */
    struct sl_buf *text;
    enum sl_verdict *verdict;
    struct sl_error *err;
};

/* Decides, once: true as long as there is memory for the text. */
static int decide(struct judgement *j, enum sl_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int decide(struct judgement *j, enum sl_verdict verdict, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        return sl_error_nomem(j->err);
    sl_buf_text(j->text, j->inquiry->shown);
    sl_buf_text(j->text, ": ");
    sl_buf_text(j->text, text);
    free(text);
    *j->verdict = verdict;
    return j->text->failed ? sl_error_nomem(j->err) : 1;
}

static bool is_known_file(const struct sl_file *known, const struct sl_file_stat *look)
{
    struct sl_file now = {
        .inode = look->inode, .born_ns = look->born_ns, .mtime_ns = look->mtime_ns, .size = look->size};
    return look->kind == SL_LOOK_FILE && sl_file_same(known, &now);
}

static int judge_known(struct judgement *j)
{
    const struct sl_inquiry_file *known = &j->inquiry->known;
    bool changed = j->file.kind == SL_LOOK_FILE &&
                   (j->file.size != known->file.size || j->file.mtime_ns != known->file.mtime_ns);
    if (known->quarantined && known->is_in_quarantine && known->is_requested)
        return decide(
            j, SL_VERDICT_LATER,
            "queued: sluice replay takes it once more with the next batch; it was quarantined in batch "
            "%" PRId64 ": %s",
            known->batch_ms, known->quarantined);
    if (known->quarantined && !known->is_in_quarantine && known->committed)
        return decide(j, SL_VERDICT_QUARANTINED,
                      "quarantined in batch %" PRId64 " and forgotten (sluice replay --forget): %s",
                      known->batch_ms, known->quarantined);
    if (known->quarantined) /* also where the batch is not committed: that stays */
        return decide(j, SL_VERDICT_QUARANTINED, "quarantined in batch %" PRId64 ": %s", known->batch_ms,
                      known->quarantined);
    if (!known->committed)
        return decide(j, SL_VERDICT_PLANNED, "in batch %" PRId64 ", which is planned and not committed yet",
                      known->batch_ms);
    if (changed)
        return decide(j, SL_VERDICT_NEVER,
                      "taken in batch %" PRId64
                      " and changed since; what was changed is not read: write it to a "
                      "new file and rename that in",
                      known->batch_ms);
    return decide(j, SL_VERDICT_TAKEN, "taken in batch %" PRId64, known->batch_ms);
}

/* The directory was named itself. */
static int judge_known_directory(struct judgement *j)
{
    const struct sl_known_directory *known = &j->inquiry->known_directory;
    if (!known->committed)
        return decide(j, SL_VERDICT_PLANNED, "in batch %" PRId64 ", which is planned and not committed yet",
                      known->batch_ms);
    if (known->quarantined)
        return decide(j, SL_VERDICT_QUARANTINED,
                      "taken in batch %" PRId64 ", but %" PRIu64 " of its %" PRIu64
                      " files quarantined: ask for each",
                      known->batch_ms, known->quarantined, known->files);
    return decide(j, SL_VERDICT_TAKEN, "taken in batch %" PRId64 ", a directory of %" PRIu64 " file%s",
                  known->batch_ms, known->files, known->files == 1 ? "" : "s");
}

/* Asked for by its own name, not for a file in it. */
static bool is_arrival(const struct judgement *j)
{
    return strcmp(j->inquiry->path, j->inquiry->arrival) == 0;
}

/* A file in a directory that was taken and still is that: the rules on names come first. */
static int judge_added(struct judgement *j)
{
    if (is_arrival(j) || j->file.kind != SL_LOOK_FILE || sl_name_ignored(strrchr(j->inquiry->path, '/') + 1))
        return 0;
    return decide(j, SL_VERDICT_NEVER,
                  "added to %s after that was taken, and not read: move it in as a file of its own",
                  j->inquiry->name);
}

enum { SEEN_TAKEN = 1, SEEN_OLD };

static int see_taken(void *arg, const struct sl_file *file, bool was_there)
{
    const struct judgement *j = arg;
    return !sl_inquiry_is_there(j->inquiry, file) ? 0 : was_there ? SEEN_OLD : SEEN_TAKEN;
}

static int judge_was_there(struct judgement *j)
{
    return decide(j, SL_VERDICT_NEVER, "it was there before the first run, and newFilesOnly is set");
}

/* Its batch has left the history. */
static int judge_forgotten(struct judgement *j)
{
    int r = sl_reading_taken(j->reading, j->inquiry->path, see_taken, j, j->err);
    if (r == SEEN_OLD)
        return judge_was_there(j);
    if (r > 0)
        return decide(j, SL_VERDICT_TAKEN, "taken in a batch that is older than the history (keepHistory)");
    if (r == 0 && !is_arrival(j))
        r = sl_reading_taken(j->reading, j->inquiry->arrival, see_taken, j, j->err);
    return r == SEEN_OLD ? judge_was_there(j) : r > 0 ? judge_added(j) : r;
}

static int judge_name(struct judgement *j)
{
    const char *name = j->inquiry->name;
    if (sl_name_ignored(name))
        return decide(
            j, SL_VERDICT_NEVER,
            "ignored by rule: names that begin with . or _ or end in ~, .tmp or .part are not read");
    const char *base = strrchr(j->inquiry->path, '/') + 1;
    if (!is_arrival(j) && sl_name_ignored(base))
        return decide(j, SL_VERDICT_NEVER,
                      "ignored by rule, like all names in a directory that begin with . or _");
    if (!is_arrival(j) && j->file.kind == SL_LOOK_DIRECTORY)
        return decide(j, SL_VERDICT_NEVER, "a directory inside a directory, which is not read");
    if (j->look.kind == SL_LOOK_OTHER || j->file.kind == SL_LOOK_OTHER)
        return decide(j, SL_VERDICT_NEVER,
                      "not a regular file: symlinks, FIFOs, sockets and devices are not read");
    return 0;
}

static int judge_past(struct judgement *j)
{
    const struct sl_inquiry_file *known = &j->inquiry->known;
    const struct sl_known_directory *directory = &j->inquiry->known_directory;
    bool gone = j->file.kind == SL_LOOK_ABSENT;
    /* Another file of that name is a new arrival. */
    if (known->any && (gone || is_known_file(&known->file, &j->file)))
        return judge_known(j);
    if (directory->any && is_arrival(j) && (gone || directory->is_there))
        return judge_known_directory(j);
    if (gone) {
        int r = judge_name(j); /* by its name it would not be read */
        if (r)
            return r;
    }
    if (gone && strstr(j->inquiry->directory, "://"))
        return decide(j, SL_VERDICT_LATER,
                      "no batch has taken it; whether it is in the object store was not asked");
    if (gone)
        return decide(j, SL_VERDICT_ABSENT, "there is no such file, and no batch knows one of that name");
    if (directory->any && directory->is_there)
        return judge_added(j);
    return known->any || !j->reading ? 0 : judge_forgotten(j);
}

/* ---- what the rules say ---- */

static int judge_filter(struct judgement *j, struct sl_file_options *options)
{
    char file[SL_NAME_MAX + 1];
    const char *name = j->inquiry->name;
    if (options->arrivals.complete && sl_marker_for(options->arrivals.complete, name, file))
        return decide(j, SL_VERDICT_NEVER, "the marker of %s, not read itself", file);
    bool wanted = sl_name_wanted(&options->arrivals, name);
    int r = sl_file_options_filter_error(options, j->err);
    if (r < 0 || wanted)
        return r;
    if (options->arrivals.glob)
        return decide(j, SL_VERDICT_NEVER, "filtered: it does not match filter = \"%s\"",
                      options->arrivals.glob);
    return decide(j, SL_VERDICT_NEVER, "filtered: the filter at %s:%d does not want it",
                  options->node->site.file, options->node->site.line);
}

static int judge_marker(struct judgement *j, const struct sl_file_options *options)
{
    char marker[SL_NAME_MAX + 1];
    struct sl_file_stat look;
    const char *complete = options->arrivals.complete;
    if (!complete)
        return 0;
    if (!sl_marker_of(complete, j->inquiry->name, marker))
        return decide(j, SL_VERDICT_NEVER, "its marker's name would be too long to exist");
    int r = sl_file_stat_get(&sl_io_system, j->inquiry->dirfd, j->inquiry->directory, marker, &look, j->err);
    if (r < 0)
        return r;
    if (look.kind == SL_LOOK_ABSENT)
        return decide(j, SL_VERDICT_LATER, "waiting for its marker %s", marker);
    if (look.kind != SL_LOOK_FILE)
        return decide(j, SL_VERDICT_LATER, "waiting for its marker %s: what is there is no regular file",
                      marker);
    if (j->look.kind == SL_LOOK_FILE && look.mtime_ns < j->look.mtime_ns)
        return decide(j, SL_VERDICT_LATER, "waiting for its marker %s: the one there is older than the file",
                      marker);
    return 0;
}

static int judge_age(struct judgement *j, const struct sl_file_options *options)
{
    int64_t newest_ns = j->look.mtime_ns > j->look.ctime_ns ? j->look.mtime_ns : j->look.ctime_ns;
    int64_t age_ms = sl_clock_real.now_ms(&sl_clock_real) - newest_ns / 1000000;
    char age[32], least[32];
    if (age_ms >= options->arrivals.age_min_ms)
        return 0;
    sl_duration_format(age_ms > 0 ? age_ms : 0, age);
    sl_duration_format(options->arrivals.age_min_ms, least);
    return decide(j, SL_VERDICT_LATER, "waiting for minAge: it changed %s ago and has to rest for %s",
                  age_ms > 0 ? age : "just", least);
}

/* Where a checkpoint has begun, the catalog knows what was there before (judge_forgotten); without one every run
 * decides anew. */
static int judge_old(struct judgement *j, const struct sl_file_options *options)
{
    char key[PATH_MAX + 64];
    if (options->arrivals.existing)
        return 0;
    snprintf(key, sizeof key, "%s:%s", options->node->op->name, options->dir);
    int r = j->reading ? sl_reading_is_decided(j->reading, key, j->err) : 0;
    if (r != 0)
        return r < 0 ? r : 0;
    if (!sl_target_holder(j->inquiry->target))
        return decide(j, SL_VERDICT_NEVER,
                      "it is there before the first run begins, and newFilesOnly is set");
    int64_t started_ms = sl_target_status_integer(j->inquiry->target, NULL, "started_ms");
    if (!started_ms || j->look.ctime_ns / 1000000 >= started_ms)
        return 0;
    return decide(j, SL_VERDICT_NEVER, "it was there when the run began, and newFilesOnly is set");
}

/* Functions of the job run on the copy of the first worker. */
static int judge_options(struct judgement *j)
{
    struct sl_arena scratch;
    struct sl_task task = {.scratch = &scratch};
    struct sl_services services = {.main_task = &task};
    struct sl_file_options *options = sl_arena_alloc(&j->inquiry->target->arena, sizeof *options);
    if (!options)
        return sl_error_nomem(j->err);
    sl_arena_init(&scratch);
    int r = sl_file_options_init(options, j->inquiry->node, &services, j->err);
    if (r == 0)
        r = judge_filter(j, options);
    if (r == 0)
        r = judge_old(j, options);
    if (r == 0)
        r = judge_marker(j, options);
    if (r == 0)
        r = judge_age(j, options);
    sl_arena_done(&scratch);
    return r;
}

/* Whether a directory holds a file that is read; also where that cannot be found out. */
static bool holds_files(const struct judgement *j)
{
    int fd = openat(j->inquiry->dirfd, j->inquiry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry = NULL;
    struct sl_file_stat look;
    bool found = !dir;
    while (dir && !found && (entry = readdir(dir)))
        found = !sl_name_ignored(entry->d_name) &&
                (sl_file_stat_get(&sl_io_system, fd, j->inquiry->name, entry->d_name, &look, NULL) < 0 ||
                 look.kind == SL_LOOK_FILE);
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    return found;
}

/* It is taken as soon as it holds one. */
static int judge_complete(struct judgement *j)
{
    if (!is_arrival(j) || holds_files(j))
        return 0;
    return decide(j, SL_VERDICT_NEVER,
                  "a directory with _SUCCESS and no file that is read: there is nothing to take");
}

static int judge_state(struct judgement *j)
{
    char success[SL_NAME_MAX + 16];
    struct sl_file_stat look;
    snprintf(success, sizeof success, "%s/_SUCCESS", j->inquiry->name);
    if (j->look.kind == SL_LOOK_DIRECTORY) {
        int r =
            sl_file_stat_get(&sl_io_system, j->inquiry->dirfd, j->inquiry->directory, success, &look, j->err);
        if (r < 0 || look.kind != SL_LOOK_ABSENT)
            return r < 0 ? r : judge_complete(j);
        return decide(j, SL_VERDICT_LATER,
                      "%s is a directory without _SUCCESS: it is read as soon as it has one",
                      j->inquiry->name);
    }
    bool asks_for_marker =
        j->inquiry->node && sl_node_option(j->inquiry->node, "complete").kind != SL_ARG_NONE;
    if (!asks_for_marker && sl_file_stat_has_writer(&sl_io_system, j->inquiry->dirfd, j->inquiry->name))
        return decide(j, SL_VERDICT_LATER, "being written: a process has it open for writing");
    return 0;
}

/* What status.json says of the file's directory: it is not read for now. NULL: it is. */
static const struct sl_field *missing_directory(const struct judgement *j)
{
    struct sl_field sources = sl_target_status(j->inquiry->target, NULL, "sources");
    struct sl_field watched = j->inquiry->node ? sl_node_value(j->inquiry->node, 0) : sl_nil();
    for (uint32_t i = 0; sources.tag == SL_LIST && i < sources.len; i++) {
        const struct sl_field *source = &sources.items[i];
        const struct sl_field *name = source->tag == SL_MAP ? sl_map_get(source, "directory", 9) : NULL;
        const struct sl_field *missing = name ? sl_map_get(source, "missing", 7) : NULL;
        const struct sl_field *part = name ? sl_map_get(source, "missing_directory", 17) : NULL;
        if (part && !sl_field_is_text(part, j->inquiry->directory))
            continue; /* another one of the source's */
        if (missing && missing->tag == SL_STR && sl_field_equals(name, &watched))
            return missing;
    }
    return NULL;
}

static int judge_queued(struct judgement *j)
{
    bool is_running = sl_target_holder(j->inquiry->target) != 0;
    const struct sl_field *missing = is_running ? missing_directory(j) : NULL;
    if (missing)
        return decide(
            j, SL_VERDICT_LATER,
            "not read: the run watches a directory of this name, but %.*s; it waits until that changes",
            (int)missing->len, (const char *)missing->str);
    if (is_running)
        return decide(j, SL_VERDICT_LATER,
                      "queued: the next batch takes it, or one after it if limits say so");
    return decide(j, SL_VERDICT_LATER, "queued: nothing runs now; the next run takes it");
}

static int judge_source(struct judgement *j)
{
    int r = judge_state(j);
    return r == 0 && j->inquiry->node ? judge_options(j) : r;
}

/* What one source does not want another one may. */
static int judge_sources(struct judgement *j)
{
    size_t len = j->text->len;
    int r = judge_source(j);
    while (r > 0 && *j->verdict == SL_VERDICT_NEVER && sl_inquiry_next_node(j->inquiry)) {
        j->text->len = len;
        r = judge_source(j);
    }
    return r;
}

/* ---- all of it ---- */

static int look_at(struct judgement *j)
{
    struct sl_inquiry *inquiry = j->inquiry;
    const char *below = inquiry->path + strlen(inquiry->directory) + 1;
    if (inquiry->dirfd < 0)
        return 0;
    int r =
        sl_file_stat_get(&sl_io_system, inquiry->dirfd, inquiry->directory, inquiry->name, &j->look, j->err);
    return r < 0
               ? r
               : sl_file_stat_get(&sl_io_system, inquiry->dirfd, inquiry->directory, below, &j->file, j->err);
}

int sl_verdict_of(struct sl_inquiry *inquiry, struct sl_reading *reading, struct sl_buf *text,
                  enum sl_verdict *ret, int64_t *ret_batch, struct sl_error *err)
{
    struct judgement j = {.inquiry = inquiry, .reading = reading, .text = text, .verdict = ret, .err = err};
    int r = look_at(&j);
    r = r < 0 || !reading ? r : sl_inquiry_read(inquiry, reading, err);
    *ret_batch = inquiry->known.batch_ms;
    if (r == 0)
        r = judge_past(&j);
    if (r == 0)
        r = judge_name(&j);
    if (r == 0)
        r = judge_sources(&j);
    if (r == 0)
        r = judge_queued(&j);
    return r < 0 ? r : 0;
}
