/* sluice cat, sluice tail: what a mount would show, for machines without one. Views are read from the checkpoint
 * (cli/kept.h), outputs from their directories. */
#include "cli/bucket_parts.h"
#include "cli/commands.h"
#include "cli/kept.h"
#include "cli/output_name.h"
#include "cli/report.h"
#include "cli/streams.h"
#include "cli/target.h"

#include "text/format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 200, COPY_BYTES = 64 << 10 };

static const struct sl_flag cat_flags[] = {
    SL_TARGET_FLAGS,
    {"format", SL_FLAG_CHOICE, "tsv|json|csv", NULL, "how rows are written; tsv"},
    {0},
};

static const struct sl_flag tail_flags[] = {
    SL_TARGET_FLAGS,
    {"batches", SL_FLAG_COUNT, "N", NULL, "ends after N batches"},
    {0},
};

struct showing {
    struct sl_target *target;
    struct sl_reading *reading;
    const char *name, *name_in_job;
    const struct sl_format *format;
    bool is_stamped; /* each row begins with the time of its batch */
    int64_t after_ms, shown_ms;
    uint64_t shown; /* batches */
    bool is_output;
    struct sl_error *err;
};

/* ---- rows ---- */

struct printer {
    struct sl_outlet outlet; /* first */
    const struct showing *showing;
    int64_t t;
    struct sl_buf buf;
};

/* In tsv a line is a row. */
static int print_stamped(int64_t t, const uint8_t *at, size_t len, struct sl_error *err)
{
    int r = 0;
    for (const uint8_t *end = at + len; r == 0 && at < end;) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at)), *next = newline ? newline + 1 : end;
        printf("%" PRId64 "\t", t);
        r = sl_stdout_data(at, (size_t)(next - at), err);
        at = next;
    }
    return r;
}

static int print_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct printer *printer = (struct printer *)outlet;
    uint64_t replaced = 0;
    sl_buf_clear(&printer->buf);
    if (!printer->showing->format->rows(&printer->buf, chunk, &replaced))
        return sl_error_nomem(printer->showing->err);
    if (printer->showing->is_stamped)
        return print_stamped(printer->t, printer->buf.bytes, printer->buf.len, printer->showing->err);
    return sl_stdout_data(printer->buf.bytes, printer->buf.len, printer->showing->err);
}

static int print_rows(const struct showing *showing, const struct sl_shown *shown)
{
    struct printer printer = {{print_chunk}, showing, shown->time_ms, {0}};
    int r = 0;
    for (size_t p = 0; r == 0 && p < shown->rows->partitions; p++)
        r = sl_dataset_push(shown->rows, p, 0, shown->rows->partition[p].count, &printer.outlet);
    sl_buf_done(&printer.buf);
    return r;
}

/* ---- names ---- */

static bool is_of(const struct showing *showing, const struct sl_reading_output *output)
{
    return sl_output_is_called(showing->name, output->path, output->batch_ms) ||
           (showing->name_in_job &&
            sl_output_is_called(showing->name_in_job, output->path, output->batch_ms));
}

static int note_output(void *arg, const struct sl_reading_output *output)
{
    struct showing *showing = arg;
    if (!is_of(showing, output))
        return 0;
    showing->is_output = true;
    showing->shown_ms = output->batch_ms;
    return 0;
}

/* ---- views ---- */

static int read_list(void *arg, char **ret, struct sl_error *err)
{
    return sl_reading_segments(arg, ret, err);
}

static int add_name(struct sl_buf *names, const char *name)
{
    return sl_buf_text(names, names->len ? ", " : "") && sl_buf_safe(names, name, strlen(name)) ? 0
                                                                                                : SL_ENOMEM;
}

