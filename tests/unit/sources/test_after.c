#include "sources/after.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A world of two directories, in/ and done/, in which calls fail. */
struct world {
    struct sl_io io; /* first */
    struct sl_io_ops ops;
    int calls, die_at;     /* from this call on nothing works any more; 0: never */
    bool no_replace_fails; /* EINVAL, as file systems that know no RENAME_NOREPLACE */
    bool two_file_systems;
    char dir[512];
    int dirfd;
    struct sl_services services;
    struct sl_file file;
    struct sl_files files;
    struct sl_file_state state;
    struct sl_file_source source;
};

static bool is_dead(struct sl_io *io)
{
    struct world *world = (struct world *)io;
    bool dead = world->die_at && ++world->calls >= world->die_at;
    if (dead)
        errno = EIO;
    return dead;
}

static int world_openat(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    return is_dead(io) ? -1 : sl_io_system.ops->openat(&sl_io_system, dirfd, path, flags, mode);
}

static ssize_t world_write(struct sl_io *io, int fd, const void *buf, size_t size)
{
    return is_dead(io) ? -1 : sl_io_system.ops->write(&sl_io_system, fd, buf, size);
}

static int world_fsync(struct sl_io *io, int fd)
{
    (void)fd; /* tests need no real sync */
    return is_dead(io) ? -1 : 0;
}

static int world_mkdirat(struct sl_io *io, int dirfd, const char *path, mode_t mode)
{
    return is_dead(io) ? -1 : sl_io_system.ops->mkdirat(&sl_io_system, dirfd, path, mode);
}

static int world_unlinkat(struct sl_io *io, int dirfd, const char *path, int flags)
{
    return is_dead(io) ? -1 : sl_io_system.ops->unlinkat(&sl_io_system, dirfd, path, flags);
}

static int world_statx(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask,
                       struct statx *ret)
{
    return is_dead(io) ? -1 : sl_io_system.ops->statx(&sl_io_system, dirfd, path, flags, mask, ret);
}

static int world_renameat2(struct sl_io *io, int from_dirfd, const char *from, int to_dirfd, const char *to,
                           unsigned flags)
{
    struct world *world = (struct world *)io;
    if (is_dead(io))
        return -1;
    errno = world->no_replace_fails && flags ? EINVAL : EXDEV;
    if (errno == EINVAL || (world->two_file_systems && from[0] != to[0]))
        return -1;
    return sl_io_system.ops->renameat2(&sl_io_system, from_dirfd, from, to_dirfd, to, flags);
}

