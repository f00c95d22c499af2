/* A display of a job that is renewed while it runs: batches, rates, delays, sources, views, quarantined files. All of it
 * comes from status.json and the catalog, so no batch is delayed and the run may be of another user. */
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/standing.h"
#include "cli/status_value.h"
#include "cli/streams.h"
#include "cli/target.h"
#include "cli/terminal.h"

#include "core/base/buf.h"
#include "core/base/duration.h"
#include "core/rows/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BATCHES_MAX = 200, BATCHES_PLAIN = 10, REFRESH_MS = 1000, ROWS_BESIDE = 14 };

static const struct sl_flag top_flags[] = {
    SL_TARGET_FLAGS,
    {"once", SL_FLAG_SWITCH, NULL, NULL, "once, as plain text"},
    {"every", SL_FLAG_DURATION, "D", NULL, "how often the display is updated; 1s"},
    {0},
};

struct top {
    struct sl_target *target;
    struct sl_reading *reading;
    struct sl_reading_progress progress;
    struct sl_reading_batch batch[BATCHES_MAX]; /* newest first */
    size_t batches, batches_max;
    struct sl_buf text;
};

/* ---- the page ---- */

static bool add(struct top *top, const char *title, const char *text)
{
    sl_buf_printf(&top->text, "%-11s", title);
    sl_buf_safe(&top->text, text, strlen(text));
    sl_buf_byte(&top->text, '\n');
    return !top->text.failed;
}

static bool add_run(struct top *top)
{
    const char *state = sl_target_status_text(top->target, "state");
    const char *job = sl_target_status_text(top->target, "job");
    long pid = sl_target_holder(top->target);
    bool ok = add(top, "job", job ? job : top->target->checkpoint);
    if (pid)
        ok = ok &&
             sl_buf_printf(&top->text, "%-11s%s", "state",
                           sl_standing_is_suspended(pid)            ? "suspended by a signal"
                           : state && strcmp(state, "waiting") == 0 ? "waiting"
                                                                    : "running") &&
             (pid < 0 || sl_buf_printf(&top->text, ", process %ld", pid)) && sl_buf_byte(&top->text, '\n');
    else
        ok = ok && sl_buf_printf(&top->text, "%-11s%s\n", "state",
                                 state && strcmp(state, "failed") == 0 ? "not running; the last run failed"
                                                                       : "not running");
    const char *error = sl_target_status_text(top->target, "error");
    return ok && (!error || add(top, "error", error));
}

static bool add_totals(struct top *top)
{
    const struct sl_reading_progress *progress = &top->progress;
    return sl_buf_printf(&top->text,
                         "%-11s%" PRIu64 " committed; files: %" PRIu64 " taken, %" PRIu64
                         " quarantined; records: %" PRIu64 " set aside\n",
                         "batches", progress->batches, progress->files, progress->quarantined,
                         progress->rejected);
}

static void add_received(struct top *top, const struct sl_field *source)
{
    const struct sl_field *connection = sl_map_get(source, "connection", strlen("connection"));
    sl_buf_text(&top->text, ": ");
    if (connection && connection->tag == SL_STR) {
        sl_buf_safe(&top->text, connection->str, connection->len);
        sl_buf_text(&top->text, ", ");
    }
    int64_t records = sl_status_integer_of(source, "received");
    sl_buf_printf(&top->text, "%" PRId64 " record%s, lag %" PRId64 "\n", records, sl_plural(records),
                  sl_status_integer_of(source, "lag"));
}

static bool add_source(struct top *top, const struct sl_field *source)
{
    const struct sl_field *name = sl_map_get(source, "directory", 9);
    bool is_directory = name != NULL;
    int64_t waiting = sl_status_integer_of(source, "waiting");
    name = name ? name : sl_map_get(source, "name", 4);
    if (!name || name->tag != SL_STR)
        return true; /* written by another version */
    sl_buf_printf(&top->text, "%-11s", "source");
    sl_buf_safe(&top->text, name->str, name->len);
    if (is_directory)
        sl_buf_printf(&top->text, ": %" PRId64 " file%s waiting, %" PRId64 " held back\n", waiting,
                      sl_plural(waiting), sl_status_integer_of(source, "held_back"));
    else
        add_received(top, source);
    return !top->text.failed;
}

static bool add_sources(struct top *top)
{
    struct sl_field sources = sl_target_status(top->target, NULL, "sources");
    bool ok = true;
    for (uint32_t i = 0; ok && sources.tag == SL_LIST && i < sources.len; i++)
        ok = sources.items[i].tag != SL_MAP || add_source(top, &sources.items[i]);
    return ok;
}

