/* Workers wait on one condition for the next run; each run has a number, so that no worker misses or repeats one. */
#include "core/base/pool.h"

#include "core/base/plain_locale.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct worker {
    struct sl_pool *pool;
    unsigned number;
    pthread_t thread;
};

struct sl_pool {
    unsigned workers;
    struct worker *worker; /* [workers]; number 0 is the caller's thread */
    unsigned started;

    pthread_mutex_t lock; /* guards all below but next */
    pthread_cond_t changed;
    uint64_t run; /* grows with every run */
    unsigned busy;
    bool ending;
    size_t tasks;
    int (*work)(void *arg, size_t task, unsigned worker, struct sl_error *err);
    void *arg;
    bool failed;
    size_t failed_task;
    struct sl_error error; /* of failed_task */

    _Atomic size_t next;
};

static void note_failure(struct sl_pool *pool, size_t task, const struct sl_error *err)
{
    pthread_mutex_lock(&pool->lock);
    if (!pool->failed || task < pool->failed_task) {
        pool->failed = true;
        pool->failed_task = task;
        pool->error = *err;
    }
    pthread_mutex_unlock(&pool->lock);
    atomic_store(&pool->next, pool->tasks); /* no new tasks; those below are taken already */
}

static void do_tasks(struct sl_pool *pool, unsigned worker)
{
    struct sl_error err;
    err.code = SL_OK;
    for (size_t task; (task = atomic_fetch_add(&pool->next, 1)) < pool->tasks;) {
        err.sys = 0;
        err.text[0] = 0;
        int r = pool->work(pool->arg, task, worker, &err);
        if (r < 0) {
            err.code = r;
            if (!err.text[0])
                sl_error_set(&err, r, r == SL_ENOMEM ? "out of memory" : "stopped");
            note_failure(pool, task, &err);
        }
    }
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct sl_pool *pool = worker->pool;
    uint64_t seen = 0;
    (void)sl_plain_locale_enter();
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->run == seen && !pool->ending)
            pthread_cond_wait(&pool->changed, &pool->lock);
        if (pool->ending)
            break;
        seen = pool->run;
        pthread_mutex_unlock(&pool->lock);
        do_tasks(pool, worker->number);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static int start_threads(struct sl_pool *pool, struct sl_error *err)
{
    for (unsigned i = 1; i < pool->workers; i++) {
        pool->worker[i] = (struct worker){.pool = pool, .number = i};
        int sys = pthread_create(&pool->worker[i].thread, NULL, worker_main, &pool->worker[i]);
        if (sys)
            return sl_error_thread(err, sys, "starting worker %u of %u", i + 1, pool->workers);
        pool->started++;
    }
    return 0;
}

struct sl_pool *sl_pool_new(unsigned workers, struct sl_error *err)
{
    sl_assert(workers >= 1);
    struct sl_pool *pool = calloc(1, sizeof *pool);
    struct worker *worker = calloc(workers, sizeof *worker);
    if (!pool || !worker) {
        free(pool);
        free(worker);
        sl_error_nomem(err);
        return NULL;
    }
    pool->workers = workers;
    pool->worker = worker;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    if (start_threads(pool, err) < 0) {
        sl_pool_free(pool);
        return NULL;
    }
    return pool;
}

void sl_pool_free(struct sl_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 1; i <= pool->started; i++)
        pthread_join(pool->worker[i].thread, NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool->worker);
    free(pool);
}

unsigned sl_pool_workers(const struct sl_pool *pool)
{
    return pool->workers;
}

static void begin_run(struct sl_pool *pool, size_t tasks,
                      int (*work)(void *arg, size_t task, unsigned worker, struct sl_error *err), void *arg)
{
    pthread_mutex_lock(&pool->lock);
    pool->tasks = tasks;
    pool->work = work;
    pool->arg = arg;
    pool->failed = false;
    atomic_store(&pool->next, 0);
    if (tasks > 1) {
        pool->run++;
        pool->busy = pool->started;
        pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
}

int sl_pool_run(struct sl_pool *pool, size_t tasks,
                int (*work)(void *arg, size_t task, unsigned worker, struct sl_error *err), void *arg,
                struct sl_error *err)
{
    begin_run(pool, tasks, work, arg);
    do_tasks(pool, 0);
    pthread_mutex_lock(&pool->lock);
    while (pool->busy)
        pthread_cond_wait(&pool->changed, &pool->lock);
    int r = pool->failed ? (int)pool->error.code : 0;
    if (r < 0 && err)
        *err = pool->error;
    pthread_mutex_unlock(&pool->lock);
    return r;
}
