/* Worker threads: every task once, in any number of runs, and the lowest failure. */
#include "core/base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const unsigned worker_counts[] = {1, 2, 7};
enum { WORKERS_MAX = 7, TASKS = 300 };

struct job {
    _Atomic unsigned done[TASKS];
    size_t last[WORKERS_MAX]; /* task + 1 of each worker */
    _Atomic bool disordered;
    const size_t *fails; /* ends with TASKS */
};

static bool fails(const struct job *job, size_t task)
{
    for (const size_t *fail = job->fails; fail && *fail < TASKS; fail++)
        if (*fail == task)
            return true;
    return false;
}

static int work(void *arg, size_t task, unsigned worker, struct sl_error *err)
{
    struct job *job = arg;
    atomic_fetch_add(&job->done[task], 1);
    if (task < job->last[worker])
        atomic_store(&job->disordered, true);
    job->last[worker] = task + 1;
    return fails(job, task) ? sl_error_set(err, SL_EDAMAGED, "task %zu", task) : 0;
}

static struct sl_pool *pool_of(unsigned workers)
{
    struct sl_error err;
    struct sl_pool *pool = sl_pool_new(workers, &err);
    assert_non_null(pool);
    assert_int_equal(sl_pool_workers(pool), workers);
    return pool;
}

static void test_pool_does_every_task_once_in_every_run(void **state)
{
    for (size_t w = 0; w < 3; w++) {
        struct sl_pool *pool = pool_of(worker_counts[w]);
        for (size_t run = 0; run < 200; run++) {
            struct job job = {0};
            struct sl_error err;
            size_t tasks = run * 7 % (TASKS + 1);
            assert_int_equal(sl_pool_run(pool, tasks, work, &job, &err), 0);
            for (size_t i = 0; i < TASKS; i++)
                assert_int_equal(job.done[i], i < tasks);
            assert_false(job.disordered);
        }
        sl_pool_free(pool);
    }
}

static void test_pool_tells_the_failure_of_the_lowest_task(void **state)
{
    static const size_t lists[][4] = {
        {0, TASKS}, {TASKS - 1, TASKS}, {17, 18, 19, TASKS}, {250, 40, 41, TASKS}, {5, 4, 3, TASKS}};
    static const char *const texts[] = {"task 0", "task 299", "task 17", "task 40", "task 3"};
    for (size_t w = 0; w < 3; w++) {
        struct sl_pool *pool = pool_of(worker_counts[w]);
        for (size_t run = 0; run < 250; run++) {
            struct job job = {.fails = lists[run % 5]};
            struct sl_error err = {0};
            assert_int_equal(sl_pool_run(pool, TASKS, work, &job, &err), SL_EDAMAGED);
            assert_string_equal(err.text, texts[run % 5]);
            struct job next = {0};
            assert_int_equal(sl_pool_run(pool, 10, work, &next, &err), 0); /* a failure does not stick */
        }
        sl_pool_free(pool);
    }
}

static void test_pool_takes_no_tasks_after_a_failure(void **state)
{
    static const size_t first[] = {0, TASKS};
    struct sl_pool *pool = pool_of(1);
    struct job job = {.fails = first};
    assert_int_equal(sl_pool_run(pool, TASKS, work, &job, NULL), SL_EDAMAGED);
    for (size_t i = 0; i < TASKS; i++)
        assert_int_equal(job.done[i], i == 0);
    sl_pool_free(pool);
}

static int fail_silently(void *arg, size_t task, unsigned worker, struct sl_error *err)
{
    return *(const int *)arg;
}

static void test_pool_finds_words_for_silent_failures(void **state)
{
    struct sl_pool *pool = pool_of(2);
    struct sl_error err = {0};
    int code = SL_ENOMEM;
    assert_int_equal(sl_pool_run(pool, 3, fail_silently, &code, &err), SL_ENOMEM);
    assert_string_equal(err.text, "out of memory");
    code = SL_ESTOP;
    assert_int_equal(sl_pool_run(pool, 3, fail_silently, &code, &err), SL_ESTOP);
    assert_int_equal(err.code, SL_ESTOP);
    assert_true(err.text[0]);
    sl_pool_free(pool);
}

/* Two tasks that wait for each other need two threads. */
static int meet(void *arg, size_t task, unsigned worker, struct sl_error *err)
{
    _Atomic unsigned *present = arg;
    atomic_fetch_add(present, 1);
    while (atomic_load(present) < 2)
        continue;
    return 0;
}

static void test_pool_works_in_parallel(void **state)
{
    struct sl_pool *pool = pool_of(2);
    _Atomic unsigned present = 0;
    assert_int_equal(sl_pool_run(pool, 2, meet, &present, NULL), 0);
    sl_pool_free(pool);
    sl_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_does_every_task_once_in_every_run),
        cmocka_unit_test(test_pool_tells_the_failure_of_the_lowest_task),
        cmocka_unit_test(test_pool_takes_no_tasks_after_a_failure),
        cmocka_unit_test(test_pool_finds_words_for_silent_failures),
        cmocka_unit_test(test_pool_works_in_parallel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
