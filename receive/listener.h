/* A socket that listens, and the connections that were accepted: what servers among the sources share. One thread.
 *
 *     sl_listener_open, then while !sl_listener_is_over: sl_listener_wait; events of listener->epoll, whose data is the
 *     pointer that was given to sl_listener_add, NULL for the listener itself; sl_listener_close in the end */
#pragma once

#include "receive/address.h"

#include <sys/epoll.h>

enum {
    SL_CONNECTIONS_MAX = 1000, /* more are closed at once, unless an idle one makes room */
    SL_CONNECTION_IDLE_S = 60, /* a message that is half sent for so long closes its connection */
    SL_CONNECTIONS_LOOK_MS = 1000,
    SL_CONNECTIONS_HELD_BYTES_MAX = 256 << 20, /* of what is half sent over all connections of a socket */
};

struct sl_listener {
    struct sl_received *received;
    struct sl_address address;
    int fd, epoll; /* -1: not open */
    size_t connections;
    bool had_connection;
    int64_t started_ns;
    int64_t dropped_ns; /* since when `dropped` counts */
    uint64_t dropped;
};

/* Monotonic, to now. */
int64_t sl_since_ms(int64_t ns);

/* Whether an attempt to listen or connect that failed is the last one. */
bool sl_listener_is_last_attempt(const struct sl_listener *listener);

/* Listens, if need be after attempts that failed. 0, SL_ESTOP, or a failure of the run. */
int sl_listener_open(struct sl_listener *listener, struct sl_error *err);
void sl_listener_close(struct sl_listener *listener);

/* Events are there: 1; 0: none in a while; or SL_ESTOP. */
int sl_listener_wait(struct sl_listener *listener);

bool sl_listener_is_full(const struct sl_listener *listener);
/* 1: a connection, which is the caller's to add or to close; 0: none; or SL_ESTOP. */
int sl_listener_accept(struct sl_listener *listener, int *ret_fd);
/* Waits for its events, too. On failure the caller closes it. */
int sl_listener_add(struct sl_listener *listener, int fd, void *connection, struct sl_error *err);
/* After a connection that was added has been closed. */
void sl_listener_removed(struct sl_listener *listener);

/* Whether a connection, last read at heard_ns, has sent nothing for SL_CONNECTION_IDLE_S. What has arrived and waits counts: the
 * reader itself may have waited (receivedLimit, maxRate, a full disk). */
bool sl_connection_is_idle(int fd, int64_t heard_ns);

/* Of a connection that is closed because the half sent of all is more than the limit and it has the most. */
#define SL_CONNECTIONS_HELD_TOO_MUCH                                                                         \
    "what all connections have sent half is too much, and this one has the most"

/* Of a connection that holds nothing and was idle for the longest time, where all are taken and another one comes. */
#define SL_CONNECTION_MADE_ROOM                                                                              \
    "all connections are taken, and it was idle for the longest time, more than 60 s"

/* Counts what is dropped with a connection and logs why, for the first of each minute: senders must not fill a log. */
void sl_listener_dropped(struct sl_listener *listener, const char *why);

/* A run that ends: no sender came in time, or all have left. */
bool sl_listener_is_over(const struct sl_listener *listener);
