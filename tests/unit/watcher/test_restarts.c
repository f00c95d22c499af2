/* Files come, go, are replaced and changed between looks, events and runs; what was taken is compared with what is there. */
#include "watcher/file_stat.h"
#include "yard.h"

#include <sys/stat.h>

enum { NAMES = 150, ROUNDS = 60, ACTS_MAX = 40 };

/* What a catalog remembers of each name, and what happened to the name since the last take. */
struct names {
    struct sl_file taken[NAMES]; /* path NULL: none */
    bool was_remade[NAMES];      /* it may be the same inode, born at the same time */
    uint64_t random;
    int made;
};

static int next(struct names *names, int limit)
{
    names->random = names->random * 6364136223846793005u + 1442695040888963407u;
    return (int)((names->random >> 33) % (uint64_t)limit);
}

static void name_of(int i, char name[32])
{
    (void)snprintf(name, 32, "%d%s", i, i % 3 ? "" : "\xff\n long name");
}

static void act(struct yard *yard, struct names *names)
{
    char name[32], path[48], text[32];
    int i = next(names, NAMES);
    name_of(i, name);
    (void)snprintf(path, sizeof path, "in/%s", name);
    (void)snprintf(text, sizeof text, "%d", names->made++);
    switch (next(names, 5)) {
    case 0:
    case 1:
        yard_move_in(yard, name, text); /* replaces what is there */
        names->was_remade[i] = true;
        break;
    case 2:
        (void)unlinkat(yard->dirfd, path, 0); /* it may be absent */
        break;
    case 3: /* another file, often of the inode of the one before, of its size and of its time */
        (void)unlinkat(yard->dirfd, path, 0);
        yard_append(yard, path, "remade");
        assert_int_equal(utimensat(yard->dirfd, path, (const struct timespec[2]){{1, 2}, {3, 4}}, 0), 0);
        names->was_remade[i] = true;
        break;
    default: /* one that was taken is changed, and stays taken */
        if (faccessat(yard->dirfd, path, F_OK, 0) == 0)
            yard_append(yard, path, "more");
    }
}

static int number_of(const struct sl_file *file)
{
    return (int)strtol(file->path + strlen("in/"), NULL, 10);
}

static void note_taken(struct yard *yard, struct names *names)
{
    for (size_t i = 0; i < yard->taken.count; i++) {
        struct sl_file *file = &yard->taken.file[i];
        int n = number_of(file);
        if (names->taken[n].path && sl_file_same(&names->taken[n], file) && !names->was_remade[n])
            fail_msg("%s was taken twice", file->path);
        free(names->taken[n].path);
        names->taken[n] = *file;
        file->path = NULL;
    }
    sl_files_done(&yard->taken);
    memset(names->was_remade, 0, sizeof names->was_remade);
}

static void note_gone(struct yard *yard, struct names *names)
{
    struct sl_files gone = {0};
    yard_gone(yard, &gone);
    for (size_t i = 0; i < gone.count; i++) {
        struct sl_file *taken = &names->taken[number_of(&gone.file[i])];
        if (taken->path && sl_file_same(taken, &gone.file[i])) {
            free(taken->path);
            *taken = (struct sl_file){0};
        }
    }
    sl_files_done(&gone);
}

/* What is there was taken, and nothing else is remembered. */
static void assert_right(struct yard *yard, const struct names *names)
{
    for (int i = 0; i < NAMES; i++) {
        char name[32], path[48];
        struct sl_file_stat look;
        name_of(i, name);
        (void)snprintf(path, sizeof path, "in/%s", name);
        assert_int_equal(sl_file_stat_get(&sl_io_system, yard->dirfd, "in", path, &look, NULL), 0);
        assert_int_equal(names->taken[i].path != NULL, look.kind == SL_LOOK_FILE);
        if (look.kind != SL_LOOK_FILE)
            continue;
        assert_int_equal(names->taken[i].inode, look.inode);
        assert_true(names->taken[i].born_ns == look.born_ns);
        assert_int_equal(yard_standing(yard, name), SL_STANDING_TAKEN);
    }
}

static void restart(struct yard *yard, const struct names *names)
{
    struct sl_files remembered = {0};
    yard_shut(yard);
    yard_open(yard);
    for (int i = 0; i < NAMES; i++)
        if (names->taken[i].path)
            assert_int_equal(sl_files_add(&remembered, &names->taken[i]), 0);
    yard_remember(yard, &remembered);
    sl_files_done(&remembered);
}

static void test_restarts_events_and_scans_take_each_file_once(void **state)
{
    struct yard *yard = *state;
    struct names names = {.random = 20261129};
    yard_open(yard);
    for (int round = 0; round < ROUNDS; round++) {
        for (int acts = next(&names, ACTS_MAX); acts > 0; acts--)
            act(yard, &names);
        int way = next(&names, 3);
        if (way == 0)
            restart(yard, &names);
        else if (way == 1)
            yard_refresh(yard);
        yard_take_all(yard);
        note_taken(yard, &names);
        note_gone(yard, &names);
        assert_right(yard, &names);
    }
    for (int i = 0; i < NAMES; i++)
        free(names.taken[i].path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restarts_events_and_scans_take_each_file_once, yard_set_up,
                                        yard_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
