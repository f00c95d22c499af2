/* concat(sep): the strings of a group joined by sep, in input order. The state is a growing text. */
#include "ops/builtin/function.h"

#include <string.h>

struct concat {
    struct sl_builtin_reducer reducer;
    struct sl_field separator;
};

struct text {
    uint8_t *bytes;
    uint32_t len, capacity;
    int64_t records;
};

static bool reserve(struct text *text, struct sl_arena *keep, uint32_t needed)
{
    if (needed <= text->capacity)
        return true;
    uint32_t capacity = text->capacity <= UINT32_MAX / 2 ? 2 * text->capacity : UINT32_MAX;
    capacity = capacity > needed ? capacity : needed;
    uint8_t *bytes = sl_arena_alloc(keep, capacity);
    if (!bytes)
        return false;
    if (text->len)
        memcpy(bytes, text->bytes, text->len);
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

static int append(struct sl_task *task, struct text *text, struct sl_arena *keep, const uint8_t *bytes,
                  uint32_t len)
{
    if (len > UINT32_MAX - text->len) {
        (void)sl_task_explain(task, "concat: the text is over 4 GiB");
        return SL_EGROUP;
    }
    if (!reserve(text, keep, text->len + len))
        return SL_ENOMEM;
    if (len)
        memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    return 0;
}

static int require_string(struct sl_task *task, const struct sl_field *value)
{
    if (value->tag == SL_STR)
        return 0;
    return sl_task_explain(task, "concat: the value is of type %s, a string is wanted",
                           sl_tag_name((enum sl_tag)value->tag));
}

static int concat_create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                         const struct sl_field *value, union sl_state *ret)
{
    int failed = require_string(task, value);
    if (failed < 0)
        return failed;
    struct text *text = sl_arena_calloc(keep, 1, sizeof *text);
    ret->pointer = text;
    if (text)
        text->records = 1;
    return text ? append(task, text, keep, value->str, value->len) : SL_ENOMEM;
}

/* The separator, then the bytes. */
static int join(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                union sl_state *state, const uint8_t *bytes, uint32_t len)
{
    const struct concat *concat = (const struct concat *)sl_builtin_of_reducer(r);
    int failed = append(task, state->pointer, keep, concat->separator.str, concat->separator.len);
    return failed < 0 ? failed : append(task, state->pointer, keep, bytes, len);
}

static int concat_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        union sl_state *state, const struct sl_field *value)
{
    int failed = require_string(task, value);
    failed = failed < 0 ? failed : join(r, task, keep, state, value->str, value->len);
    ((struct text *)state->pointer)->records += failed == 0;
    return failed;
}

static int concat_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                          union sl_state *state, const union sl_state *other)
{
    const struct text *added = other->pointer;
    int failed = join(r, task, keep, state, added->bytes, added->len);
    ((struct text *)state->pointer)->records += failed == 0 ? added->records : 0;
    return failed;
}

static int concat_finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                         struct sl_field *ret)
{
    const struct text *text = state->pointer;
    *ret = sl_string(text->bytes, text->len);
    return 0;
}

static int concat_decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                         const struct sl_field *encoded, union sl_state *ret)
{
    if (encoded->tag != SL_STR)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored concat is damaged");
    return concat_create(r, task, keep, encoded, ret);
}

static int64_t concat_records(const union sl_state *state)
{
    return ((const struct text *)state->pointer)->records;
}

static int concat_set_records(struct sl_arena *keep, union sl_state *state, int64_t records)
{
    ((struct text *)state->pointer)->records = records;
    return 0;
}

static int concat_copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       const union sl_state *state, union sl_state *ret)
{
    const struct text *text = state->pointer;
    struct sl_field value = sl_string(text->bytes, text->len);
    int failed = concat_create(r, task, keep, &value, ret);
    return failed < 0 ? failed : concat_set_records(keep, ret, text->records);
}

static const struct sl_reducer_ops concat_ops = {
    .create = concat_create,
    .merge = concat_merge,
    .combine = concat_combine,
    .finish = concat_finish,
    .encode = concat_finish,
    .decode = concat_decode,
    .records = concat_records,
    .set_records = concat_set_records,
    .copy = concat_copy,
};

static int concat_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                       struct sl_function **ret, struct sl_error *err)
{
    struct concat *concat = sl_builtin_reducer_new(sizeof *concat, &concat_ops);
    if (!concat || !sl_field_copy(&concat->reducer.function.arena, &argv[0].value, &concat->separator)) {
        sl_builtin_free((struct sl_function *)concat);
        return sl_error_nomem(err);
    }
    *ret = &concat->reducer.function.base;
    return 0;
}

static const struct sl_param concat_params[] = {
    {"sep", SL_WANT_STRING, false, "the text between the values"},
    {0},
};

const struct sl_builtin sl_native_concat = {
    .name = "concat",
    .family = "reducers",
    .summary = "Joins the strings of a group in input order, with sep between them",
    .example = "s:map(function(line) return #line, line end):reduceByKey(sluice.concat(\",\"))",
    .params = concat_params,
    .make = concat_make,
};
