#include "cli/commands.h"
#include "cli/report.h"
#include "cli/verdict.h"

#include "core/base/clock.h"
#include "core/base/duration.h"
#include "core/base/io.h"
#include "state/moved.h"
#include "text/number.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STATUS_TIME_IS_UP = 124, /* as of timeout(1) */
    LOOK_AGAIN_MS = 200,     /* where nothing wakes us */
};

static const struct sl_flag wait_flags[] = {
    SL_TARGET_FLAGS,
    {"after", SL_FLAG_NUMBER, "T", NULL, "a batch later than T (ms since the epoch)"},
    {"timeout", SL_FLAG_DURATION, "D", NULL, "exit status 124 when it takes longer; for ever"},
    {0},
};

struct wait {
    struct sl_target *target;
    struct sl_reading *reading; /* NULL: there is no catalog yet */
    const char *what;
    int64_t after_ms, end_ns;
    int events; /* inotify on the checkpoint; -1: none yet */
};

/* ---- waiting ---- */

static void listen_to(struct wait *wait)
{
    if (wait->events < 0)
        wait->events = sl_target_watch(wait->target);
}

static void drain(int fd)
{
    char events[4096];
    while (read(fd, events, sizeof events) > 0)
        ;
}

/* False: the time is up. */
static bool pause_a_while(struct wait *wait)
{
    int64_t left_ms = wait->end_ns ? (wait->end_ns - sl_monotonic_ns()) / 1000000 : LOOK_AGAIN_MS;
    struct pollfd fd = {wait->events, POLLIN, 0};
    if (left_ms <= 0)
        return false;
    int timeout_ms = left_ms < LOOK_AGAIN_MS ? (int)left_ms : LOOK_AGAIN_MS;
    if (poll(&fd, 1, timeout_ms) > 0)
        drain(wait->events);
    return true;
}

/* ---- a run that begins ---- */

/* It holds the checkpoint and shows its mount a moment before it says what it watches and shows. */
static bool is_beginning(struct sl_target *target)
{
    const char *state = sl_target_status_text(target, "state");
    bool goes_on = state && (strcmp(state, "running") == 0 || strcmp(state, "waiting") == 0);
    return !goes_on && sl_target_holder(target);
}

/* *ret_is_ready false: the time is up. */
static int wait_for_run(struct wait *wait, bool *ret_is_ready, struct sl_error *err)
{
    int r = 0;
    *ret_is_ready = true;
    while (r == 0 && *ret_is_ready && is_beginning(wait->target)) {
        listen_to(wait);
        *ret_is_ready = pause_a_while(wait);
        r = sl_target_read_status(wait->target, err);
    }
    return r;
}

/* ---- a file ---- */

static int64_t read_tick(struct sl_target *target)
{
    char *path, *text;
    size_t len;
    int64_t tick = INT64_MIN;
    if (asprintf(&path, "%s/tick", target->checkpoint) < 0)
        return tick;
    if (sl_io_read_file(&sl_io_system, AT_FDCWD, path, 64, &text, &len, NULL) == 0) {
        if (!sl_integer_parse(text, strcspn(text, "\n"), &tick))
            tick = INT64_MIN;
        free(text);
    }
    free(path);
    return tick;
}

/* Views show a batch before its tick is written. After a crash in between the next run shows it when it
 * begins, which its status tells; where nothing runs, nothing shows. */
static bool is_shown(struct sl_target *target, int64_t batch_ms)
{
    struct sl_error err;
    if (read_tick(target) >= batch_ms || !sl_target_holder(target))
        return true;
    return sl_target_read_status(target, &err) == 0 &&
           sl_target_status_integer(target, NULL, "last_batch") >= batch_ms &&
           sl_target_status_integer(target, NULL, "pid") == sl_target_holder(target);
}

static int status_of(struct wait *wait, enum sl_verdict verdict, int64_t batch_ms, const struct sl_buf *text)
{
    bool is_new = batch_ms > wait->after_ms;
    switch (verdict) {
    case SL_VERDICT_TAKEN:
        return is_new && is_shown(wait->target, batch_ms) ? SL_STATUS_DONE : -1;
    case SL_VERDICT_QUARANTINED:
        if (!is_new)
            return -1;
        break;
    case SL_VERDICT_NEVER:
        break;
    case SL_VERDICT_PLANNED:
    case SL_VERDICT_LATER:
    case SL_VERDICT_ABSENT: /* it may come */
        return -1;
    }
    sl_report((const char *)text->bytes);
    return SL_STATUS_FAILED;
}

