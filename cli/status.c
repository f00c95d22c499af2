#include "cli/color.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/standing.h"
#include "cli/status_files.h"
#include "cli/status_held.h"
#include "cli/status_metrics.h"
#include "cli/status_received.h"
#include "cli/status_value.h"
#include "cli/streams.h"
#include "cli/target.h"

#include "core/base/clock.h"
#include "core/base/duration.h"
#include "text/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LAG_MAX_MS = 60000 };

static const struct sl_flag status_flags[] = {
    SL_TARGET_FLAGS,
    {"json", SL_FLAG_SWITCH, NULL, NULL, "for programs: one object"},
    {"metrics", SL_FLAG_SWITCH, NULL, NULL, "for monitors: the metrics of the newest run, as OpenMetrics"},
    {"check", SL_FLAG_SWITCH, NULL, NULL, "for monitors: exit status 1 where something is wrong, and what"},
    {"max-lag", SL_FLAG_DURATION, "D", NULL, "with --check: the longest lag that is not reported; 60s"},
    {0},
};

static int look(struct sl_target *target, struct sl_standing *ret, struct sl_error *err)
{
    struct sl_reading *reading;
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    r = sl_standing_look(target, reading, ret, err);
    sl_reading_close(reading);
    return r;
}

/* ---- for people ---- */

static void print_time(const char *title, int64_t time_ms, int64_t now_ms)
{
    char clock[64] = "", ago[32];
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm local;
    if (localtime_r(&seconds, &local))
        strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S", &local);
    sl_status_format_span(now_ms > time_ms ? now_ms - time_ms : 0, ago);
    printf("%-12s %s (%" PRId64 "), %s ago\n", title, clock, time_ms, ago);
}

static void print_line(const char *title, const char *text)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    if (text && sl_buf_safe(&safe, text, strlen(text)))
        printf("%-12s %.*s\n", title, (int)safe.len, (const char *)safe.bytes);
}

static void print_process(struct sl_target *target, const struct sl_standing *standing)
{
    const char *state = standing->suspended ? "suspended by a signal"
                        : standing->waiting ? "waiting"
                        : standing->pid     ? "running"
                        : standing->failed  ? "not running; the last run failed"
                                            : "not running";
    bool is_bad = standing->suspended || standing->waiting || standing->failed;
    bool is_plain = !is_bad && !standing->pid;
    printf("%-12s %s%s%s", "state",
           is_plain ? "" : sl_color(is_bad ? SL_COLOR_BAD : SL_COLOR_GOOD, STDOUT_FILENO), state,
           is_plain ? "" : sl_color(SL_COLOR_OFF, STDOUT_FILENO));
    if (standing->pid > 0)
        printf(", process %ld", standing->pid);
    printf("\n");
    if (standing->waiting || standing->failed)
        print_line("error", sl_target_status_text(target, "error"));
}

static void print_last(const struct sl_target *target)
{
    if (sl_target_status(target, NULL, "last").tag != SL_MAP)
        return;
    int64_t records = sl_target_status_integer(target, "last", "records");
    int64_t interval_ms = sl_target_status_integer(target, NULL, "interval_ms");
    printf("%-12s %" PRId64 " record%s (%.0f/s); scheduling delay %" PRId64 " ms, processing %" PRId64
           " ms, total delay %" PRId64 " ms\n",
           "last", records, sl_plural(records),
           interval_ms > 0 ? (double)records * 1000 / (double)interval_ms : 0.0,
           sl_target_status_integer(target, "last", "scheduling_delay_ms"),
           sl_target_status_integer(target, "last", "processing_ms"),
           sl_target_status_integer(target, "last", "total_delay_ms"));
}

static void print_readers(const struct sl_target *target)
{
    if (sl_target_status(target, NULL, "readers").tag != SL_MAP)
        return;
    int64_t open = sl_target_status_integer(target, "readers", "open");
    int64_t waiting = sl_target_status_integer(target, "readers", "waiting");
    int64_t held = sl_target_status_integer(target, "readers", "pinned");
    printf("%-12s %" PRId64 " file%s open, %" PRId64 " read%s waiting; %" PRId64
           " old version%s held, %" PRId64 " given up; %" PRId64 " skipped\n",
           "readers", open, sl_plural(open), waiting, sl_plural(waiting), held, sl_plural(held),
           sl_target_status_integer(target, "readers", "given_up"),
           sl_target_status_integer(target, "readers", "skipped"));
}

