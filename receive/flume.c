/* flumeStream, in Lua also sluice.FlumeUtils.createStream: a server for Flume's Avro sink.
 *
 * A frame of the connection: number (4), buffers (4), then each buffer after its length (4), highest byte first; their
 * bytes together are a request (avro.h). It is answered under its number once its events are durable: one sync serves
 * everything that came in one look. A lost answer makes the agent send the batch again. */
#include "receive/avro.h"
#include "receive/deflate_stream.h"
#include "receive/listener.h"

#include "core/base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 64,
    BUFFERS_MAX = 1 << 20, /* of a frame */
    MESSAGE_MAX = 256 << 20,
    ANSWERS_MAX = 1 << 20, /* bytes that a sender does not read */
    /* Of requests, in a frame of the log: one more request stays below SL_RECEIVED_FRAME_BODY_MAX, as a row takes at most two and a
     * half times the bytes of its event. */
    ROWS_BYTES = 32 << 20,
    KEPT_BYTES = 1 << 20, /* of a buffer that is empty: the next message may need as much */
    ZLIB_FIRST_BYTE = 0x78,
};

struct agent {
    int fd;
    bool has_begun, is_known;          /* its first byte was seen; its handshake was */
    struct sl_deflate_stream *deflate; /* NULL: plain */
    struct sl_buf in, out;
    /* Of the frame at the beginning of `in`: as far as its buffers are there; 0: its head is not. */
    size_t measured;
    uint32_t buffers_left;
    struct sl_buf answers; /* packed or not, of requests that are not durable yet */
    int64_t heard_ns;
    bool waits_to_write, is_broken;
};

struct flume_source {
    struct sl_received received; /* first */
    struct sl_listener listener;
    struct agent *agent[SL_CONNECTIONS_MAX]; /* [listener.connections] */
    uint64_t held;         /* bytes of memory for messages that are not whole: of all agents */
    struct sl_buf request; /* the one that is read */
    struct sl_buf rows;    /* of requests that are not appended yet */
    uint32_t count;
    bool is_appended; /* something was, and is not synced */
    uint64_t owed;    /* records that maxRate has not allowed yet */
    uint8_t *buf;     /* [SL_READ_BYTES] */
};

/* ---- agents ---- */

static void agent_free(struct agent *agent)
{
    if (!agent)
        return;
    close(agent->fd);
    sl_deflate_stream_free(agent->deflate);
    sl_buf_done(&agent->in);
    sl_buf_done(&agent->out);
    sl_buf_done(&agent->answers);
    free(agent);
}

/* Whether it has sent a part of a message; packed, it may be one that gives no byte yet. */
static bool is_half(const struct agent *agent)
{
    return agent->in.len || (agent->deflate && sl_deflate_stream_is_half(agent->deflate));
}

static void remove_agent(struct flume_source *source, size_t i)
{
    source->held -= source->agent[i]->in.capacity;
    agent_free(source->agent[i]);
    source->agent[i] = source->agent[source->listener.connections - 1];
    sl_listener_removed(&source->listener);
}

/* Idle agents must not keep others out. There is no event of the one that is closed, for it sent nothing and waits for no
 * answer. */
static void make_room(struct flume_source *source)
{
    size_t count = source->listener.connections, oldest = count;
    for (size_t i = 0; i < count; i++) {
        const struct agent *agent = source->agent[i];
        bool is_free = !is_half(agent) && !agent->answers.len && !agent->out.len;
        if (is_free && (oldest == count || agent->heard_ns < source->agent[oldest]->heard_ns))
            oldest = i;
    }
    if (oldest == count || !sl_connection_is_idle(source->agent[oldest]->fd, source->agent[oldest]->heard_ns))
        return;
    sl_listener_dropped(&source->listener, SL_CONNECTION_MADE_ROOM);
    remove_agent(source, oldest);
}

static int accept_agent(struct flume_source *source, struct sl_error *err)
{
    if (sl_listener_is_full(&source->listener))
        make_room(source);
    int fd, r = sl_listener_accept(&source->listener, &fd);
    if (r <= 0)
        return r;
    struct agent *agent = calloc(1, sizeof *agent);
    r = agent ? sl_listener_add(&source->listener, fd, agent, err) : sl_error_nomem(err);
    if (r < 0) {
        close(fd);
        free(agent);
        return r;
    }
    agent->fd = fd;
    agent->heard_ns = sl_monotonic_ns();
    source->agent[source->listener.connections - 1] = agent;
    return 0;
}