static void put(const struct world *world, const char *path, const char *text)
{
    int fd = openat(world->dirfd, path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static struct sl_file look_at(const struct world *world, const char *path)
{
    struct statx st;
    assert_int_equal(statx(world->dirfd, path, 0, STATX_BASIC_STATS | STATX_BTIME, &st), 0);
    bool has_birth = st.stx_mask & STATX_BTIME;
    return (struct sl_file){
        .path = strdup(path),
        .inode = st.stx_ino,
        .born_ns = has_birth ? (int64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec : INT64_MIN,
        .mtime_ns = (int64_t)st.stx_mtime.tv_sec * 1000000000 + st.stx_mtime.tv_nsec,
        .size = (int64_t)st.stx_size,
    };
}

/* in/a was read by a batch at 7000. */
static void world_open(struct world *world, const char *after)
{
    memset(world, 0, sizeof *world);
    world->ops = *sl_io_system.ops;
    world->ops.openat = world_openat;
    world->ops.write = world_write;
    world->ops.fsync = world_fsync;
    world->ops.mkdirat = world_mkdirat;
    world->ops.unlinkat = world_unlinkat;
    world->ops.statx = world_statx;
    world->ops.renameat2 = world_renameat2;
    world->io.ops = &world->ops;
    const char *parent = getenv("TMPDIR");
    snprintf(world->dir, sizeof world->dir, "%s/sluice-after-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(world->dir));
    world->dirfd = open(world->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(world->dirfd, "in", 0777), 0);
    put(world, "in/a", "contents");
    world->file = look_at(world, "in/a");
    world->files = (struct sl_files){&world->file, 1, 1};
    world->services = (struct sl_services){.io = &world->io, .job_dirfd = world->dirfd, .durable = true};
    struct sl_file_source *source = &world->source;
    source->services = &world->services;
    source->files = &world->files;
    source->state = &world->state;
    source->states = 1;
    source->batch_ms = 7000;
    snprintf(source->options.dir, sizeof source->options.dir, "in");
    snprintf(source->options.archive, sizeof source->options.archive, "%s", after);
    source->options.after = strcmp(after, "delete") == 0 ? SL_AFTER_DELETE : SL_AFTER_ARCHIVE;
}

static void world_close(struct world *world)
{
    free(world->file.path);
    close(world->dirfd);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, AT_FDCWD, world->dir, NULL), 0);
}

/* Names in a directory that hold `text`; *ret_names: all of them. A directory that is missing has none. */
static size_t count(const struct world *world, const char *dir, const char *text, size_t *ret_names)
{
    size_t found = 0;
    *ret_names = 0;
    int fd = openat(world->dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        char path[512], *contents = NULL;
        size_t len = 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        assert_int_equal(sl_io_read_file(&sl_io_system, world->dirfd, path, 1000, &contents, &len, NULL), 0);
        found += strcmp(contents, text) == 0;
        ++*ret_names;
        free(contents);
    }
    if (listing)
        closedir(listing);
    return found;
}

static void settle(struct world *world)
{
    struct sl_error err = {0};
    (void)sl_after_batch(&world->source, &err); /* what came of it is looked at */
}

static bool exists(const struct world *world, const char *path)
{
    return faccessat(world->dirfd, path, F_OK, 0) == 0;
}

static void test_after_a_file_goes_to_the_archive(void **state)
{
    for (int kind = 0; kind < 4; kind++) {
        struct world world;
        size_t names;
        world_open(&world, "done");
        world.no_replace_fails = kind & 1;
        world.two_file_systems = kind & 2;
        settle(&world);
        assert_int_equal(count(&world, "in", "contents", &names), 0);
        assert_int_equal(names, 0);
        assert_int_equal(count(&world, "done", "contents", &names), 1);
        assert_int_equal(names, 1);
        assert_true(exists(&world, "done/a"));
        world_close(&world);
    }
}

static void test_after_nothing_in_the_archive_is_replaced(void **state)
{
    for (int kind = 0; kind < 4; kind++) {
        struct world world;
        size_t names;
        world_open(&world, "done");
        world.no_replace_fails = kind & 1;
        world.two_file_systems = kind & 2;
        assert_int_equal(mkdirat(world.dirfd, "done", 0777), 0);
        put(&world, "done/a", "older");
        put(&world, "done/a.7000", "older");
        settle(&world);
        assert_int_equal(count(&world, "done", "older", &names), 2);
        assert_int_equal(names, 3);
        assert_true(exists(&world, "done/a.7000.1"));
        world_close(&world);
    }
}

static void test_after_a_newer_file_stays_untouched(void **state)
{
    for (int deletes = 0; deletes < 2; deletes++) {
        struct world world;
        size_t names;
        world_open(&world, deletes ? "delete" : "done");
        put(&world, "newer", "newer");
        assert_int_equal(renameat(world.dirfd, "newer", world.dirfd, "in/a"), 0);
        settle(&world);
        assert_int_equal(count(&world, "in", "newer", &names), 1);
        assert_int_equal(names, 1);
        assert_true(exists(&world, "in/a"));
        world_close(&world);
    }
}

/* Dies at the first call, the second ...; at every moment the contents are somewhere, and the next start ends
 * it. */
static void assert_survives(const char *after, bool two_file_systems)
{
    for (int die_at = 1; die_at < 100; die_at++) {
        struct world world;
        size_t names, in, done;
        world_open(&world, after);
        world.two_file_systems = two_file_systems;
        world.die_at = die_at;
        settle(&world);
        bool survived = world.calls < die_at;
        in = count(&world, "in", "contents", &names);
        done = count(&world, "done", "contents", &names);
        if (world.source.options.after == SL_AFTER_ARCHIVE)
            assert_true(in + done >= 1);
        world.die_at = 0;
        settle(&world);
        assert_int_equal(count(&world, "in", "contents", &names), 0);
        assert_int_equal(names, 0);
        done = count(&world, "done", "contents", &names);
        assert_int_equal(names, done);
        if (world.source.options.after == SL_AFTER_DELETE)
            assert_int_equal(done, 0);
        else if (two_file_systems) /* a copy may have been made that the next start knows nothing of */
            assert_in_range(done, 1, 2);
        else
            assert_int_equal(done, 1);
        world_close(&world);
        if (survived)
            return;
    }
    fail_msg("it never comes to an end");
}

static void test_after_deleting_survives_a_crash_at_every_call(void **state)
{
    assert_survives("delete", false);
}

static void test_after_archiving_survives_a_crash_at_every_call(void **state)
{
    assert_survives("done", false);
}

static void test_after_copying_survives_a_crash_at_every_call(void **state)
{
    assert_survives("done", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_a_file_goes_to_the_archive),
        cmocka_unit_test(test_after_nothing_in_the_archive_is_replaced),
        cmocka_unit_test(test_after_a_newer_file_stays_untouched),
        cmocka_unit_test(test_after_deleting_survives_a_crash_at_every_call),
        cmocka_unit_test(test_after_archiving_survives_a_crash_at_every_call),
        cmocka_unit_test(test_after_copying_survives_a_crash_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