static void print_age(const struct sl_target *target, const struct sl_field *source)
{
    char age[32];
    int64_t since_ms = sl_status_integer_of(source, "oldest_waiting_ms"),
            now_ms = sl_clock_real.now_ms(&sl_clock_real);
    if (!since_ms || !sl_status_has_ages(target))
        return;
    sl_status_format_span(now_ms > since_ms ? now_ms - since_ms : 0, age);
    printf(", the oldest for %s", age);
}

static void print_table(const struct sl_field *table)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    const struct sl_field *version = sl_map_get(table, "version", 7),
                          *trouble = sl_map_get(table, "trouble", 7);
    int64_t rows = sl_status_integer_of(table, "rows"), keys = sl_status_integer_of(table, "keys"),
            bytes = sl_status_integer_of(table, "bytes");
    bool ok = version->tag == SL_STR && sl_status_add_safe(&text, table, "name") &&
              sl_buf_printf(&text, ": version %.*s, %" PRId64 " row%s, %" PRId64 " key%s, %" PRId64 " byte%s",
                            version->len < 16 ? (int)version->len : 16, (const char *)version->str, rows,
                            sl_plural(rows), keys, sl_plural(keys), bytes, sl_plural(bytes));
    if (ok && trouble && trouble->tag == SL_STR && trouble->len)
        ok = sl_buf_text(&text, "; what is there now is not used: ") &&
             sl_status_add_safe(&text, table, "trouble");
    if (ok)
        printf("%-12s %.*s\n", "table", (int)text.len, (const char *)text.bytes);
}

/* Why a directory is not read for now; NULL: it is. */
static const struct sl_field *missing_of(const struct sl_field *source)
{
    const struct sl_field *missing = source->tag == SL_MAP ? sl_map_get(source, "missing", 7) : NULL;
    return missing && missing->tag == SL_STR ? missing : NULL;
}

/* Which one it is; NULL: the source's only one. */
static const struct sl_field *missing_directory_of(const struct sl_field *source)
{
    const struct sl_field *name = sl_map_get(source, "missing_directory", strlen("missing_directory"));
    return name && name->tag == SL_STR ? name : NULL;
}

static void print_missing(const struct sl_field *source)
{
    char age[32];
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    const struct sl_field *missing = missing_of(source), *name = missing_directory_of(source);
    int64_t since_ms = sl_status_integer_of(source, "missing_since_ms"),
            now_ms = sl_clock_real.now_ms(&sl_clock_real);
    sl_status_format_span(now_ms > since_ms ? now_ms - since_ms : 0, age);
    if (!missing)
        return;
    if (name && sl_buf_safe(&safe, name->str, name->len))
        printf("; %.*s is", (int)safe.len, (const char *)safe.bytes);
    printf("%s not read for %s: %.*s", name ? "" : ";", age, (int)missing->len, (const char *)missing->str);
}

/* Directories in the watched one that wait for their _SUCCESS. */
static void print_unfinished(const struct sl_target *target, const struct sl_field *source)
{
    const struct sl_field *list = sl_map_get(source, "unfinished", strlen("unfinished"));
    for (uint32_t i = 0; list && list->tag == SL_LIST && i < list->len; i++) {
        SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
        char age[64];
        const struct sl_field *item = &list->items[i];
        if (item->tag != SL_MAP || !sl_status_add_safe(&safe, item, "path"))
            continue;
        sl_status_format_age(target, ", for ", sl_status_integer_of(item, "since_ms"), "", age);
        printf("%-12s %.*s: a directory without _SUCCESS%s\n", "waiting", (int)safe.len,
               (const char *)safe.bytes, age);
    }
}