/* ---- requests ---- */

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool add_u32(struct sl_buf *buf, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    return sl_buf_append(buf, bytes, sizeof bytes);
}

static int add_answer(struct agent *agent, uint32_t number, bool is_first, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf answer = {0}, frame = {0};
    bool ok = sl_avro_answer(is_first, &answer) && add_u32(&frame, number) && add_u32(&frame, 1) &&
              add_u32(&frame, (uint32_t)answer.len) && sl_buf_append(&frame, answer.bytes, answer.len);
    ok = ok &&
         (agent->deflate ? sl_deflate_stream_pack(agent->deflate, frame.bytes, frame.len, &agent->answers)
                         : sl_buf_append(&agent->answers, frame.bytes, frame.len));
    return ok ? 0 : sl_error_nomem(err);
}

/* How long the frame at `at` is, from where the last look ended: what comes in small pieces is looked at once. 1; 0: it is
 * not whole; SL_EREJECT. */
static int measure_frame(struct agent *agent, size_t at, size_t *ret_size, struct sl_error *err)
{
    const uint8_t *bytes = agent->in.bytes + at;
    size_t len = agent->in.len - at;
    if (!agent->measured && len < 8)
        return 0;
    if (!agent->measured) {
        agent->buffers_left = read_u32(bytes + 4);
        agent->measured = 8;
    }
    if (agent->buffers_left > BUFFERS_MAX)
        return sl_error_set(err, SL_EREJECT, "a frame has %u buffers: it is no Avro client of Flume",
                            agent->buffers_left);
    for (; agent->buffers_left; agent->buffers_left--) {
        uint32_t size = len - agent->measured >= 4 ? read_u32(bytes + agent->measured) : 0;
        if (size > MESSAGE_MAX)
            return sl_error_set(err, SL_EREJECT, "a buffer of %u bytes: it is no Avro client of Flume", size);
        if (len - agent->measured < 4 || len - agent->measured - 4 < size)
            return 0;
        agent->measured += 4 + (size_t)size;
    }
    *ret_size = agent->measured;
    agent->measured = 0;
    return 1;
}

/* The frame at `at`. 1 and its size: its request is in *request; 0: it is not whole; SL_EREJECT. */
static int read_frame(struct agent *agent, size_t at, struct sl_buf *request, size_t *ret_size,
                      struct sl_error *err)
{
    const uint8_t *bytes = agent->in.bytes + at;
    int r = measure_frame(agent, at, ret_size, err);
    sl_buf_clear(request);
    for (size_t used = 8; r > 0 && used < *ret_size; used += 4 + (size_t)read_u32(bytes + used))
        if (!sl_buf_append(request, bytes + used + 4, read_u32(bytes + used)))
            r = sl_error_nomem(err);
    return r;
}

/* The rows of requests that are not answered yet. */
static int append_rows(struct flume_source *source, struct sl_error *err)
{
    struct sl_received_frame frame = {.kind = SL_RECEIVED_FRAME_ROWS,
                                      .count = source->count,
                                      .body = source->rows.bytes,
                                      .body_len = (uint32_t)source->rows.len};
    int r = 0;
    if (source->count) {
        r = sl_received_append(&source->received, &frame, err);
        source->is_appended = true;
    }
    source->owed += source->count;
    source->count = 0;
    sl_buf_clear(&source->rows);
    if (source->rows.capacity > 2 * ROWS_BYTES)
        sl_buf_done(&source->rows);
    return r;
}

static int take_requests(struct flume_source *source, struct agent *agent, struct sl_error *err)
{
    size_t at = 0, size = 0;
    int r;
    while ((r = read_frame(agent, at, &source->request, &size, err)) > 0) {
        bool is_first = !agent->is_known;
        r = sl_avro_request(source->request.bytes, source->request.len, is_first, &source->rows,
                            &source->count, err);
        r = r < 0 ? r : add_answer(agent, read_u32(agent->in.bytes + at), is_first, err);
        if (r < 0)
            break;
        agent->is_known = true;
        at += size;
        if (source->rows.len >= ROWS_BYTES && (r = append_rows(source, err)) < 0)
            break;
    }
    agent->in.len -= at;
    if (at && agent->in.len)
        memmove(agent->in.bytes, agent->in.bytes + at, agent->in.len);
    if (r == 0 && agent->in.len > MESSAGE_MAX)
        r = sl_error_set(err, SL_EREJECT, "a message of more than %d bytes", MESSAGE_MAX);
    return r;
}

