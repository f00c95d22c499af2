#include "engine/batch/service.h"

#include "core/base/clock.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The time until it must be heard of, unless it is meant for another process. */
static int64_t watchdog_ns(void)
{
    const char *time_us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!time_us || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    int64_t us = strtoll(time_us, NULL, 10);
    return us > 0 && us < INT64_MAX / 1000 ? us * 1000 : 0;
}

void sl_service_open(struct sl_service *service)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;
    *service = (struct sl_service){.fd = -1, .address.sun_family = AF_UNIX};
    if (len < 2 || len >= sizeof service->address.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(service->address.sun_path, path, len);
    if (path[0] == '@')
        service->address.sun_path[0] = 0; /* the abstract name space */
    service->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    service->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    service->watchdog_ns = watchdog_ns();
}

void sl_service_close(struct sl_service *service)
{
    if (service->fd >= 0)
        close(service->fd);
    service->fd = -1;
}

void sl_service_tell(struct sl_service *service, const char *text)
{
    if (service->fd < 0)
        return;
    (void)sendto(service->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&service->address,
                 service->address_len); /* no notification without a listener */
}

void sl_service_alive(struct sl_service *service)
{
    if (service->fd < 0 || !service->watchdog_ns)
        return;
    int64_t now_ns = sl_monotonic_ns();
    if (now_ns - service->alive_ns < service->watchdog_ns / 4)
        return;
    service->alive_ns = now_ns;
    sl_service_tell(service, "WATCHDOG=1");
}

int sl_service_wait_ms(const struct sl_service *service, int timeout_ms)
{
    int64_t most_ms = service->watchdog_ns / 3 / 1000000;
    if (service->fd < 0 || !service->watchdog_ns)
        return timeout_ms;
    return timeout_ms <= most_ms ? timeout_ms : most_ms < 1 ? 1 : (int)most_ms;
}
