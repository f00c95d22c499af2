/* regex(pattern [, group...]): captured texts as a row. matches(pattern [, i]): whether a text matches.
 *
 * A pattern (PCRE2, on bytes) matches anywhere unless it is anchored. Without groups in the call regex gives
 * all captures, or the whole match where the pattern captures nothing. */
#include "text/regex.h"
#include "ops/builtin/function.h"
#include "ops/builtin/predicate.h"

#include <string.h>

/* ---- regex ---- */

struct regex {
    struct sl_builtin_function function;
    struct sl_regex *compiled;
    uint32_t count;
    uint32_t wanted[SL_WIDTH_MAX]; /* group numbers */
    struct sl_field *name;         /* of each, sorted, with named = true: one map is given; NULL: a row */
};

/* The values become one map under the names. */
static int as_map(const struct regex *regex, struct sl_task *task, struct sl_returned *ret)
{
    struct sl_field *pairs = sl_arena_alloc(task->scratch, 2 * regex->count * sizeof *pairs);
    if (!pairs)
        return sl_error_nomem(task->err);
    for (uint32_t i = 0; i < regex->count; i++) {
        pairs[2 * i] = regex->name[i];
        pairs[2 * i + 1] = ret->values[i];
    }
    return sl_builtin_give(ret, sl_map(pairs, regex->count));
}

static int regex_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                      uint32_t argc, struct sl_returned *ret)
{
    const struct regex *regex = (const struct regex *)fn;
    int r = sl_builtin_text(fn, task, argv, argc);
    if (r == 0)
        r = sl_regex_match(regex->compiled, task, argv->str, argv->len, regex->wanted, regex->count,
                           ret->values);
    if (r < 0)
        return r;
    ret->count = r ? regex->count : 0;
    return r && regex->name ? as_map(regex, task, ret) : 0;
}

struct row_step {
    const struct regex *regex;
    struct sl_task *task;
    const struct sl_chunk *in;
    struct sl_builder *out;
    unsigned node;
    struct sl_field values[SL_WIDTH_MAX];
};

static int add_matched(struct row_step *step, uint32_t row)
{
    const struct regex *regex = step->regex;
    struct sl_returned returned = {.values = step->values, .count = regex->count};
    int r = regex->name ? as_map(regex, step->task, &returned) : 0;
    return r < 0 ? r
                 : sl_builder_add(step->out, step->values, returned.count,
                                  step->in->line ? step->in->line[row] : SL_NO_LINE);
}

static int regex_row(void *arg, uint32_t row, int matched)
{
    struct row_step *step = arg;
    int r = matched;
    if (matched > 0)
        r = add_matched(step, row);
    else if (matched == SL_EREJECT && step->in->column[0][row].tag != SL_STR)
        r = sl_builtin_text(&step->regex->function.base, step->task, &step->in->column[0][row], 1);
    return r == SL_EREJECT ? sl_task_reject(step->task, step->node, step->in, row) : r;
}

static int refuse_all(const struct sl_function *fn, struct sl_task *task, unsigned node,
                      const struct sl_chunk *in)
{
    int r = 0;
    for (uint32_t row = 0; r == 0 && row < in->rows; row++) {
        r = sl_builtin_text(fn, task, NULL, in->width);
        if (r == SL_EREJECT)
            r = sl_task_reject(task, node, in, row);
    }
    return r;
}

static int regex_flat_map(const struct sl_function *fn, struct sl_task *task, unsigned node,
                          const struct sl_chunk *in, struct sl_builder *out)
{
    const struct regex *regex = (const struct regex *)fn;
    struct row_step step;
    if (in->width != 1)
        return refuse_all(fn, task, node, in);
    step.regex = regex, step.task = task, step.in = in, step.out = out, step.node = node;
    return sl_regex_match_all(regex->compiled, task, in->column[0], in->rows,
                              &(struct sl_regex_groups){regex->wanted, regex->count, step.values}, regex_row,
                              &step);
}

