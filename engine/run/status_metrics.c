#include "engine/run/status_metrics.h"

#include "core/base/clock.h"
#include "core/rows/spill.h"
#include "engine/graph/validate.h"
#include "engine/run/open_metrics.h"
#include "engine/run/status.h"
#include "engine/run/status_event_time.h"
#include "engine/run/status_operators.h"
#include "engine/run/status_received.h"
#include "engine/run/status_text.h"
#include "state/catalog/counters.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DISK_LOOK_NS_SHIFT = 33 }; /* files are looked at every 8 s or so */

static struct sl_metric_label label_of(const char *name, const char *text)
{
    return (struct sl_metric_label){name, text, strlen(text)};
}

/* ---- the run ---- */

static void add_run(const struct sl_run *run, struct sl_buf *buf)
{
    const struct sl_status *status = run->status;
    struct sl_metric_label about[] = {label_of("version", sl_version()), label_of("job", run->context->name)};
    sl_metric_family(buf, "build_info", "gauge", "Version of sluice and name of the job.");
    sl_metric_sample(buf, "build_info", "", about, 2, 1);
    sl_metric_gauge(buf, "interval_seconds", "Time between batches.",
                    (double)run->context->options.interval_ms / 1000);
    sl_metric_gauge(buf, "start_timestamp_seconds", "When the run began.", (double)status->began_ms / 1000);
    sl_metric_counter(buf, "batches", "Batches committed by this run.", (double)run->committed);
    sl_metric_counter(buf, "records", "Records read.", (double)status->rows);
    sl_metric_counter(buf, "rejected_records", "Records that became dead letters.", (double)status->rejected);
    sl_metric_counter(buf, "files", "Files taken.", (double)status->files);
    sl_metric_counter(buf, "quarantined_files", "Files quarantined.", (double)status->quarantined);
    sl_metric_counter(buf, "deadletters_removed", "Dead letters removed because there were too many.",
                      (double)run->letters.removed);
    sl_metric_counter(buf, "replaced_characters", "U+FFFD written to JSON for bytes that were not UTF-8.",
                      (double)status->replaced);
    sl_metric_counter(buf, "mounts_lost", "Times that the mount was taken away.", (double)run->mounts_lost);
}

/* The last batch, as Spark's streaming tab has it. */
static void add_last(const struct sl_run *run, struct sl_buf *buf)
{
    const struct sl_status_batch *last = &run->status->last;
    double interval_s = (double)run->context->options.interval_ms / 1000;
    sl_metric_gauge(buf, "input_rate", "Records a second of the last batch.",
                    (double)last->rows / interval_s);
    sl_metric_gauge(buf, "scheduling_delay_seconds", "From the last batch's time to its start.",
                    (double)last->scheduling_ms / 1000);
    sl_metric_gauge(buf, "processing_time_seconds", "From the last batch's start to its end.",
                    (double)last->processing_ms / 1000);
    sl_metric_gauge(buf, "total_delay_seconds", "From the last batch's time to its end.",
                    (double)last->total_ms / 1000);
    sl_metric_gauge(buf, "last_batch_timestamp_seconds", "The last batch's time.", (double)last->t / 1000);
}

static void add_histogram(struct sl_buf *buf, const char *name, const char *help,
                          const struct sl_metric_times *histogram)
{
    sl_metric_family(buf, name, "histogram", help);
    sl_metric_histogram(buf, name, histogram);
}

static void add_histograms(const struct sl_totals *totals, struct sl_buf *buf)
{
    add_histogram(buf, "batch_scheduling_delay_seconds", "From the time of a batch to its start.",
                  &totals->scheduling);
    add_histogram(buf, "batch_processing_seconds", "From the start of a batch to its end.",
                  &totals->processing);
    add_histogram(buf, "batch_total_delay_seconds", "From the time of a batch to its end.", &totals->total);
}

/* Counters of the job: names are the job's. */
static void add_job_counters(const struct sl_run *run, struct sl_buf *buf)
{
    const struct sl_context *context = run->context;
    if (context->counters)
        sl_metric_family(buf, "counter", "gauge", "Totals of the job's counters.");
    for (size_t i = 0; i < context->counters; i++) {
        const struct sl_field *value = &context->counter[i].value;
        struct sl_metric_label name = label_of("name", context->counter[i].name);
        sl_metric_sample(buf, "counter", "", &name, 1,
                         value->tag == SL_INT ? (double)value->integer : value->number);
    }
}

/* ---- operators ---- */

enum node_metric { IN, OUT, REJECTED, LATE, KEYS, BATCHES, ROWS, BYTES, NODE_METRICS };

