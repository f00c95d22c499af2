#include "engine/run/status_text.h"

#include "core/contract/site.h"
#include "engine/graph/paths.h"
#include "engine/run/metrics_server.h"
#include "engine/run/status.h"
#include "engine/run/status_event_time.h"
#include "engine/run/status_operators.h"
#include "engine/run/status_received.h"
#include "state/catalog/counters.h"
#include "text/digest.h"
#include "text/json.h"
#include "watcher/watcher.h"

#include "sources/files.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNFINISHED_NAMED_MAX = 20 };

/* ---- status.json ---- */

/* Absolute: readers may have another working directory. */
static void add_path(struct sl_buf *buf, const char *name, const char *path)
{
    char absolute[PATH_MAX];
    const char *shown = path && realpath(path, absolute) ? absolute : path;
    if (shown)
        sl_json_member_bytes(buf, name, shown, strlen(shown));
    else
        sl_json_member(buf, name, NULL);
}

static void add_text(struct sl_buf *buf, const struct sl_field *name, uint64_t *replaced)
{
    sl_json_string(buf, name->str, name->len, replaced);
}

static void add_base64(struct sl_buf *buf, const struct sl_field *name, uint64_t *replaced)
{
    (void)replaced;
    sl_buf_byte(buf, '"');
    sl_buf_base64(buf, name->str, name->len);
    sl_buf_byte(buf, '"');
}

/* The list of the names of views. */
static void add_names(const struct sl_run *run,
                      void (*add)(struct sl_buf *buf, const struct sl_field *name, uint64_t *replaced),
                      struct sl_buf *buf, uint64_t *replaced)
{
    const char *separator = "[";
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (node->op->kind != SL_OP_OUTPUT || strcmp(node->op->name, "mount") != 0)
            continue;
        struct sl_field name = sl_node_value(node, 0);
        sl_buf_text(buf, separator);
        add(buf, &name, replaced);
        separator = ",";
    }
    sl_buf_text(buf, *separator == '[' ? "[]" : "]");
}

static void add_views(const struct sl_run *run, struct sl_buf *buf)
{
    char *mount = run->services.viewer ? sl_mount_path(run->context) : NULL;
    uint64_t replaced = 0;
    add_path(buf, "mount", mount);
    free(mount);
    sl_buf_text(buf, ",\"views\":");
    add_names(run, add_text, buf, &replaced);
    if (replaced) {
        sl_buf_text(buf, ",\"views_base64\":");
        add_names(run, add_base64, buf, &replaced);
    }
}

void sl_status_head(const struct sl_run *run, struct sl_buf *buf)
{
    const struct sl_context *context = run->context;
    sl_buf_byte(buf, '{');
    sl_json_member_bytes(buf, "job", context->name, strlen(context->name));
    add_path(buf, "dir", context->dir);
    add_views(run, buf);
    sl_buf_printf(buf, ",\"version\":\"%s\",\"pid\":%ld,\"clock\":\"%s\",\"interval_ms\":%" PRId64,
                  sl_version(), (long)getpid(), run->options->virtual_clock ? "virtual" : "real",
                  context->options.interval_ms);
    sl_buf_printf(buf, ",\"started_ms\":%" PRId64, sl_clock_real.now_ms(&sl_clock_real));
    sl_json_member(buf, "metrics",
                   run->status->server ? sl_metrics_server_address(run->status->server) : NULL);
}

static void add_last(const struct sl_run *run, struct sl_buf *buf)
{
    const struct sl_status_batch *last = &run->status->last;
    if (!run->committed)
        sl_buf_text(buf, ",\"last\":null");
    else {
        sl_buf_printf(buf,
                      ",\"last\":{\"time\":%" PRId64 ",\"finished_ms\":%" PRId64 ",\"records\":%" PRIu64
                      ",\"rejected\":%" PRIu64 ",\"files\":%" PRIu64 ",\"quarantined\":%" PRIu64
                      ",\"replaced\":%" PRIu64,
                      last->t, last->finished_ms, last->rows, last->rejected, last->files, last->quarantined,
                      last->replaced);
        sl_buf_printf(buf,
                      ",\"scheduling_delay_ms\":%" PRId64 ",\"processing_ms\":%" PRId64
                      ",\"total_delay_ms\":%" PRId64 "}",
                      last->scheduling_ms, last->processing_ms, last->total_ms);
    }
}

bool sl_status_is_of_files(const struct sl_source *source)
{
    return source->ops->remember != NULL;
}

