/* split(sep): the pieces of a line between separators, empty ones included, as Python's str.split(sep) gives
 * them. words: the pieces between white space, empty ones left out, as str.split() gives them. */
#include "core/rows/field.h"
#include "ops/builtin/function.h"
#include "ops/builtin/split_bytes.h"
#include "ops/builtin/text_function.h"

#include <string.h>

struct split {
    struct sl_builtin_function function;
    struct sl_field separator; /* at least one byte */
    sl_split_bytes_fn *cut;    /* for a separator of one byte */
};

/* Items of a list under construction in scratch. */
struct pieces {
    struct sl_field *item;
    uint32_t count, capacity;
};

static bool pieces_add(struct sl_arena *scratch, struct pieces *pieces, const uint8_t *from,
                       const uint8_t *to)
{
    if (pieces->count == pieces->capacity) {
        uint32_t capacity = pieces->capacity ? 2 * pieces->capacity : 16;
        struct sl_field *item = sl_arena_alloc(scratch, capacity * sizeof *item);
        if (!item)
            return false;
        if (pieces->count)
            memcpy(item, pieces->item, pieces->count * sizeof *item);
        pieces->item = item;
        pieces->capacity = capacity;
    }
    pieces->item[pieces->count++] = sl_string(from, (size_t)(to - from));
    return true;
}

/* The first separator in [from, end), or NULL. */
static const uint8_t *find(const uint8_t *from, const uint8_t *end, const struct sl_field *separator)
{
    return from < end ? memmem(from, (size_t)(end - from), separator->str, separator->len) : NULL;
}

static int split_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                      uint32_t argc, struct sl_returned *ret)
{
    const struct split *split = (const struct split *)fn;
    struct pieces pieces = {0};
    int r = sl_builtin_text(fn, task, argv, argc);
    if (r < 0)
        return r;
    const uint8_t *from = argv->str, *end = from + argv->len, *at;
    while ((at = find(from, end, &split->separator))) {
        if (!pieces_add(task->scratch, &pieces, from, at))
            return SL_ENOMEM;
        from = at + split->separator.len;
    }
    if (!pieces_add(task->scratch, &pieces, from, end))
        return SL_ENOMEM;
    return sl_builtin_give(ret, sl_list(pieces.item, pieces.count));
}

/* The same for one row, into a builder. */
static int split_row(const struct split *split, const struct sl_field *text, uint32_t line,
                     struct sl_builder *out)
{
    const uint8_t *from = text->str, *end = from + text->len;
    for (;;) {
        const uint8_t *at = find(from, end, &split->separator);
        struct sl_field piece = sl_string(from, (size_t)((at ? at : end) - from));
        int r = sl_builder_add(out, &piece, 1, line);
        if (r < 0 || !at)
            return r;
        from = at + split->separator.len;
    }
}

/* Rows from *row on, up to the first that is no string. */
static int split_rows(const struct split *split, const struct sl_chunk *in, struct sl_builder *out,
                      uint32_t *row)
{
    int r = 0;
    if (split->separator.len == 1)
        return split->cut(in, split->separator.str[0], out, row);
    for (; r == 0 && *row < in->rows && in->column[0][*row].tag == SL_STR; ++*row)
        r = split_row(split, &in->column[0][*row], in->line ? in->line[*row] : 0, out);
    return r;
}

/* Row `row` is no text: sets it aside with this reason. */
static int reject_row(const struct sl_function *fn, struct sl_task *task, unsigned node,
                      const struct sl_chunk *in, uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    sl_chunk_row(in, row, fields);
    (void)sl_builtin_text(fn, task, fields, in->width); /* sets the message */
    return sl_task_reject(task, node, in, row);
}

static int split_flat_map(const struct sl_function *fn, struct sl_task *task, unsigned node,
                          const struct sl_chunk *in, struct sl_builder *out)
{
    for (uint32_t row = 0; row < in->rows; row++) {
        int r = in->width == 1 ? split_rows((const struct split *)fn, in, out, &row) : 0;
        if (r == 0 && row < in->rows)
            r = reject_row(fn, task, node, in, row);
        if (r < 0)
            return r;
    }
    return 0;
}

static const struct sl_function_ops split_ops = {
    .call = split_call,
    .flat_map = split_flat_map,
    .free = sl_builtin_free,
};

