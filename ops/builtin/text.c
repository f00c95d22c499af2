/* lower, upper, trim, replace, substr, length: text to text. Strings are bytes: letters are those of ASCII,
 * positions and lengths count bytes. */
#include "ops/builtin/text_function.h"

#include <string.h>

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* A copy with the letters from `first` to `last` moved to the other case. */
static int change_case(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                       uint8_t first, uint8_t last, struct sl_field *ret)
{
    int r = sl_require_text(fn, task, value);
    if (r < 0)
        return r;
    uint8_t *bytes = sl_arena_alloc(task->scratch, value->len + (size_t)1);
    if (!bytes)
        return SL_ENOMEM;
    for (uint32_t i = 0; i < value->len; i++) {
        bool letter = value->str[i] >= first && value->str[i] <= last;
        bytes[i] = value->str[i] ^ (uint8_t)(letter << 5);
    }
    *ret = sl_string(bytes, value->len);
    return 0;
}

static int lower(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                 struct sl_field *ret)
{
    return change_case(fn, task, value, 'A', 'Z', ret);
}

static int upper(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                 struct sl_field *ret)
{
    return change_case(fn, task, value, 'a', 'z', ret);
}

static int trim(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                struct sl_field *ret)
{
    int r = sl_require_text(fn, task, value);
    if (r < 0)
        return r;
    uint32_t from = 0, to = value->len;
    while (from < to && is_space(value->str[from]))
        from++;
    while (to > from && is_space(value->str[to - 1]))
        to--;
    *ret = sl_string(value->str + from, to - from);
    return 0;
}

static uint64_t occurrences(const struct sl_field *text, const struct sl_field *from)
{
    uint64_t count = 0;
    const uint8_t *at = text->str, *end = at + text->len;
    while (at < end && (at = memmem(at, (size_t)(end - at), from->str, from->len))) {
        at += from->len;
        count++;
    }
    return count;
}

static void replace_all(const struct sl_text_function *fn, const struct sl_field *value, uint8_t *to)
{
    const uint8_t *at = value->str, *end = at + value->len, *found;
    while (at < end && (found = memmem(at, (size_t)(end - at), fn->from.str, fn->from.len))) {
        memcpy(to, at, (size_t)(found - at));
        to += found - at;
        if (fn->to.len)
            memcpy(to, fn->to.str, fn->to.len);
        to += fn->to.len;
        at = found + fn->from.len;
    }
    memcpy(to, at, (size_t)(end - at));
}

static int replace(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                   struct sl_field *ret)
{
    int r = sl_require_text(fn, task, value);
    uint64_t count = r == 0 && value->len ? occurrences(value, &fn->from) : 0;
    *ret = *value;
    if (r < 0 || !count)
        return r;
    uint64_t len = value->len - count * fn->from.len;
    if (fn->to.len && count > (UINT32_MAX - len) / fn->to.len)
        return sl_task_explain(task, "%s: the new text is over 4 GiB", fn->function.base.name);
    len += count * fn->to.len;
    uint8_t *bytes = sl_arena_alloc(task->scratch, len + 1);
    if (!bytes)
        return SL_ENOMEM;
    replace_all(fn, value, bytes);
    *ret = sl_string(bytes, len);
    return 0;
}

/* As Spark's: from byte `start`, counted from 1 or, negative, from the end; `length` bytes of it. */
static int substr(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                  struct sl_field *ret)
{
    int r = sl_require_text(fn, task, value);
    if (r < 0)
        return r;
    int64_t size = value->len, from = fn->start > 0 ? fn->start - 1 : 0;
    if (fn->start < 0)
        from = fn->start < -size ? 0 : size + fn->start;
    from = from < size ? from : size;
    int64_t to = fn->length < size - from ? from + fn->length : size;
    *ret = sl_string(value->str + from, (size_t)(to - from));
    return 0;
}

static int length(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                  struct sl_field *ret)
{
    if (value->tag != SL_STR && value->tag != SL_LIST && value->tag != SL_MAP)
        return sl_builtin_wants(&fn->function.base, task, "a string, list or map", value);
    *ret = sl_integer(value->len);
    return 0;
}

/* ---- the descriptors ---- */

