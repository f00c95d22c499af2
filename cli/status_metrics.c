#include "cli/status_metrics.h"

#include "cli/streams.h"
#include "core/base/buf.h"
#include "engine/run/open_metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS_BYTES_MAX = 16 << 20 };

static const char end[] = "# EOF\n";

/* Where its last line is; the whole length where it was cut off. */
static size_t end_of(const char *text, size_t len)
{
    const char *found = strstr(text, end);
    return found ? (size_t)(found - text) : len;
}

static int print(const char *text, size_t len, bool is_running, int64_t lag_ms, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    sl_buf_append(&buf, text, end_of(text, len));
    sl_metric_gauge(&buf, "running", "1 while a run is active, else 0.", is_running);
    sl_metric_gauge(
        &buf, "lag_seconds",
        "Since a batch was due that is not committed; where no run is active, since the last one looked.",
        (double)lag_ms / 1000);
    sl_buf_text(&buf, end);
    if (buf.failed)
        return sl_error_nomem(err);
    return sl_stdout_data(buf.bytes, buf.len, err);
}

int sl_status_print_metrics(struct sl_target *target, bool is_running, int64_t lag_ms, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    const char *path = sl_buf_path(&buf, "%s/metrics", target->checkpoint);
    char *text;
    size_t len;
    if (!path)
        return sl_error_nomem(err);
    int r = sl_io_read_file(&sl_io_system, AT_FDCWD, path, METRICS_BYTES_MAX, &text, &len, err);
    if (r < 0)
        return sl_error_hint(err, "a run writes the metrics when it begins, and after batches");
    r = print(text, len, is_running, lag_ms, err);
    free(text);
    return r;
}