static void regex_free(struct sl_function *fn)
{
    if (fn)
        sl_regex_free(((struct regex *)fn)->compiled);
    sl_builtin_free(fn);
}

static const struct sl_function_ops regex_ops = {
    .call = regex_call,
    .flat_map = regex_flat_map,
    .free = regex_free,
};

/* A group given by number or name. */
static int find_group(const struct sl_builtin *builtin, const struct regex *regex,
                      const struct sl_field *given, uint32_t *ret, struct sl_error *err)
{
    char name[65] = "";
    int64_t number = given->tag == SL_INT ? given->integer : -1;
    if (given->tag == SL_STR && given->len < sizeof name) {
        for (uint32_t i = 0; i < given->len; i++)
            name[i] = (char)given->str[i];
        number = sl_regex_group(regex->compiled, name);
    }
    if (number < 0 && given->tag == SL_STR)
        return sl_error_set(err, SL_EUSAGE, "%s: the pattern has no group named \"%s\"", builtin->name, name);
    if (number < 0 || number > sl_regex_groups(regex->compiled))
        return sl_error_set(err, SL_EUSAGE, "%s: there is no group %lld, the pattern has %u", builtin->name,
                            (long long)number, (unsigned)sl_regex_groups(regex->compiled));
    *ret = (uint32_t)number;
    return 0;
}

/* All captures, or the whole match. */
static int want_all(const struct sl_builtin *builtin, struct regex *regex, struct sl_error *err)
{
    uint32_t groups = sl_regex_groups(regex->compiled);
    if (groups > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE,
                            "%s: the pattern has %u groups, a record at most %d fields; name "
                            "the groups that are wanted",
                            builtin->name, (unsigned)groups, SL_WIDTH_MAX);
    regex->count = groups ? groups : 1;
    for (uint32_t i = 0; i < regex->count; i++)
        regex->wanted[i] = groups ? i + 1 : 0;
    return 0;
}

static int compile(const struct sl_builtin *builtin, const struct sl_field *pattern, struct sl_regex **ret,
                   struct sl_error *err)
{
    int r = sl_regex_new(pattern->str, pattern->len, ret, err);
    return r < 0 ? sl_error_wrap(err, "%s", builtin->name) : 0;
}

/* The groups that have names, in the order of the names, which is a map's. */
static int want_named(const struct sl_builtin *builtin, struct regex *regex, struct sl_error *err)
{
    uint32_t count = sl_regex_names(regex->compiled, NULL, NULL, 0);
    if (regex->count)
        return sl_error_set(err, SL_EUSAGE, "%s: named = true gives all named groups; leave the others out",
                            builtin->name);
    if (!count || count > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE,
                            "%s: named = true wants 1 to %d groups with names, as (?<name>...)",
                            builtin->name, SL_WIDTH_MAX);
    const char *name[SL_WIDTH_MAX];
    regex->count = sl_regex_names(regex->compiled, name, regex->wanted, count);
    regex->name = sl_arena_calloc(&regex->function.arena, count, sizeof *regex->name);
    bool ok = regex->name != NULL;
    for (uint32_t i = 0; ok && i < count; i++) {
        struct sl_field text = sl_string((const uint8_t *)name[i], strlen(name[i]));
        ok = sl_field_copy(&regex->function.arena, &text, &regex->name[i]);
    }
    return ok ? 0 : sl_error_nomem(err);
}

static int fill(const struct sl_builtin *builtin, struct regex *regex, const struct sl_arg *argv, size_t argc,
                struct sl_error *err)
{
    int r = compile(builtin, &argv[0].value, &regex->compiled, err);
    if (r == 0 && argc > 1 + SL_WIDTH_MAX)
        r = sl_error_set(err, SL_EUSAGE, "%s: %zu groups are given, a record has at most %d fields",
                         builtin->name, argc - 1, SL_WIDTH_MAX);
    for (size_t i = 1; r == 0 && i < argc; i++)
        if (argv[i].kind != SL_ARG_NONE)
            r = find_group(builtin, regex, &argv[i].value, &regex->wanted[regex->count++], err);
    const struct sl_arg *named = &argv[argc];
    if (r == 0 && named->kind == SL_ARG_VALUE && named->value.boolean)
        return want_named(builtin, regex, err);
    return r == 0 && !regex->count ? want_all(builtin, regex, err) : r;
}

