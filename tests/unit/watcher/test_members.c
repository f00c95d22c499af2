/* What one event of the kernel means for those who share its watch. */
#include "watcher/members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/inotify.h>

enum { WD = 7, INTERVAL_NS = 1000 };

static bool take_lost(struct sl_events *hints)
{
    struct sl_hint_batch batch = {0};
    sl_events_take(hints, &batch);
    bool lost = batch.lost;
    sl_buf_done(&batch.names);
    return lost;
}

/* The kernel reports a deleted directory twice, first itself and then the end of its watch, and the two may be
 * read at different times. */
static void test_members_lose_a_deleted_directory_once(void **state)
{
    struct sl_events hints;
    struct sl_members members = {0};
    assert_int_equal(sl_events_init(&hints), 0);
    assert_int_equal(sl_members_add(&members, &hints, INTERVAL_NS, 0), 0);
    sl_members_find(&members, &hints)->wd = WD;
    sl_members_deliver(&members, &(struct inotify_event){.wd = WD, .mask = IN_DELETE_SELF});
    assert_true(take_lost(&hints));
    assert_false(sl_members_watch(&members, WD));
    sl_members_deliver(&members, &(struct inotify_event){.wd = WD, .mask = IN_IGNORED});
    assert_false(sl_events_any(&hints));
    free(members.member);
    sl_events_done(&hints);
}

static void test_members_lose_a_watch_that_ends_by_itself(void **state)
{
    struct sl_events hints;
    struct sl_members members = {0};
    assert_int_equal(sl_events_init(&hints), 0);
    assert_int_equal(sl_members_add(&members, &hints, INTERVAL_NS, 0), 0);
    sl_members_find(&members, &hints)->wd = WD;
    sl_members_deliver(&members, &(struct inotify_event){.wd = WD, .mask = IN_IGNORED});
    assert_true(take_lost(&hints));
    free(members.member);
    sl_events_done(&hints);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_lose_a_deleted_directory_once),
        cmocka_unit_test(test_members_lose_a_watch_that_ends_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
