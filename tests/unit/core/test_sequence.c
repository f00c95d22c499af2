/* Bytes from many threads come out in one order. */
#include "core/base/pool.h"
#include "core/contract/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 400, WORKERS = 4 };

struct sink {
    struct sl_buf text;
    int writes, fail_at;
};

struct job {
    struct sl_sequence sequence;
    struct sink sink;
    bool backwards;
};

static int sink_write(void *arg, const void *bytes, size_t len, struct sl_error *err)
{
    struct sink *sink = arg;
    if (++sink->writes == sink->fail_at)
        return sl_error_set(err, SL_EFAIL, "full");
    return sl_buf_append(&sink->text, bytes, len) ? 0 : sl_error_nomem(err);
}

/* Item n is n % 7 lines of its number; the writer may run ahead in the middle of one. */
static int make_item(void *arg, size_t task, unsigned worker, struct sl_error *err)
{
    struct job *job = arg;
    struct sl_position position = {.partition = (uint32_t)(job->backwards ? ITEMS - 1 - task : task)};
    struct sl_sequence_item *item;
    int r = sl_sequence_open(&job->sequence, &position, &item, err);
    for (uint32_t i = 0; r == 0 && i < position.partition % 7; i++) {
        sl_buf_printf(&item->buf, "%u\n", position.partition);
        r = sl_sequence_more(&job->sequence, item, err);
    }
    return r < 0 ? r : sl_sequence_close(&job->sequence, item, err);
}

enum { LARGE_ITEMS = 12, STEPS = 7, STEP_BYTES = SL_SEQUENCE_MORE_BYTES };

/* More than a thread may be ahead; item 3 of a job that fails does so when others may wait. */
static int make_large_item(void *arg, size_t task, unsigned worker, struct sl_error *err)
{
    struct job *job = arg;
    struct sl_position position = {.partition = (uint32_t)task};
    struct sl_sequence_item *item;
    int r = sl_sequence_open(&job->sequence, &position, &item, err);
    for (int i = 0; r == 0 && i < STEPS; i++) {
        assert_true(sl_buf_reserve(&item->buf, STEP_BYTES));
        memset(item->buf.bytes + item->buf.len, 'a' + (int)task, STEP_BYTES);
        item->buf.len += STEP_BYTES;
        r = job->backwards && task == 3 ? sl_error_set(err, SL_EREJECT, "bad")
                                        : sl_sequence_more_or_wait(&job->sequence, item, err);
        assert_true(r < 0 || item->buf.len <= SL_SEQUENCE_AHEAD_BYTES);
    }
    if (r < 0)
        sl_sequence_give_up(&job->sequence);
    return r < 0 ? r : sl_sequence_close(&job->sequence, item, err);
}

static void assert_all_in_order(const struct sink *sink)
{
    struct sl_buf expected = {0};
    for (unsigned n = 0; n < ITEMS; n++)
        for (unsigned i = 0; i < n % 7; i++)
            sl_buf_printf(&expected, "%u\n", n);
    assert_int_equal(sink->text.len, expected.len);
    assert_memory_equal(sink->text.bytes, expected.bytes, expected.len);
    sl_buf_done(&expected);
}

static int run(struct job *job, bool dense, bool backwards, struct sl_error *err)
{
    struct sl_pool *pool = sl_pool_new(WORKERS, NULL);
    job->backwards = backwards;
    sl_sequence_init(&job->sequence, dense, sink_write, &job->sink);
    int r = sl_pool_run(pool, ITEMS, make_item, job, err);
    sl_pool_free(pool);
    return r;
}

static void done(struct job *job)
{
    sl_sequence_done(&job->sequence);
    sl_buf_done(&job->sink.text);
}

static void test_sequence_writes_in_order_of_position(void **state)
{
    for (int i = 0; i < 40; i++) {
        struct job job = {0};
        bool dense = i % 2, backwards = i / 2 % 2;
        assert_int_equal(run(&job, dense, backwards, NULL), 0);
        assert_int_equal(sl_sequence_finish(&job.sequence, NULL), 0);
        assert_all_in_order(&job.sink);
        done(&job);
    }
}

