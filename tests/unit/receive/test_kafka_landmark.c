#include "receive/kafka/landmark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct sl_kafka_landmark at(int64_t offset, int64_t time_ms, int64_t latest_ms, uint64_t hash)
{
    return (struct sl_kafka_landmark){offset, time_ms, latest_ms, hash};
}

/* A later record, with the time and hash of itself, whichever piece is joined first. */
static void test_pieces_are_joined_in_any_order(void **state)
{
    const struct sl_kafka_landmark piece[] = {at(9, 50, 70, 1), at(19, 40, 60, 2)};
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct sl_kafka_landmark joined = SL_KAFKA_NO_LANDMARK;
        sl_kafka_landmark_join(&joined, &piece[first]);
        sl_kafka_landmark_join(&joined, &piece[1 - first]);
        assert_int_equal(19, joined.offset);
        assert_int_equal(40, joined.time_ms);
        assert_int_equal(70, joined.latest_ms);
        assert_int_equal(2, joined.hash);
    }
}

static void test_a_piece_without_records_changes_nothing(void **state)
{
    struct sl_kafka_landmark joined = at(9, 50, 70, 1), nothing = SL_KAFKA_NO_LANDMARK;
    (void)state;
    sl_kafka_landmark_join(&joined, &nothing);
    assert_int_equal(9, joined.offset);
    assert_int_equal(50, joined.time_ms);
    assert_int_equal(70, joined.latest_ms);
    assert_int_equal(1, joined.hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_joined_in_any_order),
        cmocka_unit_test(test_a_piece_without_records_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
