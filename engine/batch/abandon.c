#include "engine/batch/abandon.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Together less than a second, with what it takes to end a process that is large. */
enum { LOOK_AGAIN_MS = 100, GRACE_MS = 500, LOG_MS = 100 };

struct sl_abandon {
    const volatile int *stop;
    int stop_fd, end_fd;
    _Atomic int *told;
    struct sl_log *log; /* NULL: the process is the program's */
    int logged_fd;      /* eventfd; readable when the process may end */
    pthread_t thread;
};

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd ready = {fd, POLLIN, 0};
    int r;
    while ((r = poll(&ready, 1, timeout_ms)) < 0 && errno == EINTR) /* signals are rare: a little longer */
        ;
    return r > 0;
}

static void *log_end(void *arg)
{
    struct sl_abandon *abandon = arg;
    sl_log(abandon->log, SL_LOG_WARNING,
           "the batch is busy with code that cannot be interrupted: the process ends without it; "
           "the batch is redone at the next start");
    (void)!write(abandon->logged_fd, &(uint64_t){1}, sizeof(uint64_t));
    return NULL;
}

/* As after kill -9, at which nothing is lost. Nothing that the others may hold is waited for: not their locks, and not a
 * standard error that blocks. */
static void end_process(struct sl_abandon *abandon)
{
    pthread_t logging;
    if (pthread_create(&logging, NULL, log_end, abandon) == 0)
        (void)is_readable(abandon->logged_fd, LOG_MS);
    _exit(0);
}

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
    if (abandon->log && !is_readable(abandon->end_fd, GRACE_MS))
        end_process(abandon);
    return NULL;
}

/* Signals of the process are for threads that expect them, and those that ask a run to stop for this one, too: code of
 * the job may block them in the others. */
static int start_thread(struct sl_abandon *abandon)
{
    static const int stopping[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t all, before;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    sigfillset(&all);
    for (size_t i = 0; i < sizeof stopping / sizeof *stopping; i++)
        if (abandon->log && !sigismember(&before, stopping[i]))
            sigdelset(&all, stopping[i]);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    int failed = pthread_create(&abandon->thread, NULL, wait, abandon);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static int start(struct sl_abandon *abandon)
{
    abandon->end_fd = eventfd(0, EFD_CLOEXEC);
    abandon->logged_fd = eventfd(0, EFD_CLOEXEC);
    return abandon->end_fd < 0 || abandon->logged_fd < 0 ? errno : start_thread(abandon);
}

static void close_all(struct sl_abandon *abandon)
{
    if (abandon->end_fd >= 0)
        close(abandon->end_fd);
    if (abandon->logged_fd >= 0)
        close(abandon->logged_fd);
    free(abandon);
}

int sl_abandon_new(const volatile int *stop, int stop_fd, _Atomic int *told, struct sl_log *log,
                   struct sl_abandon **ret, struct sl_error *err)
{
    struct sl_abandon *abandon = malloc(sizeof *abandon);
    if (!abandon)
        return sl_error_nomem(err);
    *abandon = (struct sl_abandon){.stop = stop, .stop_fd = stop_fd, .told = told, .log = log};
    int failed = start(abandon);
    if (failed) {
        close_all(abandon);
        return sl_error_thread(err, failed, "starting the thread that waits for a second signal");
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
    close_all(abandon);
}