/* *ret_status: -1: not yet. */
static int look_at_file(struct wait *wait, struct sl_inquiry *inquiry, int *ret_status, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    enum sl_verdict verdict;
    int64_t batch_ms;
    int r = sl_verdict_of(inquiry, wait->reading, &text, &verdict, &batch_ms, err);
    if (r == 0 && !sl_buf_byte(&text, 0))
        r = sl_error_nomem(err);
    if (r == 0)
        *ret_status = status_of(wait, verdict, batch_ms, &text);
    return r;
}

/* The first run may be about to make the catalog. */
static int open_reading(struct wait *wait, struct sl_error *err)
{
    if (wait->reading)
        return 0;
    int r = sl_reading_open(wait->target->checkpoint, &wait->reading, err);
    return r < 0 && wait->target->job_line.job && sl_reading_is_none(err) ? 0 : r;
}

/* Whether a batch will ever take the file may be up to the filter, which the job knows. Where the job is elsewhere, or does
 * not load without arguments, it is waited for. */
static int look_with_job(struct wait *wait, struct sl_inquiry *inquiry, int *ret_status, struct sl_error *err)
{
    struct sl_error ignored;
    if (sl_target_need_job(wait->target, &ignored) < 0 ||
        sl_job_add_workers(wait->target->job_line.job, 1, &ignored) < 0)
        return 0;
    sl_inquiry_close(inquiry);
    int r = sl_inquiry_open(wait->target, wait->reading, wait->what, inquiry, err);
    return r < 0 ? r : look_at_file(wait, inquiry, ret_status, err);
}

static int wait_for_file(struct wait *wait, int *ret_status, struct sl_error *err)
{
    struct sl_inquiry inquiry;
    bool has_job = wait->target->job_line.job;
    int r = open_reading(wait, err);
    r = r < 0 ? r : sl_inquiry_open(wait->target, wait->reading, wait->what, &inquiry, err);
    if (r < 0)
        return r;
    do {
        listen_to(wait);
        r = open_reading(wait, err);
        r = r < 0 ? r : look_at_file(wait, &inquiry, ret_status, err);
        if (r == 0 && *ret_status < 0 && !has_job)
            r = look_with_job(wait, &inquiry, ret_status, err);
        has_job = true; /* once is enough */
    } while (r == 0 && *ret_status < 0 && pause_a_while(wait));
    sl_inquiry_close(&inquiry);
    return r;
}

/* ---- a view ---- */

/* The path of the view's `now` where there is such a view; else NULL. */
static const char *find_view(struct sl_target *target, const char *what)
{
    struct sl_field views = sl_target_status(target, NULL, "views");
    const char *mount = sl_target_status_text(target, "mount");
    size_t len = strlen(what);
    char *path = NULL;
    for (uint32_t i = 0; mount && views.tag == SL_LIST && i < views.len; i++) {
        const struct sl_field *view = &views.items[i];
        bool is_it = view->tag == SL_STR && view->len == len && memcmp(view->str, what, len) == 0;
        if (is_it && asprintf(&path, "%s/%s/now", mount, what) >= 0)
            break;
    }
    const char *copy = path ? sl_arena_text(&target->arena, path, strlen(path)) : NULL;
    free(path);
    return copy;
}

/* The time of the version that is shown; INT64_MIN: none is. */
static int64_t shown_version(const char *now)
{
    char target[64];
    int64_t time_ms;
    ssize_t len = readlink(now, target, sizeof target);
    static const char prefix[] = "at/";
    size_t skip = sizeof prefix - 1;
    if (len <= (ssize_t)skip || memcmp(target, prefix, skip) != 0 ||
        !sl_integer_parse(target + skip, (size_t)len - skip, &time_ms))
        return INT64_MIN;
    return time_ms;
}

static void wait_for_view(struct wait *wait, const char *now, bool has_after, int *ret_status)
{
    int64_t after_ms = has_after ? wait->after_ms : shown_version(now);
    do {
        listen_to(wait);
        if (shown_version(now) > after_ms)
            *ret_status = SL_STATUS_DONE;
    } while (*ret_status < 0 && pause_a_while(wait));
}

/* ---- the command ---- */

