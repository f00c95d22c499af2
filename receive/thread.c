/* What the receiving thread of a source calls: waiting, appending within the limits, reporting. */
#include "receive/received.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    FILES_MAX = 65536,
    FULL_RETRY_MS = 500,
    TROUBLE_EVERY_S = 60,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 10000,
    NS_PER_MS = 1000000
};

/* ---- waiting ---- */

bool sl_received_is_stopping(const struct sl_received *received)
{
    return atomic_load(&received->is_stopping);
}

static void drain(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0)
        return; /* nothing to drain */
}

static int timeout_of(int64_t end_ns)
{
    int64_t left = end_ns - sl_monotonic_ns();
    return left <= 0                       ? 0
           : left / NS_PER_MS >= INT32_MAX ? INT32_MAX
                                           : (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

int sl_received_wait(struct sl_received *received, struct pollfd *fds, size_t count, int64_t timeout_ms)
{
    struct pollfd all[SL_RECEIVED_POLL_MAX + 1] = {{received->wake_fd, POLLIN, 0}};
    int64_t end_ns = sl_monotonic_ns() + timeout_ms * NS_PER_MS;
    sl_assert(count <= SL_RECEIVED_POLL_MAX);
    for (size_t i = 0; i < count; i++)
        all[i + 1] = fds[i];
    while (!sl_received_is_stopping(received)) {
        int ready = poll(all, count + 1, timeout_ms < 0 ? -1 : timeout_of(end_ns));
        if (ready < 0 && errno != EINTR)
            return SL_EFAIL;
        if (ready > 0 && all[0].revents) {
            drain(received->wake_fd);
            ready--;
        }
        for (size_t i = 0; i < count; i++)
            fds[i].revents = all[i + 1].revents;
        if (ready > 0 || (timeout_ms >= 0 && sl_monotonic_ns() >= end_ns))
            return ready > 0 ? ready : 0;
    }
    return SL_ESTOP;
}

int sl_backoff_wait(struct sl_backoff *backoff, struct sl_received *received)
{
    int64_t doubled = 2 * backoff->wait_ms;
    backoff->wait_ms = doubled == 0 ? BACKOFF_FIRST_MS : doubled > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : doubled;
    return sl_received_wait(received, NULL, 0, backoff->wait_ms);
}

void sl_received_raise_files_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILES_MAX)
        return;
    limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* without it there are fewer */
}

/* ---- reporting ---- */

/* At most five times a second, but always where the connection is another. */
static void tell_changed(struct sl_received *received, bool is_urgent)
{
    int64_t now = sl_monotonic_ns();
    const struct sl_services *services = received->services;
    if (!services->changed || (!is_urgent && now - received->told_ns < 200LL * NS_PER_MS))
        return;
    received->told_ns = now;
    services->changed(services->changed_arg);
}

