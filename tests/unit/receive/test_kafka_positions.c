#include "receive/kafka/positions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_a_document_is_read_back_in_order(void **state)
{
    struct sl_kafka_positions positions = {0}, back;
    struct sl_buf text = {0};
    struct sl_error err;
    (void)state;
    assert_int_equal(0, sl_kafka_positions_add(&positions, "b", 10, 5, 7, &err));
    assert_int_equal(0, sl_kafka_positions_add(&positions, "b", 9, 0, 0, &err));
    assert_int_equal(0, sl_kafka_positions_add(&positions, "a.x_y-z", 0, 1, INT64_MAX, &err));
    sl_kafka_positions_sort(&positions);
    assert_true(sl_kafka_positions_append(&positions, &text) && sl_buf_byte(&text, 0));
    assert_string_equal((char *)text.bytes,
                        "{\"a.x_y-z\":{\"0\":[1,9223372036854775807]},\"b\":{\"9\":[0,0],\"10\":[5,7]}}");
    assert_int_equal(0, sl_kafka_positions_parse(text.bytes, text.len - 1, &back, &err));
    assert_int_equal(3, back.count);
    assert_int_equal(7, sl_kafka_positions_find(&back, "b", 10)->to);
    assert_null(sl_kafka_positions_find(&back, "b", 0));
    sl_kafka_positions_done(&positions);
    sl_kafka_positions_done(&back);
    sl_buf_done(&text);
}

static void test_an_empty_document_has_no_positions(void **state)
{
    struct sl_kafka_positions none = {0};
    struct sl_buf text = {0};
    struct sl_error err;
    (void)state;
    assert_true(sl_kafka_positions_append(&none, &text));
    assert_int_equal(2, text.len);
    assert_int_equal(0, sl_kafka_positions_parse(text.bytes, text.len, &none, &err));
    assert_int_equal(0, none.count);
    assert_null(sl_kafka_positions_find(&none, "a", 0));
    sl_kafka_positions_done(&none);
    sl_buf_done(&text);
}

static void test_what_is_no_document_is_damage(void **state)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{\"a\":[]}",
        "{\"a\":{\"0\":[1]}}",
        "{\"a\":{\"0\":[2,1]}}",
        "{\"a\":{\"0\":[-1,1]}}",
        "{\"a\":{\"x\":[0,1]}}",
        "{\"a\":{\"\":[0,1]}}",
        "{\"a\":{\"4294967296\":[0,1]}}",
        "{\"a\":{\"0\":[0,1],\"00\":[0,1]}}",
        "{\"a\\u0000b\":{\"0\":[0,1]}}",
        "{\"a\":{\"0\":[0,1]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sl_kafka_positions positions;
        struct sl_error err;
        assert_int_equal(SL_EDAMAGED, sl_kafka_positions_parse(wrong[i], strlen(wrong[i]), &positions, &err));
        sl_kafka_positions_done(&positions);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_document_is_read_back_in_order),
        cmocka_unit_test(test_an_empty_document_has_no_positions),
        cmocka_unit_test(test_what_is_no_document_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
