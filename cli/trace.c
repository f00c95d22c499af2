#include "cli/commands.h"
#include "cli/inquiry.h"
#include "cli/report.h"
#include "cli/table_answer.h"

#include "core/base/array.h"
#include "core/base/buf.h"
#include "core/contract/operator.h"
#include "engine/graph/graph.h"
#include "receive/kafka/positions.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sl_flag trace_flags[] = {
    SL_TARGET_FLAGS,
    {0},
};

struct trace {
    struct sl_target *target;
    struct sl_reading *reading;
    const char *shown;
    char absolute[PATH_MAX]; /* what shown names */
    bool any;
    /* An output: as the job calls it, its batch, and which one of the batch it is. */
    const char *output;
    int64_t output_ms, number, position;
    uint64_t records;
};

static void print_row(const char *what, int64_t batch_ms, const char *path, const char *note)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    if (sl_buf_printf(&safe, "%s\t%" PRId64 "\t", what, batch_ms) && sl_buf_safe(&safe, path, strlen(path)) &&
        sl_buf_text(&safe, note ? "\t" : "") && sl_buf_safe(&safe, note ? note : "", note ? strlen(note) : 0))
        printf("%.*s\n", (int)safe.len, (const char *)safe.bytes);
}

static void print_output_row(int64_t batch_ms, const char *path, uint64_t records)
{
    char note[32];
    snprintf(note, sizeof note, "%" PRIu64 " record%s", records, records == 1 ? "" : "s");
    print_row("output", batch_ms, path, note);
}

/* ---- an output: its inputs ---- */

static int find_output(void *arg, const struct sl_reading_output *output)
{
    struct trace *trace = arg;
    char absolute[PATH_MAX];
    const char *path = sl_target_path(trace->target, output->path);
    if (!path || !realpath(path, absolute))
        return 0;
    size_t len = strlen(absolute);
    bool is_it = strncmp(absolute, trace->absolute, len) == 0 &&
                 (trace->absolute[len] == 0 || trace->absolute[len] == '/');
    if (!is_it)
        return 0;
    trace->output = sl_arena_text(&trace->target->arena, output->path, strlen(output->path));
    trace->output_ms = output->batch_ms;
    trace->number = output->number;
    trace->position = output->position;
    trace->records = output->records;
    return trace->output ? 1 : SL_ENOMEM;
}

static int print_input(void *arg, const struct sl_reading_file *file)
{
    print_row(file->quarantined ? "quarantined" : "input", file->batch_ms, file->file.path,
              file->quarantined);
    return 0;
}

/* The records [from, to) of a received log; documents of other sources are not looked into. */
static bool read_numbers(const char *range, uint64_t *ret_from, uint64_t *ret_to)
{
    return sscanf(range, "{\"from\":%" SCNu64 ",\"to\":%" SCNu64 "}", ret_from, ret_to) == 2;
}

/* "TOPIC-PARTITION", or NULL for any: whether the range of a Kafka source has the offset, or with -1 any at all. False
 * also where the document is none of a Kafka source. */
static bool has_offset(const char *range, const char *partition, int64_t offset)
{
    SL_CLEANUP(sl_kafka_positions_done) struct sl_kafka_positions positions = {0};
    struct sl_error err;
    bool has = false;
    if (sl_kafka_positions_parse(range, strlen(range), &positions, &err) < 0)
        return false;
    for (size_t i = 0; i < positions.count && !has; i++) {
        const struct sl_kafka_position *at = &positions.item[i];
        size_t len = strlen(at->topic);
        char number[16];
        snprintf(number, sizeof number, "%" PRId32, at->partition);
        bool is_it = !partition || (strncmp(partition, at->topic, len) == 0 && partition[len] == '-' &&
                                    strcmp(partition + len + 1, number) == 0);
        has = is_it && at->from < at->to && (offset < 0 || (offset >= at->from && offset < at->to));
    }
    return has;
}

static const char *name_of(const struct sl_reading_range *range)
{
    const char *name = strchr(range->source, ':');
    return name ? name + 1 : range->source;
}

static int print_range(void *arg, const struct sl_reading_range *range)
{
    uint64_t from, to;
    bool is_of_kafka = strchr(range->range, '[') != NULL;
    if (is_of_kafka ? has_offset(range->range, NULL, -1)
                    : !read_numbers(range->range, &from, &to) || from < to)
        print_row("input", range->batch_ms, name_of(range), range->range);
    return 0;
}

