/* What a finished graph must satisfy, however the paths are written. */
#include "engine/graph/validate.h"

#include "tests/unit/engine/job.h"

static struct place place;

/* in/ is watched; out/ exists; link -> in; away/ exists and away/back -> ../in; root is the place itself. */
static int setup(void **state)
{
    place_init(&place);
    place_make_dir(&place, "in/deep");
    place_make_dir(&place, "out");
    place_make_dir(&place, "away");
    assert_int_equal(symlinkat("in", place.fd, "link"), 0);
    assert_int_equal(symlinkat("../in", place.fd, "away/back"), 0);
    return 0;
}

static int teardown(void **state)
{
    place_done(&place);
    return 0;
}

static void save(struct sl_context *ssc, const char *dir, const char *prefix)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG(dir));
    sl_output(lines, "saveAsTextFiles", SL_STR_ARG(prefix));
    assert_fine(ssc);
}

static void check_refused(int r, const struct sl_error *err, const char *path, bool refused)
{
    if (r != (refused ? SL_EUSAGE : 0))
        fail_msg("%s: %d %s", path, r, r < 0 ? err->text : "");
    if (refused && (!strstr(err->text, path) || !strstr(err->text, "inside the watched directory")))
        fail_msg("%s: %s", path, err->text);
}

static const struct {
    const char *path;
    bool refused;
} places[] = {
    {"out/counts", false},
    {"new/counts", false},
    {"inner/counts", false}, /* begins like in */
    {"in/counts", true},
    {"./in/counts", true},
    {"in/new/counts", true},
    {"in/deep/counts", true},
    {"out/../in/counts", true},
    {"new/../in/counts", true}, /* new would be made on the way */
    {"new/more/../../in/./counts", true},
    {"new/../out/counts", false},
    {"link/counts", true},
    {"away/back/counts", true},
    {"away/back/../out/counts", false},
    {"link/../out/counts", false},
    {"in/../out/counts", false},
};

static void test_outputs_inside_a_watched_directory_are_refused(void **state)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct sl_context *ssc = job_new(&place);
        struct sl_error err = {0};
        save(ssc, "in", places[i].path);
        check_refused(sl_validate(ssc, NULL, NULL, &err), &err, places[i].path, places[i].refused);
        sl_context_free(ssc);
    }
}

static void test_checkpoint_and_mount_inside_a_watched_directory_are_refused(void **state)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct sl_context *ssc = job_new(&place);
        struct sl_error err = {0};
        char absolute[8192];
        snprintf(absolute, sizeof absolute, "%s/%s", place.path, places[i].path);
        save(ssc, "in", "out/x");
        check_refused(sl_validate(ssc, places[i].path, NULL, &err), &err, places[i].path, places[i].refused);
        check_refused(sl_validate(ssc, NULL, absolute, &err), &err, absolute, places[i].refused);
        sl_context_free(ssc);
    }
}

static void test_nothing_is_made_on_a_file_system_of_the_kernel(void **state)
{
    static const char *const paths[] = {"/proc/counts", "/proc/1/new/counts", "/sys/counts",
                                        "/proc/../sys/x"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        for (int which = 0; which < 3; which++) {
            struct sl_context *ssc = job_new(&place);
            struct sl_error err = {0};
            save(ssc, "in", which == 0 ? paths[i] : "out/x");
            int r = sl_validate(ssc, which == 1 ? paths[i] : NULL, which == 2 ? paths[i] : NULL, &err);
            if (r != SL_EUSAGE || !strstr(err.text, paths[i]) || !strstr(err.text, "shows the kernel"))
                fail_msg("%s: %d %s", paths[i], r, err.text);
            sl_context_free(ssc);
        }
    }
}

static void test_watched_directories_may_be_written_in_any_way(void **state)
{
    static const char *const dirs[] = {"in", "./in/", "link", "away/back", "in/../in", "new/../in"};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        struct sl_context *ssc = job_new(&place);
        struct sl_error err = {0};
        save(ssc, dirs[i], "in/counts");
        check_refused(sl_validate(ssc, NULL, NULL, &err), &err, "in/counts", true);
        sl_context_free(ssc);
    }
}

static void test_a_watched_directory_need_not_exist(void **state)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_error err = {0};
    save(ssc, "later/in", "later/in/counts");
    check_refused(sl_validate(ssc, NULL, NULL, &err), &err, "later/in/counts", true);
    sl_context_free(ssc);
    ssc = job_new(&place);
    save(ssc, "/sluice-no-such-directory", "/sluice-no-such-directory/counts");
    check_refused(sl_validate(ssc, NULL, NULL, &err), &err, "/sluice-no-such-directory/counts", true);
    sl_context_free(ssc);
}

