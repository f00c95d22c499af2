/* print and pprint: Spark's layouts. */
#include "output/outputs.h"
#include "tests/unit/output/rig.h"

#include <time.h>

#define RULE "-------------------------------------------\n"

static struct rig rig;

static int teardown(void **state)
{
    rig_close(&rig);
    return 0;
}

static int setup_print(void **state)
{
    rig_open(&rig, &sl_output_print, SL_OP_SOURCE);
    return 0;
}

static int setup_pprint(void **state)
{
    rig_open(&rig, &sl_output_pprint, SL_OP_SOURCE);
    return 0;
}

static void assert_printed(int64_t t, struct rig_rows rows, const char *expected)
{
    rewind(rig.out);
    if (rig_batch(&rig, t, &rows) < 0)
        fail_msg("%s", rig.err.text);
    fflush(rig.out);
    assert_int_equal(rig.printed_len, strlen(expected));
    assert_memory_equal(rig.printed, expected, rig.printed_len);
}

static void test_print_shows_scala_layout(void **state)
{
    assert_printed(1000, (struct rig_rows){.partitions = 1, .rows = 2, .width = 2},
                   RULE "Time: 1000 ms\n" RULE "(k0-00000,0)\n(k0-00001,0)\n\n");
}

/* Lanes in any order, or a dataset: the first rows are the same. */
static void test_print_shows_the_first_rows_and_dots(void **state)
{
    rig.node.arg[0] = SL_INT_ARG(3);
    for (int i = 0; i < 3; i++)
        assert_printed(1000,
                       (struct rig_rows){
                           .partitions = 5, .rows = 2, .width = 1, .backwards = i == 1, .as_dataset = i == 2},
                       RULE "Time: 1000 ms\n" RULE "k0-00000\nk0-00001\nk1-00000\n...\n\n");
    assert_printed(1000, (struct rig_rows){.partitions = 1, .rows = 3, .width = 1},
                   RULE "Time: 1000 ms\n" RULE "k0-00000\nk0-00001\nk0-00002\n\n");
}

static void test_print_keeps_silent_without_records(void **state)
{
    assert_printed(1000, (struct rig_rows){.partitions = 2}, "");
    assert_printed(1000, (struct rig_rows){.partitions = 0}, "");
}

static void test_print_shows_empty_batches_when_asked(void **state)
{
    rig.services.empty_batches = true;
    assert_printed(1000, (struct rig_rows){.partitions = 0}, RULE "Time: 1000 ms\n" RULE "\n");
}

static void test_pprint_shows_python_layout(void **state)
{
    setenv("TZ", "UTC-2", 1);
    tzset();
    assert_printed(1795258800000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 2},
                   RULE "Time: 2026-11-21 13:00:00\n" RULE "('k0-00000', 0)\n\n");
    assert_printed(1795258800250, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1},
                   RULE "Time: 2026-11-21 13:00:00.250000\n" RULE "k0-00000\n\n");
}

static void test_print_fails_when_nobody_takes_it(void **state)
{
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    rig.services.out = full;
    assert_int_equal(rig_batch(&rig, 1000, &(struct rig_rows){.partitions = 1, .rows = 1, .width = 1}),
                     SL_EFULL);
    assert_non_null(strstr(rig.err.text, "standard output"));
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_print_shows_scala_layout, setup_print, teardown),
        cmocka_unit_test_setup_teardown(test_print_shows_the_first_rows_and_dots, setup_print, teardown),
        cmocka_unit_test_setup_teardown(test_print_keeps_silent_without_records, setup_print, teardown),
        cmocka_unit_test_setup_teardown(test_print_shows_empty_batches_when_asked, setup_print, teardown),
        cmocka_unit_test_setup_teardown(test_pprint_shows_python_layout, setup_pprint, teardown),
        cmocka_unit_test_setup_teardown(test_print_fails_when_nobody_takes_it, setup_print, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
