/* What happens when something has the name that a batch's directory should get. */
#include "output/outputs.h"
#include "tests/unit/output/rig.h"

static const struct rig_rows rows = {.partitions = 2, .rows = 3, .width = 2};
static const char final[] = "out/counts-1000.txt";

static struct rig rig;

static int setup(void **state)
{
    rig_open(&rig, &sl_output_save, SL_OP_SOURCE);
    rig.node.arg[0] = SL_STR_ARG("out/counts");
    rig.node.arg[1] = SL_STR_ARG("txt");
    if (rig_batch(&rig, 1000, &rows) < 0)
        fail_msg("%s", rig.err.text);
    return 0;
}

static int teardown(void **state)
{
    rig_close(&rig);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    int fd = openat(rig.dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* ---- ways in which it can be another directory than ours ---- */

static void change_a_byte(void)
{
    write_file("out/counts-1000.txt/part-00000",
               "K0-00000\t0\nk0-00001\t0\nk0-00002\t0\nk1-00000\t1\nk1-00001\t1\n"
               "k1-00002\t1\n");
}

static void cut_a_part(void)
{
    write_file("out/counts-1000.txt/part-00000", "k0-00000\t0\n");
}

static void add_a_file(void)
{
    write_file("out/counts-1000.txt/more", "");
}

static void remove_success(void)
{
    assert_int_equal(unlinkat(rig.dirfd, "out/counts-1000.txt/_SUCCESS", 0), 0);
}

static void remove_a_part(void)
{
    assert_int_equal(unlinkat(rig.dirfd, "out/counts-1000.txt/part-00000", 0), 0);
}

static void become_a_file(void)
{
    assert_int_equal(sl_io_remove_tree(&sl_io_system, rig.dirfd, final, &rig.err), 0);
    write_file(final, "");
}

static void become_a_link(void)
{
    assert_int_equal(renameat(rig.dirfd, final, rig.dirfd, "out/elsewhere"), 0);
    assert_int_equal(symlinkat("elsewhere", rig.dirfd, final), 0);
}

static void (*const change[])(void) = {change_a_byte, cut_a_part,    add_a_file,   remove_success,
                                       remove_a_part, become_a_file, become_a_link};
enum { CHANGES = sizeof change / sizeof *change };

static void restore(void)
{
    assert_int_equal(sl_io_remove_tree(&sl_io_system, rig.dirfd, "out", &rig.err), 0);
    assert_int_equal(rig_batch(&rig, 1000, &rows), 0);
}

static void test_taken_by_our_own_directory_is_fine(void **state)
{
    ino_t inode;
    struct stat st;
    assert_int_equal(fstatat(rig.dirfd, final, &st, 0), 0);
    inode = st.st_ino;
    rig.services.replay = true;
    assert_int_equal(rig_batch(&rig, 1000, &rows), 0);
    assert_int_equal(fstatat(rig.dirfd, final, &st, 0), 0);
    assert_int_equal(st.st_ino, inode); /* what was seen is what stays */
    assert_string_equal(rig.manifest.path, final);
    assert_false(rig_exists(&rig, "out/.counts-1000.txt.sluice-tmp"));
}

static void test_taken_by_a_stranger_fails_the_batch_by_name(void **state)
{
    for (int i = 0; i < CHANGES; i++) {
        change[i]();
        assert_int_equal(rig_batch(&rig, 1000, &rows), SL_EFAIL);
        assert_string_equal(
            rig.err.text,
            "out/counts-1000.txt exists and is not what this batch would write; move "
            "it away; with overwrite = true, batches that are planned from then on do so themselves");
        assert_false(rig_exists(&rig, "out/.counts-1000.txt.sluice-tmp"));
        restore();
    }
}

static void test_taken_after_a_restart_is_damage(void **state)
{
    for (int i = 0; i < CHANGES; i++) {
        change[i]();
        rig.services.replay = true;
        assert_int_equal(rig_batch(&rig, 1000, &rows), SL_EDAMAGED);
        assert_non_null(strstr(rig.err.text, final));
        rig.services.replay = false;
        restore();
    }
}

static void test_taken_with_overwrite_is_moved_aside(void **state)
{
    rig_option(&rig, "overwrite", SL_BOOL_ARG(true));
    for (int i = 1; i <= 2; i++) {
        char text[32], path[64];
        snprintf(text, sizeof text, "older %d", i);
        write_file("out/counts-1000.txt/part-00000", text);
        assert_int_equal(rig_batch(&rig, 1000, &rows), 0);
        snprintf(path, sizeof path, "out/counts-1000.txt.~%d~/part-00000", i);
        rig_assert_text(&rig, path, text);
    }
    char *expected = rig_tsv(&rows);
    rig_assert_text(&rig, "out/counts-1000.txt/part-00000", expected);
    free(expected);
}

static void test_taken_without_a_checkpoint_fails_even_if_it_is_the_same(void **state)
{
    rig.services.durable = false;
    assert_int_equal(rig_batch(&rig, 1000, &rows), SL_EFAIL);
    assert_non_null(strstr(rig.err.text, final));
}

/* A fault while looking is a failure, never an answer. */
static void test_taken_faults_while_comparing_change_nothing(void **state)
{
    char *expected = rig_tsv(&rows);
    rig.fault.fail_at = 0;
    rig.fault.calls = 0;
    assert_int_equal(rig_batch(&rig, 1000, &rows), 0);
    int calls = rig.fault.calls;
    for (int n = 1; n <= calls; n++) {
        rig.fault.calls = 0;
        rig.fault.fail_at = n;
        (void)rig_batch(&rig, 1000, &rows); /* may succeed: not every call matters */
        rig_assert_text(&rig, "out/counts-1000.txt/part-00000", expected);
    }
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_taken_by_our_own_directory_is_fine),
        TEST(test_taken_by_a_stranger_fails_the_batch_by_name),
        TEST(test_taken_after_a_restart_is_damage),
        TEST(test_taken_with_overwrite_is_moved_aside),
        TEST(test_taken_without_a_checkpoint_fails_even_if_it_is_the_same),
        TEST(test_taken_faults_while_comparing_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
