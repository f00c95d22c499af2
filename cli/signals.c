#include "cli/signals.h"

#include "cli/bus_error.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One more is not ours any more: a script that hangs while it is loaded can be ended, too. */
enum { SIGNALS_MAX = 2 };

/* A signal handler has no argument: the one mutable global of the program. */
static volatile int signal_count;
static volatile int wake_fd = -1;

static void handle(int number)
{
    int saved = errno;
    uint64_t one = 1;
    /* Two signals may be handled by two threads at once. */
    if (__atomic_add_fetch(&signal_count, 1, __ATOMIC_SEQ_CST) >= SIGNALS_MAX)
        signal(number, SIG_DFL);
    if (wake_fd >= 0)
        (void)!write(wake_fd, &one, sizeof one); /* full only if it is readable anyway */
    errno = saved;
}

static bool is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void sl_signals_reset(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    sigemptyset(&usual.sa_mask);
    sigaction(SIGCHLD, &usual, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    sl_bus_error_open();
}

int sl_signals_open(struct sl_signals *ret, struct sl_error *err)
{
    struct sigaction stop = {.sa_handler = handle, .sa_flags = SA_RESTART}, ignore = {.sa_handler = SIG_IGN};
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return sl_error_sys(err, errno, "making an eventfd for signals");
    sigemptyset(&stop.sa_mask);
    sigaddset(&stop.sa_mask, SIGTERM);
    sigaddset(&stop.sa_mask, SIGINT);
    sigaddset(&stop.sa_mask, SIGHUP);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    if (!is_ignored(SIGHUP)) /* nohup */
        sigaction(SIGHUP, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); /* a file that may not grow is an error of the write */
    *ret = (struct sl_signals){.count = &signal_count, .fd = wake_fd};
    return 0;
}

void sl_signals_close(struct sl_signals *signals)
{
    wake_fd = -1;
    close(signals->fd);
}