static const struct {
    const char *name, *suffix, *kind, *help;
} node_metrics[NODE_METRICS] = {
    [IN] = {"operator_records_in", "_total", "counter", "Records that went into the operator."},
    [OUT] = {"operator_records_out", "_total", "counter",
             "Records that the operator gave; outputs have none."},
    [REJECTED] = {"operator_rejected_records", "_total", "counter",
                  "Records that became dead letters at the operator."},
    [LATE] = {"operator_late_records", "_total", "counter",
              "Records that were too late for the windows of the operator."},
    [KEYS] = {"state_keys", "", "gauge", "Keys that the operator has state for."},
    [BATCHES] = {"window_batches", "", "gauge", "Batches with data that the operator's window holds."},
    [ROWS] = {"window_records", "", "gauge",
              "Records that the operator's window holds; groups where it reduces."},
    [BYTES] = {"state_bytes", "", "gauge", "Memory that the state or window of the operator holds."},
};

/* -1: the operator has none. */
static double value_of(const struct sl_run *run, const struct sl_node *node, enum node_metric metric)
{
    const struct sl_node_totals *node_totals = run->status->totals.node;
    struct sl_node_totals totals = node_totals ? node_totals[node->number] : (struct sl_node_totals){0};
    struct sl_held held = sl_status_held(run, node);
    switch (metric) {
    case IN:
        return node->op->kind == SL_OP_SOURCE || node->op->kind == SL_OP_META ? -1 : (double)totals.in;
    case OUT:
        return node->op->kind == SL_OP_OUTPUT || node->op->kind == SL_OP_META ? -1 : (double)totals.out;
    case REJECTED:
        return (double)totals.rejected;
    case LATE:
        return node->op->wide && node->op->wide->open ? (double)totals.late : -1;
    case KEYS:
        return (double)held.keys;
    case BATCHES:
        return (double)held.batches;
    case ROWS:
        return (double)held.rows;
    case BYTES:
        return (double)held.bytes;
    case NODE_METRICS:
        break;
    }
    return -1;
}

static void add_node(const struct sl_node *node, enum node_metric metric, double value, struct sl_buf *buf)
{
    char number[16], line[16];
    snprintf(number, sizeof number, "%u", node->number);
    snprintf(line, sizeof line, "%d", node->site.line);
    struct sl_metric_label labels[] = {label_of("operator", node->op->name), label_of("number", number),
                                       label_of("line", line),
                                       label_of("name", node->name ? node->name : "")};
    sl_metric_sample(buf, node_metrics[metric].name, node_metrics[metric].suffix, labels, node->name ? 4 : 3,
                     value);
}

static void add_nodes(const struct sl_run *run, enum node_metric metric, struct sl_buf *buf)
{
    bool any = false;
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        double value = run->pipelines->used[n] ? value_of(run, node, metric) : -1;
        if (value < 0)
            continue;
        if (!any)
            sl_metric_family(buf, node_metrics[metric].name, node_metrics[metric].kind,
                             node_metrics[metric].help);
        add_node(node, metric, value, buf);
        any = true;
    }
}

static void add_operators(const struct sl_run *run, struct sl_buf *buf)
{
    for (enum node_metric metric = 0; metric < NODE_METRICS; metric++)
        add_nodes(run, metric, buf);
}

/* ---- sources ---- */

enum source_metric {
    SOURCE_RECORDS,
    SOURCE_FILES,
    SOURCE_BYTES,
    SOURCE_REJECTED,
    SOURCE_QUARANTINED,
    SOURCE_WAITING,
    SOURCE_HELD_BACK,
    SOURCE_METRICS
};

static const struct {
    const char *name, *suffix, *kind, *help;
    bool of_files;
} source_metrics[SOURCE_METRICS] = {
    [SOURCE_RECORDS] = {"source_records", "_total", "counter", "Records read.", false},
    [SOURCE_FILES] = {"source_files", "_total", "counter", "Files taken.", true},
    [SOURCE_BYTES] = {"source_bytes", "_total", "counter", "Bytes of the files taken, as they are on disk.",
                      true},
    [SOURCE_REJECTED] = {"source_rejected_records", "_total", "counter",
                         "Records of the source that became dead letters.", true},
    [SOURCE_QUARANTINED] = {"source_quarantined_files", "_total", "counter", "Files quarantined.", true},
    [SOURCE_WAITING] = {"source_files_waiting", "", "gauge", "Files that the next batch takes.", true},
    [SOURCE_HELD_BACK] = {"source_files_held_back", "", "gauge",
                          "Files that are being written, too young or without their marker.", true},
};