static void test_an_input_on_the_own_mount_is_refused(void **state)
{
    static const struct {
        const char *dir, *mount;
        bool refused;
    } cases[] = {{"mnt", "mnt", true},       {"mnt/counts", "mnt", true}, {"mnt/counts", "./mnt", true},
                 {"mount", "mnt", false},    {"in", "mnt", false},        {"new/../mnt/x", "mnt", true},
                 {"away/back/x", "in", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_context *ssc = job_new(&place);
        struct sl_error err = {0};
        save(ssc, cases[i].dir, "out/x");
        int r = sl_validate(ssc, NULL, cases[i].mount, &err);
        if (r != (cases[i].refused ? SL_EUSAGE : 0) || (r < 0 && !strstr(err.text, cases[i].dir)))
            fail_msg("%s on %s: %d %s", cases[i].dir, cases[i].mount, r, err.text);
        sl_context_free(ssc);
    }
}

static void test_two_outputs_of_one_prefix_are_refused(void **state)
{
    static const struct {
        const char *a, *b;
        bool refused;
    } cases[] = {{"out/a", "out/a", true},         {"out/a", "./out//a", true},
                 {"out/a", "away/../out/a", true}, {"out/a", "new/../out/a", true},
                 {"out/a", "out/b", false},        {"out/a", "out/ab", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_context *ssc = job_new(&place);
        struct sl_error err = {0};
        sl_context_at(ssc, "job.lua", 5);
        struct sl_stream *lines = sl_source_args(ssc, "textFileStream", SL_ARGS(SL_STR_ARG("in")), 1);
        sl_output_args(lines, "saveAsTextFiles", SL_ARGS(SL_STR_ARG(cases[i].a)), 1);
        sl_context_at(ssc, "job.lua", 6);
        sl_output_args(lines, "saveAsTextFiles", SL_ARGS(SL_STR_ARG(cases[i].b)), 1);
        assert_fine(ssc);
        int r = sl_validate(ssc, NULL, NULL, &err);
        if (r != (cases[i].refused ? SL_EUSAGE : 0))
            fail_msg("%s and %s: %d %s", cases[i].a, cases[i].b, r, err.text);
        if (r < 0) {
            assert_non_null(strstr(err.text, "job.lua:6: saveAsTextFiles: the prefix"));
            assert_non_null(strstr(err.text, "taken by line 5"));
        }
        sl_context_free(ssc);
    }
}

/* prefix.suffix is a link: of one output, and no directory. */
static void test_links_that_are_in_the_way_of_others_are_refused(void **state)
{
    static const struct {
        const char *a, *a_suffix, *b, *b_suffix;
        bool latest, refused;
    } cases[] = {{"out/a", "b.txt", "out/a.b", "txt", true, true},
                 {"out/a", "b.txt", "away/../out/a.b", "txt", true, true},
                 {"out/a", "b.txt", "out/a.b", "txt", false, false},
                 {"out/a", "b.txt", "out/a.c", "txt", true, false},
                 {"out/new", "", "out/new/a", "", true, true},
                 {"out/new/a", "", "out/new", "", true, true},
                 {"out/new", "", "out/new/deep/a", "", true, true},
                 {"out/new", "", "out/new/a", "", false, false},
                 {"out/new", "txt", "out/new/a", "", true, false},
                 {"out/new", "", "out/newer/a", "", true, false},
                 {"in", "", "out/a", "", true, true},
                 {"in", "txt", "out/a", "", true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_context *ssc = job_new(&place);
        struct sl_error err = {0};
        const struct sl_option latest = {"latest", SL_BOOL_ARG(cases[i].latest)};
        const struct sl_arg options = {.kind = SL_ARG_OPTIONS, .options = &latest, .count = 1};
        struct sl_stream *lines = sl_source_args(ssc, "textFileStream", SL_ARGS(SL_STR_ARG("in")), 1);
        sl_output_args(lines, "saveAsTextFiles",
                       SL_ARGS(SL_STR_ARG(cases[i].a), SL_STR_ARG(cases[i].a_suffix), options), 3);
        sl_output_args(lines, "saveAsTextFiles",
                       SL_ARGS(SL_STR_ARG(cases[i].b), SL_STR_ARG(cases[i].b_suffix), options), 3);
        assert_fine(ssc);
        int r = sl_validate(ssc, NULL, NULL, &err);
        if (r != (cases[i].refused ? SL_EUSAGE : 0))
            fail_msg("%s and %s: %d %s", cases[i].a, cases[i].b, r, err.text);
        if (r < 0)
            assert_non_null(strstr(err.text, "its link to the newest directory"));
        sl_context_free(ssc);
    }
}

static void test_two_views_of_one_name_are_refused(void **state)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_error err = {0};
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    sl_output(lines, "mount", SL_STR_ARG("words"));
    sl_output(lines, "saveAsTextFiles", SL_STR_ARG("words")); /* a prefix is no view */
    assert_int_equal(sl_validate(ssc, NULL, "mnt", &err), 0);
    sl_output(lines, "mount", SL_STR_ARG("words"));
    assert_int_equal(sl_validate(ssc, NULL, "mnt", &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "mount: the name words is taken by line"));
    sl_context_free(ssc);
}

static void test_a_job_without_output_is_refused(void **state)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_error err = {0};
    sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    assert_int_equal(sl_validate(ssc, NULL, NULL, &err), SL_EUSAGE);
    assert_non_null(strstr(err.text, "no output"));
    sl_context_free(ssc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs_inside_a_watched_directory_are_refused),
        cmocka_unit_test(test_checkpoint_and_mount_inside_a_watched_directory_are_refused),
        cmocka_unit_test(test_nothing_is_made_on_a_file_system_of_the_kernel),
        cmocka_unit_test(test_watched_directories_may_be_written_in_any_way),
        cmocka_unit_test(test_a_watched_directory_need_not_exist),
        cmocka_unit_test(test_an_input_on_the_own_mount_is_refused),
        cmocka_unit_test(test_two_outputs_of_one_prefix_are_refused),
        cmocka_unit_test(test_links_that_are_in_the_way_of_others_are_refused),
        cmocka_unit_test(test_two_views_of_one_name_are_refused),
        cmocka_unit_test(test_a_job_without_output_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
