/* Functions of C programs: the state of mapWithState. */
#include "core/field.h"
#include "sluice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Two batches, one pair ("a", n) each, mapped by the function; what print shows of them. */
static int run_pairs(sl_user_function *function, char *ret_text, size_t size)
{
    const struct sl_field pair[2][2] = {{sl_string("a", 1), sl_integer(1)},
                                        {sl_string("a", 1), sl_integer(2)}};
    const struct sl_field record[2] = {sl_list(pair[0], 2), sl_list(pair[1], 2)};
    const struct sl_field batch[2] = {sl_list(&record[0], 1), sl_list(&record[1], 1)};
    const struct sl_arg batches = {.kind = SL_ARG_VALUE, .value = sl_list(batch, 2)};
    struct sl_run_options options = {.virtual_clock = true, .batches = 2, .stop_fd = -1, .quiet = true};
    struct sl_context *ssc = sl_context_new("test", ".");
    assert_non_null(ssc);
    options.out = tmpfile();
    assert_non_null(options.out);
    sl_context_set(ssc, "interval", SL_STR_ARG("1s"));
    sl_context_set(ssc, "checkpoint", SL_BOOL_ARG(false));
    sl_context_set(ssc, "maxErrorRate", SL_NUM_ARG(1));
    struct sl_stream *pairs = sl_source(ssc, "queueStream", batches);
    struct sl_function *fn = sl_function_new(ssc, function, NULL);
    sl_output_args(sl_apply(pairs, "mapWithState", SL_FN_ARG(fn)), "print", NULL, 0);
    int status = sl_run(ssc, &options);
    if (status)
        print_error("%s\n", sl_context_error(ssc));
    rewind(options.out);
    ret_text[fread(ret_text, 1, size - 1, options.out)] = 0;
    fclose(options.out);
    sl_context_free(ssc);
    return status;
}

static int add(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user;
    assert_int_equal(argc, 3);
    assert_false(sl_state_is_timing_out(call));
    assert_true(sl_state_exists(call) == (argv[2].integer == 2000));
    int64_t before = sl_state_exists(call) ? sl_state_get(call).integer : 0;
    struct sl_field sum = sl_integer(before + argv[1].integer);
    int r = sl_state_update(call, &sum);
    const struct sl_field row[2] = {argv[0], sl_state_get(call)};
    return r < 0 ? r : sl_return(call, row, 2);
}

static void test_state_of_a_function_in_c_is_kept(void **state)
{
    char text[1024];
    (void)state;
    assert_int_equal(run_pairs(add, text, sizeof text), 0);
    assert_non_null(strstr(text, "Time: 1000 ms"));
    assert_non_null(strstr(text, "(a,1)"));
    assert_non_null(strstr(text, "(a,3)"));
}

static int remove_twice(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user, (void)argc;
    struct sl_field none = sl_nil();
    assert_true(sl_state_update(call, &none) < 0);
    assert_int_equal(sl_state_update(call, &argv[1]), 0);
    assert_int_equal(sl_state_remove(call), 0);
    assert_false(sl_state_exists(call));
    assert_true(sl_state_update(call, &argv[1]) < 0);
    assert_true(sl_state_remove(call) < 0);
    return sl_return(call, &argv[1], 1);
}

static void test_state_of_a_function_in_c_cannot_change_after_its_removal(void **state)
{
    char text[1024];
    (void)state;
    assert_int_equal(run_pairs(remove_twice, text, sizeof text), 0);
    assert_non_null(strstr(text, "\n1\n"));
    assert_non_null(strstr(text, "\n2\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_of_a_function_in_c_is_kept),
        cmocka_unit_test(test_state_of_a_function_in_c_cannot_change_after_its_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