static int regex_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                      struct sl_function **ret, struct sl_error *err)
{
    struct regex *regex = sl_builtin_new(sizeof *regex, &regex_ops, SL_GIVES_ROW);
    int r = regex ? fill(builtin, regex, argv, argc, err) : sl_error_nomem(err);
    if (r < 0) {
        regex_free((struct sl_function *)regex);
        return r;
    }
    sl_builtin_takes_one(&regex->function.base, regex->name ? 1 : regex->count);
    *ret = &regex->function.base;
    return 0;
}

static const struct sl_param regex_params[] = {
    {"pattern", SL_WANT_STRING, false, "a PCRE2 pattern"},
    {"group", SL_WANT_INTEGER | SL_WANT_STRING, true, "the number or name of a group; 0 is the whole match"},
    {0},
};

static const struct sl_param regex_options[] = {
    {"named", SL_WANT_BOOLEAN, true, "true: gives one map of the groups that have names"},
    {0},
};

const struct sl_builtin sl_native_regex = {
    .name = "regex",
    .family = "records from text",
    .summary =
        "Gives the captured groups of the first match as one record; flatMap drops what does not match",
    .example = "s:flatMap(sluice.regex(\"(\\\\w+) (\\\\w+)\"))",
    .params = regex_params,
    .options = regex_options,
    .field = SL_FIELD_ALONE,
    .variadic = true,
    .make = regex_make,
};

/* ---- matches ---- */

struct matches {
    struct sl_predicate predicate;
    struct sl_regex *compiled;
};

static int matches_judge(const struct sl_predicate *fn, struct sl_task *task, const struct sl_field *field,
                         bool *ret)
{
    if (field->tag != SL_STR)
        return sl_builtin_wants(&fn->function.base, task, "a string", field);
    int r =
        sl_regex_match(((const struct matches *)fn)->compiled, task, field->str, field->len, NULL, 0, NULL);
    *ret = r > 0;
    return r < 0 ? r : 0;
}

static void matches_free(struct sl_function *fn)
{
    if (fn)
        sl_regex_free(((struct matches *)fn)->compiled);
    sl_builtin_free(fn);
}

static const struct sl_function_ops matches_ops = {
    .call = sl_predicate_call,
    .filter = sl_predicate_filter,
    .free = matches_free,
};

static int matches_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                        struct sl_function **ret, struct sl_error *err)
{
    int64_t field = argv[1].kind == SL_ARG_NONE ? 0 : argv[1].value.integer;
    if (field > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "%s: there is no field %lld, a record has at most %d",
                            builtin->name, (long long)field, SL_WIDTH_MAX);
    struct matches *matches = sl_builtin_new(sizeof *matches, &matches_ops, SL_GIVES_TRUTH);
    int r = matches ? compile(builtin, &argv[0].value, &matches->compiled, err) : sl_error_nomem(err);
    if (r < 0) {
        matches_free((struct sl_function *)matches);
        return r;
    }
    matches->predicate.judge = matches_judge;
    matches->predicate.field = (uint32_t)field;
    sl_predicate_set_fields(&matches->predicate);
    *ret = &matches->predicate.function.base;
    return 0;
}

static const struct sl_param matches_params[] = {
    {"p", SL_WANT_STRING, false, "a PCRE2 pattern; it matches anywhere unless it is anchored"},
    {"i", SL_WANT_COUNT, true, "the number of the field, from 1; not given: the record's only field"},
    {0},
};

const struct sl_builtin sl_native_matches = {
    .name = "matches",
    .family = "predicates",
    .summary = "Whether the text matches the pattern",
    .example = "s:filter(sluice.matches(\"^[a-z]\"))",
    .params = matches_params,
    .make = matches_make,
};
