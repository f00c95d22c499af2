/* A watched directory of its own for each test, a watcher on it, and the waiting: for conditions, never for a
 * time. Paths are relative to the yard's directory; the watched directory is "in". */
#pragma once

#include "watcher/watcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEADLINE_MS = 60000, TICK_MS = 10 };

struct yard {
    char path[PATH_MAX];
    int dirfd;
    struct sl_clock_virtual clock;
    struct sl_log log;
    struct sl_services services;
    struct sl_arrivals_options options;
    struct sl_watcher *watcher;
    struct sl_arrivals *arrivals;
    struct sl_files taken; /* by the last yard_take */
    pthread_mutex_t lock;  /* guards wakes */
    pthread_cond_t woken;
    uint64_t wakes, wakes_seen;
    char logged[65536];
};

static inline void yard_log(struct sl_log *log, enum sl_log_level level, const char *text)
{
    struct yard *yard = (struct yard *)((char *)log - offsetof(struct yard, log));
    size_t len = strlen(yard->logged);
    (void)snprintf(yard->logged + len, sizeof yard->logged - len, "%s\n", text);
}

static inline void yard_wake(void *arg)
{
    struct yard *yard = arg;
    pthread_mutex_lock(&yard->lock);
    yard->wakes++;
    pthread_cond_signal(&yard->woken);
    pthread_mutex_unlock(&yard->lock);
}

