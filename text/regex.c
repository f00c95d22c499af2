/* Regular expressions.
 *
 * The compiled pattern is shared and never written to. What a match writes to (its offsets, the stack of the
 * machine code) belongs to a worker and is made at its first match; workers write to their own place only, so
 * there is no lock. Where the JIT is not available (a kernel that forbids writable code) patterns are
 * interpreted.
 *
 * Time. PCRE2 limits the steps from one start position only, and machine code does not count the cheap ones, so a
 * long line can keep it for days. A match that has not ended after TICKS_MAX ticks is interrupted
 * (core/base/interrupt) and done again, with a pattern compiled to call us before each of its items: there the
 * steps and the bytes passed over are counted, over all start positions, and more than a budget is a record error.
 * The budget is larger than what machine code can do before it is interrupted, so whether a record is an error does
 * not depend on the machine. What even this does not count is left to functionTimeout.
 *
 * UTF. A pattern that begins with (*UTF) is matched with PCRE2_MATCH_INVALID_UTF: nothing is known of the subject,
 * and without it PCRE2 trusts a sequence's first byte and reads beyond the end. */
#include "text/regex.h"

#include "core/base/duration.h"
#include "core/base/interrupt.h"
#include "core/base/limits.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    JIT_STACK_FIRST = 32 << 10,
    JIT_STACK_MAX = 1 << 20,
    PATTERN_MESSAGE_MAX = 256,
    INTERRUPTIBLE_BYTES = 128, /* shorter subjects come to an end by PCRE2's own limit */
    TICKS_MAX = 2,
    QUICK_MS = TICKS_MAX * SL_INTERRUPT_TICK_MS,
    COST_MAX = 200000000,
    COST_PER_BYTE = 50,             /* of the subject */
    BYTES_PER_COST = 32,            /* passed over */
    CAREFUL_TIMEOUT_MIN_MS = 10000, /* the budget comes first */
};

