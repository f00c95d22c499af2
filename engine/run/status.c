#include "engine/run/status.h"

#include "engine/batch/counters.h"
#include "engine/run/metrics_server.h"
#include "engine/run/status_metrics.h"
#include "engine/run/status_operators.h"
#include "engine/run/status_received.h"
#include "engine/run/status_text.h"
#include "text/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SECOND_NS = 1000000000,
    ERRORS_BYTES_MAX = 64 << 10,
};

uint64_t sl_batch_rows_in(const struct sl_batch *batch)
{
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    uint64_t rows = 0;
    for (size_t n = 0; n < pipelines->nodes; n++)
        if (pipelines->node[n]->op->kind == SL_OP_SOURCE)
            rows += batch->rows[n];
    return rows;
}

/* ---- documents ---- */

static void complain(struct sl_run *run, const struct sl_error *err)
{
    sl_log(run->services.log, SL_LOG_WARNING, "the status could not be written: %s", err->text);
}

/* text: of the document; NULL: it is removed. */
static void show(struct sl_run *run, const char *name, const struct sl_buf *text)
{
    struct sl_error err;
    struct sl_viewer *viewer = run->services.viewer;
    const char *bytes = text ? (const char *)text->bytes : NULL;
    if (viewer && viewer->ops->document(viewer, name, bytes, text ? text->len : 0, &err) < 0)
        complain(run, &err);
}

/* Over the bytes of the one before, whose room it has on a disk that is full. */
static int overwrite(struct sl_run *run, const char *path, struct sl_buf *text, struct sl_error *err)
{
    struct sl_io *io = run->services.io;
    struct stat st;
    int fd = sl_io_open_file(io, run->services.job_dirfd, path, O_WRONLY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    int r = io->ops->fstat(io, fd, &st) < 0 ? sl_error_sys(err, errno, "looking at %s", path) : 0;
    while (r == 0 && text->len < (size_t)st.st_size)
        r = sl_buf_byte(text, '\n') ? 0 : sl_error_nomem(err); /* nothing may stay of what was longer */
    r = r < 0 ? r : sl_io_write(io, fd, text->bytes, text->len, path, err);
    sl_io_close(io, fd);
    return r;
}

/* A file of the checkpoint: no sync, it is a hint like the tick. */
static void keep_file(struct sl_run *run, const char *name, struct sl_buf *text)
{
    struct sl_error err;
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    const char *path = sl_buf_path(&buf, "%s/%s", run->checkpoint, name);
    if (!path)
        return; /* there will be another one */
    int r = sl_io_replace_file(run->services.io, run->services.job_dirfd, path, text->bytes, text->len, &err);
    if (r == SL_EFULL)
        r = overwrite(run, path, text, &err);
    if (r < 0)
        complain(run, &err);
}

static void keep(struct sl_run *run, struct sl_buf *text)
{
    run->status->kept_intake = sl_status_intake(run);
    run->status->kept_ns = sl_monotonic_ns();
    run->status->is_newer = false;
    if (run->catalog)
        keep_file(run, "status.json", text);
}

/* Where received sources report, the document is made for sl_status_changed, too. */
static bool is_wanted(const struct sl_run *run, bool is_kept)
{
    const struct sl_status *status = run->status;
    return is_kept || run->services.viewer || status->received_to > status->received_from;
}

/* The lock is held while the file is written: two threads must not write it at the same time. */
static void write_status(struct sl_run *run, const char *state, const char *error, bool is_kept)
{
    struct sl_status *status = run->status;
    struct sl_buf *text = &status->text;
    pthread_mutex_lock(&status->lock);
    sl_buf_clear(text);
    sl_buf_clear(&status->written);
    if (sl_status_json(run, state, error, text)) {
        show(run, "status.json", text);
        if (is_kept)
            keep(run, text);
        if (!sl_buf_append(&status->written, text->bytes, text->len))
            sl_buf_clear(&status->written);
    }
    pthread_mutex_unlock(&status->lock);
}

static void write_changed(struct sl_run *run)
{
    const struct sl_status *status = run->status;
    const struct sl_buf *written = &status->written;
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0}, buf = {0};
    const char *separator = status->received_separator;
    const char *path = sl_buf_path(&buf, "%s/status.json", run->checkpoint);
    struct sl_error ignored; /* the next status will say it */
    sl_buf_append(&text, written->bytes, status->received_from);
    sl_status_received(run, &separator, &text);
    sl_buf_append(&text, written->bytes + status->received_to, written->len - status->received_to);
    if (path && !text.failed)
        (void)sl_io_replace_file(run->services.io, run->services.job_dirfd, path, text.bytes, text.len,
                                 &ignored);
}

void sl_status_changed(void *arg)
{
    struct sl_run *run = arg;
    struct sl_status *status = run->status;
    pthread_mutex_lock(&status->lock);
    if (status->is_open && status->written.len && run->catalog)
        write_changed(run);
    pthread_mutex_unlock(&status->lock);
}