static void test_sequence_dense_is_written_before_the_finish(void **state)
{
    struct job job = {0};
    assert_int_equal(run(&job, true, false, NULL), 0);
    assert_all_in_order(&job.sink);
    done(&job);
}

static int run_large(struct job *job, bool fails, struct sl_error *err)
{
    struct sl_pool *pool = sl_pool_new(WORKERS, NULL);
    job->backwards = fails;
    sl_sequence_init(&job->sequence, true, sink_write, &job->sink);
    int r = sl_pool_run(pool, LARGE_ITEMS, make_large_item, job, err);
    sl_pool_free(pool);
    return r;
}

static void test_sequence_threads_that_are_far_ahead_wait(void **state)
{
    struct job job = {0};
    assert_int_equal(run_large(&job, false, NULL), 0);
    assert_int_equal(job.sink.text.len, (size_t)LARGE_ITEMS * STEPS * STEP_BYTES);
    for (size_t i = 1; i < job.sink.text.len; i++)
        assert_true(job.sink.text.bytes[i - 1] <= job.sink.text.bytes[i]);
    done(&job);
}

static void test_sequence_no_thread_waits_for_one_that_failed(void **state)
{
    struct job job = {0};
    struct sl_error err;
    assert_int_equal(run_large(&job, true, &err), SL_EREJECT);
    done(&job);
}

static void test_sequence_sparse_waits_for_the_finish(void **state)
{
    struct job job = {0};
    assert_int_equal(run(&job, false, false, NULL), 0);
    assert_int_equal(job.sink.writes, 0);
    done(&job);
}

static void test_sequence_gaps_are_passed_over_at_the_finish(void **state)
{
    struct job job = {0};
    struct sl_sequence_item *item;
    sl_sequence_init(&job.sequence, true, sink_write, &job.sink);
    for (uint32_t partition = 1; partition < 50; partition += 24) {
        struct sl_position position = {.partition = partition};
        assert_int_equal(sl_sequence_open(&job.sequence, &position, &item, NULL), 0);
        sl_buf_printf(&item->buf, "%u ", partition);
        assert_int_equal(sl_sequence_close(&job.sequence, item, NULL), 0);
    }
    assert_int_equal(sl_sequence_finish(&job.sequence, NULL), 0);
    assert_int_equal(job.sink.text.len, 8);
    assert_memory_equal(job.sink.text.bytes, "1 25 49 ", 8);
    done(&job);
}

static void test_sequence_tells_the_failure_of_each_write(void **state)
{
    for (int i = 1; i < 60; i++) {
        struct job job = {.sink.fail_at = i};
        struct sl_error err = {0};
        assert_int_equal(run(&job, true, i % 2, &err), SL_EFAIL);
        assert_string_equal(err.text, "full");
        done(&job);
    }
}

/* The memory of what was written is that of later items, empty at first. */
static void test_sequence_uses_the_memory_of_written_items_again(void **state)
{
    struct job job = {0};
    struct sl_sequence_item *item;
    const uint8_t *memory = NULL;
    sl_sequence_init(&job.sequence, true, sink_write, &job.sink);
    for (uint32_t partition = 0; partition < 5; partition++) {
        struct sl_position position = {.partition = partition};
        assert_int_equal(sl_sequence_open(&job.sequence, &position, &item, NULL), 0);
        assert_int_equal(item->buf.len, 0);
        assert_ptr_equal(item->buf.bytes, memory);
        sl_buf_printf(&item->buf, "%u", partition);
        memory = item->buf.bytes;
        assert_int_equal(sl_sequence_close(&job.sequence, item, NULL), 0);
    }
    assert_memory_equal(job.sink.text.bytes, "01234", 5);
    done(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence_writes_in_order_of_position),
        cmocka_unit_test(test_sequence_dense_is_written_before_the_finish),
        cmocka_unit_test(test_sequence_threads_that_are_far_ahead_wait),
        cmocka_unit_test(test_sequence_no_thread_waits_for_one_that_failed),
        cmocka_unit_test(test_sequence_sparse_waits_for_the_finish),
        cmocka_unit_test(test_sequence_gaps_are_passed_over_at_the_finish),
        cmocka_unit_test(test_sequence_tells_the_failure_of_each_write),
        cmocka_unit_test(test_sequence_uses_the_memory_of_written_items_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
