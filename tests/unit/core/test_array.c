/* Arrays that grow: by doubling, without losing what they hold. */
#include "core/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void test_array_keeps_its_items_while_it_grows(void **state)
{
    int *array = NULL;
    size_t capacity = 0, moves = 0;
    for (size_t count = 0; count < 100000; count++) {
        size_t before = capacity;
        int *grown = sl_array_grow(array, count, &capacity, sizeof *array);
        assert_non_null(grown);
        assert_true(capacity > count);
        assert_true(capacity != before || grown == array);
        moves += capacity != before;
        array = grown;
        array[count] = (int)count;
    }
    assert_in_range(moves, 2, 17);
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(array[i], i);
    free(array);
}

static void test_array_grows_as_far_as_the_index(void **state)
{
    size_t capacity = 0;
    char *array = sl_array_grow(NULL, 1000, &capacity, 1);
    assert_non_null(array);
    assert_in_range(capacity, 1001, 2048);
    memset(array, 'x', capacity);
    free(array);
    capacity = SIZE_MAX / 2 + 1;
    assert_null(sl_array_grow(NULL, capacity, &capacity, 1));
}

static void test_array_that_cannot_grow_is_as_it_was(void **state)
{
    char one = 0;
    size_t capacity = SIZE_MAX / 2;
    assert_null(sl_array_grow(NULL, capacity, &capacity, 64));
    assert_int_equal(capacity, SIZE_MAX / 2);
    assert_ptr_equal(sl_array_grow(&one, capacity - 1, &capacity, 64), &one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_array_keeps_its_items_while_it_grows),
        cmocka_unit_test(test_array_grows_as_far_as_the_index),
        cmocka_unit_test(test_array_that_cannot_grow_is_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
