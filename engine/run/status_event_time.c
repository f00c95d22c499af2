#include "engine/run/status_event_time.h"

#include "text/json.h"

#include <inttypes.h>

struct sums {
    bool any;
    int64_t watermark_ms; /* the oldest */
    uint64_t open;
};

/* What no output uses is not run: it would show a watermark that never moves. */
static bool gives_times(const struct sl_run *run, const struct sl_node *node)
{
    return run->pipelines->used[node->number] && node->op->wide && node->op->wide->watermark;
}

static int64_t watermark_of(const struct sl_run *run, const struct sl_node *node)
{
    return node->op->wide->watermark(node, run->memory[node->number], run->any ? run->last_ms : 0, NULL);
}

static struct sums sum_up(const struct sl_run *run)
{
    struct sums sums = {.watermark_ms = SL_END_OF_TIME};
    for (size_t n = 0; run->memory && n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (gives_times(run, node)) {
            int64_t watermark_ms = watermark_of(run, node);
            sums.any = true;
            sums.watermark_ms = watermark_ms < sums.watermark_ms ? watermark_ms : sums.watermark_ms;
        }
        if (node->op->wide && node->op->wide->open)
            sums.open += node->op->wide->open(run->memory[n]);
    }
    return sums;
}

static void add_time(struct sl_buf *buf, const char *name, int64_t ms)
{
    if (ms == SL_END_OF_TIME)
        sl_json_member(buf, name, "end");
    else
        sl_json_member_integer(buf, name, ms != SL_NO_TIME, ms);
}

static int64_t lag_of(const struct sl_run *run, int64_t watermark_ms)
{
    if (watermark_ms == SL_NO_TIME || watermark_ms == SL_END_OF_TIME)
        return 0;
    return run->services.clock->now_ms(run->services.clock) - watermark_ms;
}

static void add_watermark(const struct sl_run *run, const struct sl_node *node, struct sl_buf *buf)
{
    int64_t watermark_ms = watermark_of(run, node);
    sl_buf_printf(buf, "{\"line\":%d", node->site.line);
    add_time(buf, "watermark", watermark_ms);
    add_time(buf, "newest", node->op->wide->newest(run->memory[node->number]));
    sl_buf_printf(buf, ",\"lag_ms\":%" PRId64 "}", lag_of(run, watermark_ms));
}

void sl_status_event_time(const struct sl_run *run, struct sl_buf *buf)
{
    struct sums sums = sum_up(run);
    const char *separator = "";
    if (!sums.any)
        return;
    sl_buf_printf(buf, ",\"event_time\":{\"late\":%" PRIu64 ",\"open_windows\":%" PRIu64 ",\"watermarks\":[",
                  run->late_records, sums.open);
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        if (!gives_times(run, run->pipelines->node[n]))
            continue;
        sl_buf_text(buf, separator);
        add_watermark(run, run->pipelines->node[n], buf);
        separator = ",";
    }
    sl_buf_text(buf, "]}");
}

static void add_metric(struct sl_buf *buf, const char *name, const char *kind, const char *help, double value)
{
    sl_buf_printf(buf, "# TYPE sluice_%s %s\n# HELP sluice_%s %s\nsluice_%s%s %.3f\n", name, kind, name, help,
                  name, kind[0] == 'c' ? "_total" : "", value);
}

void sl_status_event_time_metrics(const struct sl_run *run, struct sl_buf *buf)
{
    struct sums sums = sum_up(run);
    if (!sums.any)
        return;
    bool known = sums.watermark_ms != SL_NO_TIME && sums.watermark_ms != SL_END_OF_TIME;
    add_metric(buf, "late_records", "counter", "Records that were too late for their windows.",
               (double)run->late_records);
    add_metric(buf, "open_windows", "gauge", "Windows, sessions and keys that event time keeps open.",
               (double)sums.open);
    if (known) {
        add_metric(buf, "watermark_timestamp_seconds", "gauge", "The oldest watermark.",
                   (double)sums.watermark_ms / 1000);
        add_metric(buf, "watermark_lag_seconds", "gauge", "How much older than the clock it is.",
                   (double)lag_of(run, sums.watermark_ms) / 1000);
    }
}