/* The document as it was written last, with another state. */
static void write_waits(const struct sl_run *run, const char *why)
{
    static const char running[] = ",\"state\":\"running\"";
    const struct sl_status *status = run->status;
    const struct sl_buf *written = &status->written;
    size_t head = status->head.len, rest = head + sizeof running - 1;
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0}, buf = {0};
    const char *path = sl_buf_path(&buf, "%s/status.json", run->checkpoint);
    struct sl_error ignored; /* the next status will say it */
    if (written->len < rest || memcmp(written->bytes + head, running, rest - head) != 0)
        return; /* the run waits already, between two tries of the batch */
    sl_buf_append(&text, written->bytes, head);
    sl_buf_text(&text, ",\"state\":\"waiting\"");
    sl_json_member(&text, "error", why);
    sl_buf_append(&text, written->bytes + rest, written->len - rest);
    if (path && !text.failed)
        (void)sl_io_replace_file(run->services.io, run->services.job_dirfd, path, text.bytes, text.len,
                                 &ignored);
}

void sl_status_waits(void *arg, const char *why)
{
    struct sl_run *run = arg;
    struct sl_status *status = run->status;
    pthread_mutex_lock(&status->lock);
    if (status->is_open && run->catalog)
        write_waits(run, why);
    pthread_mutex_unlock(&status->lock);
}

/* is_kept: for `sluice status --metrics`, too. */
static void show_metrics(struct sl_run *run, bool is_kept)
{
    struct sl_buf *text = &run->status->metrics;
    is_kept = is_kept && run->catalog;
    if (!is_kept && !run->services.viewer && !run->status->server)
        return;
    sl_buf_clear(text);
    pthread_mutex_lock(&run->status->lock);
    sl_status_metrics(run, text);
    pthread_mutex_unlock(&run->status->lock);
    if (text->failed)
        return; /* there will be another one */
    show(run, "metrics", text);
    if (run->status->server)
        sl_metrics_server_set(run->status->server, text);
    if (is_kept)
        keep_file(run, "metrics", text);
}

/* ---- opening and closing ---- */

static void show_graph(struct sl_run *run)
{
    struct sl_buf text = {0};
    FILE *out = run->services.viewer ? open_memstream((char **)&text.bytes, &text.len) : NULL;
    if (!out)
        return;
    int r = sl_graph(run->context, SL_GRAPH_DOT, out);
    if (fclose(out) == 0 && r == 0)
        show(run, "graph.dot", &text);
    free(text.bytes);
}

void sl_status_open(struct sl_run *run)
{
    struct sl_status *status = run->status;
    static const struct sl_buf nothing = {.bytes = (uint8_t *)""};
    if (status->is_open)
        return;
    sl_service_open(&run->service);
    pthread_mutex_lock(&status->lock);
    status->is_open = true;
    status->began_ms = sl_clock_real.now_ms(&sl_clock_real);
    pthread_mutex_unlock(&status->lock);
    sl_status_head(run, &status->head);
    if (status->head.failed)
        sl_buf_clear(&status->head);
    write_status(run, "running", NULL, true);
    show_metrics(run, true);
    show_graph(run);
    show(run, "errors", &nothing);
    sl_service_tell(&run->service, "READY=1\nSTATUS=waiting for files");
}

void sl_status_waiting(struct sl_run *run, const char *why)
{
    if (run->trial)
        return;
    sl_status_open(run);
    write_status(run, "waiting", why, true);
    run->status->kept_ns = 0; /* the end of it is not to be missed */
    sl_service_tell(&run->service, "STATUS=waiting for room on a disk, or for a server");
}

static void done(struct sl_status *status)
{
    sl_metrics_server_close(status->server);
    status->server = NULL;
    sl_buf_done(&status->head);
    sl_buf_done(&status->text);
    sl_buf_done(&status->errors);
    sl_buf_done(&status->metrics);
    sl_totals_done(&status->totals);
}

int sl_status_serve(struct sl_run *run, struct sl_error *err)
{
    const char *address = run->context->options.metrics;
    return address ? sl_metrics_server_open(address, &run->status->server, err) : 0;
}

void sl_status_close(struct sl_run *run, const char *error)
{
    struct sl_status *status = run->status;
    if (!status->is_open) {
        done(status);
        return;
    }
    sl_service_tell(&run->service, "STOPPING=1");
    write_status(run, error ? "failed" : "stopped", error, true);
    status->disk_ns = 0; /* measured again */
    show_metrics(run, true);
    pthread_mutex_lock(&status->lock);
    status->is_open = false; /* a receiving thread may still run */
    sl_buf_done(&status->written);
    pthread_mutex_unlock(&status->lock);
    sl_service_close(&run->service);
    done(status);
}

/* ---- a batch ---- */

static int64_t at_least_zero(int64_t ms)
{
    return ms > 0 ? ms : 0;
}

