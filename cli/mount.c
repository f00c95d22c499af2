/* sluice mount: the live view of a job, from its checkpoint: of a run on Spark from the work directory, of `sluice run` beside
 * the mount that it has itself, or of a job that does not run.
 *
 * Versions are those that the checkpoint tells apart (cli/kept.h), published in the order of their times, each once. The
 * catalog is opened anew for every look, so that a checkpoint that was reset is noticed; then, and where a changed job has
 * other views, the file system is made anew, too. */
#include "fs/mount/mount.h"
#include "cli/commands.h"
#include "cli/kept.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/status_bytes.h"
#include "cli/target.h"
#include "core/base/io.h"
#include "core/contract/view.h"
#include "text/json.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* On a network file system no event tells what another machine has done. */
enum { LOOK_AGAIN_MS = 500, STATUS_BYTES_MAX = 16 << 20 };

static const struct sl_flag mount_flags[] = {
    SL_TARGET_FLAGS,
    {"workdir", SL_FLAG_PATH, "DIR", NULL, "of this work directory of sluice-spark, in place of a job"},
    {"keep", SL_FLAG_COUNT, "N", NULL, "versions under at/, the newest ones; 10"},
    {0},
};

struct mounting {
    struct sl_target *target;
    const char *dir;
    unsigned keep;
    char *status; /* text of status.json as it is shown; NULL: none is */
    struct sl_arena arena;
    size_t views;
    const char **view; /* [views], in the arena */
    int64_t *shown_ms; /* [views]: of the newest version; INT64_MIN: none */
    uint64_t batches;  /* committed when views were looked at; UINT64_MAX: never */
    struct sl_viewer *viewer;
    struct sl_error *err;
};

/* ---- names of views ---- */

static int read_status(const struct mounting *mounting, char **ret, size_t *ret_len)
{
    char *path;
    if (asprintf(&path, "%s/status.json", mounting->target->checkpoint) < 0)
        return sl_error_nomem(mounting->err);
    int r = sl_io_read_file(&sl_io_system, AT_FDCWD, path, STATUS_BYTES_MAX, ret, ret_len, mounting->err);
    free(path);
    return r;
}

/* In the arena; *ret nil: there are none. */
static int find_views(struct mounting *mounting, const char *text, size_t len, struct sl_arena *arena,
                      struct sl_field *ret)
{
    const char *message;
    size_t at;
    struct sl_field status = sl_nil();
    *ret = sl_nil();
    int r = sl_json_parse(arena, text, len, &status, &message, &at);
    r = r < 0 ? r : sl_status_restore_bytes(arena, &status);
    if (r == SL_ENOMEM)
        return sl_error_nomem(mounting->err);
    const struct sl_field *views =
        r == 0 && status.tag == SL_MAP ? sl_map_get(&status, "views", strlen("views")) : NULL;
    if (views && views->tag == SL_LIST && views->len)
        *ret = *views;
    return 0;
}

static bool are_shown(const struct mounting *mounting, const struct sl_field *views)
{
    bool is_same = mounting->views == views->len;
    for (size_t i = 0; is_same && i < mounting->views; i++)
        is_same = sl_field_is_text(&views->items[i], mounting->view[i]);
    return is_same;
}

static int take_name(struct mounting *mounting, const struct sl_field *name)
{
    const char *copy =
        name->tag == SL_STR ? sl_arena_text(&mounting->arena, (const char *)name->str, name->len) : "";
    if (!copy)
        return sl_error_nomem(mounting->err);
    mounting->shown_ms[mounting->views] = INT64_MIN;
    mounting->view[mounting->views++] = copy;
    return 0;
}

static int take_names(struct mounting *mounting, const struct sl_field *views)
{
    sl_arena_reset(&mounting->arena);
    mounting->views = 0;
    mounting->view = sl_arena_calloc(&mounting->arena, views->len, sizeof *mounting->view);
    mounting->shown_ms = sl_arena_calloc(&mounting->arena, views->len, sizeof *mounting->shown_ms);
    if (!mounting->view || !mounting->shown_ms)
        return sl_error_nomem(mounting->err);
    int r = 0;
    for (uint32_t i = 0; i < views->len && r == 0; i++)
        r = take_name(mounting, &views->items[i]);
    return r;
}

/* ---- the file system ---- */

static void close_viewer(struct mounting *mounting)
{
    if (mounting->viewer)
        mounting->viewer->ops->close(mounting->viewer);
    mounting->viewer = NULL;
    free(mounting->status);
    mounting->status = NULL;
}

