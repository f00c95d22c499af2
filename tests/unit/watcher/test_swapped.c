/* A directory whose name becomes a symbolic link while it is looked at: only the directory that was opened counts. */
#include "yard.h"

struct swapping_io {
    struct sl_io io;
    struct sl_io_ops ops;
    int dirfd;
    unsigned opened, swap_at; /* how often the directory was opened, and when it is swapped */
};

static int swapping_openat(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    struct swapping_io *swapping = (struct swapping_io *)io;
    int fd = sl_io_system.ops->openat(&sl_io_system, dirfd, path, flags, mode);
    if (strcmp(path, "job") == 0 && ++swapping->opened == swapping->swap_at) {
        assert_int_equal(renameat(swapping->dirfd, "in/job", swapping->dirfd, "in/.job"), 0);
        assert_int_equal(symlinkat("../secret", swapping->dirfd, "in/job"), 0);
    }
    return fd;
}

static void test_swapped_directories_give_no_file_of_another(void **state)
{
    for (unsigned swap_at = 1; swap_at <= 4; swap_at++) {
        struct yard yard;
        struct swapping_io swapping = {.ops = *sl_io_system.ops, .swap_at = swap_at};
        struct stat secret;
        swapping.ops.openat = swapping_openat;
        swapping.io.ops = &swapping.ops;
        yard_make(&yard);
        swapping.dirfd = yard.dirfd;
        yard.services.io = &swapping.io;
        assert_int_equal(mkdirat(yard.dirfd, "secret", 0755), 0);
        assert_int_equal(mkdirat(yard.dirfd, "in/job", 0755), 0);
        yard_append(&yard, "secret/_SUCCESS", "");
        yard_append(&yard, "secret/part-00000", "secret\n");
        yard_append(&yard, "in/job/part-00000", "one\n");
        yard_append(&yard, "in/job/_SUCCESS", "");
        assert_int_equal(fstatat(yard.dirfd, "secret/part-00000", &secret, 0), 0);
        yard_open(&yard);
        yard_take(&yard);
        yard_take(&yard);
        assert_true(swap_at > 3 || swapping.opened >= swap_at); /* the swap happened */
        for (size_t i = 0; i < yard.taken.count; i++)
            assert_true(yard.taken.file[i].inode != secret.st_ino);
        yard_shut(&yard);
        yard_remove(&yard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_swapped_directories_give_no_file_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
