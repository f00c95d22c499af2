/* Where a server listens, and which names a request may give it. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <sys/socket.h>

struct sl_http_place {
    struct sockaddr_storage address;
    socklen_t len;
    bool is_loopback;
};

/* SL_EUSAGE: it is not one. */
int sl_http_place_parse(const char *text, struct sl_http_place *ret, struct sl_error *err);
/* "127.0.0.1:9464" of a bound socket, into text[size]. */
void sl_http_place_name(int fd, char *text, size_t size);
/* Whether "localhost:9464", "127.0.0.1", "[::1]:9464" ... is a name of the loopback interface. */
bool sl_http_is_local_name(const char *host);