static void add_counts(struct sl_watcher_counts *sum, const struct sl_arrivals *arrivals)
{
    struct sl_watcher_counts counts;
    sl_watcher_counts(arrivals, &counts);
    for (int i = 0; i < SL_STANDINGS; i++)
        sum->standing[i] += counts.standing[i];
    sum->ignored += counts.ignored;
    sum->changed += counts.changed;
    sum->again += counts.again;
    sum->scans += counts.scans;
    sum->polling = sum->polling || counts.polling;
    if (counts.oldest_ms && (!sum->oldest_ms || counts.oldest_ms < sum->oldest_ms))
        sum->oldest_ms = counts.oldest_ms;
    if (counts.missing_ms && (!sum->missing_ms || counts.missing_ms < sum->missing_ms)) {
        sum->missing_ms = counts.missing_ms;
        sum->missing = counts.missing;
        sum->path = counts.path;
    }
}

struct sl_watcher_counts sl_status_counts(const struct sl_source *source)
{
    const struct sl_arrivals *arrivals = ((const struct sl_file_source *)source)->arrivals, *part;
    struct sl_watcher_counts counts = {0};
    if (arrivals->ops->count)
        arrivals->ops->count(arrivals, &counts.standing[SL_STANDING_WAITING],
                             &counts.standing[SL_STANDING_TAKEN]);
    if (!arrivals->ops->part)
        add_counts(&counts, arrivals);
    for (size_t i = 0; arrivals->ops->part && (part = arrivals->ops->part(arrivals, i)); i++)
        add_counts(&counts, part);
    return counts;
}

uint64_t sl_status_held_back(const uint64_t *standing)
{
    return standing[SL_STANDING_WRITING] + standing[SL_STANDING_AGING] + standing[SL_STANDING_UNMARKED] +
           standing[SL_STANDING_UNFINISHED];
}

struct sl_status_intake sl_status_intake(const struct sl_run *run)
{
    struct sl_status_intake sum = {.mounts_lost = run->mounts_lost};
    for (size_t s = 0; s < run->sources; s++) {
        if (!sl_status_is_of_files(run->source[s]))
            continue;
        struct sl_watcher_counts counts = sl_status_counts(run->source[s]);
        sum.waiting += counts.standing[SL_STANDING_WAITING];
        sum.held_back += sl_status_held_back(counts.standing);
        sum.irregular += counts.standing[SL_STANDING_IRREGULAR];
        sum.changed += counts.changed;
        sum.missing += counts.missing_ms != 0;
    }
    sum.received = sl_status_received_digest(run);
    return sum;
}

/* A directory that is not read for now; of several, that which has been missing the longest. */
static void add_missing(const struct sl_source *source, const struct sl_watcher_counts *counts,
                        struct sl_buf *buf)
{
    if (counts->missing_ms) {
        if (((const struct sl_file_source *)source)->arrivals->ops->part)
            sl_json_member_bytes(buf, "missing_directory", counts->path, strlen(counts->path));
        sl_buf_printf(buf, ",\"missing_since_ms\":%" PRId64, counts->missing_ms);
        sl_json_member(buf, "missing", counts->missing);
    }
}

struct unfinished {
    struct sl_buf *buf;
    size_t count;
};

static void add_unfinished(void *arg, const char *path, int64_t since_ms)
{
    struct unfinished *unfinished = arg;
    sl_buf_text(unfinished->buf, unfinished->count++ ? ",{\"path\":" : "{\"path\":");
    sl_json_string(unfinished->buf, path, strlen(path), NULL);
    sl_buf_printf(unfinished->buf, ",\"since_ms\":%" PRId64 "}", since_ms);
}

/* The directories that wait for their _SUCCESS, by name. */
static void add_all_unfinished(const struct sl_source *source, struct sl_buf *buf)
{
    const struct sl_arrivals *arrivals = ((const struct sl_file_source *)source)->arrivals, *part;
    struct unfinished unfinished = {.buf = buf};
    sl_buf_text(buf, ",\"unfinished\":[");
    if (!arrivals->ops->part)
        sl_watcher_each_unfinished(arrivals, UNFINISHED_NAMED_MAX, add_unfinished, &unfinished);
    for (size_t i = 0; arrivals->ops->part && (part = arrivals->ops->part(arrivals, i)); i++)
        sl_watcher_each_unfinished(part, UNFINISHED_NAMED_MAX - unfinished.count, add_unfinished,
                                   &unfinished);
    sl_buf_byte(buf, ']');
}

