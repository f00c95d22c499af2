#include "receive/received.h"

#include "core/contract/site.h"
#include "receive/log_dir.h"
#include "receive/restore.h"
#include "text/row_codec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SEGMENT_BYTES = 64 << 20, LIMIT_BYTES_DEFAULT = 1000000000, CONNECT_TIMEOUT_DEFAULT_MS = 10000 };

static struct sl_received *own(struct sl_source *source)
{
    return (struct sl_received *)source;
}

/* ---- options ---- */

int sl_received_check(const struct sl_node *node, struct sl_error *err)
{
    struct sl_field name = sl_node_option_value(node, "name");
    if (name.tag == SL_STR && name.len == 0)
        return sl_error_set(err, SL_EUSAGE, "%s: name must not be empty", node->op->name);
    return 0;
}

const char *sl_received_name(const struct sl_node *node,
                             bool (*describe)(const struct sl_node *node, struct sl_buf *buf), char *text,
                             size_t size)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    struct sl_field given = sl_node_option_value(node, "name");
    bool ok = node->name            ? sl_buf_text(&buf, node->name)
              : given.tag == SL_STR ? sl_buf_append(&buf, given.str, given.len)
                                    : describe(node, &buf);
    if (!ok || buf.len >= size)
        return NULL;
    if (buf.len)
        memcpy(text, buf.bytes, buf.len);
    text[buf.len] = 0;
    return text;
}

static void read_options(struct sl_received *received, const struct sl_node *node)
{
    received->has_meta = sl_node_option_boolean(node, "meta", false);
    uint64_t most = received->services->record_bytes_max;
    received->record_max = most < SL_RECEIVED_RECORD_MAX ? most : SL_RECEIVED_RECORD_MAX;
    received->retries = sl_node_option_boolean(node, "retry", true);
    received->rate_max = sl_node_option_integer(node, "maxRate", 0);
    received->connect_timeout_ms = sl_node_option_integer(node, "connectTimeout", CONNECT_TIMEOUT_DEFAULT_MS);
    received->limit_bytes = (uint64_t)sl_node_option_integer(node, "receivedLimit", LIMIT_BYTES_DEFAULT);
}

/* ---- opening ---- */

static int open_log(struct sl_received *received, struct sl_error *err)
{
    const struct sl_services *services = received->services;
    SL_CLEANUP(sl_buf_done) struct sl_buf dir = {0};
    struct sl_received_log_options options = {
        .io = services->io,
        .log = services->log,
        .segment_bytes = SEGMENT_BYTES,
        .keep_ms = services->keep_received_ms,
        .writer = received->source.node->op->name,
        .positions = {sl_received_restore, sl_received_snapshot, sl_received_other, received},
    };
    if (services->checkpoint && !services->trial) {
        sl_received_dir(services->checkpoint, received->name, &dir);
        if (dir.failed)
            return sl_error_nomem(err);
        options.dir = (const char *)dir.bytes;
    }
    return sl_received_log_open(&options, &received->log, err);
}

static int open_given(struct sl_received *received, struct sl_error *err)
{
    static const struct sl_arrivals_options options = {.existing = true};
    const struct sl_services *services = received->services;
    return services->trial
               ? services->open_arrivals(services, received->name, &options, &received->given, err)
               : 0;
}

int sl_received_open(struct sl_received *received, const struct sl_source_ops *ops,
                     const struct sl_received_kind *kind, const struct sl_node *node,
                     const struct sl_services *services, struct sl_error *err)
{
    received->source = (struct sl_source){.ops = ops, .node = node};
    received->services = services;
    received->kind = kind;
    received->connection = "waiting";
    pthread_mutex_init(&received->lock, NULL);
    received->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    received->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = received->wake_fd < 0 || received->ended_fd < 0
                ? sl_error_sys(err, errno, "making an event counter")
                : 0;
    if (r == 0 && !ops->name(node, received->name, sizeof received->name))
        r = sl_error_set(err, SL_EUSAGE,
                         "the name of the source is too long; give it one with name = \"...\"");
    read_options(received, node);
    r = r < 0 ? r : open_given(received, err);
    r = r < 0 ? r : open_log(received, err);
    if (r < 0)
        sl_received_close(&received->source);
    return r;
}

