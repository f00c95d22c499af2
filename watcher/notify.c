/* The library belongs to the notify thread: the main thread asks by putting a request into `notify` and
 * waiting for the answer. The thread sleeps in poll() on the library's descriptor and on an eventfd; then it
 * drains the library without ever letting it block. Per event it copies the name and nothing else: at ten
 * microseconds per event the kernel's queue overflows in a storm of renames. After a drain it rests for a
 * moment, for being woken by every event slows the process that causes them: 300,000 renames took half as long
 * again with 120,000 wake-ups. A storm fills a hundredth of the kernel's queue meanwhile.
 *
 * Watches are distinguished by the kernel's number (wd), which is one per directory however it is spelled:
 * several hints may share one. */
#include "watcher/notify.h"

#include "core/base/clock.h"
#include "watcher/members.h"
#include "watcher/notify_library.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    EVENTS_PER_WAKE = 4096, /* in an endless storm of events the main thread must be woken */
    INTERVAL_MS_DEFAULT = 5000,
    TIMEOUT_MS_MAX = 3600000,
};

static const uint32_t WATCHED = IN_MOVED_TO | IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_DELETE |
                                IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

enum request_kind { REQUEST_JOIN, REQUEST_WATCH, REQUEST_UNWATCH, REQUEST_LEAVE, REQUEST_STOP };

/* What the main thread asks for; the main thread's memory until it is done. */
struct request {
    enum request_kind kind;
    struct sl_events *hints;
    int dirfd;
    int64_t interval_ns;
    int sys; /* answer: 0 or errno */
    bool done;
};

struct sl_notify {
    struct sl_io *io;
    void (*wake)(void *arg);
    void *wake_arg;
    int poke_fd; /* wakes the thread for a request */
    int library_sys;
    pthread_t thread;
    pthread_mutex_t lock; /* guards request and what it points to */
    pthread_cond_t answered;
    struct request *request;
    /* The thread's own from here. */
    int inotify_fd; /* -1: no events available */
    struct sl_members members;
};

/* ---- events ---- */

/* The library's descriptor is unusable: each directory notices when it is watched again and that fails. */
static void give_up(struct sl_notify *notify, int sys)
{
    notify->inotify_fd = -1;
    notify->library_sys = sys;
    sl_members_lose_all(&notify->members);
}

/* Returns how many events there were, at most EVENTS_PER_WAKE. */
static size_t drain(struct sl_notify *notify)
{
    size_t seen = 0;
    while (notify->inotify_fd >= 0 && seen < EVENTS_PER_WAKE) {
        int sys;
        const struct inotify_event *event = sl_notify_library_next(&sys);
        if (sys)
            give_up(notify, sys);
        if (!event)
            break;
        sl_members_deliver(&notify->members, event);
        seen++;
    }
    return seen;
}

/* ---- requests ---- */

static bool watched(const void *arg, int wd)
{
    const struct sl_notify *notify = arg;
    return sl_members_watch(&notify->members, wd);
}

static void unwatch(struct sl_notify *notify, struct sl_member *member)
{
    (void)drain(
        notify); /* the kernel may have removed it already: removing it again would print an error on stderr */
    int wd = member->wd;
    member->wd = -1;
    if (wd >= 0 && !watched(notify, wd))
        sl_notify_library_unwatch(wd);
}

static int watch(struct sl_notify *notify, const struct request *request)
{
    struct sl_member *member = sl_members_find(&notify->members, request->hints);
    unwatch(notify, member);
    if (notify->inotify_fd < 0)
        return notify->library_sys;
    return sl_notify_library_watch(notify->inotify_fd, request->dirfd, WATCHED, watched, notify, &member->wd);
}

static void leave(struct sl_notify *notify, const struct request *request)
{
    struct sl_member *member = sl_members_find(&notify->members, request->hints);
    unwatch(notify, member);
    sl_members_remove(&notify->members, member);
}