static int trace_output(struct trace *trace, struct sl_error *err)
{
    print_output_row(trace->output_ms, trace->output, trace->records);
    int r = sl_reading_inputs(trace->reading, trace->number, trace->position, print_input, trace, err);
    return r < 0 ? r
                 : sl_reading_input_ranges(trace->reading, trace->number, trace->position, print_range, trace,
                                           err);
}

/* ---- an input: its outputs ---- */

struct source_trace {
    struct trace *trace;
    struct sl_error *err;
};

static int print_output(void *arg, const struct sl_reading_output *output)
{
    print_output_row(output->batch_ms, output->path, output->records);
    return 0;
}

static int print_source(void *arg, const struct sl_reading_file *file)
{
    struct source_trace *source = arg;
    struct trace *trace = source->trace;
    trace->any = true;
    (void)print_input(NULL, file);
    if (file->quarantined || !file->committed)
        return 0;
    return sl_reading_made_of(trace->reading, file->source_id, file->batch_ms, print_output, NULL,
                              source->err);
}

/* "NAME#NUMBER": a record of a received source; "NAME#TOPIC-PARTITION#OFFSET": one of Kafka. */
struct record_trace {
    struct trace *trace;
    const char *number; /* in trace->shown, after '#' */
    struct sl_error *err;
};

static bool is_of_log(const struct record_trace *record, const struct sl_reading_range *range)
{
    const char *shown = record->trace->shown, *name = name_of(range);
    size_t len = (size_t)(record->number - 1 - shown);
    uint64_t from, to, number = strtoull(record->number, NULL, 10);
    return strlen(name) == len && strncmp(name, shown, len) == 0 && read_numbers(range->range, &from, &to) &&
           number >= from && number < to;
}

static bool is_of_partition(const struct record_trace *record, const struct sl_reading_range *range)
{
    const char *shown = record->trace->shown, *name = name_of(range);
    size_t name_len = strlen(name), len = (size_t)(record->number - 1 - shown);
    char partition[512];
    if (len <= name_len + 1 || len - name_len > sizeof partition || strncmp(name, shown, name_len) != 0 ||
        shown[name_len] != '#')
        return false;
    snprintf(partition, sizeof partition, "%.*s", (int)(len - name_len - 1), shown + name_len + 1);
    return has_offset(range->range, partition, strtoll(record->number, NULL, 10));
}

static int find_record(void *arg, const struct sl_reading_range *range)
{
    struct record_trace *record = arg;
    struct trace *trace = record->trace;
    if (!is_of_log(record, range) && !is_of_partition(record, range))
        return 0;
    trace->any = true;
    print_row("input", range->batch_ms, trace->shown, range->range);
    return sl_reading_made_of(trace->reading, range->source_id, range->batch_ms, print_output, NULL,
                              record->err);
}

/* 1: the record was found; 0: it is none. */
static int trace_record(struct trace *trace, struct sl_error *err)
{
    const char *hash = strrchr(trace->shown, '#');
    if (!hash || !hash[1] || hash[1 + strspn(hash + 1, "0123456789")])
        return 0;
    struct record_trace record = {trace, hash + 1, err};
    int r = sl_reading_ranges(trace->reading, INT64_MIN, INT64_MAX, find_record, &record, err);
    return r < 0 ? r : trace->any;
}

static int trace_input(struct trace *trace, struct sl_error *err)
{
    struct sl_inquiry inquiry;
    struct source_trace source = {.trace = trace, .err = err};
    int r = sl_inquiry_open(trace->target, trace->reading, trace->shown, &inquiry, err);
    if (r == SL_EUSAGE)
        return sl_error_set(
            err, SL_EUSAGE,
            "%s is neither an output that the catalog knows, nor in a watched directory, nor a "
            "record that a batch has used",
            trace->shown);
    if (r < 0)
        return r;
    r = sl_reading_files(trace->reading, inquiry.path, INT64_MIN, INT64_MAX, print_source, &source, err);
    sl_inquiry_close(&inquiry);
    if (r == 0 && !trace->any)
        r = sl_error_set(err, SL_EUSAGE, "no batch that the catalog knows has taken %s", trace->shown);
    return r;
}

