#include "core/base/interrupt.h"

#include "core/base/syscalls.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* A signal handler has no argument: what it interrupts is its thread's. */
static _Thread_local struct sl_interrupt *mine;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_usable;

void sl_interrupt_tick(struct sl_interrupt *interrupt)
{
    const struct itimerspec next = {.it_value = {.tv_nsec = SL_INTERRUPT_TICK_MS * 1000000L}};
    interrupt->is_ticking = true;
    if (timer_settime(interrupt->timer, 0, &next, NULL) != 0)
        interrupt->is_ticking = false;
}

static void handle(int number, siginfo_t *info, void *context)
{
    struct sl_interrupt *interrupt = mine;
    int saved = errno;
    if (info->si_code != SI_TIMER || !interrupt)
        return;
    interrupt->is_ticking = false;
    if (!interrupt->is_computing)
        return;
    sl_interrupt_tick(interrupt);
    errno = saved;
    bool stops = interrupt->stop && atomic_load_explicit(interrupt->stop, memory_order_relaxed);
    if (!stops && ++interrupt->ticks < interrupt->ticks_max)
        return;
    interrupt->is_computing = false;
    siglongjmp(interrupt->back, stops ? SL_INTERRUPTED_STOP : SL_INTERRUPTED_TIMEOUT);
}

static void done(void *arg)
{
    struct sl_interrupt *interrupt = arg;
    timer_delete(interrupt->timer);
    mine = NULL;
    free(interrupt);
}

/* SA_NODEFER: who jumps out of the handler leaves the signal unblocked. */
static void prepare(void)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    is_usable = pthread_key_create(&key, done) == 0 && sigaction(SIGVTALRM, &action, NULL) == 0;
}

static void unblock(void)
{
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGVTALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
}

struct sl_interrupt *sl_interrupt_of_thread(void)
{
    if (mine)
        return mine;
    pthread_once(&once, prepare);
    struct sl_interrupt *made = is_usable ? calloc(1, sizeof *made) : NULL;
    if (!made)
        return NULL;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGVTALRM};
    event.sigev_notify_thread_id = sl_thread_id();
    if (timer_create(CLOCK_MONOTONIC, &event, &made->timer) != 0) {
        free(made);
        return NULL;
    }
    if (pthread_setspecific(key, made) != 0) {
        timer_delete(made->timer);
        free(made);
        return NULL;
    }
    unblock();
    mine = made;
    return made;
}
