/* Where a socket connects to or listens: a host and a port, or a Unix socket relative to the job. */
#pragma once

#include "receive/received.h"

struct sl_address {
    const struct sl_services *services;
    char host[256];
    char port[SL_RECEIVED_NAME_MAX]; /* or the path of a Unix socket */
    bool is_unix;
};

/* From the parameters host and port of a node. SL_EUSAGE: what they cannot be. */
int sl_address_read(const struct sl_node *node, bool listens, struct sl_address *ret, struct sl_error *err);

/* A non-blocking socket that is connected. SL_EFAIL: "localhost:9999: Connection refused"; SL_ESTOP. */
int sl_address_connect(const struct sl_address *address, struct sl_received *received, int64_t timeout_ms,
                       struct sl_error *err);
/* A non-blocking socket that listens. A stale Unix socket is replaced; the new one has mode 0600. */
int sl_address_listen(const struct sl_address *address, struct sl_error *err);
/* The port that is listened at, where the system has chosen it. */
void sl_address_shown(const struct sl_address *address, int fd, char text[static 512]);
/* Removes the Unix socket that was listened at. */
void sl_address_unlisten(const struct sl_address *address);