static int open_viewer(struct mounting *mounting)
{
    unsigned *keep = sl_arena_calloc(&mounting->arena, mounting->views, sizeof *keep);
    if (!keep)
        return sl_error_nomem(mounting->err);
    for (size_t i = 0; i < mounting->views; i++)
        keep[i] = mounting->keep;
    const struct sl_mount_options options = {
        .dir = mounting->dir,
        .view = mounting->view,
        .keep = keep,
        .views = mounting->views,
        .io = &sl_io_system,
    };
    mounting->batches = UINT64_MAX;
    int r = sl_mount_open(&options, &mounting->viewer, mounting->err);
    return r == SL_EFAIL
               ? sl_error_hint(mounting->err, "sluice cat and sluice query read a view without a mount")
               : r;
}

/* ---- versions ---- */

/* A version that is kept does not say how long its window is: it begins where the version before ends. */
static int publish(struct mounting *mounting, size_t view, struct sl_shown *shown)
{
    int64_t before_ms = mounting->shown_ms[view];
    int64_t from_ms = before_ms == INT64_MIN ? shown->time_ms : before_ms;
    struct sl_version *version =
        sl_version_new(shown->time_ms, from_ms, sl_dataset_ref(shown->rows), shown->inputs, 0, NULL);
    if (!version)
        return sl_error_nomem(mounting->err);
    int r = mounting->viewer->ops->publish(mounting->viewer, view, version, mounting->err);
    sl_version_unref(version);
    mounting->shown_ms[view] = shown->time_ms;
    return r;
}

static int show_version(struct mounting *mounting, struct sl_snapshot *snapshot, size_t view, int64_t t)
{
    struct sl_shown shown;
    int r = sl_kept_version(snapshot, mounting->view[view], t, &shown, mounting->err);
    if (r < 0)
        return r;
    if (shown.rows && shown.time_ms > mounting->shown_ms[view])
        r = publish(mounting, view, &shown);
    sl_shown_done(&shown);
    return r;
}

/* Of those that are new as many as the view has place for. */
static int show_view(struct mounting *mounting, struct sl_snapshot *snapshot, size_t view)
{
    int64_t *times;
    size_t count;
    int r = sl_kept_versions(snapshot, mounting->view[view], &times, &count, mounting->err);
    if (r < 0)
        return r;
    for (size_t i = count > mounting->keep ? count - mounting->keep : 0; i < count && r == 0; i++)
        if (times[i] > mounting->shown_ms[view])
            r = show_version(mounting, snapshot, view, times[i]);
    free(times);
    return r;
}

static int read_list(void *arg, char **ret, struct sl_error *err)
{
    return sl_reading_segments(arg, ret, err);
}

static int show_views(struct mounting *mounting, struct sl_reading *reading)
{
    struct sl_snapshot *snapshot;
    int r = sl_kept_open(mounting->target->checkpoint, read_list, reading, &snapshot, mounting->err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < mounting->views && r == 0; i++)
        r = show_view(mounting, snapshot, i);
    sl_snapshot_close(snapshot);
    return r;
}

/* ---- a look at the checkpoint ---- */

/* A job that has no view any more shows those that it had. */
static int follow_names(struct mounting *mounting, const char *text, size_t len)
{
    struct sl_arena arena SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field views;
    int r = find_views(mounting, text, len, &arena, &views);
    if (r < 0 || (mounting->viewer && (views.tag == SL_NIL || are_shown(mounting, &views))))
        return r;
    if (views.tag == SL_NIL)
        return sl_error_set(mounting->err, SL_EUSAGE, "the job of %s has no view; :mount(name) makes one",
                            mounting->target->checkpoint);
    close_viewer(mounting);
    r = take_names(mounting, &views);
    return r < 0 ? r : open_viewer(mounting);
}

static int show_status(struct mounting *mounting, const char *text, size_t len)
{
    int r = follow_names(mounting, text, len);
    return r < 0 ? r
                 : mounting->viewer->ops->document(mounting->viewer, "status.json", text, len, mounting->err);
}

/* Takes the text. What was not shown is tried again. */
static int follow_status(struct mounting *mounting, char *text, size_t len)
{
    bool is_new = !mounting->status || strcmp(mounting->status, text) != 0;
    int r = is_new ? show_status(mounting, text, len) : 0;
    if (!is_new || r < 0) {
        free(text);
        return r;
    }
    free(mounting->status);
    mounting->status = text;
    return 0;
}

/* Fewer batches than before: the checkpoint was reset. */
static int show_news(struct mounting *mounting, struct sl_reading *reading)
{
    struct sl_reading_progress progress;
    int r = sl_reading_progress(reading, &progress, mounting->err);
    if (r < 0 || progress.batches == mounting->batches)
        return r;
    if (mounting->batches != UINT64_MAX && progress.batches < mounting->batches) {
        close_viewer(mounting);
        return 0;
    }
    r = show_views(mounting, reading);
    mounting->batches = r < 0 ? mounting->batches : progress.batches;
    return r;
}

