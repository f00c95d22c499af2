/* PCRE2 on bytes, compiled once with its JIT, matched from many threads. */
#pragma once

#include "core/contract/task.h"
#include "core/rows/field.h"

struct sl_regex;

/* On a bad pattern SL_EUSAGE: "pattern, at offset 3: missing closing parenthesis". */
int sl_regex_new(const void *pattern, size_t len, struct sl_regex **ret, struct sl_error *err);
void sl_regex_free(struct sl_regex *regex);
uint32_t sl_regex_groups(const struct sl_regex *regex);
/* The number of a named group, -1 if there is none. */
int sl_regex_group(const struct sl_regex *regex, const char *name);
/* How many groups have names; the first `room` of them in the order of the names, which live as long as the regex. */
uint32_t sl_regex_names(const struct sl_regex *regex, const char **ret_names, uint32_t *ret_groups,
                        uint32_t room);

/* 1: match, and groups[i] is the text of group number wanted[i] (nil where it took no part), a slice of the
 * subject; 0: no match; SL_EREJECT: a limit of PCRE2 was hit (message set); other negatives: failures.
 * Match data is per worker (task->worker). */
int sl_regex_match(const struct sl_regex *regex, struct sl_task *task, const void *subject, size_t len,
                   const uint32_t *wanted, uint32_t count, struct sl_field *groups);

/* The groups that are wanted of each text, and where they are put. */
struct sl_regex_groups {
    const uint32_t *wanted;
    uint32_t count;
    struct sl_field *text;
};

/* matched: what sl_regex_match would have given for text number i; SL_EREJECT without a message where it is no string. 0,
 * or a failure, which ends the loop. */
typedef int sl_regex_step(void *arg, uint32_t i, int matched);

/* As sl_regex_match for each of many texts, with less to do for each. */
int sl_regex_match_all(const struct sl_regex *regex, struct sl_task *task, const struct sl_field *text,
                       uint32_t count, const struct sl_regex_groups *groups, sl_regex_step *step, void *arg);