static bool add_views(struct top *top)
{
    struct sl_field views = sl_target_status(top->target, NULL, "views");
    if (views.tag != SL_LIST || !views.len)
        return true;
    sl_buf_printf(&top->text, "%-11s", "views");
    for (uint32_t i = 0; i < views.len; i++)
        if (views.items[i].tag == SL_STR) {
            sl_buf_text(&top->text, i ? ", " : "");
            sl_buf_safe(&top->text, views.items[i].str, views.items[i].len);
        }
    int64_t open = sl_target_status_integer(top->target, "readers", "open");
    sl_buf_printf(&top->text, "; %" PRId64 " file%s open\n", open, sl_plural(open));
    return !top->text.failed;
}

static bool add_batch(struct top *top, const struct sl_reading_batch *batch)
{
    char clock[32] = "";
    time_t seconds = (time_t)(batch->time_ms / 1000);
    struct tm local;
    if (localtime_r(&seconds, &local))
        strftime(clock, sizeof clock, "%m-%d %H:%M:%S", &local);
    if (!batch->committed)
        return sl_buf_printf(&top->text, "%-16s %9" PRIu64 "  planned\n", clock, batch->files);
    return sl_buf_printf(&top->text,
                         "%-16s %9" PRIu64 " %11" PRIu64 " %9" PRIu64 " %9" PRId64 " %9" PRId64 "\n", clock,
                         batch->files, batch->output_records, batch->rejected,
                         batch->started_ms - batch->time_ms, batch->finished_ms - batch->started_ms);
}

static bool add_batches(struct top *top)
{
    bool ok = sl_buf_printf(&top->text, "\n%-16s %9s %11s %9s %9s %9s\n", "batch", "files", "written",
                            "set aside", "delay ms", "took ms");
    for (size_t i = 0; ok && i < top->batches; i++)
        ok = add_batch(top, &top->batch[i]);
    return ok;
}

/* ---- reading ---- */

static int keep_batch(void *arg, const struct sl_reading_batch *batch)
{
    struct top *top = arg;
    top->batch[top->batches++] = *batch;
    return 0;
}

static int refresh(struct top *top, struct sl_error *err)
{
    top->batches = 0;
    sl_buf_clear(&top->text);
    int r = sl_target_read_status(top->target, err);
    r = r < 0 ? r : sl_reading_progress(top->reading, &top->progress, err);
    r = r < 0 ? r : sl_reading_batches(top->reading, top->batches_max, keep_batch, top, err);
    if (r < 0)
        return r;
    return add_run(top) && add_totals(top) && add_sources(top) && add_views(top) && add_batches(top)
               ? 0
               : sl_error_nomem(err);
}

/* ---- the display ---- */

static int show_plain(struct top *top, struct sl_error *err)
{
    top->batches_max = BATCHES_PLAIN;
    int r = refresh(top, err);
    return r < 0 ? r : sl_stdout_data(top->text.bytes, top->text.len, err);
}

static int64_t interval_ms(const struct sl_line *line)
{
    const char *text = sl_line_text(line, "every");
    int64_t ms = REFRESH_MS;
    if (text)
        sl_assert(sl_duration_parse(text, strlen(text), &ms));
    return ms;
}

static int show_display(struct top *top, const struct sl_line *line, struct sl_error *err)
{
    struct sl_terminal terminal;
    bool is_paused = false;
    int r = sl_terminal_open(&terminal, err);
    while (r == 0) {
        top->batches_max = terminal.rows > ROWS_BESIDE ? terminal.rows - ROWS_BESIDE : 1;
        top->batches_max = top->batches_max < BATCHES_MAX ? top->batches_max : BATCHES_MAX;
        if (!is_paused)
            r = refresh(top, err);
        if (r == 0)
            sl_terminal_draw(&terminal, top->text.bytes, top->text.len,
                             is_paused ? "paused; space resumes, q quits" : "space pauses, q quits");
        int key = r == 0 ? sl_terminal_key(&terminal, interval_ms(line)) : 'q';
        if (key == 'q' || key == SL_KEY_END)
            break;
        is_paused = key == ' ' || key == 'p' ? !is_paused : is_paused;
    }
    sl_terminal_close(&terminal);
    return r;
}

static int show(const struct sl_line *line, struct sl_target *target, struct sl_error *err)
{
    struct top top = {.target = target};
    int r = sl_line_exclude(line, "once", "every", err);
    r = r < 0 ? r : sl_reading_open(target->checkpoint, &top.reading, err);
    if (r == 0)
        r = sl_line_has(line, "once") || !sl_terminal_is_one() ? show_plain(&top, err)
                                                               : show_display(&top, line, err);
    sl_buf_done(&top.text);
    sl_reading_close(top.reading);
    return r;
}

static int run_top(const struct sl_line *line)
{
    return sl_target_run(line, show);
}

const struct sl_command sl_command_top = {
    .name = "top",
    .arguments = "[JOB.lua] [options]",
    .summary = "shows the batches of a job as they are committed",
    .details =
        "Space pauses the display, q ends it. Where the output is no terminal, and with --once, it is shown\n"
        "once. The columns of a batch: its time, the files it took, the records that its outputs wrote, the\n"
        "records that were set aside, how long after its time it began, and how long it took.",
    .flags = top_flags,
    .run = run_top,
};