static double source_value(const struct sl_run *run, size_t s, enum source_metric metric)
{
    const struct sl_totals *totals = &run->status->totals;
    const struct sl_node *node = run->source[s]->node;
    struct sl_source_totals own = totals->source ? totals->source[s] : (struct sl_source_totals){0};
    struct sl_watcher_counts counts = {0};
    if (metric >= SOURCE_WAITING)
        counts = sl_status_counts(run->source[s]);
    switch (metric) {
    case SOURCE_RECORDS:
        return totals->node ? (double)totals->node[node->number].out : 0;
    case SOURCE_FILES:
        return (double)own.files;
    case SOURCE_BYTES:
        return (double)own.bytes;
    case SOURCE_REJECTED:
        return (double)own.rejected;
    case SOURCE_QUARANTINED:
        return (double)own.quarantined;
    case SOURCE_WAITING:
        return (double)counts.standing[SL_STANDING_WAITING];
    case SOURCE_HELD_BACK:
        return (double)sl_status_held_back(counts.standing);
    case SOURCE_METRICS:
        break;
    }
    return 0;
}

static void add_source(const struct sl_run *run, size_t s, enum source_metric metric, struct sl_buf *buf)
{
    char path[PATH_MAX], number[16];
    const struct sl_node *node = run->source[s]->node;
    const char *name = sl_source_name(node, path, sizeof path);
    snprintf(number, sizeof number, "%u", node->number);
    struct sl_metric_label labels[] = {label_of("source", name ? name : ""), label_of("number", number)};
    sl_metric_sample(buf, source_metrics[metric].name, source_metrics[metric].suffix, labels, 2,
                     source_value(run, s, metric));
}

static void add_source_metric(const struct sl_run *run, enum source_metric metric, struct sl_buf *buf)
{
    bool any = false;
    for (size_t s = 0; s < run->sources; s++) {
        if (source_metrics[metric].of_files && !sl_status_is_of_files(run->source[s]))
            continue;
        if (!any)
            sl_metric_family(buf, source_metrics[metric].name, source_metrics[metric].kind,
                             source_metrics[metric].help);
        add_source(run, s, metric, buf);
        any = true;
    }
}

static void add_sources(const struct sl_run *run, struct sl_buf *buf)
{
    struct sl_status_intake intake = sl_status_intake(run);
    for (enum source_metric metric = 0; metric < SOURCE_METRICS; metric++)
        add_source_metric(run, metric, buf);
    sl_metric_gauge(buf, "files_waiting", "Files that the next batch takes.", (double)intake.waiting);
    sl_metric_gauge(buf, "files_held_back",
                    "Files that are being written, too young or without their marker.",
                    (double)intake.held_back);
    sl_metric_gauge(buf, "directories_missing",
                    "Watched directories that are not read, for they are missing.", (double)intake.missing);
    sl_metric_gauge(buf, "irregular_files", "Symlinks, FIFOs, sockets and devices, which are not read.",
                    (double)intake.irregular);
    sl_metric_counter(buf, "files_changed_after_taken", "Files that changed after they were taken.",
                      (double)intake.changed);
}

/* ---- views ---- */

enum view_metric { VIEW_VERSIONS, VIEW_LISTED, VIEW_READERS, VIEW_TIME, VIEW_METRICS };

static const struct {
    const char *name, *suffix, *kind, *help;
} view_metrics[VIEW_METRICS] = {
    [VIEW_VERSIONS] = {"view_versions", "_total", "counter", "Versions that the view has shown."},
    [VIEW_LISTED] = {"view_versions_kept", "", "gauge", "Versions that can be read under at/."},
    [VIEW_READERS] = {"view_open_files", "", "gauge", "Files of the view that readers have open."},
    [VIEW_TIME] = {"view_timestamp_seconds", "", "gauge", "Time of the batch that the view shows."},
};

static double view_value(const struct sl_view_counts *counts, enum view_metric metric)
{
    switch (metric) {
    case VIEW_VERSIONS:
        return (double)counts->published;
    case VIEW_LISTED:
        return (double)counts->listed;
    case VIEW_READERS:
        return (double)counts->opens;
    case VIEW_TIME:
        return counts->published ? (double)counts->time_ms / 1000 : -1;
    case VIEW_METRICS:
        break;
    }
    return -1;
}

static void add_view(const struct sl_run *run, const struct sl_node *node, enum view_metric metric,
                     struct sl_buf *buf)
{
    struct sl_viewer *viewer = run->services.viewer;
    struct sl_view_counts counts;
    struct sl_field name = sl_node_value(node, 0);
    struct sl_metric_label label = {"view", name.str, name.len};
    viewer->ops->count_view(viewer, node->view, &counts);
    double value = view_value(&counts, metric);
    if (value >= 0)
        sl_metric_sample(buf, view_metrics[metric].name, view_metrics[metric].suffix, &label, 1, value);
}