static void print_source(const struct sl_target *target, const struct sl_field *source, bool is_running)
{
    if (sl_map_get(source, "version", strlen("version"))) {
        print_table(source);
        return;
    }
    if (sl_map_get(source, "connection", strlen("connection"))) {
        sl_status_print_received(source, is_running);
        return;
    }
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    const struct sl_field *directory = sl_map_get(source, "directory", strlen("directory"));
    const struct sl_field *waiting = sl_map_get(source, "waiting", strlen("waiting"));
    if (!directory || directory->tag != SL_STR || !waiting || waiting->tag != SL_INT ||
        !sl_buf_safe(&safe, directory->str, directory->len))
        return; /* written by another version */
    printf("%-12s %.*s: %" PRId64 " waiting", "directory", (int)safe.len, (const char *)safe.bytes,
           waiting->integer);
    sl_status_print_count(source, "held_back", "held back");
    print_age(target, source);
    sl_status_print_count(source, "irregular", "not regular files");
    sl_status_print_count(source, "changed_after_taken", "changed after they were taken");
    print_missing(source);
    printf("\n");
    print_unfinished(target, source);
}

/* As the run saw them last. */
static void print_sources(const struct sl_target *target, bool is_running)
{
    struct sl_field sources = sl_target_status(target, NULL, "sources");
    for (uint32_t i = 0; sources.tag == SL_LIST && i < sources.len; i++)
        if (sources.items[i].tag == SL_MAP)
            print_source(target, &sources.items[i], is_running);
}

static void print_watermark(const struct sl_field *watermark, int64_t now_ms)
{
    const struct sl_field *at = sl_map_get(watermark, "watermark", 9);
    if (at && at->tag == SL_INT)
        print_time("watermark", at->integer, now_ms);
    else
        printf("%-12s %s\n", "watermark", at && at->tag == SL_STR ? "the end" : "none yet");
}

static void print_event_time(const struct sl_target *target, const struct sl_standing *standing)
{
    struct sl_field list = sl_target_status(target, "event_time", "watermarks");
    if (list.tag != SL_LIST)
        return;
    for (uint32_t i = 0; i < list.len; i++)
        if (list.items[i].tag == SL_MAP)
            print_watermark(&list.items[i], standing->now_ms);
    printf("%-12s %" PRId64 " windows, sessions and keys\n", "open",
           sl_target_status_integer(target, "event_time", "open_windows"));
    printf("%-12s %" PRId64 " in this run\n", "late", sl_target_status_integer(target, "event_time", "late"));
}

static void print_standing(struct sl_target *target, const struct sl_standing *standing)
{
    const struct sl_reading_progress *progress = &standing->progress;
    char lag[32];
    print_line("job", sl_target_status_text(target, "job"));
    print_line("checkpoint", target->checkpoint);
    print_process(target, standing);
    printf("%-12s %" PRIu64 " committed\n", "batches", progress->batches);
    if (progress->any)
        print_time("last batch", progress->last_ms, standing->now_ms);
    if (progress->planned)
        print_time("planned", progress->planned_ms, standing->now_ms);
    sl_status_format_span(standing->lag_ms, lag);
    printf("%-12s %s\n", "lag", standing->lag_ms ? lag : "none");
    print_last(target);
    printf("%-12s %" PRIu64 " taken, %" PRIu64 " quarantined\n", "files", progress->files,
           progress->quarantined);
    if (progress->owed)
        printf("%-12s %" PRIu64 " file%s could not be archived or deleted yet; each batch tries again\n",
               "owed", progress->owed, sl_plural((int64_t)progress->owed));
    printf("%-12s %" PRIu64 " set aside\n", "records", progress->rejected);
    if (sl_target_status_integer(target, "run", "replaced"))
        printf("%-12s %" PRId64 " U+FFFD written to JSON for bytes that were no UTF-8\n", "replaced",
               sl_target_status_integer(target, "run", "replaced"));
    print_sources(target, standing->pid > 0);
    print_event_time(target, standing);
    sl_status_print_held(target);
    print_line("mount", sl_target_status_text(target, "mount"));
    if (standing->pid)
        print_readers(target);
}

/* ---- for programs ---- */