static int refuse(struct showing *showing, const struct sl_snapshot *snapshot)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf names = {0};
    const char *name;
    bool is_view;
    int r =
        sl_reading_outputs(showing->reading, NULL, INT64_MIN, INT64_MAX, note_output, showing, showing->err);
    if (r < 0)
        return r;
    if (showing->is_output)
        return sl_error_set(showing->err, SL_EUSAGE, "%s is an output, no view; sluice tail prints outputs",
                            showing->name);
    for (size_t i = 0; (name = sl_kept_name(snapshot, i, &is_view)); i++)
        if (is_view && add_name(&names, name) < 0)
            return sl_error_nomem(showing->err);
    if (!names.len)
        return sl_error_set(showing->err, SL_EUSAGE, "there is no view %s: no view has shown anything yet",
                            showing->name);
    return sl_error_set(showing->err, SL_EUSAGE, "there is no view %s; there are %.*s", showing->name,
                        (int)names.len, (const char *)names.bytes);
}

/* Prints the newest version where it is newer than after_ms. *ret_is_there: whether there is the view at all. */
static int show_view(struct showing *showing, struct sl_snapshot *snapshot, bool *ret_is_there)
{
    struct sl_shown shown;
    int r = sl_kept_view(snapshot, showing->name, &shown, showing->err);
    if (r < 0)
        return r;
    *ret_is_there = shown.rows != NULL;
    if (shown.rows && shown.time_ms > showing->after_ms) {
        r = print_rows(showing, &shown);
        showing->after_ms = shown.time_ms;
        showing->shown++;
    }
    sl_shown_done(&shown);
    return r < 0 ? r : sl_stdout_flush(showing->err);
}

static int show_newest(struct showing *showing, bool *ret_is_there)
{
    struct sl_snapshot *snapshot;
    int r = sl_kept_open(showing->target->checkpoint, read_list, showing->reading, &snapshot, showing->err);
    if (r < 0)
        return r;
    r = show_view(showing, snapshot, ret_is_there);
    if (r == 0 && !*ret_is_there && showing->after_ms == INT64_MIN && !showing->is_stamped)
        r = refuse(showing, snapshot);
    sl_snapshot_close(snapshot);
    return r;
}

/* ---- outputs ---- */

static int copy_file(const char *path, struct sl_error *err)
{
    static const size_t size = COPY_BYTES;
    char *bytes = malloc(size);
    int fd = bytes ? sl_io_open_file(&sl_io_system, AT_FDCWD, path, O_RDONLY, 0, err) : sl_error_nomem(err);
    off_t at = 0;
    int r;
    ssize_t n = fd < 0 ? fd : 1;
    while (n > 0) {
        n = sl_io_read_at(&sl_io_system, fd, bytes, size, at, path, err);
        at += n > 0 ? n : 0;
        if (n > 0 && (r = sl_stdout_data(bytes, (size_t)n, err)) < 0)
            n = r;
    }
    if (fd >= 0)
        sl_io_close(&sl_io_system, fd);
    free(bytes);
    return (int)n;
}

static int is_part(const struct dirent *entry)
{
    return strncmp(entry->d_name, "part-", 5) == 0;
}

static int copy_parts(const char *directory, struct sl_error *err)
{
    struct dirent **names;
    int found = scandir(directory, &names, is_part, alphasort), r = 0;
    if (found < 0)
        return errno == ENOENT ? 0
                               : sl_error_sys(err, errno, "reading %s", directory); /* its time was over */
    for (int i = 0; i < found; i++) {
        char *path = NULL;
        if (r == 0)
            r = asprintf(&path, "%s/%s", directory, names[i]->d_name) < 0 ? sl_error_nomem(err)
                                                                          : copy_file(path, err);
        if (r != SL_ENOMEM)
            free(path);
        free(names[i]);
    }
    free(names);
    return r;
}

static int take_bytes(void *arg, const void *bytes, size_t len)
{
    const struct showing *showing = arg;
    return sl_stdout_data(bytes, len, showing->err);
}

static int copy_objects(struct showing *showing, const char *path)
{
    struct sl_job *job = showing->target->job_line.job;
    if (!job)
        return sl_error_set(showing->err, SL_EUSAGE,
                            "%s is in an object store: give JOB.lua, which says how it is reached", path);
    return sl_bucket_parts_read(sl_job_context(job), path, take_bytes, showing, showing->err);
}

