/* Subjects of any bytes, in memory of exactly their size: groups lie within them, and whatever the bytes are a match, none,
 * or a record error is all that comes of it. The first byte chooses a pattern of the table; with bit 7 the pattern is the
 * text up to the first newline, with bit 6 the batch was abandoned before, with bit 5 the subject is repeated 20 times. The
 * lines of the subject are matched one after another and all at once, with the same result. */
#include "core/base/error.h"
#include "text/regex.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const patterns[] = {
    "(\\w+) (\\w+)",
    "^(a|b)*?(?<n>c+)$",
    "(?=(a+))a\\Kb?",
    "(x+x+)+y",
    "\\s+$",
    "(?i)(ab|(c)(d)?)*e",
    "(?<=\\d)[^\\x00]+?\\R",
    "^(?:(.)(?=.*\\1))+",
    "(*UTF)^(.+)",
    "(*UTF)(*UCP)\\b\\w+\\b",
    "(*UTF)(?<=\\p{L})\\X+",
    "(*NOTEMPTY)a*?b*?",
    "(\\w+\\.)*\\w+@\\w+",
    "(?J)(?<n>a)|(?<n>b)|(?<m>c)",
    "(*NO_JIT)(\\w+) x",
    "(*LIMIT_MATCH=50)^(a+)+$",
    "(x+x+)+[yz]", /* last: takes seconds of a long subject, so only in an abandoned batch */
};

enum {
    PATTERNS = sizeof patterns / sizeof *patterns,
    GROUPS_MAX = 8,
    LINES_MAX = 32,
    REPEATS = 20,
    OWN_PATTERN = 1 << 7,
    ABANDONED = 1 << 6,
    REPEATED = 1 << 5,
    TABLE_MASK = REPEATED - 1,
};

struct subject {
    uint8_t *bytes;
    size_t len;
    struct sl_field line[LINES_MAX + 1]; /* the last is no text */
    uint32_t lines;
};

/* What came of each line: the result, and the groups where it matched. */
struct results {
    uint32_t count, done;
    int matched[LINES_MAX + 1];
    struct sl_field groups[GROUPS_MAX], first[LINES_MAX + 1];
};

static struct sl_regex *compile(const uint8_t *pattern, size_t len)
{
    struct sl_regex *regex = NULL;
    struct sl_error err = {0};
    if (sl_regex_new(pattern, len, &regex, &err) < 0)
        return NULL;
    return regex;
}

static void check_names(const struct sl_regex *regex)
{
    const char *names[GROUPS_MAX];
    uint32_t groups[GROUPS_MAX], count = sl_regex_names(regex, names, groups, GROUPS_MAX);
    for (uint32_t i = 0; i < count && i < GROUPS_MAX; i++)
        if (groups[i] > sl_regex_groups(regex) || sl_regex_group(regex, names[i]) == 0)
            abort();
    if (sl_regex_group(regex, "no group of this name") > 0)
        abort();
}

static void check_group(const struct sl_field *group, const struct sl_field *subject)
{
    if (group->tag == SL_STR && group->len &&
        (group->str < subject->str || group->str + group->len > subject->str + subject->len))
        abort();
}

static int keep_result(void *arg, uint32_t i, int matched)
{
    struct results *results = arg;
    if (i != results->done++ || (matched < 0 && matched != SL_EREJECT && matched != SL_ESTOP))
        abort();
    results->matched[i] = matched;
    results->first[i] = matched == 1 ? results->groups[0] : sl_nil();
    return matched == SL_ESTOP ? matched : 0;
}

/* An abandoned batch may end anywhere; else each line has its result, the same both ways. */
static void match_lines(const struct sl_regex *regex, const struct subject *subject, struct sl_task *task)
{
    static const uint32_t wanted[GROUPS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint32_t groups = sl_regex_groups(regex) + 1;
    struct results all = {.count = groups < GROUPS_MAX ? groups : GROUPS_MAX}, one = all;
    int r = sl_regex_match_all(regex, task, subject->line, subject->lines + 1,
                               &(struct sl_regex_groups){wanted, all.count, all.groups}, keep_result, &all);
    if (r == 0 && all.done != subject->lines + 1)
        abort();
    for (uint32_t i = 0; r == 0 && i < subject->lines; i++) {
        const struct sl_field *line = &subject->line[i];
        int matched = sl_regex_match(regex, task, line->str, line->len, wanted, one.count, one.groups);
        r = keep_result(&one, i, matched);
        if (r == 0 && (matched != all.matched[i] || !sl_field_equals(&one.first[i], &all.first[i])))
            abort();
        for (uint32_t group = 0; matched == 1 && group < one.count; group++)
            check_group(&one.groups[group], line);
    }
    if (r < 0 && !task->stop)
        abort();
}

static void cut_lines(struct subject *subject)
{
    uint8_t *at = subject->bytes, *end = at + subject->len, *newline;
    for (; subject->lines < LINES_MAX; at = newline + 1) {
        newline = subject->lines + 1 < LINES_MAX && at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        subject->line[subject->lines++] = sl_string(at, (size_t)((newline ? newline : end) - at));
        if (!newline)
            break;
    }
    subject->line[subject->lines] = sl_integer(7);
}

static void check(const struct sl_regex *regex, const uint8_t *data, size_t len, uint8_t how)
{
    size_t repeats = how & REPEATED ? REPEATS : 1;
    const _Atomic int stop = 1;
    struct sl_error err = {0};
    struct sl_task task = {.err = &err, .stop = how & ABANDONED ? &stop : NULL};
    struct subject subject = {.bytes = malloc(len * repeats + !len), .len = len * repeats};
    if (!subject.bytes)
        abort();
    for (size_t i = 0; len && i < repeats; i++)
        memcpy(subject.bytes + i * len, data, len);
    cut_lines(&subject);
    match_lines(regex, &subject, &task);
    free(subject.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sl_regex *table[PATTERNS];
    if (!size)
        return 0;
    const uint8_t *end = data + size, *subject = data + 1;
    struct sl_regex *own = NULL, **regex = &table[(data[0] & TABLE_MASK) % PATTERNS];
    uint8_t how = regex == &table[PATTERNS - 1] ? data[0] | ABANDONED : data[0];
    if (data[0] & OWN_PATTERN) {
        const uint8_t *newline = memchr(data + 1, '\n', size - 1);
        own = newline ? compile(data + 1, (size_t)(newline - data - 1)) : NULL;
        regex = &own;
        subject = newline ? newline + 1 : end;
    } else if (!*regex) {
        const char *pattern = patterns[regex - table];
        *regex = compile((const uint8_t *)pattern, strlen(pattern));
        if (!*regex)
            abort();
    }
    if (*regex) {
        check_names(*regex);
        check(*regex, subject, (size_t)(end - subject), how);
    }
    sl_regex_free(own);
    return 0;
}
