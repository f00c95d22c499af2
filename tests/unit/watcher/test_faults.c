/* System calls that fail: whichever it is, the failure is told, and afterwards every file is still taken
 * exactly once. */
#include "yard.h"

struct faulty_io {
    struct sl_io io;
    struct sl_io_ops ops;
    long countdown;      /* the call that fails; 0: none */
    const char *swapped; /* opening this name finds another kind, with the errno `sys` */
    int sys;
    bool failed;
};

static bool fails(struct sl_io *io)
{
    struct faulty_io *faulty = (struct faulty_io *)io;
    if (faulty->countdown == 0 || --faulty->countdown > 0)
        return false;
    faulty->failed = true;
    errno = EIO;
    return true;
}

static int faulty_openat(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    struct faulty_io *faulty = (struct faulty_io *)io;
    if (faulty->swapped && strcmp(path, faulty->swapped) == 0) {
        errno = faulty->sys;
        faulty->failed = true;
        return -1;
    }
    return fails(io) ? -1 : sl_io_system.ops->openat(&sl_io_system, dirfd, path, flags, mode);
}

static int faulty_statx(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask,
                        struct statx *ret)
{
    return fails(io) ? -1 : statx(dirfd, path, flags, mask, ret);
}

static DIR *faulty_fdopendir(struct sl_io *io, int fd)
{
    return fails(io) ? NULL : fdopendir(fd);
}

static struct dirent *faulty_readdir(struct sl_io *io, DIR *dir)
{
    return fails(io) ? NULL : readdir(dir);
}

static struct faulty_io faulty_new(void)
{
    struct faulty_io faulty = {.ops = *sl_io_system.ops};
    faulty.ops.openat = faulty_openat;
    faulty.ops.statx = faulty_statx;
    faulty.ops.fdopendir = faulty_fdopendir;
    faulty.ops.readdir = faulty_readdir;
    return faulty;
}

/* One life of a directory with everything in it. Returns how often a call failed (and was told). */
static int live(struct yard *yard, struct faulty_io *faulty, long countdown)
{
    struct sl_error err = {0};
    struct sl_files taken = {0};
    int failures = 0;
    faulty->failed = false;
    yard_append(yard, "in/a", "one\n");
    yard_append(yard, "in/b", "one\n");
    assert_int_equal(mkdirat(yard->dirfd, "in/job", 0755), 0);
    yard_append(yard, "in/job/part-00000", "one\n");
    yard_append(yard, "in/job/_SUCCESS", "");
    yard_open(yard);
    faulty->countdown = countdown;
    failures += yard->arrivals->ops->take(yard->arrivals, 2, UINT64_MAX, &taken, &err) < 0;
    failures += yard->arrivals->ops->refresh(yard->arrivals, &err) < 0;
    yard_delete(yard, "in/a");
    yard_append(yard, "in/c", "one\n");
    failures += yard->arrivals->ops->take(yard->arrivals, 1, UINT64_MAX, &taken, &err) < 0;
    yard_move_in(yard, "d", "one\n");
    yard_wait_pending(yard);
    failures += yard->arrivals->ops->take(yard->arrivals, UINT64_MAX, UINT64_MAX, &taken, &err) < 0;
    faulty->countdown = 0;
    assert_int_equal(yard->arrivals->ops->refresh(yard->arrivals, &err), 0);
    assert_int_equal(yard->arrivals->ops->take(yard->arrivals, UINT64_MAX, UINT64_MAX, &taken, &err), 0);
    static const char *const once[] = {"in/b", "in/job/part-00000", "in/c", "in/d"};
    size_t others = 0; /* in/a may have been deleted before it was taken */
    for (size_t i = 0; i < taken.count; i++)
        others += strcmp(taken.file[i].path, "in/a") == 0;
    assert_in_range(others, 0, 1);
    assert_int_equal(taken.count - others, 4);
    for (size_t i = 0; i < 4; i++) {
        size_t found = 0;
        for (size_t j = 0; j < taken.count; j++)
            found += strcmp(taken.file[j].path, once[i]) == 0;
        assert_int_equal(found, 1);
    }
    if (failures)
        assert_non_null(strstr(err.text, "Input/output error"));
    sl_files_done(&taken);
    return failures;
}

