#include "fs/mount/thread.h"

#include <signal.h>

int sl_thread_start(pthread_t *thread, void *(*run)(void *), void *arg, const char *what,
                    struct sl_error *err)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r == 0 ? 0 : sl_error_thread(err, r, "starting a thread that %s", what);
}