static int look(struct mounting *mounting)
{
    struct sl_reading *reading;
    char *text;
    size_t len;
    int r = sl_reading_open(mounting->target->checkpoint, &reading, mounting->err);
    if (r < 0)
        return r;
    r = read_status(mounting, &text, &len);
    r = r < 0 ? r : follow_status(mounting, text, len);
    r = r < 0 ? r : show_news(mounting, reading);
    sl_reading_close(reading);
    return r;
}

/* ---- until a signal comes, or it is unmounted ---- */

static void pause_a_while(int events, int signal_fd)
{
    struct pollfd ready[2] = {{signal_fd, POLLIN, 0}, {events, POLLIN, 0}};
    char bytes[4096];
    if (poll(ready, 2, LOOK_AGAIN_MS) > 0 && ready[1].revents)
        while (read(events, bytes, sizeof bytes) > 0)
            ;
}

static bool is_over(const struct mounting *mounting, const struct sl_signals *signals)
{
    struct sl_viewer *viewer = mounting->viewer;
    return *signals->count || (viewer && viewer->ops->is_lost && viewer->ops->is_lost(viewer));
}

/* What cannot be read for a moment, as while a checkpoint is reset, is reported and looked at again. */
static void follow(struct mounting *mounting, const struct sl_signals *signals, int events)
{
    char said[sizeof mounting->err->text] = "";
    while (!is_over(mounting, signals)) {
        int r = look(mounting);
        if (r < 0 && strcmp(said, mounting->err->text) != 0)
            sl_report(mounting->err->text);
        snprintf(said, sizeof said, "%s", r < 0 ? mounting->err->text : "");
        pause_a_while(events, signals->fd);
    }
}

static int show(struct mounting *mounting)
{
    struct sl_signals signals;
    int r = sl_signals_open(&signals, mounting->err);
    if (r < 0)
        return r;
    int events = sl_target_watch(mounting->target);
    r = look(mounting);
    if (r == 0)
        follow(mounting, &signals, events);
    close_viewer(mounting);
    if (events >= 0)
        close(events);
    sl_signals_close(&signals);
    return r;
}

/* ---- the command ---- */

static int open_workdir(const char *workdir, struct sl_target *target, struct sl_error *err)
{
    char *path;
    if (asprintf(&path, "%s/checkpoint", workdir) < 0)
        return sl_error_nomem(err);
    int r = sl_target_open_checkpoint(path, target, err);
    free(path);
    return r;
}

static int open_named(const struct sl_line *line, struct sl_target *target, const char **ret_dir,
                      struct sl_error *err)
{
    const char *workdir = sl_line_text(line, "workdir");
    const char *const *operands = line->operands;
    size_t count = line->operand_count;
    int r = sl_line_exclude(line, "workdir", "checkpoint", err);
    if (r == 0)
        r = workdir ? open_workdir(workdir, target, err)
                    : sl_target_open(line, target, &operands, &count, err);
    if (r < 0)
        return r;
    r = sl_target_need_checkpoint(target, err);
    if (r == 0 && count == 1) {
        *ret_dir = operands[0];
        return 0;
    }
    sl_target_close(target);
    return r < 0 ? r : sl_error_set(err, SL_EUSAGE, "where is it mounted? give one directory, after the job");
}

static int run_mount(const struct sl_line *line)
{
    struct sl_error err = {0};
    struct sl_target target;
    struct mounting mounting = {.target = &target, .batches = UINT64_MAX, .err = &err};
    int64_t keep = sl_line_integer(line, "keep", SL_VIEW_KEEP_DEFAULT);
    if (keep > SL_VIEW_KEEP_MAX) {
        sl_error_set(&err, SL_EUSAGE, "--keep is at most %d", SL_VIEW_KEEP_MAX);
        return sl_report_error(&err);
    }
    mounting.keep = (unsigned)keep;
    if (open_named(line, &target, &mounting.dir, &err) < 0)
        return sl_report_error(&err);
    int r = show(&mounting);
    sl_arena_done(&mounting.arena);
    sl_target_close(&target);
    return r < 0 ? sl_report_error(&err) : SL_STATUS_DONE;
}

const struct sl_command sl_command_mount = {
    .name = "mount",
    .arguments = "[JOB.lua] DIR [options]",
    .summary = "shows the views of a job under DIR, from its checkpoint",
    .details =
        "What a run shows on its own mount, made by another process, after each commit, whether the job runs or not.\n"
        "Ends with SIGTERM, SIGINT or SIGHUP, or when DIR is unmounted. Versions that are replaced before they are\n"
        "read are left out.\n"
        "\n"
        "    sluice mount --workdir /shared/wordcount view",
    .flags = mount_flags,
    .run = run_mount,
};
