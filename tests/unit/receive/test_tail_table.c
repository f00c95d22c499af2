/* Positions of growing files, as other operators keep them. */
#include "receive/tail_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void add(struct sl_buf *buf, uint64_t inode, int64_t position)
{
    const struct sl_tail_file file = {
        .inode = inode, .born_ns = 7, .position = position, .path = (char *)"/a b"};
    sl_tail_file_write(&file, buf);
}

static void test_of_each_file_the_last_position_stays(void **state)
{
    struct sl_buf many = {0}, few = {0};
    for (int64_t n = 0; n < 1000; n++)
        add(&many, (uint64_t)(n % 3), n);
    add(&few, 0, 999);
    add(&few, 1, 997);
    add(&few, 2, 998);
    assert_true(sl_tail_table_shorten(&many));
    assert_int_equal(many.len, few.len);
    assert_memory_equal(many.bytes, few.bytes, few.len);
    assert_true(sl_tail_table_shorten(&many));
    assert_memory_equal(many.bytes, few.bytes, few.len);
    sl_buf_done(&many);
    sl_buf_done(&few);
}

static void test_what_is_no_position_stays_as_it_is(void **state)
{
    struct sl_buf buf = {0};
    add(&buf, 1, 2);
    sl_buf_text(&buf, "what is this\n");
    size_t len = buf.len;
    assert_true(sl_tail_table_shorten(&buf));
    assert_int_equal(buf.len, len);
    sl_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_each_file_the_last_position_stays),
        cmocka_unit_test(test_what_is_no_position_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