static int make(sl_apply_text *apply, struct sl_function **ret, struct sl_error *err)
{
    struct sl_text_function *fn = sl_text_function_new(apply);
    if (!fn)
        return sl_error_nomem(err);
    *ret = &fn->function.base;
    return 0;
}

static int lower_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                      struct sl_function **ret, struct sl_error *err)
{
    (void)builtin, (void)argv, (void)argc;
    return make(lower, ret, err);
}

static int upper_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                      struct sl_function **ret, struct sl_error *err)
{
    (void)builtin, (void)argv, (void)argc;
    return make(upper, ret, err);
}

static int trim_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                     struct sl_function **ret, struct sl_error *err)
{
    (void)builtin, (void)argv, (void)argc;
    return make(trim, ret, err);
}

static int length_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                       struct sl_function **ret, struct sl_error *err)
{
    (void)builtin, (void)argv, (void)argc;
    return make(length, ret, err);
}

static int replace_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                        struct sl_function **ret, struct sl_error *err)
{
    (void)argc;
    if (argv[0].value.len == 0)
        return sl_error_set(err, SL_EUSAGE, "%s: from is empty; give the text to replace", builtin->name);
    struct sl_text_function *fn = sl_text_function_new(replace);
    if (!fn || !sl_field_copy(&fn->function.arena, &argv[0].value, &fn->from) ||
        !sl_field_copy(&fn->function.arena, &argv[1].value, &fn->to)) {
        sl_builtin_free((struct sl_function *)fn);
        return sl_error_nomem(err);
    }
    *ret = &fn->function.base;
    return 0;
}

static int substr_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                       struct sl_function **ret, struct sl_error *err)
{
    (void)argc;
    if (argv[0].value.integer == 0)
        return sl_error_set(err, SL_EUSAGE, "%s: start counts from 1, or from -1 backwards; got 0",
                            builtin->name);
    struct sl_text_function *fn = sl_text_function_new(substr);
    if (!fn)
        return sl_error_nomem(err);
    fn->start = argv[0].value.integer;
    fn->length = argv[1].kind == SL_ARG_NONE ? INT64_MAX : argv[1].value.integer;
    *ret = &fn->function.base;
    return 0;
}

const struct sl_builtin sl_native_lower = {
    .name = "lower",
    .family = "text",
    .summary = "The text with A-Z as a-z; other bytes stay",
    .example = "s:map(sluice.lower)",
    .make = lower_make,
};

const struct sl_builtin sl_native_upper = {
    .name = "upper",
    .family = "text",
    .summary = "The text with a-z as A-Z; other bytes stay",
    .example = "s:map(sluice.upper)",
    .make = upper_make,
};

const struct sl_builtin sl_native_trim = {
    .name = "trim",
    .family = "text",
    .summary = "The text without white space at its ends",
    .example = "s:map(sluice.trim)",
    .make = trim_make,
};

const struct sl_builtin sl_native_length = {
    .name = "length",
    .family = "text",
    .summary = "The bytes of a text, the items of a list, the pairs of a map",
    .example = "s:map(sluice.length)",
    .make = length_make,
};

static const struct sl_param replace_params[] = {
    {"from", SL_WANT_STRING, false, "the text to replace, not empty and no pattern"},
    {"to", SL_WANT_STRING, false, "the text to put in its place"},
    {0},
};

const struct sl_builtin sl_native_replace = {
    .name = "replace",
    .family = "text",
    .summary = "The text with each occurrence of from replaced by to",
    .example = "s:map(sluice.replace(\"-\", \" \"))",
    .params = replace_params,
    .make = replace_make,
};

static const struct sl_param substr_params[] = {
    {"start", SL_WANT_INTEGER | SL_WANT_NEGATIVE, false, "the first byte, from 1; negative: from the end"},
    {"length", SL_WANT_INTEGER, true, "how many bytes; to the end where not given"},
    {0},
};

const struct sl_builtin sl_native_substr = {
    .name = "substr",
    .family = "text",
    .summary = "A part of the text, by position and length in bytes",
    .example = "s:map(sluice.substr(1, 10))",
    .params = substr_params,
    .make = substr_make,
};