static int show_output(void *arg, const struct sl_reading_output *output)
{
    struct showing *showing = arg;
    if (!is_of(showing, output))
        return 0;
    showing->after_ms = output->batch_ms;
    showing->shown++;
    if (strstr(output->path, "://"))
        return copy_objects(showing, output->path);
    const char *path = sl_target_path(showing->target, output->path);
    return path ? copy_parts(path, showing->err) : sl_error_nomem(showing->err);
}

static int show_outputs(struct showing *showing)
{
    int64_t from_ms = showing->after_ms;
    if (from_ms == INT64_MIN) { /* the newest one, and those that follow */
        int r = sl_reading_outputs(showing->reading, NULL, INT64_MIN, INT64_MAX, note_output, showing,
                                   showing->err);
        if (r < 0 || !showing->is_output)
            return r;
        from_ms = showing->shown_ms - 1;
    }
    int r = sl_reading_outputs(showing->reading, NULL, from_ms + 1, INT64_MAX, show_output, showing,
                               showing->err);
    return r < 0 ? r : sl_stdout_flush(showing->err);
}

/* ---- following ---- */

/* Until something happens in the checkpoint: after each commit its tick is replaced. */
static void pause_a_while(int events)
{
    struct pollfd fd = {events, POLLIN, 0};
    char bytes[4096];
    if (poll(&fd, 1, LOOK_AGAIN_MS) > 0)
        while (read(events, bytes, sizeof bytes) > 0)
            ;
}

/* A commit since the last look. */
static int has_news(struct showing *showing, uint64_t *batches, bool *ret)
{
    struct sl_reading_progress progress;
    int r = sl_reading_progress(showing->reading, &progress, showing->err);
    if (r == 0)
        *ret = progress.batches != *batches;
    *batches = r == 0 ? progress.batches : *batches;
    return r;
}

/* ---- a name that nothing has ---- */

struct names {
    struct sl_buf text;
    size_t count;
};

static int add_known(struct names *names, const char *name, size_t len)
{
    enum { SHOWN_MAX = 8 };
    if (names->count++ >= SHOWN_MAX)
        return 0;
    return sl_buf_text(&names->text, names->text.len ? ", " : "; so far there are ") &&
                   sl_buf_safe(&names->text, name, len)
               ? 0
               : SL_ENOMEM;
}

static int add_output(void *arg, const struct sl_reading_output *output)
{
    char time[32];
    snprintf(time, sizeof time, "-%" PRId64, output->batch_ms);
    const char *at = strstr(output->path, time);
    return add_known(arg, output->path, at ? (size_t)(at - output->path) : strlen(output->path));
}

/* The views, and the outputs of the newest batch. */
static int add_all(struct showing *showing, struct names *names)
{
    struct sl_reading_progress progress;
    struct sl_snapshot *snapshot;
    const char *name;
    bool is_view;
    int r = sl_kept_open(showing->target->checkpoint, read_list, showing->reading, &snapshot, showing->err);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && (name = sl_kept_name(snapshot, i, &is_view)); i++)
        r = is_view ? add_known(names, name, strlen(name)) : 0;
    sl_snapshot_close(snapshot);
    r = r < 0 ? r : sl_reading_progress(showing->reading, &progress, showing->err);
    return r < 0 ? r
                 : sl_reading_outputs(showing->reading, NULL, progress.last_ms, progress.last_ms, add_output,
                                      names, showing->err);
}

/* A job that has had batches and neither view nor output of this name: most likely it is misspelt. */
static int say_that_it_waits(struct showing *showing)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    struct names names = {0};
    int r = add_all(showing, &names);
    if (r == 0 &&
        (!sl_buf_printf(&text, "warning: neither a view nor an output is called %s%.*s; it is waited for",
                        showing->name, (int)names.text.len, (const char *)names.text.bytes) ||
         !sl_buf_byte(&text, 0)))
        r = sl_error_nomem(showing->err);
    sl_buf_done(&names.text);
    if (r == 0)
        sl_report((const char *)text.bytes);
    return r;
}

