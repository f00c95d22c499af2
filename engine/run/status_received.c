#include "engine/run/status_received.h"

#include "engine/graph/validate.h"
#include "engine/run/open_metrics.h"
#include "engine/run/status.h"
#include "text/json.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

static void add_source(struct sl_source *source, struct sl_buf *buf)
{
    struct sl_source_report report = {0};
    char text[PATH_MAX];
    const char *name = sl_source_name(source->node, text, sizeof text);
    source->ops->report(source, &report);
    sl_buf_printf(buf, "{\"source\":\"%s\"", source->node->op->name);
    sl_json_member_bytes(buf, "name", name ? name : "", name ? strlen(name) : 0);
    sl_json_member(buf, "connection", report.connection);
    sl_json_member(buf, "detail", report.detail);
    sl_buf_printf(buf,
                  ",\"received\":%" PRIu64 ",\"lag\":%" PRIu64 ",\"rate\":%.1f,\"log_bytes\":%" PRIu64
                  ",\"dropped\":%" PRIu64,
                  report.received, report.lag, report.rate, report.log_bytes, report.dropped);
    sl_buf_text(buf, ",\"position\":");
    sl_json_string(buf, report.position, report.position_len, NULL);
    if (report.partitions)
        sl_buf_printf(buf, ",\"partitions\":%s", report.partitions);
    sl_buf_byte(buf, '}');
}

static void add_table(struct sl_source *source, struct sl_buf *buf)
{
    struct sl_table_report report = {0};
    char text[PATH_MAX];
    const char *name = sl_source_name(source->node, text, sizeof text);
    source->ops->report_table(source, &report);
    sl_buf_text(buf, "{\"source\":\"table\"");
    sl_json_member_bytes(buf, "name", name ? name : "", name ? strlen(name) : 0);
    sl_json_member(buf, "version", report.version);
    sl_json_member(buf, "trouble", report.trouble);
    sl_buf_printf(buf,
                  ",\"rows\":%" PRIu64 ",\"keys\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"since\":%" PRId64 "}",
                  report.rows, report.keys, report.bytes, report.since_ms);
}

bool sl_status_received(const struct sl_run *run, const char **separator, struct sl_buf *buf)
{
    for (size_t s = 0; s < run->sources; s++) {
        struct sl_source *source = run->source[s];
        if (!source->ops->report && !source->ops->report_table)
            continue;
        sl_buf_text(buf, *separator);
        if (source->ops->report)
            add_source(source, buf);
        else
            add_table(source, buf);
        *separator = ",";
    }
    return !buf->failed;
}

/* ---- OpenMetrics ---- */

enum metric { RECEIVED, LAG, LOG_BYTES, DROPPED, CONNECTED, METRICS };

static const struct {
    const char *name, *suffix, *type, *help;
} metrics[METRICS] = {
    [RECEIVED] = {"received_records", "_total", "counter", "Records received over the life of the source."},
    [LAG] = {"received_lag", "", "gauge", "Received records that no committed batch has used."},
    [LOG_BYTES] = {"received_log_bytes", "", "gauge",
                   "Bytes of received data that no committed batch has used."},
    [DROPPED] = {"received_dropped", "_total", "counter", "Half records and connections that were dropped."},
    [CONNECTED] = {"received_connected", "", "gauge",
                   "1 while the source receives, 0 while it waits or has ended."},
};

static uint64_t value_of(const struct sl_source_report *report, enum metric metric)
{
    switch (metric) {
    case RECEIVED:
        return report->received;
    case LAG:
        return report->lag;
    case LOG_BYTES:
        return report->log_bytes;
    case DROPPED:
        return report->dropped;
    case CONNECTED:
        return strcmp(report->connection, "connected") == 0 || strcmp(report->connection, "listening") == 0;
    case METRICS:
        break;
    }
    return 0;
}

static void add_metric(const struct sl_run *run, enum metric metric, struct sl_buf *buf)
{
    bool is_first = true;
    for (size_t s = 0; s < run->sources; s++) {
        struct sl_source *source = run->source[s];
        struct sl_source_report report = {0};
        char text[PATH_MAX];
        const char *name = source->ops->report ? sl_source_name(source->node, text, sizeof text) : NULL;
        if (!name)
            continue;
        source->ops->report(source, &report);
        const struct sl_metric_label label = {"source", name, strlen(name)};
        if (is_first)
            sl_metric_family(buf, metrics[metric].name, metrics[metric].type, metrics[metric].help);
        is_first = false;
        sl_metric_sample(buf, metrics[metric].name, metrics[metric].suffix, &label, 1,
                         (double)value_of(&report, metric));
    }
}

void sl_status_received_metrics(const struct sl_run *run, struct sl_buf *buf)
{
    for (enum metric metric = 0; metric < METRICS; metric++)
        add_metric(run, metric, buf);
}

/* ---- changes ---- */

static uint64_t digest_text(uint64_t digest, const char *text)
{
    for (; *text; text++)
        digest = digest * 131 + (uint8_t)*text;
    return digest;
}

static uint64_t digest_tables(const struct sl_run *run)
{
    uint64_t digest = 0;
    for (size_t s = 0; s < run->sources; s++) {
        struct sl_table_report report = {0};
        if (!run->source[s]->ops->report_table)
            continue;
        run->source[s]->ops->report_table(run->source[s], &report);
        digest = digest_text(digest_text(digest, report.version), report.trouble);
    }
    return digest;
}

uint64_t sl_status_received_digest(const struct sl_run *run)
{
    uint64_t digest = digest_tables(run);
    for (size_t s = 0; s < run->sources; s++) {
        struct sl_source_report report = {0};
        if (!run->source[s]->ops->report)
            continue;
        run->source[s]->ops->report(run->source[s], &report);
        digest =
            digest * 1000003 + report.received * 31 + report.lag * 7 + report.dropped + (report.rate > 0);
        digest = digest_text(digest_text(digest, report.connection), report.detail);
    }
    return digest;
}
