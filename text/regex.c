/* Regular expressions.
 *
 * The compiled pattern is shared and never written to. What a match writes to (its offsets, the stack of the
 * machine code) belongs to a worker and is made at its first match; workers write to their own place only, so
 * there is no lock. Where the JIT is not to be had (a kernel that forbids writable code) patterns are
 * interpreted. */
#include "text/regex.h"

#include "core/base/limits.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    JIT_STACK_FIRST = 32 << 10,
    JIT_STACK_MAX = 1 << 20,
    PATTERN_MESSAGE_MAX = 256,
};

struct worker {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

struct sl_regex {
    pcre2_code *code;
    uint32_t groups;
    bool is_compiled_to_machine_code;
    struct worker *worker; /* SL_WORKERS_MAX, each its own worker's */
};

static int bad_pattern(int code, size_t offset, struct sl_error *err)
{
    PCRE2_UCHAR message[PATTERN_MESSAGE_MAX];
    if (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED)
        return sl_error_nomem(err);
    pcre2_get_error_message(code, message, sizeof message);
    return sl_error_set(err, SL_EUSAGE, "pattern, at offset %zu: %s", offset, (const char *)message);
}

int sl_regex_new(const void *pattern, size_t len, struct sl_regex **ret, struct sl_error *err)
{
    int code;
    size_t offset;
    struct sl_regex *regex = calloc(1, sizeof *regex);
    if (!regex)
        return sl_error_nomem(err);
    regex->worker = calloc(SL_WORKERS_MAX, sizeof *regex->worker);
    regex->code = pcre2_compile(len ? pattern : "", len, 0, &code, &offset, NULL);
    if (!regex->worker || !regex->code) {
        int result = regex->worker ? bad_pattern(code, offset, err) : sl_error_nomem(err);
        sl_regex_free(regex);
        return result;
    }
    regex->is_compiled_to_machine_code = pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0;
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &regex->groups);
    *ret = regex;
    return 0;
}

static void worker_done(struct worker *worker)
{
    pcre2_match_data_free(worker->data);
    pcre2_match_context_free(worker->context);
    pcre2_jit_stack_free(worker->stack);
}

void sl_regex_free(struct sl_regex *regex)
{
    if (!regex)
        return;
    for (size_t i = 0; regex->worker && i < SL_WORKERS_MAX; i++)
        worker_done(&regex->worker[i]);
    free(regex->worker);
    pcre2_code_free(regex->code);
    free(regex);
}

uint32_t sl_regex_groups(const struct sl_regex *regex)
{
    return regex->groups;
}

int sl_regex_group(const struct sl_regex *regex, const char *name)
{
    int number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)name);
    return number > 0 ? number : -1;
}

/* PCRE2's table: sorted entries of one size, the group's number in two bytes before its name. Of several groups with
 * one name the first counts. */
uint32_t sl_regex_names(const struct sl_regex *regex, const char **ret_names, uint32_t *ret_groups,
                        uint32_t room)
{
    uint32_t count = 0, size = 0, names = 0;
    PCRE2_SPTR entry = NULL, last = NULL;
    pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &entry);
    for (uint32_t i = 0; i < count; last = entry, entry += size, i++) {
        if (last && strcmp((const char *)last + 2, (const char *)entry + 2) == 0)
            continue;
        if (names < room) {
            ret_groups[names] = (uint32_t)entry[0] << 8 | entry[1];
            ret_names[names] = (const char *)entry + 2;
        }
        names++;
    }
    return names;
}

/* What this worker matches with; made at its first match. NULL: out of memory. */
static const struct worker *worker_of(const struct sl_regex *regex, unsigned number)
{
    sl_assert(number < SL_WORKERS_MAX);
    struct worker *worker = &regex->worker[number];
    if (worker->data)
        return worker;
    struct worker made = {.context = pcre2_match_context_create(NULL),
                          .stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, NULL)};
    made.data = pcre2_match_data_create_from_pattern(regex->code, NULL);
    if (!made.data || !made.context || !made.stack) {
        worker_done(&made);
        return NULL;
    }
    pcre2_jit_stack_assign(made.context, NULL, made.stack);
    *worker = made;
    return worker;
}

static int failed(struct sl_task *task, int code)
{
    PCRE2_UCHAR message[PATTERN_MESSAGE_MAX];
    if (code == PCRE2_ERROR_NOMEMORY)
        return sl_error_nomem(task->err);
    pcre2_get_error_message(code, message, sizeof message);
    return sl_task_explain(task, "matching a pattern: %s; a simpler pattern may do", (const char *)message);
}

static struct sl_field group_text(const uint8_t *subject, const PCRE2_SIZE *offsets, uint32_t group)
{
    PCRE2_SIZE from = offsets[2 * group], to = offsets[2 * group + 1];
    return from == PCRE2_UNSET || to < from ? sl_nil() : sl_string(subject + from, to - from);
}

int sl_regex_match(const struct sl_regex *regex, struct sl_task *task, const void *subject, size_t len,
                   const uint32_t *wanted, uint32_t count, struct sl_field *groups)
{
    const struct worker *worker = worker_of(regex, task->worker);
    if (!worker)
        return sl_error_nomem(task->err);
    const uint8_t *text = len ? subject : (const uint8_t *)"";
    int found = regex->is_compiled_to_machine_code
                    ? pcre2_jit_match(regex->code, text, len, 0, 0, worker->data, worker->context)
                    : pcre2_match(regex->code, text, len, 0, 0, worker->data, worker->context);
    if (found == PCRE2_ERROR_NOMATCH)
        return 0;
    if (found < 0)
        return failed(task, found);
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(worker->data);
    for (uint32_t i = 0; i < count; i++) {
        sl_assert(wanted[i] <= regex->groups);
        groups[i] = group_text(text, offsets, wanted[i]);
    }
    return 1;
}
