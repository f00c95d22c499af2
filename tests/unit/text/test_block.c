/* Blocks: what was packed comes out, and nothing else does. */
#include "text/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_comes_back(const void *bytes, size_t len)
{
    struct sl_buf block = {0}, out = {0};
    assert_true(sl_block_pack(&block, bytes, len));
    assert_int_equal(sl_block_unpack(&out, block.bytes, block.len), 0);
    assert_int_equal(out.len, len);
    if (len)
        assert_memory_equal(out.bytes, bytes, len);
    sl_buf_done(&block);
    sl_buf_done(&out);
}

static void test_block_gives_back_what_was_packed(void **state)
{
    (void)state;
    size_t len = 3 << 20;
    uint8_t *bytes = calloc(1, len);
    assert_non_null(bytes);
    assert_comes_back("", 0);
    assert_comes_back("a", 1);
    assert_comes_back(bytes, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    assert_comes_back(bytes, len);
    free(bytes);
}

/* Of its own size, so that reading beyond it is caught. */
static int unpack_copy(const uint8_t *block, size_t len, struct sl_buf *out)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, block, len);
    out->len = 0;
    int r = sl_block_unpack(out, copy, len);
    free(copy);
    return r;
}

static void test_block_that_is_cut_or_changed_anywhere_is_damaged(void **state)
{
    static const char text[] = "to be or not to be, that is the question; to be or not to be";
    struct sl_buf block = {0}, out = {0};
    (void)state;
    assert_true(sl_block_pack(&block, text, sizeof text));
    for (size_t len = 0; len < block.len; len++)
        assert_int_equal(unpack_copy(block.bytes, len, &out), SL_EDAMAGED);
    for (size_t bit = 0; bit < 8 * block.len; bit++) {
        block.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(unpack_copy(block.bytes, block.len, &out), SL_EDAMAGED);
        block.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(unpack_copy(block.bytes, block.len, &out), 0);
    sl_buf_done(&block);
    sl_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_gives_back_what_was_packed),
        cmocka_unit_test(test_block_that_is_cut_or_changed_anywhere_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