static void test_faults_are_told_and_lose_and_repeat_nothing(void **state)
{
    long calls = 1;
    int told = 0;
    for (bool failed = true; failed; calls++) {
        struct yard yard;
        struct faulty_io faulty = faulty_new();
        faulty.io.ops = &faulty.ops;
        yard_make(&yard);
        yard.services.io = &faulty.io;
        told += live(&yard, &faulty, calls);
        failed = faulty.failed;
        yard_shut(&yard);
        yard_remove(&yard);
    }
    assert_true(calls > 30);
    assert_true(told > 10); /* failures of one name hold up that name only */
}

/* How names are hidden; 0: not. */
static long hidden;

static int hide_b(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask, struct statx *ret)
{
    bool is_in_job = strcmp(path, "_SUCCESS") == 0 || strncmp(path, "part-", 5) == 0;
    if (!hidden || (strcmp(path, "b") != 0 && !is_in_job))
        return statx(dirfd, path, flags, mask, ret);
    errno = hidden == 1 ? EACCES : ENOTCONN;
    return -1;
}

/* As another user's file system that is mounted in the watched directory does, alive (1) or dead (2). */
static void test_what_cannot_be_looked_at_waits_and_holds_up_nothing(void **state)
{
    for (long how = 1; how <= 2; how++) {
        struct yard yard;
        struct sl_error err = {0};
        struct sl_files taken = {0};
        struct faulty_io faulty = faulty_new();
        faulty.io.ops = &faulty.ops;
        faulty.ops.statx = hide_b;
        yard_make(&yard);
        yard.services.io = &faulty.io;
        hidden = how;
        yard_append(&yard, "in/a", "one\n");
        yard_append(&yard, "in/b", "one\n");
        assert_int_equal(mkdirat(yard.dirfd, "in/job", 0755), 0);
        yard_append(&yard, "in/job/_SUCCESS", "");
        yard_append(&yard, "in/job/part-00000", "one\n");
        yard_open(&yard);
        assert_int_equal(yard.arrivals->ops->refresh(yard.arrivals, &err), 0);
        assert_int_equal(yard.arrivals->ops->take(yard.arrivals, UINT64_MAX, UINT64_MAX, &taken, &err), 0);
        assert_int_equal(taken.count, 1);
        hidden = 0;
        assert_int_equal(yard.arrivals->ops->refresh(yard.arrivals, &err), 0);
        assert_int_equal(yard.arrivals->ops->take(yard.arrivals, UINT64_MAX, UINT64_MAX, &taken, &err), 0);
        assert_int_equal(taken.count, 3);
        hidden = how; /* what was taken stays taken while it cannot be seen */
        assert_int_equal(yard.arrivals->ops->refresh(yard.arrivals, &err), 0);
        hidden = 0;
        assert_int_equal(yard.arrivals->ops->refresh(yard.arrivals, &err), 0);
        assert_int_equal(yard.arrivals->ops->take(yard.arrivals, UINT64_MAX, UINT64_MAX, &taken, &err), 0);
        assert_int_equal(taken.count, 3);
        sl_files_done(&taken);
        yard_shut(&yard);
        yard_remove(&yard);
    }
}

