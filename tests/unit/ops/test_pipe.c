/* pipe: lines through a command, in any amount, and what becomes of one that fails. */
#include "tests/unit/ops/harness.h"

#include <stdatomic.h>

struct pipe_case {
    const char *command; /* for sh -c */
    struct row rows[3];
    size_t count;
    const char *expected, *rejected;
};

static int run_pipe(struct harness *h, const struct sl_field *argv, uint32_t argc, const struct row *rows,
                    size_t count)
{
    struct sl_node node = {.op = find_op("pipe")};
    node.arg[0] = (struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_list(argv, argc)};
    assert_int_equal(node.op->check(&node, &h->err), 0);
    return run_node(h, &node, rows, count);
}

static int run_shell(struct harness *h, const char *command, const struct row *rows, size_t count)
{
    const struct sl_field argv[] = {S("sh"), S("-c"), sl_string(command, strlen(command))};
    return run_pipe(h, argv, 3, rows, count);
}

static void test_records_are_lines_and_lines_are_records(void **state)
{
    const struct pipe_case cases[] = {
        {"cat", {ROW(S("a\tb")), ROW(S(""))}, 2, "\"a\\tb\"; \"\"", ""},
        {"cat",
         {ROW(S("a\tb"), N), ROW(I(1)), ROW(F(1.0), L(I(1)))},
         3,
         "\"a\\\\tb\\t\\\\N\"; \"1\"; \"1.0\\t[1]\"",
         ""},
        {"sort -r", {ROW(S("a")), ROW(S("c")), ROW(S("b"))}, 3, "\"c\"; \"b\"; \"a\"", ""},
        {"cat",
         {ROW(S("a\nb")), ROW(S("c"))},
         2,
         "\"c\"",
         "pipe: the record holds a newline and would be two lines"},
        {"printf 'x\\n\\ny'", {ROW(S("a"))}, 1, "\"x\"; \"\"; \"y\"", ""},
        {"true", {ROW(S("a")), ROW(S("b"))}, 2, "", ""},
        {"cat; echo $SLUICE_BATCH $SLUICE_REPLAY", {ROW(S("a"))}, 1, "\"a\"; \"1000 0\"", ""},
        {"echo none", {{.width = 0}}, 0, "\"none\"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct harness h;
        harness_init(&h);
        assert_int_equal(run_shell(&h, cases[i].command, cases[i].rows, cases[i].count), 0);
        assert_string_equal(buf_string(&h.text), cases[i].expected);
        assert_string_equal(buf_string(&h.rejected), cases[i].rejected);
        harness_done(&h);
    }
}

static void test_a_command_that_fails_fails_the_batch(void **state)
{
    const struct row rows[] = {ROW(S("a"))};
    const struct sl_field missing[] = {S("sluice-no-such-command")};
    struct harness h;
    harness_init(&h);
    assert_int_equal(run_shell(&h, "cat > /dev/null; exit 3", rows, 1), SL_EFAIL);
    assert_non_null(strstr(h.err.text, "sh exited with status 3"));
    assert_int_equal(run_shell(&h, "kill -9 $$", rows, 1), SL_EFAIL);
    assert_non_null(strstr(h.err.text, "sh was ended by signal 9"));
    assert_int_equal(run_pipe(&h, missing, 1, rows, 1), SL_EFAIL);
    assert_non_null(strstr(h.err.text, "starting sluice-no-such-command: No such file or directory"));
    harness_done(&h);
}

static void test_a_replayed_batch_is_told_to_the_command(void **state)
{
    struct harness h;
    harness_init(&h);
    h.task.replay = true;
    assert_int_equal(run_shell(&h, "echo $SLUICE_REPLAY", NULL, 0), 0);
    assert_string_equal(buf_string(&h.text), "\"1\"");
    harness_done(&h);
}

/* More than any pipe holds, both ways: whoever only wrote first would wait for ever. */
static void test_much_data_flows_both_ways(void **state)
{
    enum { LINE = 65536, LINES = 64 };
    struct row *rows = calloc(LINES, sizeof *rows);
    char *line = malloc(LINE);
    struct harness h;
    assert_true(rows && line);
    memset(line, 'x', LINE);
    for (size_t i = 0; i < LINES; i++)
        rows[i] = (struct row){.field = {sl_string(line, LINE)}, .width = 1};
    harness_init(&h);
    assert_int_equal(run_shell(&h, "cat", rows, LINES), 0);
    assert_int_equal(h.rows, LINES);
    assert_int_equal(h.text.len, LINES * (LINE + 2) + 2 * (LINES - 1));
    harness_done(&h);
    harness_init(&h);
    assert_int_equal(run_shell(&h, "head -c 10 > /dev/null", rows, LINES), 0);
    assert_int_equal(h.rows, 0);
    harness_done(&h);
    free(rows);
    free(line);
}

static void test_a_stopped_run_ends_its_command(void **state)
{
    static const _Atomic int stop = 1;
    struct harness h;
    harness_init(&h);
    h.task.stop = &stop;
    assert_int_equal(run_shell(&h, "exec sleep 1000", NULL, 0), SL_ESTOP);
    harness_done(&h);
}

static void test_wrong_commands_are_refused(void **state)
{
    const struct sl_field cases[] = {L(S("a\0b")), L(S("")), L(S("a"), S("b\0"))};
    for (size_t i = 0; i < 3; i++) {
        struct sl_error err = {0};
        struct sl_node node = {.op = find_op("pipe")};
        node.arg[0] = (struct sl_arg){.kind = SL_ARG_VALUE, .value = cases[i]};
        assert_int_equal(node.op->check(&node, &err), SL_EUSAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_lines_and_lines_are_records),
        cmocka_unit_test(test_a_command_that_fails_fails_the_batch),
        cmocka_unit_test(test_a_replayed_batch_is_told_to_the_command),
        cmocka_unit_test(test_much_data_flows_both_ways),
        cmocka_unit_test(test_a_stopped_run_ends_its_command),
        cmocka_unit_test(test_wrong_commands_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