/* ---- an output that is no file: its batches ---- */

struct named_trace {
    struct trace *trace;
    struct sl_reading_output *output; /* [count], without paths: that is trace->output */
    size_t count, capacity;
};

/* An object of a batch names the batch: "s3://bucket/prefix-<t>/part-00000". */
static bool is_named(const char *output, const char *shown)
{
    size_t len = strlen(output);
    return strncmp(output, shown, len) == 0 &&
           (!shown[len] || (shown[len] == '/' && strstr(output, "://") && !strchr(output, '#')));
}

static int note_batch(void *arg, const struct sl_reading_output *output)
{
    struct named_trace *named = arg;
    if (!is_named(output->path, named->trace->shown))
        return 0;
    named->trace->output = sl_arena_text(&named->trace->target->arena, output->path, strlen(output->path));
    struct sl_reading_output *grown =
        sl_array_grow(named->output, named->count, &named->capacity, sizeof *grown);
    if (!grown || !named->trace->output)
        return SL_ENOMEM;
    named->output = grown;
    named->output[named->count++] = *output;
    return 0;
}

/* 1: there was no such output. */
static int trace_named(struct trace *trace, struct sl_error *err)
{
    struct named_trace named = {.trace = trace};
    int r = sl_reading_outputs(trace->reading, NULL, INT64_MIN, INT64_MAX, note_batch, &named, err);
    if (r == SL_ENOMEM)
        sl_error_nomem(err);
    for (size_t i = 0; r == 0 && i < named.count; i++) {
        trace->output_ms = named.output[i].batch_ms;
        trace->number = named.output[i].number;
        trace->position = named.output[i].position;
        trace->records = named.output[i].records;
        r = trace_output(trace, err);
    }
    free(named.output);
    return r < 0 || named.count ? r : 1;
}

/* ---- the command ---- */

static int trace_path(struct trace *trace, struct sl_error *err)
{
    int r = 0;
    if (realpath(trace->shown, trace->absolute))
        r = sl_reading_outputs(trace->reading, NULL, INT64_MIN, INT64_MAX, find_output, trace, err);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (r != 0)
        return r < 0 ? r : trace_output(trace, err);
    r = trace_named(trace, err);
    if (r <= 0)
        return r;
    r = trace_record(trace, err);
    r = r ? r : sl_table_answer_trace(trace->target, trace->reading, trace->shown, err);
    return r > 0 ? 0 : r < 0 ? r : trace_input(trace, err);
}

/* A path that cannot be traced is reported, and the others are traced; *ret_status is the largest exit status of all. */
static int trace_all(struct sl_target *target, const char *const *paths, size_t count, int *ret_status,
                     struct sl_error *err)
{
    struct sl_reading *reading;
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    *ret_status = SL_STATUS_DONE;
    for (size_t i = 0; i < count; i++) {
        struct trace trace = {.target = target, .reading = reading, .shown = paths[i]};
        if (trace_path(&trace, err) < 0)
            sl_report_one(err, ret_status);
    }
    sl_reading_close(reading);
    return 0;
}

static int run_trace(const struct sl_line *line)
{
    struct sl_error err;
    struct sl_target target;
    const char *const *paths;
    size_t count;
    int status;
    if (sl_target_open(line, &target, &paths, &count, &err) < 0)
        return sl_report_error(&err);
    int r = count ? trace_all(&target, paths, count, &status, &err)
                  : sl_error_set(&err, SL_EUSAGE, "trace what? give the path of an output or of an input");
    sl_target_close(&target);
    return r < 0 ? sl_report_error(&err) : status;
}

const struct sl_command sl_command_trace = {
    .name = "trace",
    .arguments = "[JOB.lua] PATH...",
    .summary = "shows which inputs made an output, and which outputs an input went into",
    .details =
        "A line each: input, output or quarantined, the batch, the path as the job names it, and of an\n"
        "output the number of its records. A table is URL#TABLE, a topic kafka:TOPIC; an object names its\n"
        "batch. An output is made of its own sources, in all batches of its windows; what earlier batches\n"
        "left in a state is not followed. The catalog knows as much of the past as keepHistory says.\n"
        "Of several paths the exit status is the largest.",
    .flags = trace_flags,
    .run = run_trace,
};
