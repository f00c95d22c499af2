#include "text/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The values of RFC 3720, appendix B.4, and the usual check value. */
static void test_crc32c_is_that_of_the_standard(void **state)
{
    uint8_t zeros[32] = {0}, ones[32], rising[32];
    (void)state;
    memset(ones, 0xff, sizeof ones);
    for (size_t i = 0; i < sizeof rising; i++)
        rising[i] = (uint8_t)i;
    assert_int_equal(sl_crc32c("", 0), 0);
    assert_int_equal(sl_crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(sl_crc32c(zeros, sizeof zeros), 0x8a9136aa);
    assert_int_equal(sl_crc32c(ones, sizeof ones), 0x62a8ab43);
    assert_int_equal(sl_crc32c(rising, sizeof rising), 0x46dd794e);
}

static void test_both_ways_agree_for_every_length_and_alignment(void **state)
{
    uint8_t bytes[300];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + (i >> 3));
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; from + len <= sizeof bytes; len++)
            assert_int_equal(sl_crc32c(bytes + from, len), sl_crc32c_plain(bytes + from, len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c_is_that_of_the_standard),
        cmocka_unit_test(test_both_ways_agree_for_every_length_and_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
