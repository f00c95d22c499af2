/* A mount of its own for a test, and how to look at it. Where there is no FUSE the whole
 * program is skipped. */
#pragma once

#include "core/base/clock.h"
#include "fs/mount/mount.h"
#include "shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct mounted {
    char dir[PATH_MAX];
    struct sl_viewer *viewer;
    struct sl_log *log; /* NULL; otherwise libfuse writes every request and answer to it */
};

/* Call first in main(): exits 77 with the reason where nothing can be mounted. */
static inline void mounted_skip_without_fuse(void)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        printf("SKIP: opening /dev/fuse: %s\n", strerror(errno));
        exit(77);
    }
    close(fd);
}

static inline void mounted_name(struct mounted *mounted)
{
    const char *tmp = getenv("TMPDIR");
    *mounted = (struct mounted){0};
    snprintf(mounted->dir, sizeof mounted->dir, "%s/sluice-fs-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(mounted->dir));
}

static inline int mounted_try(struct mounted *mounted, unsigned keep, struct sl_error *err)
{
    static const char *const views[] = {"counts", "lines"};
    const unsigned keeps[] = {keep, keep};
    struct sl_mount_options options = {.dir = mounted->dir,
                                       .view = views,
                                       .keep = keeps,
                                       .views = 2,
                                       .io = &sl_io_system,
                                       .log = mounted->log,
                                       .debug = mounted->log != NULL};
    return sl_mount_open(&options, &mounted->viewer, err);
}

static inline void mounted_open(struct mounted *mounted, unsigned keep)
{
    struct sl_error err = {0};
    mounted_name(mounted);
    if (mounted_try(mounted, keep, &err) < 0)
        fail_msg("%s", err.text);
}

static inline void mounted_close(struct mounted *mounted)
{
    mounted->viewer->ops->close(mounted->viewer);
    assert_int_equal(rmdir(mounted->dir), 0);
}

/* Publishes to view 0 and waits until readers see it. Takes the version. */
static inline void mounted_publish(struct mounted *mounted, struct sl_version *version)
{
    struct sl_error err = {0};
    assert_int_equal(mounted->viewer->ops->publish(mounted->viewer, 0, version, &err), 0);
    sl_version_unref(version);
    assert_true(mounted->viewer->ops->settle(mounted->viewer, 10000));
}

/* "<dir>/<path>", in a buffer of its own; the caller frees. */
static inline char *mounted_path(const struct mounted *mounted, const char *path)
{
    char *full;
    if (asprintf(&full, "%s/%s", mounted->dir, path) < 0)
        abort();
    return full;
}

static inline int mounted_file(const struct mounted *mounted, const char *path, int flags)
{
    char *full = mounted_path(mounted, path);
    int fd = open(full, flags | O_CLOEXEC);
    free(full);
    return fd;
}

/* Everything from here to the end, with a NUL; the caller frees. */
static inline char *mounted_slurp(int fd)
{
    size_t len = 0, size = 4096;
    char *text = malloc(size);
    for (ssize_t n; (n = read(fd, text + len, size - len - 1)) != 0; len += (size_t)n) {
        assert_true(n > 0);
        if (size - len - (size_t)n < 2)
            text = realloc(text, size *= 2);
    }
    text[len] = 0;
    return text;
}

static inline void mounted_assert_text(const struct mounted *mounted, const char *path, const char *expected)
{
    int fd = mounted_file(mounted, path, O_RDONLY);
    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char *text = mounted_slurp(fd);
    assert_string_equal(text, expected);
    assert_int_equal(st.st_size, strlen(expected));
    free(text);
    close(fd);
}

static inline struct sl_viewer_counts mounted_count(struct mounted *mounted)
{
    struct sl_viewer_counts counts;
    mounted->viewer->ops->count(mounted->viewer, &counts);
    return counts;
}

/* Waits until the count that `pick` picks is `wanted`. The kernel tells nobody when it forgets, so this
 * asks again and again. */
static inline void mounted_wait(struct mounted *mounted, uint64_t (*pick)(struct sl_viewer_counts),
                                uint64_t wanted)
{
    int64_t until_ns = sl_monotonic_ns() + 30000000000;
    while (pick(mounted_count(mounted)) != wanted && sl_monotonic_ns() < until_ns)
        sched_yield();
    assert_int_equal(pick(mounted_count(mounted)), wanted);
}

static inline int mounted_errno(const struct mounted *mounted, const char *path)
{
    int fd = mounted_file(mounted, path, O_RDONLY);
    int sys = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return sys;
}

/* For directories that are no mount. */
static inline void mounted_remove(struct mounted *mounted)
{
    struct sl_error err = {0};
    if (sl_io_remove_tree(&sl_io_system, AT_FDCWD, mounted->dir, &err) < 0)
        fail_msg("%s", err.text);
}

static inline void mounted_touch(const struct mounted *mounted, const char *path)
{
    int fd = mounted_file(mounted, path, O_WRONLY | O_CREAT);
    assert_true(fd >= 0);
    close(fd);
}
