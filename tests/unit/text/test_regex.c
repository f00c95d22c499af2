#include "text/regex.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

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
    struct sl_regex *regex = regex_of("(x)(?<host>\\S+)");
    assert_int_equal(sl_regex_group(regex, "host"), 2);
    assert_int_equal(sl_regex_group(regex, "port"), -1);
    sl_regex_free(regex);
}

static void test_a_bad_pattern_says_where_and_why(void **state)
{
    struct sl_regex *regex = NULL;
    struct sl_error err;
    assert_int_equal(sl_regex_new("a(b", 3, &regex, &err), SL_EUSAGE);
    assert_null(regex);
    assert_string_equal(err.text, "pattern, at offset 3: missing closing parenthesis");
}

static void test_a_limit_is_a_record_error(void **state)
{
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

static int match_many(const char *pattern, const char *piece, size_t times, const char *end,
                      struct sl_task *task)
{
    struct sl_regex *regex = regex_of(pattern);
    size_t piece_len = strlen(piece), end_len = strlen(end), len = times * piece_len + end_len;
    char *subject = malloc(len + 1);
    assert_non_null(subject);
    for (size_t i = 0; i < times; i++)
        memcpy(subject + i * piece_len, piece, piece_len);
    memcpy(subject + times * piece_len, end, end_len);
    int r = sl_regex_match(regex, task, subject, len, NULL, 0, NULL);
    free(subject);
    sl_regex_free(regex);
    return r;
}

static void test_a_budget_covers_all_start_positions(void **state)
{
    struct sl_task task = {0};
    assert_int_equal(match_many("(\\w+\\.)*\\w+@\\w+\\.com", "a", 200000, "@.com", &task), SL_EREJECT);
    assert_string_equal(task.message, "matching a pattern: match limit exceeded; a simpler pattern may do");
}

static void test_matches_that_need_many_steps_at_few_positions_are_found(void **state)
{
    struct sl_task task = {0};
    assert_int_equal(match_many("(.*),(.*)x", "a,", 100000, "x", &task), 1);
    assert_int_equal(match_many("b(.|c)*?x", "a", 1000000, "baaaax", &task), 1);
    assert_int_equal(match_many("b(.|c)*?x", "aab", 100, "yx", &task), 1);
    assert_int_equal(match_many("(?<=z)\\w(a|b)+?y", "a", 100000, "zbbby", &task), 1);
    assert_int_equal(match_many("^(?:a|(b))*$", "ab", 1000, "", &task), 1);
    assert_int_equal(match_many("x(a|b)*y", "xab", 3000, "", &task), 0);
}

static void test_a_run_that_is_stopped_ends_a_match(void **state)
{
    _Atomic int stop = 1;
    struct sl_error err;
    struct sl_task task = {.stop = &stop, .err = &err};
    assert_int_equal(match_many("(\\w+\\.)*\\w+@\\w+\\.com", "a", 400000, "@.com", &task), SL_ESTOP);
    stop = 0;
    task.function_timeout_ms = 30000;
    assert_int_equal(match_many("(\\w+\\.)*\\w+@\\w+\\.com", "a", 400000, "@.com", &task), SL_EREJECT);
    assert_int_equal(match_many("\\d*x", "1", 1000, "x", &task), 1);
}

enum { TEXTS = 6, HARD_BYTES = 200000 };

struct all {
    const struct sl_regex *regex;
    const struct sl_field *text;
    struct sl_field group;
    int matched[TEXTS];
};

/* Matches again in between: the interrupt then has another owner. */
static int note_match(void *arg, uint32_t i, int matched)
{
    struct all *all = arg;
    struct sl_task task = {.worker = 1};
    all->matched[i] = matched;
    if (i % 2 == 1)
        assert_int_equal(sl_regex_match(all->regex, &task, all->text[4].str, all->text[4].len, NULL, 0, NULL),
                         1);
    if (matched > 0)
        assert_ptr_equal(all->group.str, all->text[i].str);
    return i == TEXTS - 1 ? SL_EFULL : 0;
}

static void test_many_texts_match_as_one_by_one(void **state)
{
    struct sl_regex *regex = regex_of("(\\w+\\.)*\\w+@\\w+\\.com");
    char *hard = malloc(HARD_BYTES + 5);
    assert_non_null(hard);
    memset(hard, 'a', HARD_BYTES);
    memcpy(hard + HARD_BYTES, "@.com", 5);
    struct sl_field long_text = sl_string(hard, HARD_BYTES + 5);
    char easy[400];
    memset(easy, 'b', sizeof easy);
    memcpy(easy + 390, "@d.com", 6);
    struct sl_field text[TEXTS] = {
        long_text,           sl_integer(5), long_text, sl_string("a.b@c.com", 9), sl_string(easy, 396),
        sl_string("none", 4)};
    struct all all = {.regex = regex, .text = text};
    struct sl_regex_groups groups = {(uint32_t[]){0}, 1, &all.group};
    _Atomic int stop = 1; /* hard ones are not matched to their end */
    struct sl_error err;
    struct sl_task task = {.stop = &stop, .err = &err};
    static const int want[TEXTS] = {SL_ESTOP, SL_EREJECT, SL_ESTOP, 1, 1, 0};
    assert_int_equal(sl_regex_match_all(regex, &task, text, TEXTS, &groups, note_match, &all), SL_EFULL);
    for (size_t i = 0; i < TEXTS; i++)
        assert_int_equal(all.matched[i], want[i]);
    free(hard);
    sl_regex_free(regex);
}

/* A mapping whose end is the subject's: what reads on is killed. */
static void test_a_utf_pattern_stays_within_a_subject_of_any_bytes(void **state)
{
    static const char *const patterns[] = {"(*UTF)^(.+)", "(*UTF)(\\p{L}+)",
                                           "(*UTF)a(.)",  "(*UTF)(*UCP)\\b\\w+\\b",
                                           "(*UTF)\\X+",  "(*UTF8)(?i)[\xc3\xa0-\xc3\xbf]+"};
    static const char *const subjects[] = {"\xf0",          "a\xf0", "\xe2\x82", "\xc3", "\xf4\x90\x80\x80",
                                           "aa\xff\xf0\x9f"};
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
    for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++)
        for (size_t s = 0; s < sizeof subjects / sizeof *subjects; s++) {
            struct sl_regex *regex = regex_of(patterns[p]);
            struct sl_task task = {0};
            struct sl_field group;
            size_t len = strlen(subjects[s]);
            char *subject = map + page - len;
            memcpy(subject, subjects[s], len);
            int r = sl_regex_match(regex, &task, subject, len, (uint32_t[]){0}, 1, &group);
            assert_true(r == 0 || r == 1);
            if (r == 1)
                assert_true((char *)group.str >= subject && (char *)group.str + group.len <= map + page);
            sl_regex_free(regex);
        }
    munmap(map, 2 * page);
}

