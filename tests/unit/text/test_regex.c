#include "text/regex.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sl_regex *regex_of(const char *pattern)
{
    struct sl_regex *regex = NULL;
    struct sl_error err;
    if (sl_regex_new(pattern, strlen(pattern), &regex, &err) < 0)
        fail_msg("%s", err.text);
    return regex;
}

static void test_groups_are_slices_of_the_subject(void **state)
{
    (void)state;
    static const char subject[] = "key=value";
    static const uint32_t wanted[] = {2, 0, 3, 1};
    struct sl_regex *regex = regex_of("(\\w+)=(\\w+)(!)?");
    struct sl_task task = {.worker = 3};
    struct sl_field groups[4];
    assert_int_equal(sl_regex_groups(regex), 3);
    assert_int_equal(sl_regex_match(regex, &task, subject, 9, wanted, 4, groups), 1);
    assert_ptr_equal(groups[0].str, subject + 4);
    assert_int_equal(groups[0].len, 5);
    assert_ptr_equal(groups[1].str, subject);
    assert_int_equal(groups[1].len, 9);
    assert_int_equal(groups[2].tag, SL_NIL);
    assert_int_equal(groups[3].len, 3);
    sl_regex_free(regex);
}

/* Trailing groups that took no part are nil, not left over from the match before. */
static void test_groups_without_part_are_nil(void **state)
{
    (void)state;
    static const uint32_t wanted[] = {1, 2};
    struct sl_regex *regex = regex_of("a(b)?|c(d)");
    struct sl_task task = {0};
    struct sl_field groups[2];
    assert_int_equal(sl_regex_match(regex, &task, "cd", 2, wanted, 2, groups), 1);
    assert_int_equal(groups[0].tag, SL_NIL);
    assert_int_equal(groups[1].tag, SL_STR);
    assert_int_equal(sl_regex_match(regex, &task, "a", 1, wanted, 2, groups), 1);
    assert_int_equal(groups[0].tag, SL_NIL);
    assert_int_equal(groups[1].tag, SL_NIL);
    sl_regex_free(regex);
}

static void test_matching_is_on_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *subject;
        size_t len;
        int found;
    } cases[] = {
        {"b", "abc", 3, 1},        {"^b", "abc", 3, 0}, {"^.$", "\xFF", 1, 1},     {"^.$", "\xC3\xA9", 2, 0},
        {"\\xFF", "a\xFF", 2, 1},  {"", "", 0, 1},      {"a\\x00b", "a\0b", 3, 1}, {"c$", "abc", 2, 0},
        {"(?i)ABC", "xabc", 4, 1}, {"^$", "", 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_regex *regex = regex_of(cases[i].pattern);
        struct sl_task task = {0};
        const char *subject = cases[i].len ? cases[i].subject : NULL;
        assert_int_equal(sl_regex_match(regex, &task, subject, cases[i].len, NULL, 0, NULL), cases[i].found);
        sl_regex_free(regex);
    }
}

static void test_groups_are_found_by_name(void **state)
{
    (void)state;
    struct sl_regex *regex = regex_of("(x)(?<host>\\S+)");
    assert_int_equal(sl_regex_group(regex, "host"), 2);
    assert_int_equal(sl_regex_group(regex, "port"), -1);
    sl_regex_free(regex);
}

static void test_a_bad_pattern_says_where_and_why(void **state)
{
    (void)state;
    struct sl_regex *regex = NULL;
    struct sl_error err;
    assert_int_equal(sl_regex_new("a(b", 3, &regex, &err), SL_EUSAGE);
    assert_null(regex);
    assert_string_equal(err.text, "pattern, at offset 3: missing closing parenthesis");
}

static void test_a_limit_is_a_record_error(void **state)
{
    (void)state;
    struct sl_regex *regex = regex_of("(*LIMIT_MATCH=50)^(a+)+$");
    struct sl_task task = {0};
    assert_int_equal(sl_regex_match(regex, &task, "aaaaaaaaaaaaaaaaaaaaaaaaab", 26, NULL, 0, NULL),
                     SL_EREJECT);
    assert_string_equal(task.message, "matching a pattern: match limit exceeded; a simpler pattern may do");
    sl_regex_free(regex);
}

/* More than the 32 KiB of machine stack that PCRE2 uses by itself. */
static void test_long_subjects_have_stack_enough(void **state)
{
    (void)state;
    struct sl_regex *regex = regex_of("^(?:a|(b))*$");
    struct sl_task task = {0};
    size_t len = 10000;
    char *subject = malloc(len);
    assert_non_null(subject);
    for (size_t i = 0; i < len; i++)
        subject[i] = "ab"[i % 2];
    assert_int_equal(sl_regex_match(regex, &task, subject, len, NULL, 0, NULL), 1);
    free(subject);
    sl_regex_free(regex);
}

enum { THREADS = 4 };

struct job {
    const struct sl_regex *regex;
    unsigned worker;
    int wrong;
};

static void *match_often(void *arg)
{
    struct job *job = arg;
    struct sl_task task = {.worker = job->worker};
    static const uint32_t wanted[] = {1};
    char subject[16] = "n=0;";
    subject[2] = (char)('0' + job->worker);
    for (int i = 0; i < 5000; i++) {
        struct sl_field group;
        if (sl_regex_match(job->regex, &task, subject, 4, wanted, 1, &group) != 1 ||
            group.str[0] != subject[2])
            job->wrong++;
    }
    return NULL;
}

static void test_workers_match_at_the_same_time(void **state)
{
    (void)state;
    struct sl_regex *regex = regex_of("n=(\\d+);");
    pthread_t thread[THREADS];
    struct job job[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        job[i] = (struct job){regex, i, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, match_often, &job[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(job[i].wrong, 0);
    }
    sl_regex_free(regex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_are_slices_of_the_subject),
        cmocka_unit_test(test_groups_without_part_are_nil),
        cmocka_unit_test(test_matching_is_on_bytes),
        cmocka_unit_test(test_groups_are_found_by_name),
        cmocka_unit_test(test_a_bad_pattern_says_where_and_why),
        cmocka_unit_test(test_a_limit_is_a_record_error),
        cmocka_unit_test(test_long_subjects_have_stack_enough),
        cmocka_unit_test(test_workers_match_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
