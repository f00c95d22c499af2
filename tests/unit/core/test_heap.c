/* Freed memory goes back to the system, from any thread. */
#include "core/base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

enum { THREADS = 8 };

static pthread_barrier_t all_ready;

static void *trim(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&all_ready);
    sl_heap_trim();
    return NULL;
}

/* glibc's malloc_trim crashed here under a sanitizer, where nothing had initialized the heap. */
static void test_all_threads_trim_at_once(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    assert_int_equal(pthread_barrier_init(&all_ready, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, trim, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    pthread_barrier_destroy(&all_ready);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_threads_trim_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