static void add_source(const struct sl_source *source, struct sl_buf *buf)
{
    struct sl_watcher_counts counts = sl_status_counts(source);
    struct sl_field dir = sl_node_value(source->node, 0);
    const uint64_t *standing = counts.standing;
    sl_buf_byte(buf, '{');
    sl_json_member_bytes(buf, "directory", dir.str, dir.len);
    sl_buf_printf(buf, ",\"recursive\":%s",
                  sl_node_option_boolean(source->node, "recursive", false) ? "true" : "false");
    sl_buf_printf(buf,
                  ",\"waiting\":%" PRIu64 ",\"held_back\":%" PRIu64 ",\"taken\":%" PRIu64
                  ",\"filtered\":%" PRIu64 ",\"irregular\":%" PRIu64,
                  standing[SL_STANDING_WAITING], sl_status_held_back(standing), standing[SL_STANDING_TAKEN],
                  standing[SL_STANDING_FILTERED], standing[SL_STANDING_IRREGULAR]);
    sl_buf_printf(buf,
                  ",\"ignored\":%" PRIu64 ",\"changed_after_taken\":%" PRIu64 ",\"scans\":%" PRIu64
                  ",\"polling\":%s",
                  counts.ignored, counts.changed, counts.scans, counts.polling ? "true" : "false");
    sl_json_member_integer(buf, "oldest_waiting_ms", counts.oldest_ms != 0, counts.oldest_ms);
    add_missing(source, &counts, buf);
    add_all_unfinished(source, buf);
    sl_buf_byte(buf, '}');
}

static void add_sources(const struct sl_run *run, struct sl_status *status, struct sl_buf *buf)
{
    sl_buf_text(buf, ",\"sources\":[");
    const char *separator = "";
    for (size_t s = 0; s < run->sources; s++) {
        if (!sl_status_is_of_files(run->source[s]))
            continue;
        sl_buf_text(buf, separator);
        add_source(run->source[s], buf);
        separator = ",";
    }
    status->received_from = buf->len;
    status->received_separator = separator;
    sl_status_received(run, &separator, buf);
    status->received_to = buf->len;
    sl_buf_byte(buf, ']');
}

bool sl_status_count_readers(const struct sl_run *run, struct sl_viewer_counts *ret)
{
    struct sl_viewer *viewer = run->services.viewer;
    bool counted = viewer && viewer->ops->count;
    if (counted)
        viewer->ops->count(viewer, ret);
    return counted;
}

static void add_readers(const struct sl_run *run, struct sl_buf *buf)
{
    struct sl_viewer_counts counts;
    if (!sl_status_count_readers(run, &counts))
        sl_buf_text(buf, ",\"readers\":null");
    else
        sl_buf_printf(buf,
                      ",\"readers\":{\"open\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"pinned\":%" PRIu64
                      ",\"given_up\":%" PRIu64 ",\"skipped\":%" PRIu64 "}",
                      counts.opens, counts.waiting, counts.pinned, counts.given_up, counts.skipped);
}

static void add_counters_json(const struct sl_run *run, struct sl_buf *buf)
{
    const struct sl_context *context = run->context;
    sl_buf_text(buf, ",\"counters\":{");
    for (size_t i = 0; i < context->counters; i++) {
        struct sl_field name = sl_string(context->counter[i].name, strlen(context->counter[i].name));
        if (i)
            sl_buf_byte(buf, ',');
        sl_json_field(buf, &name, NULL);
        sl_buf_byte(buf, ':');
        sl_json_field(buf, &context->counter[i].value, NULL);
    }
    sl_buf_byte(buf, '}');
}

bool sl_status_json(struct sl_run *run, const char *state, const char *error, struct sl_buf *buf)
{
    struct sl_status *status = run->status;
    sl_buf_append(buf, status->head.bytes, status->head.len);
    sl_buf_printf(buf, ",\"state\":\"%s\",\"written_ms\":%" PRId64 ",\"batches\":%" PRIu64, state,
                  sl_clock_real.now_ms(&sl_clock_real), run->batches);
    if (error)
        sl_json_member(buf, "error", error);
    if (run->any)
        sl_buf_printf(buf, ",\"last_batch\":%" PRId64, run->last_ms);
    else
        sl_buf_text(buf, ",\"last_batch\":null");
    sl_buf_printf(buf,
                  ",\"run\":{\"batches\":%" PRIu64 ",\"records\":%" PRIu64 ",\"rejected\":%" PRIu64
                  ",\"files\":%" PRIu64 ",\"quarantined\":%" PRIu64 ",\"replaced\":%" PRIu64
                  "},\"deadletters_removed\":%" PRIu64 ",\"mounts_lost\":%" PRIu64,
                  run->committed, status->rows, status->rejected, status->files, status->quarantined,
                  status->replaced, run->letters.removed, run->mounts_lost);
    add_counters_json(run, buf);
    add_last(run, buf);
    add_sources(run, status, buf);
    add_readers(run, buf);
    sl_status_event_time(run, buf);
    sl_status_operators(run, buf);
    sl_status_recent(run, buf);
    sl_buf_text(buf, "}\n");
    return !buf->failed;
}

/* ---- batches/<t>.json ---- */