static void signal_fd(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0)
        return; /* the counter is full: it is awake */
}

void sl_received_close(struct sl_source *source)
{
    struct sl_received *received = own(source);
    atomic_store(&received->is_stopping, true);
    if (received->is_started) {
        signal_fd(received->wake_fd);
        pthread_join(received->thread, NULL);
    }
    if (received->kind->done)
        received->kind->done(received);
    if (received->given)
        received->given->ops->close(received->given);
    sl_received_leave(received);
    sl_received_log_close(received->log);
    if (received->wake_fd >= 0)
        close(received->wake_fd);
    if (received->ended_fd >= 0)
        close(received->ended_fd);
    pthread_mutex_destroy(&received->lock);
    sl_received_forget_others(received);
    sl_buf_done(&received->position);
    sl_buf_done(&received->shown_position);
    sl_buf_done(&received->last_position);
    sl_buf_done(&received->travels);
    free(received->part);
    free(received);
}

/* ---- the thread ---- */

static void *run_thread(void *arg)
{
    struct sl_received *received = arg;
    struct sl_error err = {0};
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL); /* also SIGPIPE: writing to an ended peer is EPIPE */
    int r = received->kind->run(received, &err);
    if (r < 0 && r != SL_ESTOP) {
        pthread_mutex_lock(&received->lock);
        received->failed = r;
        received->failure = err;
        pthread_mutex_unlock(&received->lock);
    }
    sl_received_end(received);
    return NULL;
}

static int recover(struct sl_received *received, struct sl_error *err)
{
    if (received->is_recovered)
        return 0;
    int r = sl_received_log_recover(received->log, received->committed, err);
    r = r < 0 ? r : sl_received_take_over(received, err);
    received->is_recovered = r == 0;
    received->next = received->committed;
    received->rate_end = sl_received_log_end(received->log);
    received->rate_ns = sl_monotonic_ns();
    return r < 0 || received->kind->restore ? r
           : sl_buf_append(&received->last_position, received->position.bytes, received->position.len)
               ? 0
               : sl_error_nomem(err);
}

int sl_received_start(struct sl_source *source, struct sl_error *err)
{
    struct sl_received *received = own(source);
    int r = recover(received, err);
    if (r < 0)
        return r;
    received->tokens_ns = sl_monotonic_ns();
    int failed = pthread_create(&received->thread, NULL, run_thread, received);
    received->is_started = failed == 0;
    return failed ? sl_error_thread(err, failed, "starting a thread") : 0;
}

/* ---- batches ---- */

static int failure(struct sl_received *received, struct sl_error *err)
{
    pthread_mutex_lock(&received->lock);
    int r = received->failed;
    if (r < 0)
        *err = received->failure;
    pthread_mutex_unlock(&received->lock);
    const struct sl_site *site = &received->source.node->site;
    return r < 0 ? sl_site_wrap(site, err) : 0;
}

static int set_range(struct sl_received *received, uint64_t from, uint64_t to, struct sl_error *err)
{
    struct sl_received_split *split = NULL;
    received->from = from;
    received->to = to;
    received->has_batch = true;
    received->parts = 0;
    free(received->part);
    received->part = NULL;
    int r = sl_received_log_cut(received->log, from, to, &split, &received->parts, err);
    received->part = r < 0 ? NULL : calloc(received->parts + 1, sizeof *received->part);
    if (r == 0 && !received->part)
        r = sl_error_nomem(err);
    for (size_t p = 0; r == 0 && p < received->parts; p++) {
        received->part[p].split = split[p];
        received->part[p].origin = (struct sl_origin){.source = received->name, .first = split[p].first};
    }
    free(split);
    if (r < 0)
        received->parts = 0;
    return r;
}

