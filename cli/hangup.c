#include "cli/hangup.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *wait_for_hangup(void *arg)
{
    const struct sl_hangup *hangup = arg;
    struct pollfd fds[] = {{.fd = hangup->fd}, {.fd = hangup->end_fd, .events = POLLIN}};
    int r;
    do
        r = poll(fds, 2, -1);
    while (r < 0 && errno == EINTR);
    if (r > 0 && !fds[1].revents) {
        fprintf(stderr, "sluice: the program that has the tasks run is gone; the run ends\n");
        kill(getpid(), SIGTERM);
    }
    return NULL;
}

int sl_hangup_watch(struct sl_hangup *hangup, int fd, struct sl_error *err)
{
    *hangup = (struct sl_hangup){.fd = fd, .end_fd = eventfd(0, EFD_CLOEXEC)};
    if (hangup->end_fd < 0)
        return sl_error_sys(err, errno, "making an eventfd");
    int sys = pthread_create(&hangup->thread, NULL, wait_for_hangup, hangup);
    if (!sys)
        return 0;
    close(hangup->end_fd);
    return sl_error_sys(err, sys, "starting a thread");
}

void sl_hangup_done(struct sl_hangup *hangup)
{
    const uint64_t one = 1;
    (void)!write(hangup->end_fd, &one, sizeof one); /* an eventfd takes it */
    pthread_join(hangup->thread, NULL);
    close(hangup->end_fd);
}