struct worker {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

struct sl_regex {
    pcre2_code *code;
    pcre2_code *careful; /* the same, with callouts */
    uint32_t groups;
    bool is_compiled_to_machine_code;
    bool has_verbs;        /* (*...): pcre2_jit_match does not know all of them */
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

static uint32_t options_of(const pcre2_code *code)
{
    uint32_t options = 0;
    pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
    return options;
}

static int compile(const char *pattern, size_t len, uint32_t options, pcre2_code **ret, struct sl_error *err)
{
    int code;
    size_t offset;
    *ret = pcre2_compile((PCRE2_SPTR)pattern, len, options, &code, &offset, NULL);
    return *ret ? 0 : bad_pattern(code, offset, err);
}

static int compile_all(struct sl_regex *regex, const char *pattern, size_t len, struct sl_error *err)
{
    uint32_t options = 0;
    int r = compile(pattern, len, 0, &regex->code, err);
    if (r == 0 && options_of(regex->code) & PCRE2_UTF) {
        options = PCRE2_MATCH_INVALID_UTF;
        pcre2_code_free(regex->code);
        r = compile(pattern, len, options, &regex->code, err);
    }
    return r < 0 ? r : compile(pattern, len, options | PCRE2_AUTO_CALLOUT, &regex->careful, err);
}

/* A pattern with (*NO_JIT) is none of machine code, though PCRE2 reports success. */
static bool compile_to_machine_code(pcre2_code *code)
{
    size_t size = 0;
    return pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0 &&
           pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &size) == 0 && size > 0;
}

int sl_regex_new(const void *pattern, size_t len, struct sl_regex **ret, struct sl_error *err)
{
    struct sl_regex *regex = calloc(1, sizeof *regex);
    if (!regex)
        return sl_error_nomem(err);
    regex->worker = calloc(SL_WORKERS_MAX, sizeof *regex->worker);
    int r = regex->worker ? compile_all(regex, len ? pattern : "", len, err) : sl_error_nomem(err);
    if (r < 0) {
        sl_regex_free(regex);
        return r;
    }
    regex->has_verbs = len && memmem(pattern, len, "(*", 2);
    regex->is_compiled_to_machine_code =
        compile_to_machine_code(regex->code) && compile_to_machine_code(regex->careful);
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
    pcre2_code_free(regex->careful);
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

/* ---- matching ---- */

struct match {
    const struct sl_regex *regex;
    const struct worker *worker;
    const uint8_t *text;
    size_t len;
};

static int run(const struct match *match, const pcre2_code *code)
{
    const struct worker *worker = match->worker;
    if (match->regex->is_compiled_to_machine_code && !match->regex->has_verbs)
        return pcre2_jit_match(code, match->text, match->len, 0, 0, worker->data, worker->context);
    return pcre2_match(code, match->text, match->len, 0, 0, worker->data, worker->context);
}

/* What is spent of a match's budget. */
struct budget {
    uint64_t left;
    PCRE2_SIZE position;
    const _Atomic int *stop;
};

static int spend(pcre2_callout_block *block, void *arg)
{
    struct budget *budget = arg;
    PCRE2_SIZE from = budget->position, to = block->current_position;
    uint64_t cost = 1 + (to > from ? to - from : from - to) / BYTES_PER_COST;
    budget->position = to;
    if (budget->stop && atomic_load_explicit(budget->stop, memory_order_relaxed))
        return PCRE2_ERROR_CALLOUT;
    if (cost > budget->left)
        return PCRE2_ERROR_MATCHLIMIT;
    budget->left -= cost;
    return 0;
}

static int run_carefully(const struct match *match, struct sl_task *task)
{
    struct budget budget = {COST_MAX + (uint64_t)COST_PER_BYTE * match->len, 0, task->stop};
    pcre2_set_callout(match->worker->context, spend, &budget);
    int found = run(match, match->regex->careful);
    pcre2_set_callout(match->worker->context, NULL, NULL);
    return found;
}

static int abandoned(struct sl_task *task)
{
    return sl_error_set(task->err, SL_ESTOP, "the batch was abandoned; it is redone at the next start");
}

static int too_long(struct sl_task *task)
{
    char timeout[32];
    sl_duration_format(task->function_timeout_ms, timeout);
    return sl_error_set(
        task->err, SL_EFAIL,
        "matching one record took longer than functionTimeout = \"%s\"; a simpler pattern may do, or "
        "set the option",
        timeout);
}

static void drop_worker(const struct sl_regex *regex, const struct sl_task *task)
{
    struct worker *worker = &regex->worker[task->worker];
    worker_done(worker);
    *worker = (struct worker){0};
}

/* Machine code neither allocates nor locks. What an interrupted match wrote to is not used again. ret_found: set
 * where it was not interrupted. */
static enum sl_interrupted run_interruptibly(struct match *match, struct sl_task *task, int64_t timeout_ms,
                                             bool is_careful, int *ret_found)
{
    struct sl_interrupt *interrupt = sl_interrupt_of_thread();
    if (!interrupt) {
        *ret_found = run_carefully(match, task);
        return SL_INTERRUPTED_NOT;
    }
    interrupt->owner = NULL;
    enum sl_interrupted why = (enum sl_interrupted)sigsetjmp(interrupt->back, 0);
    if (why) {
        drop_worker(match->regex, task);
        return why;
    }
    sl_interrupt_enter(interrupt, task->stop, timeout_ms);
    int found = is_careful ? run_carefully(match, task) : run(match, match->regex->code);
    sl_interrupt_leave(interrupt);
    *ret_found = found;
    return SL_INTERRUPTED_NOT;
}

static int match_again(struct match *match, struct sl_task *task, int *ret_found)
{
    int64_t timeout_ms = task->function_timeout_ms && task->function_timeout_ms < CAREFUL_TIMEOUT_MIN_MS
                             ? CAREFUL_TIMEOUT_MIN_MS
                             : task->function_timeout_ms;
    match->worker = worker_of(match->regex, task->worker);
    if (!match->worker)
        return sl_error_nomem(task->err);
    switch (run_interruptibly(match, task, timeout_ms, true, ret_found)) {
    case SL_INTERRUPTED_NOT:
        return *ret_found == PCRE2_ERROR_CALLOUT ? abandoned(task) : 0;
    case SL_INTERRUPTED_STOP:
        return abandoned(task);
    case SL_INTERRUPTED_TIMEOUT:
        return too_long(task);
    }
    return 0;
}

/* A match at full speed ended with `why`. */
static int go_on(enum sl_interrupted why, struct match *match, struct sl_task *task, int *ret_found)
{
    switch (why) {
    case SL_INTERRUPTED_NOT:
        return 0;
    case SL_INTERRUPTED_STOP:
        return abandoned(task);
    case SL_INTERRUPTED_TIMEOUT:
        return match_again(match, task, ret_found);
    }
    return 0;
}

static int match_long(struct match *match, struct sl_task *task, int *ret_found)
{
    if (!match->regex->is_compiled_to_machine_code) {
        *ret_found = run_carefully(match, task);
        return *ret_found == PCRE2_ERROR_CALLOUT ? abandoned(task) : 0;
    }
    return go_on(run_interruptibly(match, task, QUICK_MS, false, ret_found), match, task, ret_found);
}

/* What sl_regex_match gives. */
static int outcome(const struct match *match, struct sl_task *task, int found,
                   const struct sl_regex_groups *groups)
{
    if (found == PCRE2_ERROR_NOMATCH)
        return 0;
    if (found < 0)
        return failed(task, found);
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(match->worker->data);
    for (uint32_t i = 0; i < groups->count; i++) {
        sl_assert(groups->wanted[i] <= match->regex->groups);
        groups->text[i] = group_text(match->text, offsets, groups->wanted[i]);
    }
    return 1;
}

static struct match match_of(const struct sl_regex *regex, const struct worker *worker, const void *text,
                             size_t len)
{
    return (struct match){regex, worker, len ? text : (const uint8_t *)"", len};
}

int sl_regex_match(const struct sl_regex *regex, struct sl_task *task, const void *subject, size_t len,
                   const uint32_t *wanted, uint32_t count, struct sl_field *groups)
{
    const struct worker *worker = worker_of(regex, task->worker);
    if (!worker)
        return sl_error_nomem(task->err);
    struct match match = match_of(regex, worker, subject, len);
    int found, r = 0;
    if (len >= INTERRUPTIBLE_BYTES)
        r = match_long(&match, task, &found);
    else
        found = run(&match, regex->code);
    return r < 0 ? r : outcome(&match, task, found, &(struct sl_regex_groups){wanted, count, groups});
}

/* ---- many texts ---- */

/* A text whose match was interrupted. */
static int match_interrupted(const struct sl_regex *regex, struct sl_task *task, enum sl_interrupted why,
                             const struct sl_field *text, const struct sl_regex_groups *groups)
{
    struct match match = match_of(regex, NULL, text->str, text->len);
    int found;
    drop_worker(regex, task);
    int r = go_on(why, &match, task, &found);
    return r < 0 ? r : outcome(&match, task, found, groups);
}

static int match_text(const struct sl_regex *regex, struct sl_task *task, struct sl_interrupt *interrupt,
                      const struct sl_field *text, const struct sl_regex_groups *groups)
{
    if (text->tag != SL_STR)
        return SL_EREJECT;
    const struct worker *worker = worker_of(regex, task->worker);
    if (!worker)
        return sl_error_nomem(task->err);
    struct match match = match_of(regex, worker, text->str, text->len);
    bool is_long = text->len >= INTERRUPTIBLE_BYTES;
    if (is_long)
        sl_interrupt_enter(interrupt, task->stop, QUICK_MS);
    int found = run(&match, regex->code);
    if (is_long)
        sl_interrupt_leave(interrupt);
    return outcome(&match, task, found, groups);
}

/* Where the system gives no timer, or patterns are interpreted. */
static int match_each(const struct sl_regex *regex, struct sl_task *task, const struct sl_field *text,
                      uint32_t count, const struct sl_regex_groups *groups, sl_regex_step *step, void *arg)
{
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        r = text[i].tag == SL_STR ? sl_regex_match(regex, task, text[i].str, text[i].len, groups->wanted,
                                                   groups->count, groups->text)
                                  : SL_EREJECT;
        r = step(arg, i, r);
    }
    return r;
}

/* A match that is interrupted comes back to where the last owner of the interrupt said: `step` may have been another
 * one, so that is looked at before each match. */
int sl_regex_match_all(const struct sl_regex *regex, struct sl_task *task, const struct sl_field *text,
                       uint32_t count, const struct sl_regex_groups *groups, sl_regex_step *step, void *arg)
{
    struct sl_interrupt *const interrupt =
        regex->is_compiled_to_machine_code ? sl_interrupt_of_thread() : NULL;
    volatile uint32_t i = 0;
    volatile int r = 0;
    if (!interrupt)
        return match_each(regex, task, text, count, groups, step, arg);
    interrupt->owner = NULL;
    for (; r == 0 && i < count; i++) {
        enum sl_interrupted why = SL_INTERRUPTED_NOT;
        if (interrupt->owner != &i) {
            interrupt->owner = &i;
            why = (enum sl_interrupted)sigsetjmp(interrupt->back, 0);
        }
        int matched = why ? match_interrupted(regex, task, why, &text[i], groups)
                          : match_text(regex, task, interrupt, &text[i], groups);
        r = step(arg, i, matched);
    }
    return r;
}