/* The body is rows after SL_GIVEN_ROWS, and a newline that was added where there was none. */
static int use_rows(struct sl_received_frame *frame, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_done) struct sl_arena arena = {0};
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    uint32_t width;
    frame->kind = SL_RECEIVED_FRAME_ROWS;
    frame->body += SL_GIVEN_ROWS_LEN;
    frame->body_len -= SL_GIVEN_ROWS_LEN + 1;
    for (size_t at = 0; at < frame->body_len; frame->count++) {
        int r = sl_row_codec_borrow(frame->body, frame->body_len, &at, &arena, fields, &width);
        if (r < 0)
            return sl_error_set(err, (enum sl_err)r, "the rows that are given cannot be read");
    }
    return 0;
}

/* A trial: the lines of the files that are given for this batch become records. */
static int append_file(struct sl_received *received, const struct sl_file *file, struct sl_error *err)
{
    char *bytes;
    size_t len;
    int r = sl_io_read_file(received->services->io, received->services->job_dirfd, file->path,
                            SL_RECEIVED_FRAME_BODY_MAX - 1, &bytes, &len, err);
    if (r < 0)
        return r;
    if (len && bytes[len - 1] != '\n')
        bytes[len++] = '\n'; /* in the place of the NUL */
    struct sl_received_frame frame = {.kind = received->kind->lines,
                                      .position = (const uint8_t *)"",
                                      .body = (uint8_t *)bytes,
                                      .body_len = (uint32_t)len};
    bool has_rows = len >= SL_GIVEN_ROWS_LEN && memcmp(bytes, SL_GIVEN_ROWS, SL_GIVEN_ROWS_LEN) == 0;
    if (has_rows)
        r = use_rows(&frame, err);
    for (size_t i = 0; i < len && !has_rows; i++)
        frame.count += bytes[i] == '\n';
    r = len && r == 0 ? sl_received_log_append(received->log, &frame, err) : 0;
    free(bytes);
    return r;
}

static int take_given(struct sl_received *received, struct sl_error *err)
{
    struct sl_files files = {0};
    int r = received->given->ops->take(received->given, UINT64_MAX, UINT64_MAX, &files, err);
    for (size_t i = 0; i < files.count && r == 0; i++)
        r = append_file(received, &files.file[i], err);
    sl_files_done(&files);
    return r;
}

int sl_received_take(struct sl_source *source, int64_t t, uint64_t batch_number,
                     const struct sl_limits *limits, struct sl_files *plan, bool *ret_any,
                     struct sl_error *err)
{
    struct sl_received *received = own(source);
    int r = recover(received, err);
    r = r < 0 ? r : failure(received, err);
    if (r == 0 && received->given)
        r = take_given(received, err);
    uint64_t to = received->next;
    if (r == 0 && limits->bytes_max)
        r = sl_received_log_limit(received->log, received->next, limits->bytes_max, &to, err);
    if (r == 0 && to > received->next)
        r = sl_received_log_sync(received->log, err);
    r = r < 0 ? r : set_range(received, received->next, to, err);
    if (r < 0)
        return r;
    received->next = to;
    *ret_any = received->to > received->from;
    return 0;
}

int sl_received_range(struct sl_source *source, struct sl_buf *ret, struct sl_error *err)
{
    const struct sl_received *received = own(source);
    return sl_buf_printf(ret, "{\"from\":%llu,\"to\":%llu}", (unsigned long long)received->from,
                         (unsigned long long)received->to)
               ? 0
               : sl_error_nomem(err);
}

