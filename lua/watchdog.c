#include "lua/watchdog.h"

#include "core/base/clock.h"
#include "core/base/condition.h"
#include "core/base/duration.h"
#include "core/base/syscalls.h"
#include "engine/graph/graph.h"
#include "lua/job_internal.h"

#include <errno.h>
#include <lauxlib.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOOKS_PER_TIMEOUT = 8, LOOK_MIN_MS = 5, LOOK_MAX_MS = 1000 };

/* What was seen of a copy when it was looked at last. */
struct look {
    uint64_t calls;
    int64_t since_ns; /* in that call, or in none */
};

struct sl_watchdog {
    struct sl_job *job;
    int64_t timeout_ms;
    struct look *look; /* [workers + 1]; the main copy is the last */
    struct sigaction before;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t told;
    bool is_over, is_woken;
};

void sl_watchdog_meet(struct sl_copy *copy)
{
    copy->thread = pthread_self();
    atomic_store(&copy->thread_id, sl_thread_id());
}

/* ---- in the thread of the function ---- */

static void raise_late(lua_State *L, lua_Debug *info)
{
    luaL_error(L, "the function runs for too long");
}

/* Asks whether the call is still the one that was meant: it may have ended since. */
static void set_hook(int number, siginfo_t *info, void *context)
{
    if (info->si_code != SI_QUEUE || info->si_pid != getpid() || !info->si_value.sival_ptr)
        return;
    struct sl_copy *copy = info->si_value.sival_ptr;
    if (atomic_load(&copy->calls) != atomic_load(&copy->late_call))
        return;
    atomic_store(&copy->is_late, true);
    lua_sethook(copy->L, raise_late, LUA_MASKCOUNT, 1);
}

static bool is_abandoned(const struct sl_job *job)
{
    return atomic_load(&job->main->context->abandoned) != 0;
}

int sl_watchdog_explain(struct sl_copy *copy, struct sl_error *err)
{
    char timeout[32];
    lua_sethook(copy->L, NULL, 0, 0);
    atomic_store(&copy->is_late, false);
    if (is_abandoned(copy->job))
        return sl_error_set(err, SL_ESTOP, "the batch was abandoned; it is redone at the next start");
    sl_duration_format(copy->job->watchdog->timeout_ms, timeout);
    return sl_error_set(
        err, SL_EFAIL,
        "the function ran for longer than functionTimeout = \"%s\"; make it end sooner, or set "
        "the option",
        timeout);
}

/* ---- in the watchdog's ---- */

static void send_signal(struct sl_copy *copy, uint64_t call)
{
    siginfo_t info = {.si_signo = SIGURG, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_ptr = copy;
    atomic_store(&copy->late_call, call);
    /* A thread that has ended meanwhile needs no signal. */
    (void)syscall(SYS_rt_tgsigqueueinfo, getpid(), atomic_load(&copy->thread_id), SIGURG, &info);
}

/* A call is running while the count is odd. */
static void look_at(const struct sl_watchdog *watchdog, struct sl_copy *copy, struct look *look)
{
    uint64_t calls = atomic_load_explicit(&copy->calls, memory_order_acquire);
    int64_t now_ns = sl_monotonic_ns();
    bool is_meant = calls % 2 == 1 && !atomic_load(&copy->is_late);
    if (is_meant && is_abandoned(watchdog->job))
        send_signal(copy, calls);
    else if (calls != look->calls)
        *look = (struct look){calls, now_ns};
    else if (is_meant && now_ns - look->since_ns > watchdog->timeout_ms * 1000000)
        send_signal(copy, calls);
}

static int64_t period_ms(const struct sl_watchdog *watchdog)
{
    int64_t period = watchdog->timeout_ms / LOOKS_PER_TIMEOUT;
    return period < LOOK_MIN_MS ? LOOK_MIN_MS : period > LOOK_MAX_MS ? LOOK_MAX_MS : period;
}

/* Until the next look, or the end. */
static bool wait(struct sl_watchdog *watchdog)
{
    const struct timespec until = sl_condition_end(period_ms(watchdog));
    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->is_over &&
           pthread_cond_timedwait(&watchdog->told, &watchdog->lock, &until) != ETIMEDOUT)
        ;
    bool goes_on = !watchdog->is_over;
    pthread_mutex_unlock(&watchdog->lock);
    return goes_on;
}