static inline void yard_make(struct yard *yard)
{
    const char *base = getenv("TMPDIR");
    *yard = (struct yard){0};
    (void)snprintf(yard->path, sizeof yard->path, "%s/sluice-watcher-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(yard->path));
    yard->dirfd = open(yard->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(yard->dirfd >= 0);
    assert_int_equal(mkdirat(yard->dirfd, "in", 0755), 0);
    assert_int_equal(mkdirat(yard->dirfd, "out", 0755), 0);
    pthread_mutex_init(&yard->lock, NULL);
    pthread_cond_init(&yard->woken, NULL);
    yard->log.write = yard_log;
    sl_clock_virtual_init(&yard->clock, 1000000);
    yard->services = (struct sl_services){.io = &sl_io_system,
                                          .log = &yard->log,
                                          .clock = &yard->clock.clock,
                                          .job_dirfd = yard->dirfd,
                                          .durable = true,
                                          .job_dir = yard->path};
    /* An hour between ticks: what a test sees comes from events unless it asks for ticks. */
    yard->options = (struct sl_arrivals_options){.existing = true, .poll_interval_ms = 3600000};
}

/* So large that it is watched without waiting (watcher/update.c), by names that are ignored. */
static inline void yard_enlarge(struct yard *yard)
{
    char path[300];
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(path, sizeof path, "in/_%04d%0240d", i, 0);
        int fd = openat(yard->dirfd, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
}

static inline void yard_open(struct yard *yard)
{
    struct sl_error err = {0};
    if (sl_watcher_new(yard->services.io, yard_wake, yard, &yard->watcher, &err))
        fail_msg("%s", err.text);
    yard->services.arrivals_arg = yard->watcher;
    if (sl_watcher_open_arrivals(&yard->services, "in", &yard->options, &yard->arrivals, &err))
        fail_msg("%s", err.text);
}

static inline void yard_shut(struct yard *yard)
{
    if (yard->arrivals)
        yard->arrivals->ops->close(yard->arrivals);
    sl_watcher_free(yard->watcher);
    yard->arrivals = NULL;
    yard->watcher = NULL;
}

static inline void yard_remove(struct yard *yard)
{
    struct sl_error err = {0};
    yard_shut(yard);
    sl_files_done(&yard->taken);
    close(yard->dirfd);
    if (sl_io_remove_tree(&sl_io_system, AT_FDCWD, yard->path, &err))
        fail_msg("%s", err.text);
}

/* cmocka's set-up and tear-down of a test whose state is a yard. */
static inline int yard_set_up(void **state)
{
    struct yard *yard = malloc(sizeof *yard);
    assert_non_null(yard);
    yard_make(yard);
    *state = yard;
    return 0;
}

static inline int yard_tear_down(void **state)
{
    yard_remove(*state);
    free(*state);
    return 0;
}

/* ---- waiting ---- */

/* Waits for the next wake that was not waited for yet. */
static inline void yard_wait(struct yard *yard)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_MS / 1000;
    pthread_mutex_lock(&yard->lock);
    while (yard->wakes == yard->wakes_seen)
        if (pthread_cond_timedwait(&yard->woken, &yard->lock, &until)) {
            pthread_mutex_unlock(&yard->lock); /* what follows a failure needs it */
            fail_msg("nothing happened for %d s; log:\n%s", DEADLINE_MS / 1000, yard->logged);
        }
    yard->wakes_seen = yard->wakes;
    pthread_mutex_unlock(&yard->lock);
}

/* Waits until something may have arrived. A wake alone may be for what was seen before it came. */
static inline void yard_wait_pending(struct yard *yard)
{
    while (!yard->arrivals->ops->pending(yard->arrivals))
        yard_wait(yard);
}

/* ---- taking ---- */

/* Takes once, appends to yard->taken. */
static inline void yard_take_more(struct yard *yard, uint64_t files_max, uint64_t bytes_max)
{
    struct sl_error err = {0};
    if (yard->arrivals->ops->take(yard->arrivals, files_max, bytes_max, &yard->taken, &err))
        fail_msg("%s", err.text);
}

static inline void yard_take(struct yard *yard)
{
    sl_files_done(&yard->taken);
    yard_take_more(yard, UINT64_MAX, UINT64_MAX);
}

/* Takes as wakes come until `count` files were taken; their order is that of the takes. */
static inline void yard_take_until(struct yard *yard, size_t count)
{
    sl_files_done(&yard->taken);
    yard_take_more(yard, UINT64_MAX, UINT64_MAX);
    while (yard->taken.count < count) {
        yard_wait(yard);
        yard_take_more(yard, UINT64_MAX, UINT64_MAX);
    }
}

static inline void yard_refresh(struct yard *yard)
{
    struct sl_error err = {0};
    if (yard->arrivals->ops->refresh(yard->arrivals, &err))
        fail_msg("%s", err.text);
}

static inline void yard_remember(struct yard *yard, const struct sl_files *files)
{
    struct sl_error err = {0};
    if (yard->arrivals->ops->remember(yard->arrivals, files, &err))
        fail_msg("%s", err.text);
}

static inline void yard_gone(struct yard *yard, struct sl_files *ret)
{
    struct sl_error err = {0};
    if (yard->arrivals->ops->gone(yard->arrivals, ret, &err))
        fail_msg("%s", err.text);
}

static inline struct sl_watcher_counts yard_counts(struct yard *yard)
{
    struct sl_watcher_counts counts;
    sl_watcher_counts(yard->arrivals, &counts);
    return counts;
}

static inline enum sl_file_class yard_standing(struct yard *yard, const char *name)
{
    return sl_watcher_standing(yard->arrivals, name);
}

/* Takes as wakes come until the name has this standing; nothing may be taken meanwhile but `yard->taken`. */
static inline void yard_take_until_standing(struct yard *yard, const char *name, enum sl_file_class standing)
{
    sl_files_done(&yard->taken);
    yard_take_more(yard, UINT64_MAX, UINT64_MAX);
    while (yard_standing(yard, name) != standing) {
        yard_wait(yard);
        yard_take_more(yard, UINT64_MAX, UINT64_MAX);
    }
}

static inline int yard_by_path(const void *a, const void *b)
{
    return strcmp(((const struct sl_file *)a)->path, ((const struct sl_file *)b)->path);
}

/* Sees to it that every event so far was seen: events are in order, so the one of a file that is made now
 * (and renamed in last) comes after them. The file itself is taken and removed from the list, which is in
 * name order however many takes it took. */
static inline void yard_take_all(struct yard *yard)
{
    static const char marker[] = "in/zzz-marker";
    sl_files_done(&yard->taken);
    yard_take_more(yard, UINT64_MAX,
                   UINT64_MAX); /* a scan that is due would see the marker before its event */
    int fd = openat(yard->dirfd, "out/marker", O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(renameat(yard->dirfd, "out/marker", yard->dirfd, marker), 0);
    for (bool seen = false; !seen;) {
        yard_take_more(yard, UINT64_MAX, UINT64_MAX);
        for (size_t i = 0; i < yard->taken.count; i++)
            if (strcmp(yard->taken.file[i].path, marker) == 0) {
                free(yard->taken.file[i].path);
                memmove(&yard->taken.file[i], &yard->taken.file[i + 1],
                        (--yard->taken.count - i) * sizeof *yard->taken.file);
                seen = true;
                break;
            }
        if (!seen)
            yard_wait(yard);
    }
    assert_int_equal(unlinkat(yard->dirfd, marker, 0), 0);
    if (yard->taken.count)
        qsort(yard->taken.file, yard->taken.count, sizeof *yard->taken.file, yard_by_path);
}

/* The paths of yard->taken, joined by spaces. */
static inline const char *yard_paths(struct yard *yard)
{
    static _Thread_local char text[4096];
    text[0] = 0;
    for (size_t i = 0, len = 0; i < yard->taken.count; i++, len = strlen(text))
        (void)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "", yard->taken.file[i].path);
    return text;
}

static inline void yard_assert_taken(struct yard *yard, const char *paths)
{
    assert_string_equal(yard_paths(yard), paths);
}

/* ---- acts ---- */

static inline void yard_append(struct yard *yard, const char *path, const char *text)
{
    int fd = openat(yard->dirfd, path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static inline void yard_rename(struct yard *yard, const char *from, const char *to)
{
    assert_int_equal(renameat(yard->dirfd, from, yard->dirfd, to), 0);
}

static inline void yard_delete(struct yard *yard, const char *path)
{
    assert_int_equal(unlinkat(yard->dirfd, path, 0), 0);
}

/* Writes it outside and renames it in. */
static inline void yard_move_in(struct yard *yard, const char *name, const char *text)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "in/%s", name);
    int fd = openat(yard->dirfd, "out/new", O_CREAT | O_WRONLY | O_TRUNC | O_EXCL | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    yard_rename(yard, "out/new", path);
}
