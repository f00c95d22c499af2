#include "engine/batch/abandon.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 100 };

struct sl_abandon {
    const volatile int *stop;
    int stop_fd, end_fd;
    _Atomic int *told;
    pthread_t thread;
};

/* Until it ends; stop_fd stays readable from the first signal on, so from then on it is looked at now and
 * then. */
static void *wait(void *arg)
{
    struct sl_abandon *abandon = arg;
    while (sl_stop_count(abandon->stop) < 2) {
        bool asked = sl_stop_count(abandon->stop) > 0;
        struct pollfd fds[2] = {{abandon->end_fd, POLLIN, 0}, {abandon->stop_fd, POLLIN, 0}};
        if (poll(fds, asked ? 1 : 2, asked ? LOOK_AGAIN_MS : -1) < 0 && errno != EINTR)
            return NULL; /* the batch ends by itself, or is killed */
        if (fds[0].revents)
            return NULL;
    }
    atomic_store(abandon->told, 1);
    return NULL;
}

/* Signals of the process are for threads that expect them. */
static int start_thread(struct sl_abandon *abandon)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&abandon->thread, NULL, wait, abandon);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

int sl_abandon_new(const volatile int *stop, int stop_fd, _Atomic int *told, struct sl_abandon **ret,
                   struct sl_error *err)
{
    struct sl_abandon *abandon = malloc(sizeof *abandon);
    if (!abandon)
        return sl_error_nomem(err);
    *abandon = (struct sl_abandon){.stop = stop, .stop_fd = stop_fd, .told = told};
    abandon->end_fd = eventfd(0, EFD_CLOEXEC);
    int failed = abandon->end_fd < 0 ? errno : start_thread(abandon);
    if (failed) {
        if (abandon->end_fd >= 0)
            close(abandon->end_fd);
        free(abandon);
        return sl_error_sys(err, failed, "starting the thread that waits for a second signal");
    }
    *ret = abandon;
    return 0;
}

void sl_abandon_free(struct sl_abandon *abandon)
{
    if (!abandon)
        return;
    (void)!write(abandon->end_fd, &(uint64_t){1}, sizeof(uint64_t)); /* a new counter takes it */
    pthread_join(abandon->thread, NULL);
    close(abandon->end_fd);
    free(abandon);
}
