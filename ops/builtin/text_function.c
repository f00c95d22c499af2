#include "ops/builtin/text_function.h"

#include "text/utf8.h"

static int call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                uint32_t argc, struct sl_returned *ret)
{
    const struct sl_text_function *text = (const struct sl_text_function *)fn;
    if (argc != 1)
        return sl_task_explain(task, "%s: the record has %u fields, one is wanted", fn->name, (unsigned)argc);
    ret->count = 1;
    return text->apply(text, task, argv, &ret->values[0]);
}

static int map(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
               struct sl_chunk *out)
{
    const struct sl_text_function *text = (const struct sl_text_function *)fn;
    int r = in->width == 1 ? 0 : SL_EREJECT;
    struct sl_field *column = r == 0 ? sl_arena_alloc(task->scratch, in->rows * sizeof *column) : NULL;
    if (r == 0 && !column)
        return SL_ENOMEM;
    for (uint32_t row = 0; r == 0 && row < in->rows; row++)
        r = text->apply(text, task, &in->column[0][row], &column[row]);
    if (r < 0)
        return r;
    out->width = 1;
    out->column[0] = column;
    return 0;
}

static const struct sl_function_ops ops = {.call = call, .map = map, .free = sl_builtin_free};

struct sl_text_function *sl_text_function_new(sl_apply_text *apply)
{
    struct sl_text_function *text = sl_builtin_new(sizeof *text, &ops, SL_GIVES_ROW);
    if (!text)
        return NULL;
    text->apply = apply;
    sl_builtin_takes_one(&text->function.base, 1);
    return text;
}

int sl_require_text(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value)
{
    return value->tag == SL_STR ? 0 : sl_builtin_wants(&fn->function.base, task, "a string", value);
}

/* ---- white space ---- */

size_t sl_space_at_slow(struct sl_spaces *spaces, const uint8_t *at, const uint8_t *end)
{
    uint32_t code;
    size_t len = sl_utf8_sequence(at, (size_t)(end - at), &code);
    if (code == SL_UTF8_INVALID || !sl_unicode_is_space(code))
        return 0;
    if (spaces->is_valid < 0)
        spaces->is_valid = sl_utf8_is_valid(spaces->text->str, spaces->text->len);
    return spaces->is_valid ? len : 0;
}

size_t sl_space_before(struct sl_spaces *spaces, const uint8_t *from, const uint8_t *end)
{
    const uint8_t *at = end - 1;
    while (at > from && end - at < 4 && (*at & 0xc0) == 0x80)
        at--;
    size_t len = sl_space_at(spaces, at, end);
    return len == (size_t)(end - at) ? len : 0;
}