void sl_received_show(struct sl_received *received, const char *connection, const char *format, ...)
{
    char detail[SL_RECEIVED_DETAIL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    pthread_mutex_lock(&received->lock);
    bool is_other = strcmp(received->connection, connection) != 0,
         is_new = strcmp(received->detail, detail) != 0;
    received->connection = connection;
    memcpy(received->detail, detail, sizeof detail);
    pthread_mutex_unlock(&received->lock);
    if (is_other || is_new)
        tell_changed(received, is_other);
}

void sl_received_trouble(struct sl_received *received, const char *format, ...)
{
    char text[SL_RECEIVED_DETAIL_MAX];
    int64_t now = sl_monotonic_ns();
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sl_received_show(received, "waiting", "%s", text);
    bool is_new = strcmp(text, received->trouble) != 0; /* only this thread writes it */
    if (!is_new && now - received->trouble_ns < TROUBLE_EVERY_S * 1000LL * NS_PER_MS)
        return;
    received->trouble_ns = now;
    memcpy(received->trouble, text, sizeof text);
    const struct sl_site *site = &received->source.node->site;
    sl_log(received->services->log, SL_LOG_WARNING, "%s:%d: %s: %s%s", site->file, site->line, site->name,
           text, is_new ? "" : " still");
}

void sl_received_fine(struct sl_received *received)
{
    const struct sl_site *site = &received->source.node->site;
    if (received->trouble[0])
        sl_log(received->services->log, SL_LOG_INFO, "%s:%d: %s: %s: connected", site->file, site->line,
               site->name, received->name);
    received->trouble[0] = 0;
}

void sl_received_drop(struct sl_received *received)
{
    pthread_mutex_lock(&received->lock);
    received->dropped++;
    pthread_mutex_unlock(&received->lock);
}

void sl_received_end(struct sl_received *received)
{
    uint64_t one = 1;
    pthread_mutex_lock(&received->lock);
    received->has_ended = true;
    received->connection = received->failed ? "failed" : "ended";
    pthread_mutex_unlock(&received->lock);
    if (!sl_received_is_stopping(received))
        tell_changed(received, true);
    if (write(received->ended_fd, &one, sizeof one) < 0)
        return; /* the counter is full: it was signalled */
}

/* ---- appending ---- */

/* Tokens of a tenth of a second may gather. */
static void gather_tokens(struct sl_received *received)
{
    double most = (double)received->rate_max / 10 > 1 ? (double)received->rate_max / 10 : 1;
    int64_t now = sl_monotonic_ns();
    received->tokens += (double)(now - received->tokens_ns) * 1e-9 * (double)received->rate_max;
    received->tokens = received->tokens < most ? received->tokens : most;
    received->tokens_ns = now;
}

uint32_t sl_received_allow(struct sl_received *received, uint32_t wanted)
{
    if (!received->rate_max)
        return sl_received_is_stopping(received) ? 0 : wanted;
    while (gather_tokens(received), received->tokens < 1) {
        double wait_ms = (1 - received->tokens) * 1000 / (double)received->rate_max;
        if (sl_received_wait(received, NULL, 0, (int64_t)wait_ms + 1) < 0)
            return 0;
    }
    uint32_t allowed = received->tokens < wanted ? (uint32_t)received->tokens : wanted;
    received->tokens -= allowed;
    return allowed;
}

/* What status shows while all is well: it is shown again after a wait. */
struct shown {
    const char *connection;
    char detail[SL_RECEIVED_DETAIL_MAX];
};

static void keep_shown(struct sl_received *received, struct shown *ret)
{
    pthread_mutex_lock(&received->lock);
    ret->connection = received->connection;
    memcpy(ret->detail, received->detail, sizeof ret->detail);
    pthread_mutex_unlock(&received->lock);
}

static bool has_room(const struct sl_received *received)
{
    return received->services->until_end ||
           sl_received_log_unused_bytes(received->log) < received->limit_bytes;
}

/* Until batches have used enough of the log. A run that ends receives everything first. */
static int await_room(struct sl_received *received)
{
    struct shown before;
    int r = 0;
    if (has_room(received))
        return 0;
    keep_shown(received, &before);
    sl_received_show(received, "waiting", "receivedLimit is reached: batches are slower than the sender");
    while (r >= 0 && !has_room(received)) {
        tell_changed(received, false); /* the run may have been opened, or have written, since */
        r = sl_received_wait(received, NULL, 0, 500);
    }
    sl_received_show(received, before.connection, "%s", before.detail);
    return r < 0 ? r : 0;
}

static int note_position(struct sl_received *received, const struct sl_received_frame *frame)
{
    if (frame->position_len == 0)
        return 0;
    sl_buf_clear(&received->position);
    bool ok = sl_buf_append(&received->position, frame->position, frame->position_len);
    pthread_mutex_lock(&received->lock);
    sl_buf_clear(&received->last_position);
    ok = ok && sl_buf_append(&received->last_position, frame->position, frame->position_len);
    pthread_mutex_unlock(&received->lock);
    return ok ? 0 : SL_ENOMEM;
}

/* The log's failure where it has no room is shown until it has. */
static int append_with_room(struct sl_received *received, struct sl_received_frame *frame,
                            struct sl_error *err)
{
    struct shown before;
    int r = sl_received_log_append(received->log, frame, err);
    if (r != SL_EFULL || received->services->until_end)
        return r;
    keep_shown(received, &before);
    while (r == SL_EFULL) {
        sl_received_trouble(received, "%s; reading stops until there is room", err->text);
        int waited = sl_received_wait(received, NULL, 0, FULL_RETRY_MS);
        r = waited < 0 ? waited : sl_received_log_append(received->log, frame, err);
    }
    if (r == 0)
        sl_received_fine(received);
    sl_received_show(received, before.connection, "%s", before.detail);
    return r;
}

int sl_received_append(struct sl_received *received, struct sl_received_frame *frame, struct sl_error *err)
{
    int r = await_room(received);
    if (!frame->position)
        frame->position = (const uint8_t *)"";
    r = r < 0 ? r : append_with_room(received, frame, err);
    if (r == 0 && !received->kind->restore && note_position(received, frame) < 0)
        r = sl_error_nomem(err);
    return r;
}

int sl_received_sync(struct sl_received *received, struct sl_error *err)
{
    return sl_received_log_sync(received->log, err);
}