static bool is_view(const struct sl_node *node)
{
    return node->op->kind == SL_OP_OUTPUT && strcmp(node->op->name, "mount") == 0;
}

static void add_views(const struct sl_run *run, struct sl_buf *buf)
{
    if (!run->services.viewer->ops->count_view)
        return;
    for (enum view_metric metric = 0; metric < VIEW_METRICS; metric++) {
        sl_metric_family(buf, view_metrics[metric].name, view_metrics[metric].kind,
                         view_metrics[metric].help);
        for (size_t n = 0; n < run->pipelines->nodes; n++)
            if (is_view(run->pipelines->node[n]))
                add_view(run, run->pipelines->node[n], metric, buf);
    }
}

static void add_readers(const struct sl_run *run, struct sl_buf *buf)
{
    struct sl_viewer_counts counts;
    if (sl_status_count_readers(run, &counts)) {
        sl_metric_gauge(buf, "mount_open_files", "Files of the mount that readers have open.",
                        (double)counts.opens);
        sl_metric_gauge(buf, "mount_waiting_reads", "Reads of next and feed that wait.",
                        (double)counts.waiting);
        sl_metric_gauge(buf, "mount_pinned_versions", "Old versions that readers alone hold.",
                        (double)counts.pinned);
        sl_metric_counter(buf, "mount_given_up_versions", "Old versions given up: too many were held.",
                          (double)counts.given_up);
        sl_metric_counter(buf, "mount_skipped_versions",
                          "Versions that a reader of log or feed was too slow for.", (double)counts.skipped);
        add_views(run, buf);
    }
}

/* ---- what it takes ---- */

static void add_disk(struct sl_run *run, struct sl_buf *buf)
{
    struct sl_status *status = run->status;
    int64_t now_ns = sl_monotonic_ns();
    sl_metric_family(buf, "checkpoint_bytes", "gauge", "Bytes of files in the checkpoint.");
    if (!status->disk_ns || now_ns - status->disk_ns > 1LL << DISK_LOOK_NS_SHIFT) {
        sl_disk_use(run->services.job_dirfd, run->checkpoint, &status->disk);
        status->disk_ns = now_ns;
    }
    for (int part = 0; part < SL_DISK_PARTS; part++) {
        struct sl_metric_label label = label_of("part", sl_disk_part_name[part]);
        sl_metric_sample(buf, "checkpoint_bytes", "", &label, 1, (double)status->disk.bytes[part]);
    }
    if (status->disk.free_bytes >= 0)
        sl_metric_gauge(buf, "checkpoint_free_bytes",
                        "Bytes that are free on the file system of the checkpoint.",
                        (double)status->disk.free_bytes);
}

static void add_spill(const struct sl_run *run, struct sl_buf *buf)
{
    const struct sl_spill *spill = run->services.spill;
    sl_metric_gauge(buf, "spill_bytes", "Bytes on disk of what exceeds memoryLimit.",
                    spill ? (double)spill->held : 0);
    sl_metric_counter(buf, "spill_written_bytes", "Bytes written to disk because of memoryLimit.",
                      spill ? (double)spill->written : 0);
}

static void add_process_gauge(struct sl_buf *buf, const char *name, const char *help, int64_t value)
{
    if (value >= 0)
        sl_metric_gauge(buf, name, help, (double)value);
}

static void add_process(struct sl_buf *buf)
{
    struct sl_process_use use;
    sl_process_use(&use);
    add_process_gauge(buf, "process_resident_memory_bytes", "Resident memory.", use.resident_bytes);
    add_process_gauge(buf, "process_virtual_memory_bytes", "Virtual memory.", use.virtual_bytes);
    add_process_gauge(buf, "process_open_fds", "Open file descriptors.", use.open_fds);
    add_process_gauge(buf, "process_max_fds", "Limit of open file descriptors.", use.fds_max);
    if (use.cpu_seconds >= 0)
        sl_metric_counter(buf, "process_cpu_seconds", "Processor time in user and system mode.",
                          use.cpu_seconds);
}

void sl_status_metrics(struct sl_run *run, struct sl_buf *buf)
{
    add_run(run, buf);
    if (run->committed)
        add_last(run, buf);
    add_histograms(&run->status->totals, buf);
    add_operators(run, buf);
    add_sources(run, buf);
    sl_status_received_metrics(run, buf);
    sl_status_event_time_metrics(run, buf);
    add_job_counters(run, buf);
    add_readers(run, buf);
    if (run->catalog)
        add_disk(run, buf);
    add_spill(run, buf);
    add_process(buf);
    sl_buf_text(buf, "# EOF\n");
}
