#include "cli/hangup.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A batch that runs, or begins, reads what is left and then the end, and fails by itself. The signal is for a run that waits. */
enum { GRACE_MS = 1000, GRACES_MAX = 10 };

/* Waits for ms, or where ms < 0 until the peer has closed the pipe. false: the watch was ended meanwhile. */
static bool wait_on(const struct sl_hangup *hangup, int ms)
{
    struct pollfd fds[] = {{.fd = hangup->end_fd, .events = POLLIN}, {.fd = hangup->fd}};
    int r;
    do
        r = poll(fds, ms < 0 ? 2 : 1, ms);
    while (r < 0 && errno == EINTR);
    return r >= 0 && !fds[0].revents;
}

static bool has_unread(int fd)
{
    int bytes = 0;
    return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

static void *wait_for_hangup(void *arg)
{
    const struct sl_hangup *hangup = arg;
    int graces = 0;
    bool waits = wait_on(hangup, -1);
    do
        waits = waits && wait_on(hangup, GRACE_MS);
    while (waits && has_unread(hangup->fd) && ++graces < GRACES_MAX);
    if (!waits)
        return NULL;
    fprintf(stderr, "sluice: the program that has the tasks run is gone; the run ends\n");
    kill(getpid(), SIGTERM);
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
    return sl_error_thread(err, sys, "starting a thread");
}

void sl_hangup_done(struct sl_hangup *hangup)
{
    const uint64_t one = 1;
    (void)!write(hangup->end_fd, &one, sizeof one); /* an eventfd takes it */
    pthread_join(hangup->thread, NULL);
    close(hangup->end_fd);
}
