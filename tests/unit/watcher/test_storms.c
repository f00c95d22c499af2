/* Many at once: nothing lost, nothing twice, whatever the kernel's queue does. */
#include "core/base/clock.h"
#include "watcher/notify.h"
#include "yard.h"

enum { STORM = 5000 };

static void make_outside(struct yard *yard, int count)
{
    for (int i = 0; i < count; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "out/%06d", i);
        int fd = openat(yard->dirfd, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        close(fd);
    }
}

/* NULL when all went well. */
static void *move_all_in(void *arg)
{
    struct yard *yard = arg;
    for (int i = 0; i < STORM; i++) {
        char from[32], to[32];
        (void)snprintf(from, sizeof from, "out/%06d", i);
        (void)snprintf(to, sizeof to, "in/%06d", i);
        if (renameat(yard->dirfd, from, yard->dirfd, to))
            return yard;
    }
    return NULL;
}

/* Each of count names exactly once. */
static void assert_each_once(const struct sl_files *files, int count)
{
    bool *seen = calloc((size_t)count, sizeof *seen);
    assert_non_null(seen);
    assert_int_equal(files->count, count);
    for (size_t i = 0; i < files->count; i++) {
        int number = (int)strtol(files->file[i].path + strlen("in/"), NULL, 10);
        assert_in_range(number, 0, count - 1);
        assert_false(seen[number]);
        seen[number] = true;
    }
    free(seen);
}

static void test_storms_lose_and_repeat_nothing_while_files_are_taken(void **state)
{
    struct yard *yard = *state;
    pthread_t mover;
    void *trouble;
    make_outside(yard, STORM);
    yard_open(yard);
    assert_int_equal(pthread_create(&mover, NULL, move_all_in, yard), 0);
    yard_take_until(yard, STORM);
    pthread_join(mover, &trouble);
    assert_null(trouble);
    yard_refresh(yard);
    yard_take_more(yard, UINT64_MAX, UINT64_MAX);
    assert_each_once(&yard->taken, STORM);
    assert_int_equal(yard_counts(yard).again, 0);
}

static uint64_t wakes_of(struct yard *yard)
{
    pthread_mutex_lock(&yard->lock);
    uint64_t wakes = yard->wakes;
    pthread_mutex_unlock(&yard->lock);
    return wakes;
}

/* Being woken by each event would interrupt whoever makes them. */
static void test_storms_let_events_gather(void **state)
{
    struct yard *yard = *state;
    make_outside(yard, STORM);
    yard_open(yard);
    uint64_t wakes = wakes_of(yard);
    int64_t start_ns = sl_monotonic_ns();
    assert_null(move_all_in(yard));
    yard_take_until(yard, STORM);
    uint64_t came = wakes_of(yard) - wakes;
    int64_t took_ms = (sl_monotonic_ns() - start_ns) / 1000000; /* at least the time in which they came */
    assert_in_range(came, 1, took_ms / SL_NOTIFY_REST_MS + 3);
}

/* ---- the kernel's queue overflows ---- */

struct gate {
    struct yard *yard;
    pthread_mutex_t lock; /* held by the test: the watcher's thread stands still in wake() */
    pthread_mutex_t entered_lock;
    pthread_cond_t entered_cond;
    bool entered;
};

static void wake_at_gate(void *arg)
{
    struct gate *gate = arg;
    pthread_mutex_lock(&gate->entered_lock);
    gate->entered = true;
    pthread_cond_signal(&gate->entered_cond);
    pthread_mutex_unlock(&gate->entered_lock);
    pthread_mutex_lock(&gate->lock);
    pthread_mutex_unlock(&gate->lock);
    yard_wake(gate->yard);
}

static long queued_events_max(void)
{
    char text[32] = "";
    int fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
        text[0] = 0;
    close(fd);
    return strtol(text, NULL, 10);
}

static void open_with_gate(struct yard *yard, struct gate *gate)
{
    struct sl_error err = {0};
    if (sl_watcher_new(&sl_io_system, wake_at_gate, gate, &yard->watcher, &err))
        fail_msg("%s", err.text);
    yard->services.arrivals_arg = yard->watcher;
    if (sl_watcher_open_arrivals(&yard->services, "in", &yard->options, &yard->arrivals, &err))
        fail_msg("%s", err.text);
}

static void stop_the_watcher(struct yard *yard, struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    yard_move_in(yard, "_stop", "");
    pthread_mutex_lock(&gate->entered_lock);
    while (!gate->entered)
        pthread_cond_wait(&gate->entered_cond, &gate->entered_lock);
    pthread_mutex_unlock(&gate->entered_lock);
}

static void test_storms_that_overflow_the_queue_lead_to_a_scan(void **state)
{
    struct yard *yard = *state;
    struct gate gate = {yard, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                        false};
    long max = queued_events_max();
    if (max <= 0 || max > 100000)
        skip();
    make_outside(yard, STORM);
    open_with_gate(yard, &gate);
    yard_take(yard);
    uint64_t scans = yard_counts(yard).scans;
    stop_the_watcher(yard, &gate);
    for (long i = 0; i <= max; i++) /* alternate: equal events in a row are one */
        yard_rename(yard, i % 2 ? "out/_x" : i ? "in/_x" : "in/_stop", i % 2 ? "in/_x" : "out/_x");
    assert_null(move_all_in(yard));
    pthread_mutex_unlock(&gate.lock);
    yard_take_until(yard, STORM);
    assert_each_once(&yard->taken, STORM);
    assert_true(yard_counts(yard).scans > scans);
    yard_shut(yard); /* the gate goes */
}

/* ---- restart ---- */

static void test_storms_remembered_over_a_restart_are_not_taken_again(void **state)
{
    struct yard *yard = *state;
    make_outside(yard, STORM);
    assert_null(move_all_in(yard));
    yard_open(yard);
    yard_take(yard);
    assert_each_once(&yard->taken, STORM);
    struct sl_files remembered = yard->taken, gone = {0};
    yard->taken = (struct sl_files){0};
    yard_shut(yard);
    yard_delete(yard, "in/000007");
    yard_move_in(yard, "000008", "another\n");
    yard_move_in(yard, "more", "one\n");
    yard_open(yard);
    yard_remember(yard, &remembered);
    yard_take(yard);
    assert_string_equal(yard_paths(yard), "in/000008 in/more");
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 2);
    sl_files_done(&gone);
    yard_gone(yard, &gone);
    assert_int_equal(gone.count, 0);
    sl_files_done(&remembered);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, yard_set_up, yard_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_storms_lose_and_repeat_nothing_while_files_are_taken),
        TEST(test_storms_let_events_gather),
        TEST(test_storms_that_overflow_the_queue_lead_to_a_scan),
        TEST(test_storms_remembered_over_a_restart_are_not_taken_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