static void release(struct sl_buf *buf)
{
    if (!buf->len && buf->capacity > KEPT_BYTES)
        sl_buf_done(buf);
}

static int unpack(struct flume_source *source, struct agent *agent, size_t len, struct sl_error *err)
{
    if (!agent->has_begun && source->buf[0] == ZLIB_FIRST_BYTE && !(agent->deflate = sl_deflate_stream_new()))
        return sl_error_nomem(err);
    agent->has_begun = true;
    if (agent->deflate)
        return sl_deflate_stream_unpack(agent->deflate, source->buf, len, MESSAGE_MAX, &agent->in, err);
    return sl_buf_append(&agent->in, source->buf, len) ? 0 : sl_error_nomem(err);
}

static bool holds_most(const struct flume_source *source, const struct agent *agent)
{
    for (size_t i = 0; i < source->listener.connections; i++)
        if (source->agent[i] != agent && source->agent[i]->in.capacity >= agent->in.capacity)
            return false;
    return true;
}

/* What agents have sent of messages that are not whole yet is in memory. Together it is receivedLimit at most, and one message
 * of whatever size: the largest unfinished message is completed, and the other agents send theirs again later. */
static int check_held(const struct flume_source *source, const struct agent *agent, struct sl_error *err)
{
    uint64_t limit = source->received.limit_bytes;
    if (source->held <= limit || agent->in.capacity <= SL_READ_BYTES || holds_most(source, agent))
        return 0;
    return sl_error_set(
        err, SL_EREJECT,
        "unfinished messages of %zu connections take more than receivedLimit (%llu bytes) together",
        (size_t)source->listener.connections, (unsigned long long)limit);
}

static int take_bytes(struct flume_source *source, struct agent *agent, size_t len, struct sl_error *err)
{
    size_t held = agent->in.capacity;
    int r = unpack(source, agent, len, err);
    r = r < 0 ? r : take_requests(source, agent, err);
    release(&agent->in);
    sl_buf_clear(&source->request);
    release(&source->request);
    source->held += agent->in.capacity;
    source->held -= held;
    return r < 0 ? r : check_held(source, agent, err);
}

/* ---- answers ---- */

static void write_out(struct flume_source *source, struct agent *agent)
{
    ssize_t sent = agent->out.len ? send(agent->fd, agent->out.bytes, agent->out.len, MSG_NOSIGNAL) : 0;
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        agent->is_broken = true;
    if (sent > 0) {
        agent->out.len -= (size_t)sent;
        memmove(agent->out.bytes, agent->out.bytes + sent, agent->out.len);
    }
    bool waits = agent->out.len > 0;
    struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.ptr = agent};
    if (waits != agent->waits_to_write &&
        epoll_ctl(source->listener.epoll, EPOLL_CTL_MOD, agent->fd, &event) < 0)
        agent->is_broken = true;
    agent->waits_to_write = waits;
    agent->is_broken |= agent->out.len > ANSWERS_MAX;
}

/* What came in this look becomes durable, then it is answered. */
static int answer_all(struct flume_source *source, struct sl_error *err)
{
    int r = append_rows(source, err);
    if (r == 0 && source->is_appended)
        r = sl_received_sync(&source->received, err);
    source->is_appended = false;
    for (size_t i = 0; i < source->listener.connections && r == 0; i++) {
        struct agent *agent = source->agent[i];
        if (!agent->answers.len)
            continue;
        if (!sl_buf_append(&agent->out, agent->answers.bytes, agent->answers.len))
            return sl_error_nomem(err);
        sl_buf_clear(&agent->answers);
        write_out(source, agent);
    }
    return r;
}

/* maxRate: after the answers, for an agent that waits too long for one sends its events again. */
static int pay(struct flume_source *source)
{
    while (source->owed) {
        uint32_t most = source->owed < UINT32_MAX ? (uint32_t)source->owed : UINT32_MAX;
        uint32_t n = sl_received_allow(&source->received, most);
        if (n == 0)
            return SL_ESTOP;
        source->owed -= n;
    }
    return 0;
}

/* ---- the thread ---- */

static int handle_agent(struct flume_source *source, struct agent *agent, uint32_t events,
                        struct sl_error *err)
{
    if (events & EPOLLOUT)
        write_out(source, agent);
    if (!(events & ~(uint32_t)EPOLLOUT))
        return 0;
    ssize_t got = recv(agent->fd, source->buf, SL_READ_BYTES, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0) {
        if (is_half(agent))
            sl_received_drop(&source->received);
        agent->is_broken = true;
        return 0;
    }
    agent->heard_ns = sl_monotonic_ns();
    int r = take_bytes(source, agent, (size_t)got, err);
    if (r != SL_EREJECT)
        return r;
    sl_listener_dropped(&source->listener, err->text);
    agent->is_broken = true;
    return 0;
}