static int perform(struct sl_notify *notify, const struct request *request)
{
    switch (request->kind) {
    case REQUEST_JOIN:
        return sl_members_add(&notify->members, request->hints, request->interval_ns, sl_monotonic_ns());
    case REQUEST_WATCH:
        return watch(notify, request);
    case REQUEST_UNWATCH:
        unwatch(notify, sl_members_find(&notify->members, request->hints));
        return 0;
    case REQUEST_LEAVE:
        leave(notify, request);
        return 0;
    case REQUEST_STOP:
        return 0;
    }
    return 0;
}

/* Performs what is asked for. False when asked to stop. */
static bool answer(struct sl_notify *notify)
{
    pthread_mutex_lock(&notify->lock);
    struct request *request = notify->request;
    notify->request = NULL;
    pthread_mutex_unlock(&notify->lock);
    if (!request)
        return true;
    bool stop = request->kind == REQUEST_STOP;
    int sys = perform(notify, request);
    pthread_mutex_lock(&notify->lock);
    request->sys = sys;
    request->done = true;
    pthread_cond_signal(&notify->answered);
    pthread_mutex_unlock(&notify->lock);
    return !stop;
}

/* ---- the thread ---- */

/* Milliseconds until the next tick, rounded up; -1 when no directory is watched. */
static int timeout_ms(const struct sl_notify *notify)
{
    int64_t next = sl_members_next_tick_ns(&notify->members);
    if (next == INT64_MAX)
        return -1;
    int64_t ms = (next - sl_monotonic_ns() + 999999) / 1000000;
    return ms < 0 ? 0 : ms > TIMEOUT_MS_MAX ? TIMEOUT_MS_MAX : (int)ms;
}

/* Lets events gather; requests do not wait. */
static void rest(const struct sl_notify *notify)
{
    struct pollfd poked = {notify->poke_fd, POLLIN, 0};
    (void)poll(&poked, 1, SL_NOTIFY_REST_MS);
}

static void *run(void *arg)
{
    struct sl_notify *notify = arg;
    size_t events = 0;
    do {
        struct pollfd ready[2] = {{notify->poke_fd, POLLIN, 0}, {notify->inotify_fd, POLLIN, 0}};
        /* The library may hold more than it was asked for: poll() does not know of that. */
        (void)poll(ready, 2, events == EVENTS_PER_WAKE ? 0 : timeout_ms(notify));
        uint64_t pokes;
        (void)!read(notify->poke_fd, &pokes, sizeof pokes); /* only to make it quiet again */
        events = drain(notify);
        if (sl_members_tick(&notify->members, sl_monotonic_ns()) || events)
            notify->wake(notify->wake_arg);
        if (events && events < EVENTS_PER_WAKE)
            rest(notify);
    } while (answer(notify));
    return NULL;
}

/* When the one before it is done. */
static void put(struct sl_notify *notify, struct request *request)
{
    pthread_mutex_lock(&notify->lock);
    while (notify->request)
        pthread_cond_wait(&notify->answered, &notify->lock);
    notify->request = request;
    uint64_t one = 1;
    (void)!write(notify->poke_fd, &one, sizeof one); /* fails only when it is readable already */
    pthread_mutex_unlock(&notify->lock);
}

static int wait_for(struct sl_notify *notify, const struct request *request)
{
    pthread_mutex_lock(&notify->lock);
    while (!request->done)
        pthread_cond_wait(&notify->answered, &notify->lock);
    pthread_mutex_unlock(&notify->lock);
    return request->sys;
}

static int ask(struct sl_notify *notify, struct request *request)
{
    put(notify, request);
    return wait_for(notify, request);
}

/* ---- setting up ---- */

/* Signals are the main thread's business. */
static int start(struct sl_notify *notify)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int sys = pthread_create(&notify->thread, NULL, run, notify);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return sys;
}

static void close_descriptors(struct sl_notify *notify)
{
    if (notify->inotify_fd >= 0)
        sl_notify_library_close();
    if (notify->poke_fd >= 0)
        sl_io_close(notify->io, notify->poke_fd);
}

