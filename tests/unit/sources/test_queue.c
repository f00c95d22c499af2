/* queueStream: which items a batch takes, by the place where it begins, and into which partitions they are
 * cut. */
#include "core/contract/source.h"

#include "sources/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const struct sl_op *queue_op(void)
{
    for (size_t i = 0; sl_sources[i]; i++)
        if (strcmp(sl_sources[i]->name, "queueStream") == 0)
            return sl_sources[i];
    fail_msg("there is no queueStream");
    return NULL;
}

/* Five items: 1; 2, 3; none; 4, 5, 6; 7. */
static struct sl_field five_items(void)
{
    static struct sl_field number[7], item[5];
    static const uint32_t lengths[] = {1, 2, 0, 3, 1};
    for (uint32_t i = 0, at = 0; i < 5; at += lengths[i++])
        item[i] = sl_list(number + at, lengths[i]);
    for (int i = 0; i < 7; i++)
        number[i] = sl_integer(i + 1);
    return sl_list(item, 5);
}

struct collected {
    struct sl_outlet outlet;
    char text[64];
};

static int collect(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct collected *collected = (struct collected *)outlet;
    for (uint32_t row = 0; row < chunk->rows; row++) {
        size_t len = strlen(collected->text);
        snprintf(collected->text + len, sizeof collected->text - len, "%lld",
                 (long long)chunk->column[0][row].integer);
    }
    return 0;
}

/* Writes the partitions of the batch: "1|23". */
static void show(struct sl_source *source, char text[128])
{
    struct sl_error err = {0};
    uint64_t lines;
    text[0] = 0;
    for (size_t p = 0; p < source->ops->partitions(source); p++) {
        struct collected collected = {.outlet = {collect}};
        struct sl_task task = {.err = &err};
        size_t len = strlen(text);
        assert_int_equal(source->ops->read(source, p, &task, &collected.outlet, &lines), 0);
        assert_int_equal(lines, 0);
        snprintf(text + len, 128 - len, "%s%s", p ? "|" : "", collected.text);
    }
}

static void take(struct sl_source *source, char text[128], bool *ret_any)
{
    static const struct sl_limits no_limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, false, false};
    struct sl_error err = {0};
    struct sl_files plan = {0};
    assert_int_equal(source->ops->take(source, 1000, 0, &no_limits, &plan, ret_any, &err), 0);
    show(source, text);
}

/* The batch that began with item `place` - 1 is the newest that was committed. */
static void resume(struct sl_source *source, int64_t place)
{
    struct sl_error err = {0};
    struct sl_buf range = {0};
    assert_true(sl_buf_printf(&range, "%lld", (long long)place - 1));
    assert_int_equal(source->ops->go_on(source, &range, &err), 0);
    sl_buf_done(&range);
}

/* options by their place in the descriptor: oneAtATime, default, partitions. */
static void check_batches(struct sl_arg one_at_a_time, struct sl_arg fallback, struct sl_arg partitions,
                          int64_t place, const char *const *expected, size_t count)
{
    const struct sl_op *op = queue_op();
    struct sl_node node = {.op = op, .arg = {{.kind = SL_ARG_VALUE, .value = five_items()}}};
    const char *const names[] = {"oneAtATime", "default", "partitions"};
    const struct sl_arg given[] = {one_at_a_time, fallback, partitions};
    for (size_t i = 0; op->options[i].name; i++)
        for (size_t k = 0; k < 3; k++)
            if (strcmp(op->options[i].name, names[k]) == 0)
                node.option[i] = given[k];
    struct sl_source *source;
    struct sl_error err;
    assert_int_equal(op->source->open(&node, NULL, &source, &err), 0);
    if (place)
        resume(source, place);
    for (size_t i = 0; i < count; i++) {
        char text[128], again[128];
        bool any;
        struct sl_buf range = {0};
        take(source, again, &any);
        assert_int_equal(source->ops->range(source, &range, &err), 0);
        assert_int_equal(source->ops->resume_range(source, &range, &any, &err), 0);
        show(source, text);
        sl_buf_done(&range);
        assert_string_equal(text, again);
        assert_string_equal(text, expected[i]);
        assert_int_equal(any, strspn(expected[i], "|") < strlen(expected[i]));
    }
    source->ops->close(source);
}

static const struct sl_arg none = {.kind = SL_ARG_NONE};

static void test_queue_gives_one_item_a_batch(void **state)
{
    check_batches(none, none, none, 0, (const char *const[]){"1", "23", "", "456", "7", "", ""}, 7);
}

static void test_queue_goes_on_where_it_is_told_to(void **state)
{
    check_batches(none, none, none, 3, (const char *const[]){"456", "7", ""}, 3);
    check_batches(none, none, none, 9, (const char *const[]){"", ""}, 2);
    check_batches(SL_BOOL_ARG(false), none, none, 5, (const char *const[]){"", ""}, 2);
}

static void test_queue_gives_all_items_at_once(void **state)
{
    check_batches(SL_BOOL_ARG(false), none, none, 0, (const char *const[]){"1234567", "", ""}, 3);
}

static void test_queue_falls_back_to_the_default(void **state)
{
    static const struct sl_field nines[] = {{.tag = SL_INT, .integer = 9}, {.tag = SL_INT, .integer = 9}};
    const struct sl_arg fallback = {.kind = SL_ARG_VALUE, .value = sl_list(nines, 2)};
    check_batches(none, fallback, none, 3, (const char *const[]){"456", "7", "99", "99"}, 4);
    check_batches(SL_BOOL_ARG(false), fallback, SL_INT_ARG(2), 0, (const char *const[]){"123|4567", "9|9"},
                  2);
}

static void test_queue_cuts_batches_into_contiguous_pieces(void **state)
{
    check_batches(none, none, SL_INT_ARG(2), 0, (const char *const[]){"|1", "2|3", "|", "4|56"}, 4);
    check_batches(SL_BOOL_ARG(false), none, SL_INT_ARG(3), 0, (const char *const[]){"12|34|567"}, 1);
}

static void test_every_source_documents_itself(void **state)
{
    for (size_t i = 0; sl_sources[i]; i++) {
        assert_int_equal(sl_sources[i]->kind, SL_OP_SOURCE);
        assert_true(sl_sources[i]->summary && sl_sources[i]->example && sl_sources[i]->source);
        assert_non_null(strstr(sl_sources[i]->example, sl_sources[i]->name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_gives_one_item_a_batch),
        cmocka_unit_test(test_queue_goes_on_where_it_is_told_to),
        cmocka_unit_test(test_queue_gives_all_items_at_once),
        cmocka_unit_test(test_queue_falls_back_to_the_default),
        cmocka_unit_test(test_queue_cuts_batches_into_contiguous_pieces),
        cmocka_unit_test(test_every_source_documents_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