static void test_verbs_at_the_start_of_a_pattern_hold(void **state)
{
    struct sl_regex *regex = regex_of("(*NOTEMPTY)a*?b*?");
    struct sl_task task = {0};
    struct sl_field group;
    assert_int_equal(sl_regex_match(regex, &task, "ab", 2, (uint32_t[]){0}, 1, &group), 1);
    assert_int_equal(group.len, 1);
    sl_regex_free(regex);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* malloc takes longer than any match at full speed may, once: what interrupts a match meanwhile would leave malloc halfway. */
static _Thread_local volatile bool is_slow, is_within;
void *__libc_malloc(size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    clock_t end = clock() + CLOCKS_PER_SEC / 4;
    bool was_slow = is_slow;
    is_slow = false;
    is_within = was_slow || is_within;
    while (was_slow && clock() < end)
        ;
    is_within = is_within && !was_slow;
    return __libc_malloc(size);
}

static void test_what_allocates_is_not_interrupted(void **state)
{
    struct sl_regex *regex = regex_of("(*NO_JIT)^(?:a|(b))*$");
    struct sl_task task = {0};
    char subject[8192];
    memset(subject, 'a', sizeof subject);
    assert_int_equal(sl_regex_match(regex, &task, subject, 128, NULL, 0, NULL), 1); /* makes the timer */
    is_slow = true; /* for the memory that a longer subject needs */
    assert_int_equal(sl_regex_match(regex, &task, subject, sizeof subject, NULL, 0, NULL), 1);
    assert_false(is_slow);
    assert_false(is_within);
    sl_regex_free(regex);
}

#endif

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
        cmocka_unit_test(test_a_budget_covers_all_start_positions),
        cmocka_unit_test(test_matches_that_need_many_steps_at_few_positions_are_found),
        cmocka_unit_test(test_a_run_that_is_stopped_ends_a_match),
        cmocka_unit_test(test_many_texts_match_as_one_by_one),
        cmocka_unit_test(test_a_utf_pattern_stays_within_a_subject_of_any_bytes),
        cmocka_unit_test(test_verbs_at_the_start_of_a_pattern_hold),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(test_what_allocates_is_not_interrupted),
#endif
        cmocka_unit_test(test_workers_match_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