static int look(struct flume_source *source, struct sl_error *err)
{
    struct epoll_event event[EVENTS];
    int n = epoll_wait(source->listener.epoll, event, EVENTS, 0), r = 0;
    for (int i = 0; i < n && r == 0; i++)
        r = event[i].data.ptr ? handle_agent(source, event[i].data.ptr, event[i].events, err)
                              : accept_agent(source, err);
    r = r < 0 ? r : answer_all(source, err);
    for (size_t i = source->listener.connections; i-- > 0;) {
        struct agent *agent = source->agent[i];
        bool is_stuck = is_half(agent) && sl_connection_is_idle(agent->fd, agent->heard_ns);
        if (is_stuck)
            sl_listener_dropped(&source->listener, "half a message, and nothing more for 60 s");
        if (is_stuck || agent->is_broken)
            remove_agent(source, i);
    }
    return r;
}

static int run(struct sl_received *received, struct sl_error *err)
{
    struct flume_source *source = (struct flume_source *)received;
    source->listener.started_ns = sl_monotonic_ns();
    source->buf = malloc(SL_READ_BYTES);
    int r = source->buf ? sl_listener_open(&source->listener, err) : sl_error_nomem(err);
    while (r == 0 && !sl_listener_is_over(&source->listener)) {
        int n = sl_listener_wait(&source->listener);
        r = n < 0 ? n : look(source, err);
        r = r < 0 ? r : pay(source);
    }
    return r;
}

static void done(struct sl_received *received)
{
    struct flume_source *source = (struct flume_source *)received;
    for (size_t i = 0; i < source->listener.connections; i++)
        agent_free(source->agent[i]);
    sl_listener_close(&source->listener);
    sl_buf_done(&source->request);
    sl_buf_done(&source->rows);
    free(source->buf);
}

/* In a trial a line of tsv is a row: the body, then headers as they are given. */
static const struct sl_received_kind kind = {.lines = SL_RECEIVED_FRAME_TSV, .run = run, .done = done};

/* ---- the source ---- */

static int open_flume(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                      struct sl_error *err)
{
    struct flume_source *source = calloc(1, sizeof *source);
    if (!source)
        return sl_error_nomem(err);
    source->listener = (struct sl_listener){
        .received = &source->received, .address.services = services, .fd = -1, .epoll = -1};
    int r = sl_address_read(node, true, &source->listener.address, err);
    if (r < 0) {
        free(source);
        return r;
    }
    r = sl_received_open(&source->received, node->op->source, &kind, node, services, err);
    if (r == 0)
        *ret = &source->received.source;
    return r;
}

static bool describe(const struct sl_node *node, struct sl_buf *buf)
{
    struct sl_address address = {0};
    struct sl_error err;
    if (sl_address_read(node, true, &address, &err) < 0)
        return sl_buf_text(buf, node->op->name);
    return sl_buf_printf(buf, "flume:%s:%s", address.host, address.port);
}

static const char *name_of(const struct sl_node *node, char *text, size_t size)
{
    return sl_received_name(node, describe, text, size);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    struct sl_address address;
    int r = sl_received_check(node, err);
    r = r < 0 ? r : sl_address_read(node, true, &address, err);
    if (r == 0 && address.is_unix)
        r = sl_error_set(err, SL_EUSAGE, "%s: Flume's Avro sink connects to a host and a port",
                         node->op->name);
    return r;
}

static const struct sl_source_ops ops = {.open = open_flume, .name = name_of, SL_RECEIVED_OPS};

static const struct sl_param params[] = {
    {"host", SL_WANT_STRING | SL_WANT_NIL, false, "the address to listen at; nil: 127.0.0.1"},
    {"port", SL_WANT_INTEGER | SL_WANT_STRING, false, "the port that the agent's Avro sink names"},
    {0},
};

static const struct sl_param options[] = {SL_RECEIVED_OPTIONS, {0}};

const struct sl_op sl_op_flume_stream = {
    .name = "flumeStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "Events that a Flume agent's Avro sink sends, plain or deflated: (body, {headers})",
    .example = "ssc:flumeStream(\"127.0.0.1\", 4141)",
    .params = params,
    .options = options,
    .source = &ops,
    .check = check,
};
