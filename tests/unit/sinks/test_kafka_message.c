#include "sinks/kafka/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What Java's Utils.murmur2 gives, without the sign. */
static void test_murmur2_is_that_of_java(void **state)
{
    static const struct {
        const char *key;
        int32_t java;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal((uint32_t)cases[i].java & 0x7fffffff,
                         sl_kafka_murmur2((const uint8_t *)cases[i].key, strlen(cases[i].key)));
}

static void test_a_message_is_read_back_as_it_was_written(void **state)
{
    struct sl_task task = {.ordinal = 7};
    struct sl_lane lane = {.task = &task};
    const struct sl_field key[] = {sl_string("k", 1), sl_nil(), sl_integer(-5)};
    const struct sl_field value[] = {sl_string("", 0), sl_string("a\tb", 3), sl_nil()};
    struct sl_chunk chunk = {.rows = 3, .width = 2, .column = {key, value}};
    struct sl_buf buf = {0};
    struct sl_kafka_out head;
    const uint8_t *k, *v;
    size_t at = 0;
    (void)state;
    for (uint32_t row = 0; row < 3; row++)
        assert_true(sl_kafka_out_append(&buf, &lane, &chunk, row));
    sl_kafka_out_read(buf.bytes, &at, &head, &k, &v);
    assert_true(k && v && head.key_len == 1 && head.value_len == 0 && head.ordinal == 7);
    sl_kafka_out_read(buf.bytes, &at, &head, &k, &v);
    assert_true(!k && head.value_len == 3 && memcmp(v, "a\tb", 3) == 0);
    sl_kafka_out_read(buf.bytes, &at, &head, &k, &v);
    assert_true(head.key_len == 2 && memcmp(k, "-5", 2) == 0 && !v);
    assert_int_equal(buf.len, at);
    sl_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_murmur2_is_that_of_java),
        cmocka_unit_test(test_a_message_is_read_back_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