static void add_json(struct sl_target *target, const struct sl_standing *standing, struct sl_buf *buf)
{
    const struct sl_reading_progress *progress = &standing->progress;
    sl_buf_text(buf, "{\"checkpoint\":");
    sl_json_text(buf, target->checkpoint);
    sl_buf_printf(
        buf, ",\"running\":%s,\"waiting\":%s,\"suspended\":%s,\"pid\":%ld,\"failed\":%s,\"batches\":%" PRIu64,
        standing->pid ? "true" : "false", standing->waiting ? "true" : "false",
        standing->suspended ? "true" : "false", standing->pid > 0 ? standing->pid : 0,
        standing->failed ? "true" : "false", progress->batches);
    sl_json_member_integer(buf, "last_batch", progress->any, progress->last_ms);
    sl_json_member_integer(buf, "last_finished", progress->any, progress->finished_ms);
    sl_json_member_integer(buf, "planned", progress->planned, progress->planned_ms);
    sl_buf_printf(buf,
                  ",\"lag_ms\":%" PRId64 ",\"files\":%" PRIu64 ",\"quarantined\":%" PRIu64
                  ",\"rejected\":%" PRIu64 ",\"owed\":%" PRIu64 ",\"status\":",
                  standing->lag_ms, progress->files, progress->quarantined, progress->rejected,
                  progress->owed);
    sl_json_field(buf, &target->status, NULL);
}

struct quarantine_list {
    struct sl_buf *buf;
    bool any;
};

static int add_quarantined(void *arg, const struct sl_reading_file *file)
{
    struct quarantine_list *list = arg;
    sl_buf_text(list->buf, list->any ? ",{\"file\":" : "{\"file\":");
    sl_json_string(list->buf, file->file.path, strlen(file->file.path), NULL);
    sl_buf_printf(list->buf, ",\"batch\":%" PRId64 ",\"reason\":", file->batch_ms);
    sl_json_string(list->buf, file->quarantined, strlen(file->quarantined), NULL);
    sl_buf_byte(list->buf, '}');
    list->any = true;
    return list->buf->failed ? SL_ENOMEM : 0;
}

static int list_quarantined(const struct sl_target *target, struct sl_buf *buf, struct sl_error *err)
{
    struct quarantine_list list = {buf, false};
    struct sl_reading *reading;
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    r = sl_buf_text(buf, ",\"quarantined_files\":[")
            ? sl_reading_quarantined(reading, add_quarantined, &list, err)
            : SL_ENOMEM;
    sl_reading_close(reading);
    return r == 0 && !sl_buf_text(buf, "]") ? SL_ENOMEM : r;
}

static int print_json(struct sl_target *target, const struct sl_standing *standing, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    add_json(target, standing, &buf);
    if (buf.failed)
        return sl_error_nomem(err);
    int r = list_quarantined(target, &buf, err);
    if (r < 0)
        return r == SL_ENOMEM ? sl_error_nomem(err) : r;
    sl_buf_text(&buf, "}\n");
    if (buf.failed)
        return sl_error_nomem(err);
    return sl_stdout_data(buf.bytes, buf.len, err);
}

/* ---- for monitors ---- */

static int64_t lag_max(const struct sl_line *line)
{
    const char *text = sl_line_text(line, "max-lag");
    int64_t ms = LAG_MAX_MS;
    if (text)
        sl_assert(sl_duration_parse(text, strlen(text), &ms));
    return ms;
}

/* A directory that a run which is active does not read. */
static bool find_missing(const struct sl_target *target, char *text, size_t size)
{
    struct sl_field sources = sl_target_status(target, NULL, "sources");
    for (uint32_t i = 0; sources.tag == SL_LIST && i < sources.len; i++) {
        const struct sl_field *missing = missing_of(&sources.items[i]);
        const struct sl_field *name = missing ? missing_directory_of(&sources.items[i]) : NULL;
        SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
        if (missing && !name)
            name = sl_map_get(&sources.items[i], "directory", 9);
        if (!name || name->tag != SL_STR || !sl_buf_safe(&safe, name->str, name->len))
            continue;
        snprintf(text, size, "the directory %.*s is not read: %.*s", (int)safe.len, (const char *)safe.bytes,
                 (int)missing->len, (const char *)missing->str);
        return true;
    }
    return false;
}

