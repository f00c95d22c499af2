/* Many taken files that all workers look at: what is there as it was taken stays taken, and only that. */
#include "core/base/pool.h"
#include "yard.h"

#include <stdatomic.h>

enum { NAMES_MAX = 9000, NAMES = 2000, WORKERS = 3, DELAY = 200 };

/* What happens to a name between two runs. */
enum fate { KEPT, MOVED_OVER, MADE_ANEW, REMOVED, APPENDED, NEW, FATES };

struct odd_io {
    struct sl_io io;
    struct sl_io_ops ops;
    int names;
    bool is_birthless;
    bool is_doubled;           /* each name is listed again some names later */
    _Atomic long looks, fault; /* the look that fails; 0: none */
    struct dirent later[DELAY];
    size_t listed;
    bool is_again;
};

static enum fate fate_of(int i)
{
    return i % 100 < FATES ? (enum fate)(i % 100) : KEPT;
}

/* The file made anew has the inode, the size and the time of the one that was removed. */
static void hide_all_but_birth(int i, struct statx *ret)
{
    ret->stx_ino = 1000000000 + (unsigned)i;
    ret->stx_mtime = (struct statx_timestamp){.tv_sec = 1};
    ret->stx_size = 1;
}

static int odd_statx(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask,
                     struct statx *ret)
{
    struct odd_io *odd = (struct odd_io *)io;
    if (atomic_fetch_add(&odd->looks, 1) + 1 == atomic_load(&odd->fault)) {
        errno = ENOMEM;
        return -1;
    }
    int rc = statx(dirfd, path, flags, mask, ret);
    if (odd->is_birthless)
        ret->stx_mask &= ~STATX_BTIME;
    else if (rc == 0 && path[0] == 'f' && fate_of((int)strtol(path + 1, NULL, 10)) == MADE_ANEW)
        hide_all_but_birth((int)strtol(path + 1, NULL, 10), ret);
    return rc;
}

static struct dirent *odd_readdir(struct sl_io *io, DIR *dir)
{
    struct odd_io *odd = (struct odd_io *)io;
    odd->is_again = !odd->is_again && odd->is_doubled && odd->listed >= DELAY;
    if (odd->is_again)
        return &odd->later[odd->listed % DELAY];
    struct dirent *entry = readdir(dir);
    if (entry)
        memcpy(&odd->later[odd->listed++ % DELAY], entry, entry->d_reclen);
    return entry;
}

static struct odd_io *odd_new(void)
{
    struct odd_io *odd = calloc(1, sizeof *odd);
    assert_non_null(odd);
    odd->names = NAMES;
    odd->ops = *sl_io_system.ops;
    odd->ops.statx = odd_statx;
    odd->ops.readdir = odd_readdir;
    odd->io.ops = &odd->ops;
    return odd;
}

/* ---- names ---- */

static int number_of(const char *path)
{
    return (int)strtol(path + strlen("in/f"), NULL, 10);
}

static void make(struct yard *yard, int i, const char *text)
{
    char path[32];
    (void)snprintf(path, sizeof path, "in/f%d", i);
    yard_append(yard, path, text);
}

static void meet(struct yard *yard, int i)
{
    char name[16], path[32];
    (void)snprintf(name, sizeof name, "f%d", i);
    (void)snprintf(path, sizeof path, "in/%s", name);
    switch (fate_of(i)) {
    case MOVED_OVER:
        yard_move_in(yard, name, "moved over");
        break;
    case MADE_ANEW: /* often the same inode */
        yard_delete(yard, path);
        make(yard, i, "made anew");
        break;
    case REMOVED:
        yard_delete(yard, path);
        break;
    case APPENDED:
        make(yard, i, "appended");
        break;
    case NEW:
        make(yard, i, "new");
        break;
    case KEPT:
    case FATES:
        break;
    }
}

static bool is_arrival(const struct odd_io *odd, int i)
{
    enum fate fate = fate_of(i);
    return fate == MOVED_OVER || fate == MADE_ANEW || fate == NEW || (fate == APPENDED && odd->is_birthless);
}

/* A run that takes the names that are not new; what it took is in yard->taken. */
static void run_before(struct yard *yard, const struct odd_io *odd)
{
    for (int i = 0; i < odd->names; i++)
        if (fate_of(i) != NEW)
            make(yard, i, "x");
    yard_open(yard);
    yard_take(yard);
    assert_int_equal(yard->taken.count, odd->names - odd->names / 100);
    yard_shut(yard);
}

static void begin_again(struct yard *yard, const struct odd_io *odd)
{
    for (int i = 0; i < odd->names; i++)
        meet(yard, i);
    yard_open(yard);
    yard_remember(yard, &yard->taken);
}

/* What was taken: each arrival once, nothing else. */
static void assert_arrivals(const struct yard *yard, const struct odd_io *odd)
{
    int count[NAMES_MAX] = {0};
    for (size_t i = 0; i < yard->taken.count; i++)
        count[number_of(yard->taken.file[i].path)]++;
    for (int i = 0; i < odd->names; i++)
        if (count[i] != is_arrival(odd, i))
            fail_msg("f%d, of fate %d, was taken %d times", i, fate_of(i), count[i]);
}

