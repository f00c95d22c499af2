/* Metrics as text. What is written is OpenMetrics 1.0; sl_metrics_as_prometheus makes of it the older text format of
 * Prometheus (0.0.4), in which a counter's family has the name of its sample.
 *
 * sl_metric_family, then its samples; another family; "# EOF" at the end. Each appends to a buffer; false: out of memory.
 * Values of labels may be any bytes. */
#pragma once

#include "core/base/buf.h"

struct sl_metric_label {
    const char *name;
    const void *bytes; /* not valid UTF-8: U+FFFD is written */
    size_t len;
};

enum { SL_METRIC_BUCKETS = 16 };

/* Of times in ms. */
struct sl_metric_times {
    uint64_t bucket[SL_METRIC_BUCKETS + 1]; /* not cumulative; the last: more than the largest bound */
    uint64_t count;
    int64_t sum_ms;
};

/* kind: "counter", "gauge" or "histogram". name: without "sluice_". */
void sl_metric_family(struct sl_buf *buf, const char *name, const char *kind, const char *help);
/* suffix: "_total" of a counter, else "". Whole numbers are written as such. */
void sl_metric_sample(struct sl_buf *buf, const char *name, const char *suffix,
                      const struct sl_metric_label *labels, size_t count, double value);
void sl_metric_histogram(struct sl_buf *buf, const char *name, const struct sl_metric_times *histogram);

/* A family of one sample without labels. */
void sl_metric_counter(struct sl_buf *buf, const char *name, const char *help, double value);
void sl_metric_gauge(struct sl_buf *buf, const char *name, const char *help, double value);

void sl_metric_times_add(struct sl_metric_times *histogram, int64_t ms);

void sl_metrics_as_prometheus(const void *text, size_t len, struct sl_buf *buf);
