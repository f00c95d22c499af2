/* next, feed and log through the mount: waiting, being interrupted, polling. */
#include "mounted.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* A child that copies a file of the mount to a pipe as it reads it; exits with the errno of the last read.
 * Forked before the mount's threads are there; opens when it is told to. */
struct copier {
    pid_t pid;
    int go, out;
};

static _Noreturn void copy(const struct mounted *mounted, const char *path, int go, int out)
{
    char buf[4096];
    ssize_t n = read(go, buf, 1);
    int fd = mounted_file(mounted, path, O_RDONLY);
    if (fd < 0)
        _exit(errno);
    (void)!write(out, "|", 1); /* opened */
    while ((n = read(fd, buf, sizeof buf)) > 0)
        (void)!write(out, buf, (size_t)n);
    _exit(n < 0 ? errno : 0);
}

static struct copier copier_start(const struct mounted *mounted, const char *path)
{
    int go[2], out[2];
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(out), 0);
    struct copier copier = {.pid = fork(), .go = go[1], .out = out[0]};
    assert_true(copier.pid >= 0);
    if (copier.pid == 0) {
        close(go[1]);
        copy(mounted, path, go[0], out[1]);
    }
    close(go[0]);
    close(out[1]);
    return copier;
}

static void copier_expect(const struct copier *copier, const char *expected)
{
    char text[512];
    size_t len = 0, wanted = strlen(expected);
    struct pollfd ready = {.fd = copier->out, .events = POLLIN};
    while (len < wanted && poll(&ready, 1, 30000) == 1) {
        ssize_t n = read(copier->out, text + len, wanted - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    text[len] = 0;
    assert_string_equal(text, expected);
}

static void copier_open(const struct copier *copier)
{
    assert_int_equal(write(copier->go, "g", 1), 1);
    copier_expect(copier, "|");
}

static int copier_end(struct copier *copier)
{
    int status;
    close(copier->go);
    close(copier->out);
    assert_int_equal(waitpid(copier->pid, &status, 0), copier->pid);
    return status;
}

static uint64_t waiting(struct sl_viewer_counts counts)
{
    return counts.waiting;
}

static uint64_t opens(struct sl_viewer_counts counts)
{
    return counts.opens;
}

static void test_next_gives_the_version_after_it_was_opened(void **state)
{
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    struct copier copier = copier_start(&mounted, "counts/next");
    assert_int_equal(mounted_try(&mounted, 5, &err), 0);
    mounted_publish(&mounted, shown_keys(1, 1, 1));
    copier_open(&copier);
    mounted_wait(&mounted, waiting, 1);
    mounted_publish(&mounted, shown_keys(2, 2, 2));
    mounted_publish(&mounted, shown_keys(3, 2, 3));
    copier_expect(&copier, "k0\t2\nk1\t2\n");
    assert_int_equal(copier_end(&copier), 0);
    mounted_close(&mounted);
}

static void test_feed_gives_every_version_and_ends_with_the_mount(void **state)
{
    struct mounted mounted;
    struct sl_error err = {0};
    mounted_name(&mounted);
    struct copier copier = copier_start(&mounted, "counts/feed");
    assert_int_equal(mounted_try(&mounted, 5, &err), 0);
    mounted_publish(&mounted, shown_keys(1, 1, 1));
    copier_open(&copier);
    copier_expect(&copier, "1\tk0\t1\n");
    for (int64_t t = 2; t < 50; t++) {
        char line[64];
        snprintf(line, sizeof line, "%d\tk0\t7\n", (int)t);
        mounted_publish(&mounted, shown_keys(t, 1, 7));
        copier_expect(&copier, line);
    }
    mounted_wait(&mounted, waiting, 1);
    mounted_close(&mounted);
    assert_int_equal(copier_end(&copier), 0);
}

static void test_a_reader_that_waits_can_be_killed(void **state)
{
    static const char *const paths[] = {"counts/next", "counts/feed"};
    for (int i = 0; i < 2; i++) {
        struct mounted mounted;
        struct sl_error err = {0};
        mounted_name(&mounted);
        struct copier copier = copier_start(&mounted, paths[i]);
        assert_int_equal(mounted_try(&mounted, 5, &err), 0);
        copier_open(&copier);
        mounted_wait(&mounted, waiting, 1);
        kill(copier.pid, SIGTERM);
        assert_int_equal(copier_end(&copier), SIGTERM);
        mounted_wait(&mounted, waiting, 0);
        mounted_close(&mounted);
    }
}

static void test_readers_that_wait_hold_no_thread(void **state)
{
    enum { COPIERS = 40 };
    struct mounted mounted;
    struct sl_error err = {0};
    struct copier copiers[COPIERS];
    mounted_name(&mounted);
    for (int i = 0; i < COPIERS; i++)
        copiers[i] = copier_start(&mounted, "counts/next");
    assert_int_equal(mounted_try(&mounted, 5, &err), 0);
    for (int i = 0; i < COPIERS; i++)
        copier_open(&copiers[i]);
    mounted_wait(&mounted, waiting, COPIERS);
    mounted_assert_text(&mounted, "counts/log", "");
    mounted_publish(&mounted, shown_keys(1, 1, 1));
    for (int i = 0; i < COPIERS; i++) {
        copier_expect(&copiers[i], "k0\t1\n");
        assert_int_equal(copier_end(&copiers[i]), 0);
    }
    mounted_close(&mounted);
}

static void test_without_blocking_a_stream_says_eagain(void **state)
{
    struct mounted mounted;
    char buf[64];
    mounted_open(&mounted, 5);
    int next = mounted_file(&mounted, "counts/next", O_RDONLY | O_NONBLOCK);
    int feed = mounted_file(&mounted, "counts/feed", O_RDONLY | O_NONBLOCK);
    assert_int_equal(read(next, buf, sizeof buf), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(read(feed, buf, sizeof buf), -1);
    assert_int_equal(errno, EAGAIN);
    mounted_publish(&mounted, shown_keys(1, 1, 1));
    assert_int_equal(read(next, buf, sizeof buf), 5);
    assert_int_equal(read(next, buf, sizeof buf), 0);
    assert_int_equal(read(feed, buf, sizeof buf), 7);
    assert_int_equal(read(feed, buf, sizeof buf), -1);
    assert_int_equal(errno, EAGAIN);
    close(next);
    close(feed);
    mounted_close(&mounted);
}

static void *publish_one(void *arg)
{
    struct mounted *mounted = arg;
    mounted_publish(mounted, shown_keys(1, 1, 1));
    return NULL;
}

static void test_poll_wakes_when_a_version_comes(void **state)
{
    struct mounted mounted;
    pthread_t thread;
    mounted_open(&mounted, 5);
    int feed = mounted_file(&mounted, "counts/feed", O_RDONLY | O_NONBLOCK);
    struct pollfd ready = {.fd = feed, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 0), 0);
    assert_int_equal(poll(&ready, 1, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, publish_one, &mounted), 0);
    assert_int_equal(poll(&ready, 1, 30000), 1);
    assert_int_equal(ready.revents, POLLIN);
    pthread_join(thread, NULL);
    close(feed);
    mounted_close(&mounted);
}

/* Publishes until the log, which nobody has open, holds the two kept versions only. The kernel tells of a
 * close when it likes, and may open the old log once more before it has heard that there is a new one. */
static bool log_begins_anew(struct mounted *mounted)
{
    bool anew = false;
    for (int64_t t = 11; t < 99 && !anew; t++) {
        char expected[64];
        snprintf(expected, sizeof expected, "%d\tk0\t1\n%d\tk0\t1\n", (int)t - 1, (int)t);
        mounted_wait(mounted, opens, 0);
        if (t == 11)
            mounted_publish(mounted, shown_keys(10, 1, 1));
        mounted_publish(mounted, shown_keys(t, 1, 1));
        int fd = mounted_file(mounted, "counts/log", O_RDONLY);
        char *text = mounted_slurp(fd);
        anew = strcmp(text, expected) == 0;
        free(text);
        close(fd);
    }
    return anew;
}

static void test_the_log_grows_for_those_who_have_it_open(void **state)
{
    struct mounted mounted;
    struct stat st;
    char buf[64];
    mounted_open(&mounted, 2);
    int log = mounted_file(&mounted, "counts/log", O_RDONLY);
    assert_int_equal(read(log, buf, sizeof buf), 0);
    for (int64_t t = 1; t <= 9; t++) {
        mounted_publish(&mounted, shown_keys(t, 1, t));
        assert_int_equal(fstat(log, &st), 0);
        assert_int_equal(st.st_size, 7 * t);
        assert_int_equal(read(log, buf, sizeof buf), 7);
        assert_int_equal(buf[0], '0' + t);
    }
    assert_int_equal(pread(log, buf, 7, 14), 7);
    assert_memory_equal(buf, "3\tk0\t3\n", 7);
    close(log);
    mounted_assert_text(&mounted, "counts/log",
                        "1\tk0\t1\n2\tk0\t2\n3\tk0\t3\n4\tk0\t4\n5\tk0\t5\n6\tk0\t6\n7\tk0\t7\n8\tk0\t8\n"
                        "9\tk0\t9\n");
    assert_true(log_begins_anew(&mounted));
    mounted_close(&mounted);
}

int main(void)
{
    mounted_skip_without_fuse();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_gives_the_version_after_it_was_opened),
        cmocka_unit_test(test_feed_gives_every_version_and_ends_with_the_mount),
        cmocka_unit_test(test_a_reader_that_waits_can_be_killed),
        cmocka_unit_test(test_readers_that_wait_hold_no_thread),
        cmocka_unit_test(test_without_blocking_a_stream_says_eagain),
        cmocka_unit_test(test_poll_wakes_when_a_version_comes),
        cmocka_unit_test(test_the_log_grows_for_those_who_have_it_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
