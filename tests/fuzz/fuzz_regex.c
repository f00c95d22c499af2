/* The first byte chooses a pattern, the rest is the subject, in memory of exactly its size: groups lie within it, and
 * whatever the bytes are a match, none, or a record error is all that comes of it. */
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
};

enum { PATTERNS = sizeof patterns / sizeof *patterns, GROUPS_MAX = 8 };

static void check(const struct sl_field *group, const uint8_t *subject, size_t len)
{
    if (group->tag == SL_STR && group->len &&
        (group->str < subject || group->str + group->len > subject + len))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sl_regex *compiled[PATTERNS];
    struct sl_error err = {0};
    struct sl_task task = {.err = &err};
    struct sl_field groups[GROUPS_MAX];
    uint32_t wanted[GROUPS_MAX];
    if (!size)
        return 0;
    size_t which = data[0] % PATTERNS, len = size - 1;
    if (!compiled[which] &&
        sl_regex_new(patterns[which], strlen(patterns[which]), &compiled[which], &err) < 0)
        abort();
    uint32_t count = sl_regex_groups(compiled[which]) + 1;
    for (uint32_t i = 0; i < count; i++)
        wanted[i] = i;
    uint8_t *subject = malloc(len ? len : 1);
    if (!subject)
        return 0;
    memcpy(subject, data + 1, len);
    int r = sl_regex_match(compiled[which], &task, subject, len, wanted, count, groups);
    if (r < 0 && r != SL_EREJECT)
        abort();
    for (uint32_t i = 0; r == 1 && i < count; i++)
        check(&groups[i], subject, len);
    free(subject);
    return 0;
}
