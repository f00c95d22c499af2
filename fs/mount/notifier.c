#include "fs/mount/notifier.h"

#include "core/base/condition.h"
#include "fs/mount/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct queued {
    struct queued *next;
    struct sl_notice notice;
};

struct sl_notifier {
    sl_notify *notify;
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct queued *first, **end;
    uint64_t pushed, sent;
    bool stop;
};

static struct queued *take(struct sl_notifier *notifier)
{
    pthread_mutex_lock(&notifier->lock);
    while (!notifier->first && !notifier->stop)
        pthread_cond_wait(&notifier->changed, &notifier->lock);
    struct queued *queued = notifier->first;
    if (queued) {
        notifier->first = queued->next;
        if (!notifier->first)
            notifier->end = &notifier->first;
    }
    pthread_mutex_unlock(&notifier->lock);
    return queued;
}

static void *run(void *arg)
{
    struct sl_notifier *notifier = arg;
    for (struct queued *queued; (queued = take(notifier)); free(queued)) {
        notifier->notify(notifier->arg, &queued->notice);
        pthread_mutex_lock(&notifier->lock);
        notifier->sent++;
        pthread_cond_broadcast(&notifier->changed);
        pthread_mutex_unlock(&notifier->lock);
    }
    return NULL;
}

void sl_notifier_free(struct sl_notifier *notifier)
{
    if (!notifier)
        return;
    pthread_mutex_destroy(&notifier->lock);
    pthread_cond_destroy(&notifier->changed);
    free(notifier);
}

int sl_notifier_start(sl_notify *notify, void *arg, struct sl_notifier **ret, struct sl_error *err)
{
    struct sl_notifier *notifier = calloc(1, sizeof *notifier);
    if (!notifier)
        return sl_error_nomem(err);
    pthread_mutex_init(&notifier->lock, NULL);
    sl_condition_init(&notifier->changed);
    notifier->notify = notify;
    notifier->arg = arg;
    notifier->end = &notifier->first;
    int r = sl_thread_start(&notifier->thread, run, notifier, "notifies the kernel", err);
    if (r < 0) {
        sl_notifier_free(notifier);
        return r;
    }
    *ret = notifier;
    return 0;
}

bool sl_notifier_push(struct sl_notifier *notifier, const struct sl_notice *notice)
{
    struct queued *queued = malloc(sizeof *queued);
    if (!queued)
        return false;
    queued->next = NULL;
    queued->notice = *notice;
    pthread_mutex_lock(&notifier->lock);
    bool stopped = notifier->stop;
    if (!stopped) {
        *notifier->end = queued;
        notifier->end = &queued->next;
        notifier->pushed++;
        pthread_cond_broadcast(&notifier->changed);
    }
    pthread_mutex_unlock(&notifier->lock);
    if (stopped)
        free(queued);
    return true;
}

bool sl_notifier_settle(struct sl_notifier *notifier, int timeout_ms)
{
    const struct timespec until = sl_condition_end(timeout_ms);
    pthread_mutex_lock(&notifier->lock);
    uint64_t wanted = notifier->pushed;
    int r = 0;
    while (notifier->sent < wanted && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&notifier->changed, &notifier->lock, &until);
    bool settled = notifier->sent >= wanted;
    pthread_mutex_unlock(&notifier->lock);
    return settled;
}

void sl_notifier_stop(struct sl_notifier *notifier)
{
    if (!notifier)
        return;
    pthread_mutex_lock(&notifier->lock);
    notifier->stop = true;
    pthread_cond_broadcast(&notifier->changed);
    pthread_mutex_unlock(&notifier->lock);
    pthread_join(notifier->thread, NULL);
}
