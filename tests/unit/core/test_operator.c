/* Arguments of a node, positions of lanes, and the sink of record errors. */
#include "core/contract/operator.h"

#include "core/contract/services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const struct sl_param options[] = {{.name = "header"}, {.name = "keep"}, {0}};
static const struct sl_op op = {.name = "x", .options = options};

static void test_node_gives_arguments_or_the_fallback(void **state)
{
    struct sl_function *fn = (struct sl_function *)&op; /* only its address is looked at */
    struct sl_node node = {.op = &op, .arg = {SL_INT_ARG(5), SL_BOOL_ARG(true), SL_NIL_ARG, SL_FN_ARG(fn)}};
    assert_int_equal(sl_node_integer(&node, 0, 9), 5);
    assert_int_equal(sl_node_integer(&node, 1, 9), 9);
    assert_int_equal(sl_node_integer(&node, 2, 9), 9);
    assert_int_equal(sl_node_integer(&node, 4, 9), 9);
    assert_true(sl_node_boolean(&node, 1, false));
    assert_true(sl_node_boolean(&node, 2, true));
    assert_int_equal(sl_node_value(&node, 0).tag, SL_INT);
    assert_int_equal(sl_node_value(&node, 3).tag, SL_NIL);
    assert_int_equal(sl_node_value(&node, 4).tag, SL_NIL);
    assert_ptr_equal(sl_node_function(&node, 3), fn);
    assert_null(sl_node_function(&node, 0));
}

static void test_node_finds_options_by_name(void **state)
{
    struct sl_node node = {.op = &op, .option = {{0}, SL_INT_ARG(3)}};
    assert_int_equal(sl_node_option(&node, "header").kind, SL_ARG_NONE);
    assert_int_equal(sl_node_option(&node, "keep").value.integer, 3);
}

static void test_positions_go_by_input_path_partition_piece(void **state)
{
    const struct sl_position ladder[] = {{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 1, 0}, {0, 0, UINT32_MAX, 0},
                                         {0, 1, 0, 5}, {1, 0, 0, 0}, {1, 0, 0, 1}, {2, 0, 0, 0}};
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 8; k++) {
            int order = sl_position_compare(&ladder[i], &ladder[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
}

/* ---- core/contract/task.h ---- */

struct caught {
    struct sl_reject_sink sink;
    unsigned node;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width, line;
    const struct sl_origin *origin;
    char message[SL_MESSAGE_MAX];
};

static int catch_record(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                        const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                        uint32_t line)
{
    struct caught *caught = (struct caught *)sink;
    caught->node = node;
    memcpy(caught->fields, fields, width * sizeof *fields);
    caught->width = width;
    caught->origin = origin;
    caught->line = line;
    memcpy(caught->message, task->message, sizeof caught->message);
    return SL_ESTOP;
}

static void test_task_hands_the_record_and_its_line_to_the_sink(void **state)
{
    const struct sl_origin origin = {.path = "in/a"};
    const struct sl_field a[] = {sl_integer(1), sl_integer(2)}, b[] = {sl_integer(3), sl_integer(4)};
    const uint32_t line[] = {10, 20};
    struct sl_chunk chunk = {.rows = 2, .width = 2, .origin = &origin, .line = line, .column = {a, b}};
    struct caught caught = {.sink = {.reject = catch_record}};
    struct sl_task task = {.sink = &caught.sink};
    assert_int_equal(sl_task_explain(&task, "no %s", "number"), SL_EREJECT);
    assert_int_equal(sl_task_reject(&task, 7, &chunk, 1), SL_ESTOP);
    assert_int_equal(caught.node, 7);
    assert_int_equal(caught.width, 2);
    assert_int_equal(caught.fields[1].integer, 4);
    assert_ptr_equal(caught.origin, &origin);
    assert_int_equal(caught.line, 20);
    assert_string_equal(caught.message, "no number");
}

static void test_task_reject_knows_records_without_lines_and_groups(void **state)
{
    const struct sl_field key = sl_integer(1), value = sl_nil();
    struct sl_chunk chunk = {.rows = 1, .width = 1, .column = {&key}};
    struct caught caught = {.sink = {.reject = catch_record}};
    struct sl_task task = {.sink = &caught.sink};
    sl_task_reject(&task, 1, &chunk, 0);
    assert_int_equal(caught.line, SL_NO_LINE);
    assert_null(caught.origin);
    sl_task_reject_group(&task, 2, &key, &value, 3);
    assert_int_equal(caught.width, 2);
    assert_int_equal(caught.line, SL_GROUP_LINE);
    assert_null(caught.origin);
    assert_int_equal(caught.fields[0].integer, 1);
}

static void test_task_cuts_long_messages(void **state)
{
    struct sl_task task = {0};
    char text[2 * SL_MESSAGE_MAX];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(sl_task_explain(&task, "%s", text), SL_EREJECT);
    assert_int_equal(strlen(task.message), SL_MESSAGE_MAX - 1);
}

static void test_manifest_done_leaves_nothing(void **state)
{
    struct sl_manifest manifest = {
        .path = strdup("out-1"), .count = 1, .file = calloc(1, sizeof *manifest.file)};
    sl_manifest_done(&manifest);
    assert_null(manifest.path);
    assert_int_equal(manifest.count, 0);
    sl_manifest_done(&manifest);
}

static void test_manifest_finds_each_of_many_files_and_no_other(void **state)
{
    enum { FILES = 150000 }; /* past part-99999, after which numbers are not in the order of names */
    struct sl_manifest manifest = {.count = FILES, .file = calloc(FILES, sizeof *manifest.file)};
    (void)state;
    assert_non_null(manifest.file);
    assert_null(sl_manifest_find(&(struct sl_manifest){0}, "part-00000"));
    size_t count = 0;
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(manifest.file[count++].name, sizeof manifest.file->name, "part-%05u", i);
        for (unsigned j = i * 10; i >= 10000 && i < 15000 && j < i * 10 + 10; j++)
            snprintf(manifest.file[count++].name, sizeof manifest.file->name, "part-%06u", j);
    }
    assert_int_equal(count, FILES);
    for (size_t i = 0; i < FILES; i++) {
        char other[sizeof manifest.file->name + 4];
        snprintf(other, sizeof other, "%s.gz", manifest.file[i].name);
        assert_ptr_equal(sl_manifest_find(&manifest, manifest.file[i].name), &manifest.file[i]);
        assert_null(sl_manifest_find(&manifest, other));
    }
    sl_manifest_done(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_gives_arguments_or_the_fallback),
        cmocka_unit_test(test_node_finds_options_by_name),
        cmocka_unit_test(test_positions_go_by_input_path_partition_piece),
        cmocka_unit_test(test_task_hands_the_record_and_its_line_to_the_sink),
        cmocka_unit_test(test_task_reject_knows_records_without_lines_and_groups),
        cmocka_unit_test(test_task_cuts_long_messages),
        cmocka_unit_test(test_manifest_done_leaves_nothing),
        cmocka_unit_test(test_manifest_finds_each_of_many_files_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
