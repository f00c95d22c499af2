#include "receive/listener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FILES_WAIT_MS = 100, /* where there are too many open files */
    END_WAIT_MS = 50,    /* between looks of a run that ends by itself */
    NS_PER_MS = 1000000,
    DROPPED_LOOK_MS = 60000,
    DROPPED_LOGGED_MAX = 20, /* of those in DROPPED_LOOK_MS */
};

int64_t sl_since_ms(int64_t ns)
{
    return (sl_monotonic_ns() - ns) / NS_PER_MS;
}

bool sl_listener_is_last_attempt(const struct sl_listener *listener)
{
    const struct sl_received *received = listener->received;
    return !received->retries || (received->services->until_end &&
                                  sl_since_ms(listener->started_ns) >= received->connect_timeout_ms);
}

static void show(struct sl_listener *listener)
{
    char text[512];
    sl_address_shown(&listener->address, listener->fd, text);
    sl_received_show(listener->received, "listening", "%.200s, %zu connection%s", text, listener->connections,
                     listener->connections == 1 ? "" : "s");
}

int sl_listener_open(struct sl_listener *listener, struct sl_error *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct sl_backoff backoff = {0};
    int r = 0;
    sl_received_raise_files_limit();
    while ((listener->fd = sl_address_listen(&listener->address, err)) < 0) {
        if (sl_listener_is_last_attempt(listener))
            return listener->fd;
        sl_received_trouble(listener->received, "cannot listen at %s", err->text);
        if ((r = sl_backoff_wait(&backoff, listener->received)) < 0)
            return r;
    }
    sl_received_fine(listener->received);
    listener->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (listener->epoll < 0 || epoll_ctl(listener->epoll, EPOLL_CTL_ADD, listener->fd, &event) < 0)
        return sl_error_sys(err, errno, "listening");
    listener->started_ns = sl_monotonic_ns();
    show(listener);
    return 0;
}

void sl_listener_close(struct sl_listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->epoll >= 0)
        close(listener->epoll);
}

int sl_listener_wait(struct sl_listener *listener)
{
    struct pollfd ready = {listener->epoll, POLLIN, 0};
    bool ends = listener->received->services->until_end;
    return sl_received_wait(listener->received, &ready, 1, ends ? END_WAIT_MS : SL_CONNECTIONS_LOOK_MS);
}

bool sl_listener_is_full(const struct sl_listener *listener)
{
    return listener->connections == SL_CONNECTIONS_MAX;
}

int sl_listener_accept(struct sl_listener *listener, int *ret_fd)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && errno != EMFILE && errno != ENFILE)
        return 0; /* the sender has left */
    if (fd < 0) {
        sl_received_trouble(listener->received, "%s: a sender waits", strerror(errno));
        int r = sl_received_wait(listener->received, NULL, 0, FILES_WAIT_MS);
        return r < 0 ? r : 0;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1},
                     sizeof(int)); /* the connection of a machine that vanished ends */
    listener->had_connection = true;
    if (!sl_listener_is_full(listener)) {
        *ret_fd = fd;
        return 1;
    }
    close(fd);
    sl_received_drop(listener->received);
    return 0;
}

int sl_listener_add(struct sl_listener *listener, int fd, void *connection, struct sl_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(listener->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        return sl_error_sys(err, errno, "accepting a connection");
    listener->connections++;
    show(listener);
    return 0;
}

void sl_listener_removed(struct sl_listener *listener)
{
    listener->connections--;
    show(listener);
}

bool sl_connection_is_idle(int fd, int64_t heard_ns)
{
    uint8_t byte;
    return sl_since_ms(heard_ns) >= SL_CONNECTION_IDLE_S * 1000 &&
           recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void sl_listener_dropped(struct sl_listener *listener, const char *why)
{
    const struct sl_site *site = &listener->received->source.node->site;
    sl_received_drop(listener->received);
    if (sl_since_ms(listener->dropped_ns) >= DROPPED_LOOK_MS) {
        listener->dropped_ns = sl_monotonic_ns();
        listener->dropped = 0;
    }
    if (++listener->dropped <= DROPPED_LOGGED_MAX)
        sl_log(listener->received->services->log, SL_LOG_WARNING,
               "%s:%d: %s: %s: a connection was closed: %s%s", site->file, site->line, site->name,
               listener->received->name, why,
               listener->dropped == DROPPED_LOGGED_MAX ? "; more of this minute are only counted" : "");
}

bool sl_listener_is_over(const struct sl_listener *listener)
{
    const struct sl_received *received = listener->received;
    if (!received->services->until_end || listener->connections)
        return false;
    return listener->had_connection || sl_since_ms(listener->started_ns) >= received->connect_timeout_ms;
}