static void add_files(const struct sl_batch *batch, struct sl_buf *buf)
{
    size_t shown = 0;
    sl_buf_text(buf, ",\"inputs\":[");
    for (size_t s = 0; s < batch->plan.sources; s++) {
        const struct sl_files *files = &batch->plan.files[s];
        for (size_t i = 0; i < files->count && shown < SL_INPUT_PATHS_SHOWN; i++) {
            sl_buf_text(buf, shown++ ? "," : "");
            sl_json_string(buf, files->file[i].path, strlen(files->file[i].path), NULL);
        }
    }
    sl_buf_byte(buf, ']');
}

static void add_quarantined_files(const struct sl_batch_plan *plan, struct sl_buf *buf)
{
    sl_buf_text(buf, ",\"quarantined\":[");
    for (size_t i = 0; i < plan->quarantined_count && i < SL_INPUT_PATHS_SHOWN; i++) {
        const char *path = plan->files[plan->quarantined[i].source].file[plan->quarantined[i].file].path;
        sl_buf_text(buf, i ? ",{\"path\":" : "{\"path\":");
        sl_json_string(buf, path, strlen(path), NULL);
        sl_json_member(buf, "reason", plan->quarantined[i].reason);
        sl_buf_byte(buf, '}');
    }
    sl_buf_byte(buf, ']');
}

static void add_outputs(const struct sl_batch *batch, struct sl_buf *buf)
{
    sl_buf_text(buf, ",\"outputs\":[");
    const char *separator = "";
    for (size_t n = 0; n < batch->run->pipelines->nodes; n++) {
        const struct sl_manifest *manifest = &batch->manifest[n];
        if (!manifest->path)
            continue;
        sl_buf_printf(buf, "%s{\"path\":", separator);
        sl_json_string(buf, manifest->path, strlen(manifest->path), NULL);
        sl_buf_printf(buf, ",\"records\":%" PRIu64 "}", manifest->records);
        separator = ",";
    }
    sl_buf_byte(buf, ']');
}

bool sl_status_batch_json(const struct sl_batch *batch, struct sl_buf *buf)
{
    const struct sl_status_batch *last = &batch->run->status->last;
    sl_buf_printf(buf,
                  "{\"time\":%" PRId64 ",\"started_ms\":%" PRId64 ",\"finished_ms\":%" PRId64
                  ",\"files\":%" PRIu64 ",\"records\":%" PRIu64 ",\"rejected\":%" PRIu64,
                  last->t, batch->started_ms, last->finished_ms, last->files, last->rows, last->rejected);
    add_files(batch, buf);
    add_quarantined_files(&batch->plan, buf);
    add_outputs(batch, buf);
    sl_buf_text(buf, "}\n");
    return !buf->failed;
}

/* ---- errors ---- */

static void add_rejects(const struct sl_batch *batch, const struct sl_node *node, struct sl_buf *buf)
{
    const struct sl_rejects *rejects = &batch->run->rejects;
    const char *example = sl_rejects_example(rejects, node->number);
    SL_CLEANUP(sl_buf_done) struct sl_buf line = {0};
    sl_buf_printf(&line, "%" PRId64 "\t%s:%d: %s: %" PRIu64 " records set aside, for example: %s", batch->t,
                  node->site.file, node->site.line, node->op->name, rejects->failed[node->number],
                  example ? sl_site_strip(&node->site, example) : "");
    sl_buf_depends(buf, &line);
    sl_buf_safe(buf, line.bytes, line.len);
    sl_buf_byte(buf, '\n');
}

static void add_quarantined_file(const struct sl_batch *batch, const struct sl_quarantined *quarantined,
                                 struct sl_buf *buf)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf line = {0};
    sl_buf_printf(&line, "%" PRId64 "\t%s: quarantined: %s", batch->t,
                  batch->plan.files[quarantined->source].file[quarantined->file].path, quarantined->reason);
    sl_buf_depends(buf, &line);
    sl_buf_safe(buf, line.bytes, line.len);
    sl_buf_byte(buf, '\n');
}

void sl_status_errors(const struct sl_batch *batch, struct sl_buf *buf)
{
    const struct sl_run *run = batch->run;
    for (size_t n = 0; n < run->pipelines->nodes; n++)
        if (run->rejects.failed[n])
            add_rejects(batch, run->pipelines->node[n], buf);
    for (size_t i = 0; i < batch->plan.quarantined_count && i < SL_INPUT_PATHS_SHOWN; i++)
        add_quarantined_file(batch, &batch->plan.quarantined[i], buf);
}

/* ---- one line ---- */

bool sl_status_line(const struct sl_run *run, struct sl_buf *buf)
{
    const struct sl_status_batch *last = &run->status->last;
    return sl_buf_printf(buf,
                         "batch %" PRId64 ": %" PRIu64 " record%s in %" PRId64 " ms; %" PRIu64 " batch%s",
                         last->t, last->rows, last->rows == 1 ? "" : "s", last->processing_ms, run->batches,
                         run->batches == 1 ? "" : "es");
}
