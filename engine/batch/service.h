/* Tells a service manager how the run gets on (sd_notify of systemd: READY, STATUS, WATCHDOG, STOPPING),
 * where there is one: one datagram each to the socket that $NOTIFY_SOCKET names.
 *
 * sl_service_open; sl_service_tell; sl_service_alive at least as often as sl_service_wait_ms says;
 * sl_service_close. Without a service manager all of them do nothing. Nothing waits and nothing fails:
 * the listener is another program. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct sl_service {
    int fd; /* -1: no listener */
    struct sockaddr_un address;
    socklen_t address_len;
    int64_t watchdog_ns; /* 0: no watchdog */
    int64_t alive_ns;    /* when it said so last */
};

void sl_service_open(struct sl_service *service);
void sl_service_close(struct sl_service *service);

/* "READY=1", "STATUS=...": assignments, a line each. */
void sl_service_tell(struct sl_service *service, const char *text);
/* Called by the main thread between its steps: notifies the watchdog where that is due. */
void sl_service_alive(struct sl_service *service);
/* How long the main thread may wait, at most timeout_ms. */
int sl_service_wait_ms(const struct sl_service *service, int timeout_ms);
