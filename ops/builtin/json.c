/* json(path, ...): values inside a JSON text, one field each; the whole value where no path is given.
 *
 * A path is keys with dots between them and indexes from 0 in brackets: a.b[0].c; a key with dots is quoted:
 * ["log.level"]. What is not there is nil; a
 * text that is not JSON is a record error. */
#include "text/json.h"
#include "ops/builtin/function.h"
#include "text/json_pick.h"

#include <string.h>

struct json {
    struct sl_builtin_function function;
    struct sl_json_paths paths;
};

/* ---- paths ---- */

static int bad_path(const struct sl_builtin *builtin, const struct sl_field *text, struct sl_error *err)
{
    return sl_error_set(
        err, SL_EUSAGE,
        "%s: \"%.*s\" is no path; write keys and indexes as in a.b[0], and keys with dots as [\"log.level\"]",
        builtin->name, (int)(text->len < 200 ? text->len : 200), (const char *)text->str);
}

/* Reads ["log.level"] at *at: a key of any bytes but quotes. */
static bool read_quoted_key(const uint8_t **at, const uint8_t *end, struct sl_json_step *ret)
{
    const uint8_t *from = *at + 2, *quote = memchr(from, '"', (size_t)(end - from));
    if (!quote || end - quote < 2 || quote[1] != ']')
        return false;
    *ret = (struct sl_json_step){.is_key = true, .key = sl_string(from, (size_t)(quote - from))};
    *at = quote + 2;
    return true;
}

/* Reads [123] at *at. */
static bool read_index(const uint8_t **at, const uint8_t *end, struct sl_json_step *ret)
{
    const uint8_t *p = *at + 1;
    uint64_t index = 0;
    const uint8_t *digits = p;
    for (; p < end && *p >= '0' && *p <= '9' && index <= UINT32_MAX; p++)
        index = index * 10 + (uint64_t)(*p - '0');
    if (p == digits || index > UINT32_MAX || p == end || *p != ']')
        return false;
    *ret = (struct sl_json_step){.index = (uint32_t)index};
    *at = p + 1;
    return true;
}

/* Reads a key at *at, up to the next dot or bracket. */
static bool read_key(const uint8_t **at, const uint8_t *end, struct sl_json_step *ret)
{
    const uint8_t *p = *at;
    while (p < end && *p != '.' && *p != '[')
        p++;
    *ret = (struct sl_json_step){.is_key = true, .key = sl_string(*at, (size_t)(p - *at))};
    bool some = p > *at;
    *at = p;
    return some;
}

/* Reads the next step; every key but the first follows a dot. */
static bool read_step(const uint8_t **at, const uint8_t *end, bool first, struct sl_json_step *ret)
{
    if (**at == '[' && end - *at > 2 && (*at)[1] == '"')
        return read_quoted_key(at, end, ret);
    if (**at == '[')
        return read_index(at, end, ret);
    if (!first && **at == '.')
        ++*at;
    else if (!first)
        return false;
    return read_key(at, end, ret);
}

static int add_path(const struct sl_builtin *builtin, struct json *json, const struct sl_field *text,
                    struct sl_error *err)
{
    struct sl_field kept;
    struct sl_arena *arena = &json->function.arena;
    struct sl_json_step *step = sl_arena_alloc(arena, (text->len + (size_t)1) * sizeof *step);
    if (!step || !sl_field_copy(arena, text, &kept))
        return sl_error_nomem(err);
    uint32_t count = 0;
    for (const uint8_t *at = kept.str, *end = at + kept.len; at < end; count++)
        if (!read_step(&at, end, count == 0, &step[count]))
            return bad_path(builtin, text, err);
    if (count == 0)
        return bad_path(builtin, text, err);
    return sl_json_paths_add(&json->paths, step, count) ? 0 : sl_error_nomem(err);
}

/* ---- the function ---- */

static int json_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                     uint32_t argc, struct sl_returned *ret)
{
    const struct json *json = (const struct json *)fn;
    struct sl_field value;
    const char *trouble;
    size_t at;
    bool is_map;
    int r = sl_builtin_text(fn, task, argv, argc);
    if (r < 0)
        return r;
    if (json->paths.count &&
        sl_json_pick(&json->paths, task->scratch, argv->str, argv->len, ret->values, &is_map)) {
        ret->count = json->paths.count;
        return 0;
    }
    r = sl_json_parse(task->scratch, argv->str, argv->len, &value, &trouble, &at);
    if (r == SL_ENOMEM)
        return sl_error_nomem(task->err);
    if (r < 0)
        return sl_task_explain(task, "%s: the text is no JSON: at byte %zu: %s", fn->name, at, trouble);
    if (!json->paths.count)
        return sl_builtin_give(ret, value);
    sl_json_paths_follow(&json->paths, &value, ret->values);
    ret->count = json->paths.count;
    return 0;
}

static const struct sl_function_ops json_ops = {.call = json_call, .free = sl_builtin_free};

static int fill(const struct sl_builtin *builtin, struct json *json, const struct sl_arg *argv, size_t argc,
                struct sl_error *err)
{
    if (!sl_json_paths_init(&json->paths, &json->function.arena))
        return sl_error_nomem(err);
    if (argc > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "%s: %zu paths are given, a record has at most %d fields",
                            builtin->name, argc, SL_WIDTH_MAX);
    int r = 0;
    for (size_t i = 0; r == 0 && i < argc; i++)
        if (argv[i].kind != SL_ARG_NONE)
            r = add_path(builtin, json, &argv[i].value, err);
    return r < 0 || sl_json_paths_end(&json->paths) ? r : sl_error_nomem(err);
}

static int json_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                     struct sl_function **ret, struct sl_error *err)
{
    struct json *json = sl_builtin_new(sizeof *json, &json_ops, SL_GIVES_ROW);
    int r = json ? fill(builtin, json, argv, argc, err) : sl_error_nomem(err);
    if (r < 0) {
        sl_builtin_free((struct sl_function *)json);
        return r;
    }
    sl_builtin_takes_one(&json->function.base, json->paths.count ? json->paths.count : 1);
    *ret = &json->function.base;
    return 0;
}

static const struct sl_param json_params[] = {
    {"path", SL_WANT_STRING, true,
     "keys and indexes from 0, as in a.b[0] or [\"log.level\"]; none given: the whole value"},
    {0},
};

const struct sl_builtin sl_native_json = {
    .name = "json",
    .family = "records from text",
    .summary = "Reads a JSON text and gives the values at the paths as one record; what is missing is nil",
    .example = "s:map(sluice.const('{\"user\":{\"name\":\"a\"}}')):map(sluice.json(\"user.name\"))",
    .params = json_params,
    .variadic = true,
    .field = SL_FIELD_ALONE,
    .make = json_make,
};