static int parse_range(const struct sl_buf *range, uint64_t *ret_from, uint64_t *ret_to, struct sl_error *err)
{
    unsigned long long from = 0, to = 0;
    char text[64] = "";
    if (range->len < sizeof text)
        memcpy(text, range->bytes, range->len);
    if (sscanf(text, "{\"from\":%llu,\"to\":%llu}", &from, &to) != 2 || from > to)
        return sl_error_set(err, SL_EDAMAGED, "the range of a received log is not what was written");
    *ret_from = from;
    *ret_to = to;
    return 0;
}

int sl_received_resume(struct sl_source *source, const struct sl_buf *range, bool *ret_any,
                       struct sl_error *err)
{
    struct sl_received *received = own(source);
    uint64_t from, to;
    int r = recover(received, err);
    from = to = received->next;
    if (r == 0 && range->len)
        r = parse_range(range, &from, &to, err);
    r = r < 0 ? r : set_range(received, from, to, err);
    if (r < 0)
        return r;
    received->next = to;
    *ret_any = to > from;
    return 0;
}

int sl_received_go_on(struct sl_source *source, const struct sl_buf *range, struct sl_error *err)
{
    struct sl_received *received = own(source);
    uint64_t from;
    int r = parse_range(range, &from, &received->committed, err);
    return r < 0 ? r : recover(received, err);
}

bool sl_received_pending(struct sl_source *source)
{
    return sl_received_log_end(own(source)->log) > own(source)->next;
}

size_t sl_received_partitions(struct sl_source *source)
{
    return own(source)->parts;
}

int sl_received_settle(struct sl_source *source, struct sl_error *err)
{
    struct sl_received *received = own(source);
    if (!received->has_batch)
        return 0;
    pthread_mutex_lock(&received->lock);
    received->committed = received->to;
    pthread_mutex_unlock(&received->lock);
    sl_received_log_used(received->log, received->to);
    signal_fd(received->wake_fd);
    return 0;
}

/* ---- runs that end ---- */

static bool wants_stop(const struct sl_services *services)
{
    return services->stop && *services->stop;
}

int sl_received_refresh(struct sl_source *source, struct sl_error *err)
{
    struct sl_received *received = own(source);
    if (!received->services->until_end || !received->is_started)
        return 0;
    struct pollfd fds[2] = {{received->ended_fd, POLLIN, 0}, {received->services->stop_fd, POLLIN, 0}};
    while (!wants_stop(received->services)) {
        int n = poll(fds, 2, -1);
        if (n < 0 && errno != EINTR)
            return sl_error_sys(err, errno, "waiting for the end of %s", received->name);
        if (n > 0 && fds[0].revents)
            break; /* stays readable: it is not read */
    }
    return failure(received, err);
}

/* ---- reports ---- */

static void measure_rate(struct sl_received *received, uint64_t end)
{
    int64_t now = sl_monotonic_ns();
    if (now - received->rate_ns < 1000000000)
        return;
    received->rate = (double)(end - received->rate_end) * 1e9 / (double)(now - received->rate_ns);
    received->rate_end = end;
    received->rate_ns = now;
}

void sl_received_report(struct sl_source *source, struct sl_source_report *ret)
{
    struct sl_received *received = own(source);
    uint64_t end = sl_received_log_end(received->log);
    measure_rate(received, end);
    pthread_mutex_lock(&received->lock);
    sl_buf_clear(&received->shown_position);
    bool ok = sl_buf_append(&received->shown_position, received->last_position.bytes,
                            received->last_position.len) &&
              sl_buf_append(&received->shown_position, received->detail, strlen(received->detail) + 1);
    *ret = (struct sl_source_report){
        .connection = received->connection,
        .detail = ok ? (const char *)received->shown_position.bytes + received->last_position.len : "",
        .dropped = received->dropped,
        .lag = end - received->committed,
    };
    size_t len = received->last_position.len;
    pthread_mutex_unlock(&received->lock);
    ret->position = ok ? (const char *)received->shown_position.bytes : "";
    ret->position_len = ok ? len : 0;
    ret->received = end;
    ret->log_bytes = sl_received_log_unused_bytes(received->log);
    ret->rate = received->rate;
}
