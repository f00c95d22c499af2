/* Help that comes from the registries. */
#include "cli/help_topic.h"
#include "lua/registry.h"
#include "ops/builtin/builtin.h"
#include "ops/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Caller frees. */
static char *topic_text(const char *name, bool *ret_found)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    *ret_found = sl_help_topic(name, out);
    fclose(out);
    return text;
}

static void check_topic(const char *name, const char *summary)
{
    bool is_found;
    char *text = topic_text(name, &is_found);
    if (!is_found || !strstr(text, name) || !strstr(text, summary))
        fail_msg("help %s:\n%s", name, text);
    free(text);
}

static void test_help_shows_every_operator_and_built_in(void **state)
{
    const struct sl_op *op;
    for (size_t i = 0; (op = sl_registry_at(i)); i++)
        check_topic(op->name, op->summary);
    for (size_t i = 0; sl_builtins[i]; i++)
        check_topic(sl_builtins[i]->name, sl_builtins[i]->summary);
}

static void test_help_shows_the_options_of_a_context(void **state)
{
    check_topic("options", "interval");
    check_topic("options", "emptyBatches");
}

static void test_help_lists_every_name(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    sl_help_topics(out);
    fclose(out);
    const struct sl_op *op;
    for (size_t i = 0; (op = sl_registry_at(i)); i++)
        if (!strstr(text, op->name))
            fail_msg("%s is not listed", op->name);
    for (size_t i = 0; sl_builtins[i]; i++)
        if (!strstr(text, sl_builtins[i]->name))
            fail_msg("%s is not listed", sl_builtins[i]->name);
    free(text);
}

static void test_help_knows_what_was_meant(void **state)
{
    bool is_found;
    free(topic_text("reduceByKye", &is_found));
    assert_false(is_found);
    assert_string_equal(sl_help_nearest("reduceByKye"), "reduceByKey");
    assert_null(sl_help_nearest("xyzzyxyzzy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_shows_every_operator_and_built_in),
        cmocka_unit_test(test_help_shows_the_options_of_a_context),
        cmocka_unit_test(test_help_lists_every_name),
        cmocka_unit_test(test_help_knows_what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