static int follow(struct showing *showing, uint64_t batches_max, int events)
{
    uint64_t batches = UINT64_MAX;
    bool is_new, is_there = false;
    for (bool is_first = true;; is_first = false) {
        int r = has_news(showing, &batches, &is_new);
        if (r == 0 && is_new && !showing->is_output)
            r = show_newest(showing, &is_there);
        if (r == 0 && is_new && (showing->is_output || !is_there))
            r = show_outputs(showing);
        if (r < 0 || showing->shown >= batches_max)
            return r;
        if (is_first && batches && !is_there && !showing->is_output)
            r = say_that_it_waits(showing);
        if (r < 0)
            return r;
        pause_a_while(events);
    }
}

/* ---- commands ---- */

/* VIEW [JOB.lua] as the line of a job: the job first. */
static int open_named(const struct sl_line *line, struct sl_target *target, const char **ret_name,
                      struct sl_error *err)
{
    const char *const *operands;
    size_t count = line->operand_count;
    if (count < 1 || count > 2)
        return count ? sl_error_set(err, SL_EUSAGE,
                                    "%s is one argument too many: give the name of a view, then the job",
                                    line->operands[2])
                     : sl_error_set(err, SL_EUSAGE, "which view? give its name, then the job");
    if (count == 2) {
        const char *name = line->operands[0];
        line->operands[0] = line->operands[1];
        line->operands[1] = name;
    }
    int r = sl_target_open(line, target, &operands, &count, err);
    if (r == 0 && count != 1) {
        sl_target_close(target);
        return sl_error_set(err, SL_EUSAGE, "which view? give its name, then the job");
    }
    if (r == 0)
        *ret_name = operands[0];
    return r;
}

static int run_cat(const struct sl_line *line)
{
    struct sl_error err;
    struct sl_target target;
    const char *format = sl_line_text(line, "format");
    struct showing showing = {.after_ms = INT64_MIN, .target = &target, .err = &err};
    bool is_there;
    showing.format = sl_format_find(format ? format : "tsv", format ? strlen(format) : 3);
    if (open_named(line, &target, &showing.name, &err) < 0)
        return sl_report_error(&err);
    int r = sl_reading_open(target.checkpoint, &showing.reading, &err);
    if (r == 0) {
        r = show_newest(&showing, &is_there);
        sl_reading_close(showing.reading);
    }
    sl_target_close(&target);
    return r < 0 ? sl_report_error(&err) : 0;
}

static int run_tail(const struct sl_line *line)
{
    struct sl_error err;
    struct sl_target target;
    struct showing showing = {.after_ms = INT64_MIN, .target = &target, .err = &err, .is_stamped = true};
    showing.format = sl_format_find("tsv", 3);
    if (open_named(line, &target, &showing.name, &err) < 0)
        return sl_report_error(&err);
    showing.name_in_job = sl_output_name_in_job(&target, showing.name);
    int events = sl_target_watch(&target);
    int r = sl_reading_open(target.checkpoint, &showing.reading, &err);
    if (r == 0) {
        r = follow(&showing, (uint64_t)sl_line_integer(line, "batches", INT64_MAX), events);
        sl_reading_close(showing.reading);
    }
    if (events >= 0)
        close(events);
    sl_target_close(&target);
    return r < 0 ? sl_report_error(&err) : 0;
}

const struct sl_command sl_command_cat = {
    .name = "cat",
    .arguments = "VIEW [JOB.lua] [options]",
    .summary = "prints the newest version of a view",
    .details = "The same bytes as MOUNT/VIEW/current, for machines without a mount; the job may run or not.\n"
               "\n"
               "    sluice cat counts JOB.lua",
    .flags = cat_flags,
    .run = run_cat,
};

const struct sl_command sl_command_tail = {
    .name = "tail",
    .arguments = "VIEW|OUTPUT [JOB.lua] [options]",
    .summary = "prints what a view shows or an output writes, batch after batch",
    .details =
        "Of a view, the newest version and each that follows, its rows after the time of their batch and a tab.\n"
        "Of an output, named by the prefix of its directories, the part files of the newest and of each that\n"
        "follows. Versions that are replaced before they are read are left out. Ends with --batches, or when it\n"
        "is interrupted.\n"
        "\n"
        "    sluice tail counts JOB.lua",
    .flags = tail_flags,
    .run = run_tail,
};