int sl_notify_new(struct sl_io *io, void (*wake)(void *arg), void *wake_arg, struct sl_notify **ret,
                  struct sl_error *err)
{
    struct sl_notify *notify = calloc(1, sizeof *notify);
    if (!notify)
        return sl_error_nomem(err);
    notify->io = io;
    notify->wake = wake;
    notify->wake_arg = wake_arg;
    pthread_mutex_init(&notify->lock, NULL);
    pthread_cond_init(&notify->answered, NULL);
    notify->inotify_fd = sl_notify_library_open(io, &notify->library_sys);
    notify->poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int sys = notify->poke_fd < 0 ? errno : start(notify);
    if (sys) {
        close_descriptors(notify);
        free(notify);
        return sl_error_thread(err, sys, "starting the watcher's thread");
    }
    *ret = notify;
    return 0;
}

void sl_notify_free(struct sl_notify *notify)
{
    if (!notify)
        return;
    struct request request = {.kind = REQUEST_STOP};
    (void)ask(notify, &request); /* stopping does not fail */
    pthread_join(notify->thread, NULL);
    sl_assert(notify->members.count == 0);
    close_descriptors(notify);
    pthread_cond_destroy(&notify->answered);
    pthread_mutex_destroy(&notify->lock);
    free(notify->members.member);
    free(notify);
}

/* ---- what the main thread calls ---- */

int sl_notify_join(struct sl_notify *notify, struct sl_events *hints, int64_t interval_ms,
                   struct sl_error *err)
{
    if (interval_ms <= 0)
        interval_ms = INTERVAL_MS_DEFAULT;
    struct request request = {.kind = REQUEST_JOIN, .hints = hints, .interval_ns = interval_ms * 1000000};
    int sys = ask(notify, &request);
    return sys ? sl_error_sys(err, sys, "joining the watcher") : 0;
}

static int explain(int sys, struct sl_error *err)
{
    (void)sl_error_sys(err, sys, "watching with inotify");
    if (err && sys == ENOSPC)
        err->code = SL_EFAIL; /* of watches: no disk is full */
    if (sys == ENOSPC)
        return sl_error_hint(err, "raise fs.inotify.max_user_watches");
    if (sys == EMFILE)
        return sl_error_hint(err, "raise fs.inotify.max_user_instances");
    if (sys == EBUSY)
        return sl_error_hint(err, "something else in this process uses libinotifytools, or there are more "
                                  "than 1000 open descriptors");
    return err ? (int)err->code : SL_EFAIL;
}

int sl_notify_watch(struct sl_notify *notify, struct sl_events *hints, int dirfd, struct sl_error *err)
{
    struct request request = {.kind = REQUEST_WATCH, .hints = hints, .dirfd = dirfd};
    int sys = ask(notify, &request);
    return sys ? explain(sys, err) : 0;
}

struct sl_watching {
    struct request request;
};

struct sl_watching *sl_notify_watch_begin(struct sl_notify *notify, struct sl_events *hints, int dirfd)
{
    struct sl_watching *watching = calloc(1, sizeof *watching);
    int own_fd = watching ? fcntl(dirfd, F_DUPFD_CLOEXEC, 0) : -1;
    if (own_fd < 0) {
        free(watching);
        return NULL;
    }
    watching->request = (struct request){.kind = REQUEST_WATCH, .hints = hints, .dirfd = own_fd};
    put(notify, &watching->request);
    return watching;
}

int sl_notify_watch_end(struct sl_notify *notify, struct sl_watching *watching, struct sl_error *err)
{
    int sys = wait_for(notify, &watching->request);
    sl_io_close(notify->io, watching->request.dirfd);
    free(watching);
    return sys ? explain(sys, err) : 0;
}

void sl_notify_unwatch(struct sl_notify *notify, struct sl_events *hints)
{
    struct request request = {.kind = REQUEST_UNWATCH, .hints = hints};
    (void)ask(notify, &request); /* does not fail */
}

void sl_notify_leave(struct sl_notify *notify, struct sl_events *hints)
{
    struct request request = {.kind = REQUEST_LEAVE, .hints = hints};
    (void)ask(notify, &request); /* leaving does not fail */
}