static void assert_gone(struct yard *yard, const struct odd_io *odd)
{
    struct sl_files gone = {0};
    int count[NAMES_MAX] = {0};
    yard_gone(yard, &gone);
    for (size_t i = 0; i < gone.count; i++)
        count[number_of(gone.file[i].path)]++;
    sl_files_done(&gone);
    for (int i = 0; i < odd->names; i++) {
        bool is_gone = fate_of(i) == REMOVED || (is_arrival(odd, i) && fate_of(i) != NEW);
        if (count[i] != is_gone)
            fail_msg("f%d, of fate %d, was gone %d times", i, fate_of(i), count[i]);
    }
}

static void live(struct odd_io *odd)
{
    struct yard yard;
    yard_make(&yard);
    yard.services.io = &odd->io;
    yard.services.pool = sl_pool_new(WORKERS, NULL);
    assert_non_null(yard.services.pool);
    run_before(&yard, odd);
    begin_again(&yard, odd);
    yard_take(&yard);
    assert_arrivals(&yard, odd);
    assert_gone(&yard, odd);
    assert_int_equal(yard_counts(&yard).changed, odd->is_birthless ? 0 : odd->names / 100);
    assert_int_equal(yard_counts(&yard).standing[SL_STANDING_TAKEN], odd->names - odd->names / 100);
    yard_refresh(&yard); /* what was taken now is confirmed like the rest */
    yard_take(&yard);
    assert_int_equal(yard.taken.count, 0);
    yard_shut(&yard);
    sl_pool_free(yard.services.pool);
    yard_remove(&yard);
    free(odd);
}

static void test_confirm_leaves_what_is_there_as_it_was_taken(void **state)
{
    (void)state;
    struct odd_io *odd = odd_new();
    odd->names = NAMES_MAX; /* of more than one block */
    live(odd);
}

static void test_confirm_without_birth_times(void **state)
{
    (void)state;
    struct odd_io *odd = odd_new();
    odd->is_birthless = true;
    live(odd);
}

static void test_confirm_of_names_that_are_listed_twice(void **state)
{
    (void)state;
    struct odd_io *odd = odd_new();
    odd->is_doubled = true;
    live(odd);
}

/* More than the names that are kept while what is known is looked at. */
static void new_beside_known(struct sl_pool *pool)
{
    enum { KNOWN = 1500, OTHERS = 17000 };
    struct yard yard;
    char name[16];
    yard_make(&yard);
    yard.services.pool = pool;
    for (int i = 0; i < KNOWN; i++)
        make(&yard, i, "x");
    yard_open(&yard);
    yard_take(&yard);
    for (int i = 0; i < OTHERS; i++)
        make(&yard, 100000 + i, "x");
    yard_delete(&yard, "in/f7");
    yard_refresh(&yard);
    yard_take(&yard);
    assert_int_equal(yard.taken.count, OTHERS);
    for (int i = 0; i < OTHERS; i++) {
        (void)snprintf(name, sizeof name, "in/f%d", 100000 + i);
        assert_string_equal(yard.taken.file[i].path, name);
    }
    assert_int_equal(yard_counts(&yard).standing[SL_STANDING_TAKEN], KNOWN - 1 + OTHERS);
    yard_remove(&yard);
    sl_pool_free(pool);
}

static void test_confirm_takes_many_new_names_beside_many_known_ones(void **state)
{
    (void)state;
    new_beside_known(NULL);
    for (unsigned workers = 1; workers <= WORKERS; workers++)
        new_beside_known(sl_pool_new(workers, NULL));
}

static void test_confirm_tells_of_a_look_that_fails_and_repeats_and_loses_nothing(void **state)
{
    (void)state;
    struct odd_io *odd = odd_new();
    struct yard yard;
    yard_make(&yard);
    yard.services.io = &odd->io;
    yard.services.pool = sl_pool_new(WORKERS, NULL);
    assert_non_null(yard.services.pool);
    run_before(&yard, odd);
    begin_again(&yard, odd);
    sl_files_done(&yard.taken);
    for (long look = 50; look < NAMES; look += 431) {
        struct sl_error err = {0};
        atomic_store(&odd->looks, 0);
        atomic_store(&odd->fault, look);
        assert_int_not_equal(yard.arrivals->ops->refresh(yard.arrivals, &err), 0);
        assert_non_null(strstr(err.text, "looking at in/f"));
    }
    atomic_store(&odd->fault, 0);
    yard_take(&yard);
    assert_arrivals(&yard, odd);
    assert_gone(&yard, odd);
    yard_shut(&yard);
    sl_pool_free(yard.services.pool);
    yard_remove(&yard);
    free(odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_confirm_leaves_what_is_there_as_it_was_taken),
        cmocka_unit_test(test_confirm_without_birth_times),
        cmocka_unit_test(test_confirm_of_names_that_are_listed_twice),
        cmocka_unit_test(test_confirm_takes_many_new_names_beside_many_known_ones),
        cmocka_unit_test(test_confirm_tells_of_a_look_that_fails_and_repeats_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