static int split_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                      struct sl_function **ret, struct sl_error *err)
{
    if (argv[0].value.len == 0)
        return sl_error_set(err, SL_EUSAGE, "%s: sep is empty; give the text between the pieces",
                            builtin->name);
    struct split *split = sl_builtin_new(sizeof *split, &split_ops, SL_GIVES_LIST);
    if (!split || !sl_field_copy(&split->function.arena, &argv[0].value, &split->separator)) {
        sl_builtin_free((struct sl_function *)split);
        return sl_error_nomem(err);
    }
    split->cut = sl_split_bytes_fn_best();
    sl_builtin_takes_one(&split->function.base, 1);
    *ret = &split->function.base;
    return 0;
}

static const struct sl_param split_params[] = {
    {"sep", SL_WANT_STRING, false, "the text between the pieces, not empty"},
    {"field", SL_WANT_COUNT, true,
     "the number of the field to split, from 1; not given: the record's only field"},
    {0},
};

const struct sl_builtin sl_native_split = {
    .name = "split",
    .family = "records from text",
    .summary = "Splits a line at each sep and gives the pieces, empty ones included",
    .example = "s:flatMap(sluice.split(\" \"))",
    .params = split_params,
    .field = SL_FIELD_ALONE,
    .make = split_make,
};

/* The next word at or after *from; false at the end. */
static inline bool next_word(struct sl_spaces *spaces, const uint8_t **from, const uint8_t *end,
                             const uint8_t **ret_to)
{
    const uint8_t *p = *from;
    for (size_t len; p < end && (len = sl_space_at(spaces, p, end)); p += len)
        ;
    *from = p;
    while (p < end && !sl_space_at(spaces, p, end))
        p++;
    *ret_to = p;
    return p > *from;
}

static int words_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                      uint32_t argc, struct sl_returned *ret)
{
    struct pieces pieces = {0};
    int r = sl_builtin_text(fn, task, argv, argc);
    if (r < 0)
        return r;
    struct sl_spaces spaces = sl_spaces_of(argv);
    const uint8_t *from = argv->str, *end = from + argv->len, *to;
    for (; next_word(&spaces, &from, end, &to); from = to)
        if (!pieces_add(task->scratch, &pieces, from, to))
            return SL_ENOMEM;
    return sl_builtin_give(ret, sl_list(pieces.item, pieces.count));
}

static int words_row(const struct sl_field *text, uint32_t line, struct sl_builder *out)
{
    struct sl_spaces spaces = sl_spaces_of(text);
    const uint8_t *from = text->str, *end = from + text->len, *to;
    for (; next_word(&spaces, &from, end, &to); from = to) {
        struct sl_field word = sl_string(from, (size_t)(to - from));
        int r = sl_builder_add(out, &word, 1, line);
        if (r < 0)
            return r;
    }
    return 0;
}

static int words_flat_map(const struct sl_function *fn, struct sl_task *task, unsigned node,
                          const struct sl_chunk *in, struct sl_builder *out)
{
    for (uint32_t row = 0; row < in->rows; row++) {
        const struct sl_field *text = &in->column[0][row];
        int r = in->width == 1 && text->tag == SL_STR ? words_row(text, in->line ? in->line[row] : 0, out)
                                                      : reject_row(fn, task, node, in, row);
        if (r < 0)
            return r;
    }
    return 0;
}

static const struct sl_function_ops words_ops = {
    .call = words_call,
    .flat_map = words_flat_map,
    .free = sl_builtin_free,
};

static int words_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                      struct sl_function **ret, struct sl_error *err)
{
    *ret = sl_builtin_new(sizeof(struct sl_builtin_function), &words_ops, SL_GIVES_LIST);
    if (!*ret)
        return sl_error_nomem(err);
    sl_builtin_takes_one(*ret, 1);
    return 0;
}

static const struct sl_param words_params[] = {
    {"field", SL_WANT_COUNT, true,
     "the number of the field to split, from 1; not given: the record's only field"},
    {0},
};

const struct sl_builtin sl_native_words = {
    .name = "words",
    .family = "records from text",
    .summary = "Gives the words of a line: the texts between white space, nothing for an empty line",
    .example = "s:flatMap(sluice.words)",
    .params = words_params,
    .field = SL_FIELD_ALONE,
    .make = words_make,
};