static void keep_recent(struct sl_status *status)
{
    sl_status_recent_set(&status->recent[(status->recent_first + status->recent_count) % SL_STATUS_RECENT],
                         &status->last);
    if (status->recent_count < SL_STATUS_RECENT)
        status->recent_count++;
    else
        status->recent_first = (status->recent_first + 1) % SL_STATUS_RECENT;
}

static void count(struct sl_batch *batch)
{
    struct sl_status *status = batch->run->status;
    struct sl_status_batch *last = &status->last;
    bool is_virtual = batch->run->options->virtual_clock;
    *last = (struct sl_status_batch){
        .t = batch->t,
        .finished_ms = sl_clock_real.now_ms(&sl_clock_real),
        .rows = sl_batch_rows_in(batch),
        .rejected = batch->run->rejects.total,
        .quarantined = batch->plan.quarantined_count,
        .replaced = batch->run->replaced + sl_counters_replaced(batch->run),
    };
    for (size_t s = 0; s < batch->plan.sources; s++)
        last->files += batch->plan.files[s].count;
    for (size_t n = 0; n < batch->run->pipelines->nodes; n++)
        last->replaced += batch->manifest[n].replaced;
    last->processing_ms = at_least_zero(last->finished_ms - batch->started_ms);
    last->scheduling_ms = is_virtual ? 0 : at_least_zero(batch->started_ms - batch->t);
    last->total_ms = last->scheduling_ms + last->processing_ms;
    status->rows += last->rows;
    status->rejected += last->rejected;
    status->files += last->files;
    status->quarantined += last->quarantined;
    status->replaced += last->replaced;
    sl_totals_add(&status->totals, batch, last);
    keep_recent(status);
}

static void show_batch(struct sl_batch *batch)
{
    struct sl_run *run = batch->run;
    struct sl_status *status = run->status;
    char name[64];
    sl_buf_clear(&status->text);
    if (!run->services.viewer || !sl_status_batch_json(batch, &status->text))
        return;
    if (status->shown_count == SL_STATUS_BATCHES) {
        snprintf(name, sizeof name, "batches/%lld.json", (long long)status->shown[0]);
        show(run, name, NULL);
        memmove(status->shown, status->shown + 1, --status->shown_count * sizeof *status->shown);
    }
    status->shown[status->shown_count++] = batch->t;
    snprintf(name, sizeof name, "batches/%lld.json", (long long)batch->t);
    show(run, name, &status->text);
}

/* Keeps whole lines of what is newest. */
static void trim(struct sl_buf *errors)
{
    if (errors->len <= ERRORS_BYTES_MAX)
        return;
    const uint8_t *from = errors->bytes + errors->len - ERRORS_BYTES_MAX, *end = errors->bytes + errors->len;
    const uint8_t *newline = memchr(from, '\n', (size_t)(end - from));
    from = newline ? newline + 1 : end;
    errors->len = (size_t)(end - from);
    memmove(errors->bytes, from, errors->len);
}

static void show_errors(struct sl_batch *batch)
{
    struct sl_status *status = batch->run->status;
    if (!batch->run->services.viewer || (!status->last.rejected && !status->last.quarantined))
        return;
    sl_status_errors(batch, &status->errors);
    if (status->errors.failed)
        return;
    trim(&status->errors);
    show(batch->run, "errors", &status->errors);
}

static void tell_service(struct sl_run *run, int64_t now_ns)
{
    struct sl_status *status = run->status;
    if (run->service.fd < 0 || now_ns - status->told_ns < SECOND_NS)
        return;
    status->told_ns = now_ns;
    sl_buf_clear(&status->text);
    sl_buf_text(&status->text, "STATUS=");
    sl_status_line(run, &status->text);
    if (sl_buf_byte(&status->text, 0) && !status->text.failed)
        sl_service_tell(&run->service, (const char *)status->text.bytes);
}

void sl_status_batch(struct sl_batch *batch)
{
    struct sl_run *run = batch->run;
    int64_t now_ns = sl_monotonic_ns();
    count(batch);
    if (!run->status->is_open) /* redone at start: it is shown when the run is open */
        return;
    bool is_kept = now_ns - run->status->kept_ns >= SECOND_NS;
    run->status->is_newer = !is_kept;
    if (is_wanted(run, is_kept))
        write_status(run, "running", NULL, is_kept);
    show_metrics(run, is_kept);
    show_batch(batch);
    show_errors(batch);
    tell_service(run, now_ns);
}

void sl_status_idle(struct sl_run *run)
{
    const struct sl_status *status = run->status;
    if (!status->is_open || sl_monotonic_ns() - status->kept_ns < SECOND_NS)
        return;
    pthread_mutex_lock(&run->status->lock);
    struct sl_status_intake now = sl_status_intake(run);
    pthread_mutex_unlock(&run->status->lock);
    if (!status->is_newer && memcmp(&now, &status->kept_intake, sizeof now) == 0)
        return;
    write_status(run, "running", NULL, true);
    show_metrics(run, true);
}
