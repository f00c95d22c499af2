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
    int calls, die_at; /* from this call on nothing works any more; 0: never */
    int fail_at;       /* this call fails; 0: none */
    bool sync_failed;
    const char *refused;   /* what begins so cannot be renamed */
    bool no_replace_fails; /* EINVAL, as file systems that know no RENAME_NOREPLACE */
    bool two_file_systems;
    char dir[512];
    int dirfd;
    struct sl_services services;
    struct sl_arrivals arrivals;
    struct sl_file file[3];
    struct sl_files files;
    struct sl_file_state state[3];
    struct sl_file_source source;
};

static bool is_dead(struct sl_io *io)
{
    struct world *world = (struct world *)io;
    world->calls++;
    bool dead = (world->die_at && world->calls >= world->die_at) || world->calls == world->fail_at;
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
    bool dead = is_dead(io);
    ((struct world *)io)->sync_failed |= dead;
    return dead ? -1 : 0;
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
    if (world->refused && strncmp(from, world->refused, strlen(world->refused)) == 0) {
        errno = EPERM;
        return -1;
    }
    errno = world->no_replace_fails && flags ? EINVAL : EXDEV;
    if (errno == EINVAL || (world->two_file_systems && from_dirfd != to_dirfd))
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

static const struct sl_arrivals_ops no_arrivals = {0};

enum kind { A_FILE, A_FILE_WITH_A_MARKER, A_DIRECTORY };

/* in/a, or in/a with in/a.done, or in/a/ with b, c and _SUCCESS. */
static void put_arrival(struct world *world, enum kind kind)
{
    put(world, kind == A_DIRECTORY ? "in/a/b" : "in/a", "contents");
    world->file[0] = look_at(world, kind == A_DIRECTORY ? "in/a/b" : "in/a");
    world->files = (struct sl_files){world->file, 1, 3};
    if (kind == A_FILE_WITH_A_MARKER)
        put(world, "in/a.done", "");
    if (kind != A_DIRECTORY)
        return;
    put(world, "in/a/c", "more");
    put(world, "in/a/_SUCCESS", "");
    world->file[1] = look_at(world, "in/a/c");
    world->files.count = 2;
}

/* in/a was read by a batch at 7000. */
static void world_open_kind(struct world *world, const char *after, enum kind kind)
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
    if (kind == A_DIRECTORY)
        assert_int_equal(mkdirat(world->dirfd, "in/a", 0777), 0);
    put_arrival(world, kind);
    world->arrivals.ops = &no_arrivals;
    world->services = (struct sl_services){.io = &world->io, .job_dirfd = world->dirfd, .durable = true};
    struct sl_file_source *source = &world->source;
    source->services = &world->services;
    source->files = &world->files;
    source->arrivals = &world->arrivals;
    source->state = world->state;
    source->states = world->files.count;
    source->options.arrivals.complete = kind == A_FILE_WITH_A_MARKER ? "%.done" : NULL;
    source->batch_ms = 7000;
    snprintf(source->options.dir, sizeof source->options.dir, "in");
    snprintf(source->options.archive, sizeof source->options.archive, "%s", after);
    source->options.after = strcmp(after, "delete") == 0 ? SL_AFTER_DELETE : SL_AFTER_ARCHIVE;
}

static void world_open(struct world *world, const char *after)
{
    world_open_kind(world, after, A_FILE);
}

