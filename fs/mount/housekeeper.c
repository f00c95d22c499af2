#include "fs/mount/housekeeper.h"

#include "core/base/condition.h"
#include "fs/mount/thread.h"

#include <errno.h>
#include <stdlib.h>

enum { LEFT_MS = 1000 }; /* what is left is looked at again */

struct sl_housekeeper {
    bool (*work)(void *arg);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t kicked;
    bool kick, stop;
};

static void wait_for_kick(struct sl_housekeeper *keeper, bool something_left)
{
    const struct timespec later = sl_condition_end(LEFT_MS);
    int r = 0;
    while (!keeper->kick && !keeper->stop && r != ETIMEDOUT)
        if (something_left)
            r = pthread_cond_timedwait(&keeper->kicked, &keeper->lock, &later);
        else
            pthread_cond_wait(&keeper->kicked, &keeper->lock);
}

static void *run(void *arg)
{
    struct sl_housekeeper *keeper = arg;
    bool something_left = false;
    pthread_mutex_lock(&keeper->lock);
    for (;;) {
        wait_for_kick(keeper, something_left);
        if (keeper->stop && !keeper->kick)
            break;
        keeper->kick = false;
        pthread_mutex_unlock(&keeper->lock);
        something_left = !keeper->work(keeper->arg);
        pthread_mutex_lock(&keeper->lock);
    }
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

static void keeper_free(struct sl_housekeeper *keeper)
{
    pthread_mutex_destroy(&keeper->lock);
    pthread_cond_destroy(&keeper->kicked);
    free(keeper);
}

int sl_housekeeper_start(bool (*work)(void *arg), void *arg, struct sl_housekeeper **ret,
                         struct sl_error *err)
{
    struct sl_housekeeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper)
        return sl_error_nomem(err);
    keeper->work = work;
    keeper->arg = arg;
    pthread_mutex_init(&keeper->lock, NULL);
    sl_condition_init(&keeper->kicked);
    int r = sl_thread_start(&keeper->thread, run, keeper, "keeps the mount tidy", err);
    if (r < 0) {
        keeper_free(keeper);
        return r;
    }
    *ret = keeper;
    return 0;
}

static void change(struct sl_housekeeper *keeper, bool *flag)
{
    pthread_mutex_lock(&keeper->lock);
    *flag = true;
    pthread_cond_signal(&keeper->kicked);
    pthread_mutex_unlock(&keeper->lock);
}

void sl_housekeeper_kick(struct sl_housekeeper *keeper)
{
    change(keeper, &keeper->kick);
}

void sl_housekeeper_stop(struct sl_housekeeper *keeper)
{
    if (!keeper)
        return;
    change(keeper, &keeper->stop);
    pthread_join(keeper->thread, NULL);
    keeper_free(keeper);
}