/* A name without a slash may be that of a view. */
static int hint_at_views(const struct wait *wait, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf names = {0};
    struct sl_field views = sl_target_status(wait->target, NULL, "views");
    for (uint32_t i = 0; !strchr(wait->what, '/') && views.tag == SL_LIST && i < views.len; i++)
        if (views.items[i].tag == SL_STR) {
            sl_buf_text(&names, names.len ? ", " : "");
            sl_buf_safe(&names, views.items[i].str, views.items[i].len);
        }
    if (names.len && !names.failed)
        sl_error_hint(err, "its views are %.*s", (int)names.len, (const char *)names.bytes);
    return SL_EUSAGE;
}

static int wait_for_what(struct wait *wait, bool has_after, int *ret_status, struct sl_error *err)
{
    const char *now = find_view(wait->target, wait->what);
    if (!now) {
        int r = wait_for_file(wait, ret_status, err);
        return r == SL_EUSAGE ? hint_at_views(wait, err) : r;
    }
    wait_for_view(wait, now, has_after, ret_status);
    return 0;
}

static int wait_for(struct wait *wait, bool has_after, int *ret_status, struct sl_error *err)
{
    bool is_ready;
    *ret_status = -1;
    int r = wait_for_run(wait, &is_ready, err);
    if (r == 0 && is_ready)
        r = wait_for_what(wait, has_after, ret_status, err);
    if (wait->events >= 0)
        close(wait->events);
    sl_reading_close(wait->reading);
    if (r == 0 && *ret_status < 0)
        *ret_status = STATUS_TIME_IS_UP;
    return r;
}

static int wait_with(const struct sl_line *line, struct sl_target *target, const char *what, int *ret_status,
                     struct sl_error *err)
{
    const char *timeout = sl_line_text(line, "timeout");
    int64_t timeout_ms = 0;
    if (timeout)
        sl_assert(sl_duration_parse(timeout, strlen(timeout), &timeout_ms));
    struct wait wait = {
        .target = target,
        .what = what,
        .after_ms = sl_line_integer(line, "after", INT64_MIN),
        .end_ns = timeout ? sl_monotonic_ns() + timeout_ms * 1000000 : 0,
        .events = -1,
    };
    /* Only the filter of a job may need its functions. */
    int r = sl_moved_check(&sl_io_system, AT_FDCWD, target->checkpoint, err);
    if (r == 0 && target->job_line.job)
        r = sl_job_add_workers(target->job_line.job, 1, err);
    return r < 0 ? r : wait_for(&wait, sl_line_has(line, "after"), ret_status, err);
}

/* A run that was started a moment ago may not have made its checkpoint yet: `sluice run job.lua & ...; sluice wait`
 * is a correct script. */
enum { START_MS = 10000, START_LOOK_MS = 20 };

static void wait_for_checkpoint(const struct sl_line *line)
{
    const char *timeout = sl_line_text(line, "timeout");
    int64_t most_ms = START_MS;
    if (timeout)
        sl_assert(sl_duration_parse(timeout, strlen(timeout), &most_ms));
    int64_t end_ns = sl_monotonic_ns() + (most_ms < START_MS ? most_ms : START_MS) * 1000000;
    while (!sl_target_is_named(line) && sl_monotonic_ns() < end_ns)
        (void)poll(NULL, 0, START_LOOK_MS);
}

static int run_wait(const struct sl_line *line)
{
    struct sl_error err;
    struct sl_target target;
    const char *const *operands;
    size_t count;
    int status = SL_STATUS_DONE;
    wait_for_checkpoint(line);
    if (sl_target_open(line, &target, &operands, &count, &err) < 0)
        return sl_report_error(&err);
    int r = count == 1 ? wait_with(line, &target, operands[0], &status, &err)
                       : sl_error_set(&err, SL_EUSAGE, "wait for what? give one file, or the name of a view");
    sl_target_close(&target);
    return r < 0 ? sl_report_error(&err) : status;
}

const struct sl_command sl_command_wait = {
    .name = "wait",
    .arguments = "[JOB.lua] FILE|VIEW [options]",
    .summary = "waits until the batch of a file is committed and its views are shown",
    .details =
        "Or for the next version of a view.\n\n    mv x in/ && sluice wait in/x && cat mnt/counts/current\n"
        "\n"
        "A view: waits for a version later than T, without --after later than the one that is shown now.\n"
        "\n"
        "Exit status: 0 it is there; 1 the file was quarantined, it changed in place after it was taken,\n"
        "or no batch will take it (the reason is on stderr); 124 the time is up. A file that is not there yet is waited for.",
    .flags = wait_flags,
    .run = run_wait,
};