static void world_close(struct world *world)
{
    for (size_t i = 0; i < world->files.count; i++)
        free(world->file[i].path);
    sl_owed_done(&world->source.owed);
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

/* What a new process knows of what is owed: what the last one wrote, which is nothing if it did not come so far. */
static void restart(struct world *world)
{
    sl_owed_done(&world->source.owed);
    world->source.owed = (struct sl_owed){0};
    world->die_at = world->fail_at = 0;
}

static bool holds(const struct world *world, const char *dir, const char *name, const char *text)
{
    char path[1024], *contents = NULL;
    size_t len = 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    bool same = sl_io_read_file(&sl_io_system, world->dirfd, path, 1000, &contents, &len, NULL) == 0 &&
                strcmp(contents, text) == 0;
    free(contents);
    return same;
}

/* Whether the arrival lies whole under this path. */
static bool is_whole(const struct world *world, const char *dir, const char *name, enum kind kind)
{
    char path[512];
    if (kind != A_DIRECTORY)
        return holds(world, dir, name, "contents");
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return holds(world, path, "b", "contents") && holds(world, path, "c", "more") &&
           holds(world, path, "_SUCCESS", "");
}

/* Names in the directory, and how many of them are whole arrivals. */
static size_t names_in(const struct world *world, const char *dir, enum kind kind, size_t *ret_whole)
{
    size_t names = 0;
    int fd = openat(world->dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    *ret_whole = 0;
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        names++;
        *ret_whole += is_whole(world, dir, entry->d_name, kind);
    }
    if (listing)
        closedir(listing);
    return names;
}

static void assert_is_put_away(const struct world *world, enum kind kind)
{
    size_t whole;
    bool archives = world->source.options.after == SL_AFTER_ARCHIVE;
    assert_int_equal(names_in(world, "in", kind, &whole), 0);
    assert_int_equal(names_in(world, "done", kind, &whole), !archives                      ? 0
                                                            : kind == A_FILE_WITH_A_MARKER ? 2
                                                                                           : 1);
    assert_int_equal(whole, archives);
    assert_true(!archives || is_whole(world, "done", "a", kind));
    assert_true(!archives || kind != A_FILE_WITH_A_MARKER || holds(world, "done", "a.done", ""));
}

/* The arrival is always whole somewhere until it is deleted. */
static void assert_is_somewhere(const struct world *world, enum kind kind)
{
    size_t in, done;
    (void)names_in(world, "in", kind, &in);
    (void)names_in(world, "done", kind, &done);
    assert_true(in + done >= 1);
}

struct way {
    const char *after;
    bool two_file_systems;
    enum kind kind;
};

static const struct way ways[] = {
    {"delete", false, A_FILE},      {"delete", false, A_FILE_WITH_A_MARKER},
    {"delete", false, A_DIRECTORY}, {"done", false, A_FILE},
    {"done", false, A_DIRECTORY},   {"done", false, A_FILE_WITH_A_MARKER},
    {"done", true, A_FILE},         {"done", true, A_FILE_WITH_A_MARKER},
    {"done", true, A_DIRECTORY},
};

static void open_way(struct world *world, const struct way *way)
{
    world_open_kind(world, way->after, way->kind);
    world->two_file_systems = way->two_file_systems;
}

/* Dies at the first call, the second ...; the next start ends it, and so does one that dies there. */
static void survive(const struct way *way)
{
    bool ends = false;
    for (int die_at = 1; !ends; die_at++) {
        struct world world;
        open_way(&world, way);
        world.die_at = die_at;
        settle(&world);
        ends = world.calls < die_at;
        if (world.source.options.after == SL_AFTER_ARCHIVE)
            assert_is_somewhere(&world, way->kind);
        restart(&world);
        settle(&world);
        assert_is_put_away(&world, way->kind);
        world_close(&world);
        assert_true(die_at < 200);
    }
}

static void test_after_a_crash_at_any_call_the_next_start_ends_it(void **state)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        survive(&ways[i]);
}

static void test_after_a_crash_while_a_crash_is_mended_too(void **state)
{
    for (int first = 1; first < 40; first += 5)
        for (int second = 1; second < 40; second += 3) {
            struct world world;
            open_way(&world, &ways[8]);
            world.die_at = first;
            settle(&world);
            assert_is_somewhere(&world, A_DIRECTORY);
            restart(&world);
            world.calls = 0;
            world.die_at = second;
            settle(&world);
            assert_is_somewhere(&world, A_DIRECTORY);
            restart(&world);
            settle(&world);
            assert_is_put_away(&world, A_DIRECTORY);
            world_close(&world);
        }
}

/* One call fails: the arrival is put away, or owed, or the run ends; what is owed is put away by the next batch. */
static void fail_each_call(const struct way *way)
{
    bool ends = false;
    for (int fail_at = 1; !ends; fail_at++) {
        struct world world;
        open_way(&world, way);
        world.fail_at = fail_at;
        struct sl_error err = {0};
        int r = sl_after_batch(&world.source, &err);
        ends = world.calls < fail_at;
        assert_true(r < 0 || !world.sync_failed);
        if (r < 0)
            restart(&world);
        else
            world.source.files = NULL; /* the batch is over */
        settle(&world);
        assert_is_put_away(&world, way->kind);
        assert_int_equal(world.source.owed.now.files.count, 0);
        world_close(&world);
        assert_true(fail_at < 200);
    }
}

static void test_after_a_failure_the_arrival_is_owed(void **state)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        fail_each_call(&ways[i]);
}

static void test_after_one_that_cannot_be_put_away_does_not_hold_up_others(void **state)
{
    struct world world;
    size_t names;
    for (int deletes = 0; deletes < 2; deletes++) {
        world_open(&world, deletes ? "delete" : "done");
        put(&world, "in/b", "other");
        world.file[1] = look_at(&world, "in/b");
        world.files.count = world.source.states = 2;
        world.refused = "in/";
        settle(&world);
        assert_int_equal(world.source.owed.now.files.count, 2);
        assert_int_equal(world.source.owed.added.files.count, 2);
        world.source.files = NULL;
        world.refused = "in/a";
        settle(&world);
        assert_int_equal(world.source.owed.now.files.count, 1);
        assert_int_equal(world.source.owed.done.files.count, 1);
        assert_int_equal(count(&world, "in", "contents", &names), 1);
        assert_int_equal(names, 1);
        world.refused = NULL;
        settle(&world);
        assert_int_equal(count(&world, "in", "contents", &names), 0);
        assert_int_equal(names, 0);
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_a_file_goes_to_the_archive),
        cmocka_unit_test(test_after_nothing_in_the_archive_is_replaced),
        cmocka_unit_test(test_after_a_newer_file_stays_untouched),
        cmocka_unit_test(test_after_a_crash_at_any_call_the_next_start_ends_it),
        cmocka_unit_test(test_after_a_crash_while_a_crash_is_mended_too),
        cmocka_unit_test(test_after_a_failure_the_arrival_is_owed),
        cmocka_unit_test(test_after_one_that_cannot_be_put_away_does_not_hold_up_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