/* What is wrong, into text; false: nothing is. */
static bool find_fault(const struct sl_target *target, const struct sl_standing *standing, int64_t max_ms,
                       char *text, size_t size)
{
    char lag[32], most[32];
    sl_status_format_span(standing->lag_ms, lag);
    sl_status_format_span(max_ms, most);
    if (standing->failed)
        snprintf(text, size, "the last run failed, and no run is active");
    else if (standing->suspended)
        snprintf(text, size, "process %ld is suspended by a signal: kill -CONT %ld continues it",
                 standing->pid, standing->pid);
    else if (standing->waiting)
        snprintf(text, size, "the run waits for room on a disk or for a server");
    else if (standing->lag_ms > max_ms)
        snprintf(text, size, "lag %s exceeds %s%s", lag, most, standing->pid ? "" : "; no run is active");
    else
        return standing->pid && find_missing(target, text, size);
    return true;
}

/* One line, with figures after the bar as Nagios plugins give them. */
static int check(const struct sl_target *target, const struct sl_standing *standing, int64_t max_ms)
{
    const struct sl_reading_progress *progress = &standing->progress;
    char fault[512], lag[32];
    bool is_wrong = find_fault(target, standing, max_ms, fault, sizeof fault);
    sl_status_format_span(standing->lag_ms, lag);
    if (is_wrong)
        printf("FAILED - %s", fault);
    else
        printf("OK - %" PRIu64 " batch%s, %s%s", progress->batches, progress->batches == 1 ? "" : "es",
               standing->lag_ms ? "lag " : "no lag", standing->lag_ms ? lag : "");
    if (progress->quarantined)
        printf(", %" PRIu64 " file%s quarantined", progress->quarantined,
               sl_plural((int64_t)progress->quarantined));
    printf(" | lag=%.3fs;%.3f batches=%" PRIu64 "c quarantined=%" PRIu64 " rejected=%" PRIu64 "c\n",
           (double)standing->lag_ms / 1000, (double)max_ms / 1000, progress->batches, progress->quarantined,
           progress->rejected);
    return is_wrong ? SL_STATUS_FAILED : SL_STATUS_DONE;
}

static int show(const struct sl_line *line, struct sl_target *target, const struct sl_standing *standing,
                struct sl_error *err)
{
    if (sl_line_has(line, "metrics"))
        return sl_status_print_metrics(target, standing->pid != 0, standing->lag_ms, err);
    if (sl_line_has(line, "json"))
        return print_json(target, standing, err);
    if (sl_line_has(line, "check"))
        return 0;
    print_standing(target, standing);
    return sl_status_print_files(target, err);
}

/* The exit status, or a failure. */
static int tell(const struct sl_line *line, struct sl_target *target, struct sl_error *err)
{
    struct sl_standing standing;
    char fault[512];
    int r = sl_line_exclude(line, "json", "metrics", err);
    if (r < 0)
        return r;
    if (sl_line_has(line, "max-lag") && !sl_line_has(line, "check"))
        return sl_error_set(err, SL_EUSAGE, "--max-lag is for --check");
    r = look(target, &standing, err);
    r = r < 0 ? r : show(line, target, &standing, err);
    if (r < 0 || !sl_line_has(line, "check"))
        return r;
    if (!sl_line_has(line, "json") && !sl_line_has(line, "metrics"))
        return check(target, &standing, lag_max(line));
    return find_fault(target, &standing, lag_max(line), fault, sizeof fault) ? SL_STATUS_FAILED
                                                                             : SL_STATUS_DONE;
}

static int run_status(const struct sl_line *line)
{
    return sl_target_run(line, tell);
}

const struct sl_command sl_command_status = {
    .name = "status",
    .arguments = "[JOB.lua] [options]",
    .summary = "shows the state of a job, whether or not it runs",
    .details =
        "The lag is the time since a batch was due that is planned and not committed; where no run is active, the\n"
        "time since the last batch was committed or a run ended well, with a batch or without. A run that has nothing\n"
        "to do has no lag.\n"
        "\n"
        "Exit status with --check: 0 all is well; 1 the last run failed, it waits for room on a disk or for a server,\n"
        "a signal has suspended it, a watched directory is missing, or the lag exceeds --max-lag. The line ends in\n"
        "figures as Nagios reads them.",
    .flags = status_flags,
    .run = run_status,
};