/* A directory that becomes a link or a file between listing and opening is gone: its next look decides. */
static void test_faults_a_kind_that_changes_fails_no_batch(void **state)
{
    static const int kinds[] = {ENOTDIR, ELOOP, ESTALE, ENOENT};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct yard yard;
        struct faulty_io faulty = faulty_new();
        faulty.io.ops = &faulty.ops;
        faulty.sys = kinds[i];
        yard_make(&yard);
        yard.services.io = &faulty.io;
        assert_int_equal(mkdirat(yard.dirfd, "in/job", 0755), 0);
        yard_append(&yard, "in/job/part-00000", "one\n");
        yard_append(&yard, "in/job/_SUCCESS", "");
        yard_append(&yard, "in/a", "one\n");
        yard_open(&yard);
        faulty.swapped = "job";
        yard_take(&yard);
        assert_int_equal(yard.taken.count, 1);
        assert_string_equal(yard.taken.file[0].path, "in/a");
        assert_true(faulty.failed);
        yard_shut(&yard);
        yard_remove(&yard);
    }
}

/* The watched directory, the job's and the root decide whose files of earlier runs these are: none may be taken for one
 * of which nothing is known. */
static void test_faults_of_directories_are_reported(void **state)
{
    struct yard yard;
    struct faulty_io faulty = faulty_new();
    int calls = 0, told = 0;
    yard_make(&yard);
    faulty.io.ops = &faulty.ops;
    yard.services.io = &faulty.io;
    assert_int_equal(sl_watcher_new(&faulty.io, yard_wake, &yard, &yard.watcher, NULL), 0);
    yard.services.arrivals_arg = yard.watcher;
    do {
        struct sl_arrivals *arrivals = NULL;
        struct sl_watched_homes homes = {0};
        struct sl_error err = {0};
        faulty.failed = false;
        faulty.countdown = ++calls;
        int r = sl_watcher_open_arrivals(&yard.services, "in", &yard.options, &arrivals, &err);
        r = r < 0 ? r : arrivals->ops->homes(arrivals, &homes, &err);
        faulty.countdown = 0;
        told += r < 0;
        assert_true(r < 0 || homes.count == 0); /* beside the job */
        if (arrivals)
            arrivals->ops->close(arrivals);
    } while (faulty.failed);
    assert_true(told >= 4);
    yard_remove(&yard);
}

static int older_errno; /* what a kernel, or what confines the process, says where it does not have openat2 */

static int older_openat(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    if (!(flags & SL_IO_NO_LINKS))
        return sl_io_system.ops->openat(&sl_io_system, dirfd, path, flags, mode);
    errno = older_errno;
    return -1;
}

static void test_without_openat2_directories_are_watched_and_links_checked(void **state)
{
    static const int errnos[] = {ENOSYS, EPERM};
    struct sl_io_ops ops = *sl_io_system.ops;
    struct sl_io older = {&ops};
    struct yard yard;
    ops.openat = older_openat;
    yard_make(&yard);
    yard.services.io = &older;
    assert_int_equal(sl_watcher_new(&older, yard_wake, &yard, &yard.watcher, NULL), 0);
    yard.services.arrivals_arg = yard.watcher;
    assert_int_equal(symlinkat("in", yard.dirfd, "theirs"), 0);
    bool has_theirs = fchownat(yard.dirfd, "theirs", 61234, 61234, AT_SYMLINK_NOFOLLOW) == 0; /* root only */
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++) {
        struct sl_arrivals *arrivals;
        struct sl_error err;
        older_errno = errnos[i];
        assert_int_equal(sl_watcher_open_arrivals(&yard.services, "in", &yard.options, &arrivals, &err), 0);
        arrivals->ops->close(arrivals);
        if (has_theirs)
            assert_int_equal(
                sl_watcher_open_arrivals(&yard.services, "theirs", &yard.options, &arrivals, &err),
                SL_EUSAGE);
    }
    yard_remove(&yard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_of_directories_are_reported),
        cmocka_unit_test(test_without_openat2_directories_are_watched_and_links_checked),
        cmocka_unit_test(test_faults_are_told_and_lose_and_repeat_nothing),
        cmocka_unit_test(test_what_cannot_be_looked_at_waits_and_holds_up_nothing),
        cmocka_unit_test(test_faults_a_kind_that_changes_fails_no_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