/* ---- nothing runs: no reason to look ---- */

static struct sl_copy *copy_at(const struct sl_watchdog *watchdog, unsigned i)
{
    const struct sl_job *job = watchdog->job;
    return i < job->workers ? job->worker[i] : job->main;
}

/* No copy runs a function, or has run one since it was looked at. */
static bool is_quiet(const struct sl_watchdog *watchdog)
{
    for (unsigned i = 0; i <= watchdog->job->workers; i++) {
        uint64_t calls = atomic_load(&copy_at(watchdog, i)->calls);
        if (calls % 2 == 1 || calls != watchdog->look[i].calls)
            return false;
    }
    return true;
}

static void set_unwatched(const struct sl_watchdog *watchdog, bool is_unwatched)
{
    for (unsigned i = 0; i <= watchdog->job->workers; i++)
        atomic_store(&copy_at(watchdog, i)->is_unwatched, is_unwatched);
}

void sl_watchdog_wake(struct sl_copy *copy)
{
    struct sl_watchdog *watchdog = copy->job->watchdog;
    atomic_store(&copy->is_unwatched, false);
    pthread_mutex_lock(&watchdog->lock);
    watchdog->is_woken = true;
    pthread_cond_signal(&watchdog->told);
    pthread_mutex_unlock(&watchdog->lock);
}

/* Sleeps until a function runs. A copy either sees that it is unwatched, or is seen to run one: between its
 * two steps and ours is a barrier for all threads. Where the system has none the watchdog
 * continues to look. */
static void rest(struct sl_watchdog *watchdog)
{
    set_unwatched(watchdog, true);
    bool sleeps = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0 && is_quiet(watchdog);
    pthread_mutex_lock(&watchdog->lock);
    while (sleeps && !watchdog->is_over && !watchdog->is_woken)
        pthread_cond_wait(&watchdog->told, &watchdog->lock);
    watchdog->is_woken = false;
    pthread_mutex_unlock(&watchdog->lock);
    set_unwatched(watchdog, false);
}

static void *watch(void *arg)
{
    struct sl_watchdog *watchdog = arg;
    while (wait(watchdog)) {
        if (is_quiet(watchdog))
            rest(watchdog);
        for (unsigned i = 0; i <= watchdog->job->workers; i++)
            look_at(watchdog, copy_at(watchdog, i), &watchdog->look[i]);
    }
    return NULL;
}

/* ---- lifetime ---- */

/* Signals of the process are for threads that expect them. */
static int start_thread(struct sl_watchdog *watchdog)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void destroy(struct sl_watchdog *watchdog)
{
    sigaction(SIGURG, &watchdog->before, NULL);
    pthread_cond_destroy(&watchdog->told);
    pthread_mutex_destroy(&watchdog->lock);
    free(watchdog->look);
    free(watchdog);
}

int sl_watchdog_new(struct sl_job *job, int64_t timeout_ms, struct sl_watchdog **ret, struct sl_error *err)
{
    struct sigaction action = {.sa_sigaction = set_hook, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sl_watchdog *watchdog = calloc(1, sizeof *watchdog);
    struct look *look = calloc(job->workers + 1, sizeof *look);
    if (!watchdog || !look) {
        free(watchdog);
        free(look);
        return sl_error_nomem(err);
    }
    *watchdog = (struct sl_watchdog){.job = job, .timeout_ms = timeout_ms, .look = look};
    pthread_mutex_init(&watchdog->lock, NULL);
    sl_condition_init(&watchdog->told);
    sigemptyset(&action.sa_mask);
    sigaction(SIGURG, &action, &watchdog->before);
    (void)syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0); /* see rest() */
    int failed = start_thread(watchdog);
    if (failed) {
        destroy(watchdog);
        return sl_error_thread(err, failed, "starting the thread that watches functions");
    }
    *ret = watchdog;
    return 0;
}

void sl_watchdog_free(struct sl_watchdog *watchdog)
{
    if (!watchdog)
        return;
    pthread_mutex_lock(&watchdog->lock);
    watchdog->is_over = true;
    pthread_cond_signal(&watchdog->told);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
    destroy(watchdog);
}
