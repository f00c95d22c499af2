/* socketTextStream and socketStream: one connection to a server, or any number of senders that connect to us. */
#include "receive/intake.h"
#include "receive/listener.h"

#include "core/base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64 };

struct connection {
    int fd;
    struct sl_intake intake;
    int64_t heard_ns; /* the last byte */
    bool has_sent;
};

struct socket_source {
    struct sl_received received; /* first */
    struct sl_listener listener;
    struct sl_framing framing;
    bool listens;
    uint8_t *buf;                                      /* [SL_READ_BYTES] */
    struct connection *connection[SL_CONNECTIONS_MAX]; /* [listener.connections] */
};

/* ---- one connection ---- */

static struct connection *connection_new(struct socket_source *source, int fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        close(fd);
        return NULL;
    }
    connection->fd = fd;
    connection->heard_ns = sl_monotonic_ns();
    sl_intake_init(&connection->intake, &source->received, &source->framing);
    return connection;
}

static void connection_free(struct connection *connection)
{
    if (!connection)
        return;
    close(connection->fd);
    sl_intake_done(&connection->intake);
    free(connection);
}

/* Reads once. 1: the connection continues; 0: it has ended; or SL_ESTOP, or a failure of the run. */
static int connection_read(struct socket_source *source, struct connection *connection, struct sl_error *err)
{
    ssize_t got = recv(connection->fd, source->buf, SL_READ_BYTES, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (got < 0) {
        if (sl_intake_is_half(&connection->intake))
            sl_listener_dropped(&source->listener, strerror(errno));
        return 0;
    }
    connection->heard_ns = sl_monotonic_ns();
    connection->has_sent |= got > 0;
    int r = got ? sl_intake_bytes(&connection->intake, source->buf, (size_t)got, err)
                : sl_intake_end(&connection->intake, err);
    if (r == SL_EREJECT)
        sl_listener_dropped(&source->listener, err->text);
    return r == SL_EREJECT ? 0 : r < 0 ? r : got > 0;
}

/* A sender that stops in the middle of a record holds a connection for nothing. */
static bool is_stuck(struct socket_source *source, const struct connection *connection)
{
    if (!sl_intake_is_half(&connection->intake) ||
        !sl_connection_is_idle(connection->fd, connection->heard_ns))
        return false;
    sl_listener_dropped(&source->listener, "half a record, and nothing more for 60 s");
    return true;
}

/* ---- connecting ---- */

/* 0: read to its end. */
static int read_connection(struct socket_source *source, int fd, struct sl_backoff *backoff,
                           struct sl_error *err)
{
    struct sl_received *received = &source->received;
    struct connection *connection = connection_new(source, fd);
    int r = connection ? 1 : sl_error_nomem(err);
    while (r == 1) {
        struct pollfd ready = {fd, POLLIN, 0};
        int n = sl_received_wait(received, &ready, 1, SL_CONNECTIONS_LOOK_MS);
        r = n < 0                          ? n
            : n > 0                        ? connection_read(source, connection, err)
            : is_stuck(source, connection) ? 0
                                           : 1;
    }
    if (connection && connection->has_sent)
        sl_backoff_reset(backoff);
    connection_free(connection);
    return r;
}

static int run_connecting(struct socket_source *source, struct sl_error *err)
{
    struct sl_received *received = &source->received;
    struct sl_backoff backoff = {0};
    int r = 0;
    while (r == 0) {
        if (!received->trouble[0]) /* else that is what status shows */
            sl_received_show(received, "waiting", "%s:%.200s", source->listener.address.host,
                             source->listener.address.port);
        int fd = sl_address_connect(&source->listener.address, received, received->connect_timeout_ms, err);
        if (fd == SL_ESTOP || (fd < 0 && sl_listener_is_last_attempt(&source->listener)))
            return fd;
        if (fd >= 0) {
            sl_received_fine(received);
            sl_received_show(received, "connected", "%s:%.200s", source->listener.address.host,
                             source->listener.address.port);
            r = read_connection(source, fd, &backoff, err);
        } else {
            sl_received_trouble(received, "cannot connect to %s", err->text);
        }
        if (r == 0 && fd >= 0 && (!received->retries || received->services->until_end))
            return 0;
        r = r < 0 ? r : sl_backoff_wait(&backoff, received);
    }
    return r;
}

/* ---- listening ---- */

static void remove_connection(struct socket_source *source, struct connection *connection)
{
    size_t i = 0;
    while (source->connection[i] != connection)
        i++;
    source->connection[i] = source->connection[source->listener.connections - 1];
    connection_free(connection);
    sl_listener_removed(&source->listener);
}

/* Idle connections must not keep other senders out. There is no event of the one that is closed, for it sent nothing. */
static void make_room(struct socket_source *source)
{
    struct connection *oldest = NULL;
    for (size_t i = 0; i < source->listener.connections; i++) {
        struct connection *connection = source->connection[i];
        if (!sl_intake_is_half(&connection->intake) && (!oldest || connection->heard_ns < oldest->heard_ns))
            oldest = connection;
    }
    if (!oldest || !sl_connection_is_idle(oldest->fd, oldest->heard_ns))
        return;
    sl_listener_dropped(&source->listener, SL_CONNECTION_MADE_ROOM);
    remove_connection(source, oldest);
}

static int accept_one(struct socket_source *source, struct sl_error *err)
{
    if (sl_listener_is_full(&source->listener))
        make_room(source);
    int fd, r = sl_listener_accept(&source->listener, &fd);
    if (r <= 0)
        return r;
    struct connection *connection = connection_new(source, fd);
    if (!connection)
        return sl_error_nomem(err);
    r = sl_listener_add(&source->listener, fd, connection, err);
    if (r < 0)
        connection_free(connection);
    else
        source->connection[source->listener.connections - 1] = connection;
    return r;
}

/* The memory of half records is limited for all connections together: each may have one of maxRecordBytes. */
static void relieve(struct socket_source *source)
{
    uint64_t record_max = source->received.services->record_bytes_max;
    uint64_t most = SL_CONNECTIONS_HELD_BYTES_MAX, held;
    most = most / 2 > record_max ? most : 2 * record_max;
    do {
        struct connection *largest = NULL;
        held = 0;
        for (size_t i = 0; i < source->listener.connections; i++) {
            struct connection *connection = source->connection[i];
            held += connection->intake.rest.len;
            if (!largest || connection->intake.rest.len > largest->intake.rest.len)
                largest = connection;
        }
        if (held > most) {
            sl_listener_dropped(&source->listener, SL_CONNECTIONS_HELD_TOO_MUCH);
            remove_connection(source, largest);
        }
    } while (held > most);
}

static int handle_events(struct socket_source *source, struct sl_error *err)
{
    struct epoll_event event[EVENTS];
    int n = epoll_wait(source->listener.epoll, event, EVENTS, 0), r = 0;
    for (int i = 0; i < n && r >= 0; i++) {
        struct connection *connection = event[i].data.ptr;
        r = connection ? connection_read(source, connection, err) : accept_one(source, err);
        if (connection && r == 0)
            remove_connection(source, connection);
    }
    relieve(source); /* not earlier: events of the one that is closed may be among these */
    return r < 0 ? r : 0;
}

static void close_stuck(struct socket_source *source)
{
    for (size_t i = source->listener.connections; i-- > 0;)
        if (is_stuck(source, source->connection[i]))
            remove_connection(source, source->connection[i]);
}

static int run_listening(struct socket_source *source, struct sl_error *err)
{
    int64_t looked_ns = sl_monotonic_ns();
    int r = sl_listener_open(&source->listener, err);
    while (r == 0 && !sl_listener_is_over(&source->listener)) {
        int n = sl_listener_wait(&source->listener);
        r = n < 0 ? n : n > 0 ? handle_events(source, err) : 0;
        if (sl_since_ms(looked_ns) >= SL_CONNECTIONS_LOOK_MS) {
            close_stuck(source);
            looked_ns = sl_monotonic_ns();
        }
    }
    return r;
}

/* ---- the source ---- */

static int run(struct sl_received *received, struct sl_error *err)
{
    struct socket_source *source = (struct socket_source *)received;
    source->listener.started_ns = sl_monotonic_ns();
    source->buf = malloc(SL_READ_BYTES);
    if (!source->buf)
        return sl_error_nomem(err);
    int r = source->listens ? run_listening(source, err) : run_connecting(source, err);
    if (source->listens && source->listener.fd >= 0)
        sl_address_unlisten(&source->listener.address);
    return r;
}

static void done(struct sl_received *received)
{
    struct socket_source *source = (struct socket_source *)received;
    for (size_t i = 0; i < source->listener.connections; i++)
        connection_free(source->connection[i]);
    sl_listener_close(&source->listener);
    free(source->buf);
}

static const struct sl_received_kind kind = {.lines = SL_RECEIVED_FRAME_LINES, .run = run, .done = done};

static bool has_framing(const struct sl_node *node)
{
    return strcmp(node->op->name, "socketStream") == 0;
}

static int open_socket(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                       struct sl_error *err)
{
    struct socket_source *source = calloc(1, sizeof *source);
    if (!source)
        return sl_error_nomem(err);
    source->listener = (struct sl_listener){
        .received = &source->received, .address.services = services, .fd = -1, .epoll = -1};
    source->listens = sl_node_option_boolean(node, "listen", false);
    int r = sl_address_read(node, source->listens, &source->listener.address, err);
    if (r == 0 && has_framing(node))
        r = sl_framing_read(node, &source->framing, err);
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
    if (sl_address_read(node, sl_node_option_boolean(node, "listen", false), &address, &err) < 0)
        return sl_buf_text(buf, node->op->name);
    return sl_buf_printf(buf, "socket:%s:%s", address.host, address.port);
}

static const char *name_of(const struct sl_node *node, char *text, size_t size)
{
    return sl_received_name(node, describe, text, size);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    struct sl_address address;
    struct sl_framing framing;
    int r = sl_received_check(node, err);
    r = r < 0 ? r : sl_address_read(node, sl_node_option_boolean(node, "listen", false), &address, err);
    return r == 0 && has_framing(node) ? sl_framing_read(node, &framing, err) : r;
}

static const struct sl_source_ops ops = {.open = open_socket, .name = name_of, SL_RECEIVED_OPS};

static const struct sl_param params[] = {
    {"host", SL_WANT_STRING | SL_WANT_NIL, false,
     "what to connect to, or with listen = true the address to listen at; \"unix\": a Unix socket"},
    {"port", SL_WANT_INTEGER | SL_WANT_STRING, false,
     "the port, or the path of the Unix socket, relative to the job"},
    {0},
};

#define LISTEN_OPTION                                                                                        \
    {                                                                                                        \
        "listen", SL_WANT_BOOLEAN, true, "accept any number of senders; host is then 127.0.0.1; false"       \
    }

static const struct sl_param text_options[] = {LISTEN_OPTION, SL_RECEIVED_OPTIONS, {0}};
static const struct sl_param options[] = {
    {"framing", SL_WANT_STRING | SL_WANT_VALUE, true,
     "\"lines\", \"length32\" (a big-endian length before each record) or {delimiter = \"\\0\"}; lines"},
    LISTEN_OPTION,
    SL_RECEIVED_OPTIONS,
    {0},
};

const struct sl_op sl_op_socket_text_stream = {
    .name = "socketTextStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "A record per line that a server sends, or that senders send to us; through a log on disk",
    .example = "ssc:socketTextStream(\"localhost\", 9999)",
    .params = params,
    .options = text_options,
    .source = &ops,
    .check = check,
};

const struct sl_op sl_op_socket_stream = {
    .name = "socketStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "The same with another framing than lines",
    .example = "ssc:socketStream(\"localhost\", 9999, { framing = \"length32\" })",
    .params = params,
    .options = options,
    .source = &ops,
    .check = check,
};
