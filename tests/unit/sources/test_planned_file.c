#include "sources/planned_file.h"

#include "sources/identity.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    char dir[512];
    int dirfd;
    struct sl_services services;
    struct sl_file_source source;
};

/* real/in/d/a and in -> real/in; secret/a */
static void world_open(struct world *world, const char *watched)
{
    static const char *const dirs[] = {"real", "real/in", "real/in/d", "real/in/d/e", "secret", "secret/e"};
    static const char *const files[] = {"real/in/a", "real/in/d/a", "real/in/d/e/a", "secret/a",
                                        "secret/e/a"};
    const char *parent = getenv("TMPDIR");
    memset(world, 0, sizeof *world);
    snprintf(world->dir, sizeof world->dir, "%s/sluice-planned-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(world->dir));
    world->dirfd = open(world->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        assert_int_equal(mkdirat(world->dirfd, dirs[i], 0777), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        int fd = openat(world->dirfd, files[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(symlinkat("real/in", world->dirfd, "in"), 0);
    world->services = (struct sl_services){.io = &sl_io_system, .job_dirfd = world->dirfd};
    world->source.services = &world->services;
    snprintf(world->source.options.dir, sizeof world->source.options.dir, "%s", watched);
}

static void world_close(struct world *world)
{
    close(world->dirfd);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, AT_FDCWD, world->dir, NULL), 0);
}

/* Whether the file of this path is opened, which was planned as it is now. */
static bool opens(struct world *world, const char *path)
{
    struct statx st;
    struct sl_error err = {0};
    assert_int_equal(statx(world->dirfd, path, 0, STATX_BASIC_STATS | STATX_BTIME, &st), 0);
    struct sl_file file = sl_identity_of(&st, path);
    int fd = sl_planned_file_open(&world->source, &file, &err);
    assert_true(fd >= 0 || strstr(err.text, path));
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void test_planned_files_below_the_watched_directory_are_opened(void **state)
{
    struct world world;
    world_open(&world, "in/");
    assert_true(opens(&world, "in/a"));
    assert_true(opens(&world, "in/d/a"));
    assert_true(opens(&world, "in/d/e/a"));
    world_close(&world);
    world_open(&world, "re*/i?");
    assert_true(opens(&world, "real/in/a"));
    assert_true(opens(&world, "real/in/d/a"));
    world_close(&world);
}

static void test_planned_files_are_not_opened_through_links_below_it(void **state)
{
    static const char *const swapped[] = {"real/in/d", "real/in/d/e"};
    static const char *const read[] = {"in/d/a", "in/d/e/a"};
    static const char *const target[] = {"../../secret", "../../../secret/e"};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        world_open(&world, "in");
        assert_int_equal(renameat(world.dirfd, swapped[i], world.dirfd, "away"), 0);
        assert_int_equal(symlinkat(target[i], world.dirfd, swapped[i]), 0);
        assert_false(opens(&world, read[i]));
        assert_int_equal(unlinkat(world.dirfd, "real/in/a", 0), 0);
        assert_int_equal(symlinkat("../../secret/a", world.dirfd, "real/in/a"), 0);
        assert_false(opens(&world, "in/a"));
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planned_files_below_the_watched_directory_are_opened),
        cmocka_unit_test(test_planned_files_are_not_opened_through_links_below_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
