#include "engine/run/open_metrics.h"

#include "text/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- lines ---- */

void sl_metric_family(struct sl_buf *buf, const char *name, const char *kind, const char *help)
{
    sl_buf_printf(buf, "# TYPE sluice_%s %s\n# HELP sluice_%s %s\n", name, kind, name, help);
}

static void add_escaped(struct sl_buf *buf, const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint32_t code;
        size_t step = sl_utf8_sequence(bytes + at, len - at, &code);
        if (code == '\n')
            sl_buf_text(buf, "\\n");
        else if (code == '"' || code == '\\') {
            sl_buf_byte(buf, '\\');
            sl_buf_byte(buf, (uint8_t)code);
        } else if (code == SL_UTF8_INVALID || code < ' ')
            sl_buf_text(buf, "\xEF\xBF\xBD");
        else
            sl_buf_append(buf, bytes + at, step);
        at += step;
    }
}

static void add_labels(struct sl_buf *buf, const struct sl_metric_label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sl_buf_printf(buf, "%s%s=\"", i ? "," : "{", labels[i].name);
        add_escaped(buf, labels[i].bytes, labels[i].len);
        sl_buf_byte(buf, '"');
    }
    if (count)
        sl_buf_byte(buf, '}');
}

static void add_value(struct sl_buf *buf, double value)
{
    bool is_whole = fabs(value) < 9e15 && value == floor(value);
    if (is_whole)
        sl_buf_printf(buf, " %" PRId64 "\n", (int64_t)value);
    else
        sl_buf_printf(buf, " %.3f\n", value);
}

void sl_metric_sample(struct sl_buf *buf, const char *name, const char *suffix,
                      const struct sl_metric_label *labels, size_t count, double value)
{
    sl_buf_printf(buf, "sluice_%s%s", name, suffix);
    add_labels(buf, labels, count);
    add_value(buf, value);
}

void sl_metric_counter(struct sl_buf *buf, const char *name, const char *help, double value)
{
    sl_metric_family(buf, name, "counter", help);
    sl_metric_sample(buf, name, "_total", NULL, 0, value);
}

void sl_metric_gauge(struct sl_buf *buf, const char *name, const char *help, double value)
{
    sl_metric_family(buf, name, "gauge", help);
    sl_metric_sample(buf, name, "", NULL, 0, value);
}

/* ---- histograms ---- */

static const struct {
    int64_t ms;
    const char *text; /* in seconds */
} bounds[SL_METRIC_BUCKETS] = {
    {1, "0.001"},    {2, "0.002"},    {5, "0.005"},    {10, "0.01"},      {25, "0.025"}, {50, "0.05"},
    {100, "0.1"},    {250, "0.25"},   {500, "0.5"},    {1000, "1.0"},     {2500, "2.5"}, {5000, "5.0"},
    {10000, "10.0"}, {30000, "30.0"}, {60000, "60.0"}, {300000, "300.0"},
};

void sl_metric_times_add(struct sl_metric_times *histogram, int64_t ms)
{
    size_t i = 0;
    while (i < SL_METRIC_BUCKETS && ms > bounds[i].ms)
        i++;
    histogram->bucket[i]++;
    histogram->count++;
    histogram->sum_ms += ms;
}

void sl_metric_histogram(struct sl_buf *buf, const char *name, const struct sl_metric_times *histogram)
{
    uint64_t below = 0;
    for (size_t i = 0; i < SL_METRIC_BUCKETS; i++) {
        below += histogram->bucket[i];
        sl_buf_printf(buf, "sluice_%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, bounds[i].text, below);
    }
    sl_buf_printf(
        buf, "sluice_%s_bucket{le=\"+Inf\"} %" PRIu64 "\nsluice_%s_count %" PRIu64 "\nsluice_%s_sum %.3f\n",
        name, histogram->count, name, histogram->count, name, (double)histogram->sum_ms / 1000);
}

/* ---- the older format ---- */

static bool begins(const char *line, size_t len, const char *with)
{
    return len >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

/* "# TYPE name kind", with "_total" after the name of a counter; the same of "# HELP name text" that follows it. */
static void add_described(struct sl_buf *buf, const char *line, size_t len, bool is_counter)
{
    const size_t start = strlen("# TYPE ");
    const char *space = memchr(line + start, ' ', len - start);
    size_t name_end = space ? (size_t)(space - line) : len;
    sl_buf_append(buf, line, name_end);
    sl_buf_text(buf, is_counter ? "_total" : "");
    sl_buf_append(buf, line + name_end, len - name_end);
    sl_buf_byte(buf, '\n');
}

void sl_metrics_as_prometheus(const void *text, size_t len, struct sl_buf *buf)
{
    static const char counter[] = " counter";
    const char *at = text, *end = at + len;
    bool is_counter = false;
    for (size_t line; at < end; at += line + 1) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        line = newline ? (size_t)(newline - at) : (size_t)(end - at);
        bool is_type = begins(at, line, "# TYPE ");
        if (is_type)
            is_counter = line > sizeof counter &&
                         memcmp(at + line - (sizeof counter - 1), counter, sizeof counter - 1) == 0;
        if (is_type || begins(at, line, "# HELP "))
            add_described(buf, at, line, is_counter);
        else if (!begins(at, line, "# EOF")) {
            sl_buf_append(buf, at, line);
            sl_buf_byte(buf, '\n');
        }
    }
}
