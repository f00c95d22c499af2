/* lower, upper, casefold, normalize, trim, replace, substr, length: text to text.
 *
 * Text is Unicode where it is valid UTF-8; bytes that are not keep what is not ASCII. Text of ASCII alone, which most
 * is, never enters text/unicode.h. substr and length count bytes unless an argument asks for characters. */
#include "ops/builtin/text_function.h"
#include "text/unicode.h"

#include <string.h>

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Eight bytes at once: sums of seven bits tell by the eighth what is at least `first`, and more than `last`. */
static uint64_t change_word(uint64_t word, uint8_t first, uint8_t last)
{
    uint64_t low = word & 0x7f * EACH_BYTE;
    uint64_t from = low + (0x80u - first) * EACH_BYTE, after = low + (0x7fu - last) * EACH_BYTE;
    return word ^ (from & ~after & ~word & 0x80 * EACH_BYTE) >> 2;
}

/* A copy with the letters from `first` to `last` moved to the other case; whether all of it is ASCII. */
static bool change_ascii(const struct sl_field *value, uint8_t first, uint8_t last, uint8_t *bytes)
{
    uint64_t all = 0, word = 0;
    uint32_t i = 0;
    for (; i + sizeof word <= value->len; i += sizeof word) {
        memcpy(&word, value->str + i, sizeof word);
        all |= word;
        word = change_word(word, first, last);
        memcpy(bytes + i, &word, sizeof word);
    }
    for (; i < value->len; i++) {
        all |= value->str[i];
        bytes[i] = (uint8_t)change_word(value->str[i], first, last);
    }
    return !(all & 0x80 * EACH_BYTE);
}

static int change_case(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                       bool is_upper, struct sl_field *ret)
{
    int r = sl_require_text(fn, task, value);
    if (r < 0)
        return r;
    uint8_t *bytes = sl_arena_alloc(task->scratch, value->len + (size_t)1);
    if (!bytes)
        return SL_ENOMEM;
    bool is_ascii = change_ascii(value, is_upper ? 'a' : 'A', is_upper ? 'z' : 'Z', bytes);
    *ret = sl_string(bytes, value->len);
    if (is_ascii || !sl_utf8_is_valid(value->str, value->len))
        return 0;
    return sl_unicode_change_case(task->scratch, value->str, value->len, is_upper, ret) ? 0 : SL_ENOMEM;
}

static int lower(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                 struct sl_field *ret)
{
    return change_case(fn, task, value, false, ret);
}

static int upper(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                 struct sl_field *ret)
{
    return change_case(fn, task, value, true, ret);
}

static bool is_ascii(const struct sl_field *text)
{
    uint8_t all = 0;
    for (uint32_t i = 0; i < text->len; i++)
        all |= text->str[i];
    return all < 0x80;
}

static int casefold(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                    struct sl_field *ret)
{
    int r = sl_require_text(fn, task, value);
    if (r < 0)
        return r;
    if (is_ascii(value) || !sl_utf8_is_valid(value->str, value->len))
        return change_case(fn, task, value, false, ret);
    return sl_unicode_casefold(task->scratch, value->str, value->len, ret) ? 0 : SL_ENOMEM;
}

/* fn->start is the form. */
static int normalize(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                     struct sl_field *ret)
{
    int r = sl_require_text(fn, task, value);
    if (r < 0)
        return r;
    *ret = *value;
    if (is_ascii(value) || !sl_utf8_is_valid(value->str, value->len))
        return 0;
    enum sl_normal_form form = (enum sl_normal_form)fn->start;
    return sl_unicode_normalize(task->scratch, value->str, value->len, form, ret) ? 0 : SL_ENOMEM;
}

static int trim(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                struct sl_field *ret)
{
    int r = sl_require_text(fn, task, value);
    if (r < 0)
        return r;
    struct sl_spaces spaces = sl_spaces_of(value);
    const uint8_t *from = value->str, *to = from + value->len;
    size_t len;
    while (from < to && (len = sl_space_at(&spaces, from, to)))
        from += len;
    while (to > from && (len = sl_space_before(&spaces, from, to)))
        to -= len;
    *ret = sl_string(from, (size_t)(to - from));
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

/* Where the part from `start` to the end begins, of `size` bytes or characters: counted from 1 or, negative, from
 * the end. */
static int64_t part_from(int64_t start, int64_t size)
{
    int64_t from = start > 0 ? start - 1 : 0;
    if (start < 0)
        from = start < -size ? 0 : size + start;
    return from < size ? from : size;
}

/* As Spark's: `length` bytes or characters from `start` on. */
static int substr(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                  struct sl_field *ret)
{
    int r = sl_require_text(fn, task, value);
    if (r < 0)
        return r;
    bool by_character = fn->by_character && !is_ascii(value);
    int64_t size = by_character ? (int64_t)sl_utf8_length(value->str, value->len) : value->len;
    int64_t from = part_from(fn->start, size);
    int64_t to = fn->length < size - from ? from + fn->length : size;
    if (by_character) {
        from = (int64_t)sl_utf8_offset(value->str, value->len, (size_t)from);
        to = (int64_t)sl_utf8_offset(value->str, value->len, (size_t)to);
    }
    *ret = sl_string(value->str + from, (size_t)(to - from));
    return 0;
}

static int length(const struct sl_text_function *fn, struct sl_task *task, const struct sl_field *value,
                  struct sl_field *ret)
{
    if (value->tag != SL_STR && value->tag != SL_LIST && value->tag != SL_MAP)
        return sl_builtin_wants(&fn->function.base, task, "a string, list or map", value);
    bool by_character = fn->by_character && value->tag == SL_STR;
    *ret = sl_integer(by_character ? (int64_t)sl_utf8_length(value->str, value->len) : value->len);
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

/* Of those without arguments: what they do to a text. */
struct text_kind {
    sl_apply_text *apply;
};

static int plain_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                      struct sl_function **ret, struct sl_error *err)
{
    const struct text_kind *kind = builtin->spec;
    return make(kind->apply, ret, err);
}

static const struct text_kind lower_kind = {lower}, upper_kind = {upper}, trim_kind = {trim},
                              casefold_kind = {casefold};

static int normalize_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                          struct sl_function **ret, struct sl_error *err)
{
    static const char *const forms[] = {
        [SL_NFC] = "NFC", [SL_NFD] = "NFD", [SL_NFKC] = "NFKC", [SL_NFKD] = "NFKD"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct sl_field *given = &argv[0].value;
        if (given->len != strlen(forms[i]) || memcmp(given->str, forms[i], given->len) != 0)
            continue;
        int r = make(normalize, ret, err);
        if (r == 0)
            ((struct sl_text_function *)*ret)->start = (int64_t)i;
        return r;
    }
    sl_error_set(err, SL_EUSAGE, "%s: form must be \"NFC\", \"NFD\", \"NFKC\" or \"NFKD\"", builtin->name);
    return sl_error_got(err, &argv[0].value);
}

/* The option unit: "byte" (also where it is not given) or "character". */
static int take_unit(const struct sl_builtin *builtin, const struct sl_arg *unit, bool *ret_by_character,
                     struct sl_error *err)
{
    const struct sl_field *given = &unit->value;
    *ret_by_character = unit->kind == SL_ARG_VALUE && sl_field_is_text(given, "character");
    if (unit->kind != SL_ARG_VALUE || *ret_by_character || sl_field_is_text(given, "byte"))
        return 0;
    sl_error_set(err, SL_EUSAGE, "%s: unit must be \"byte\" or \"character\"", builtin->name);
    return sl_error_got(err, given);
}

static int length_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                       struct sl_function **ret, struct sl_error *err)
{
    bool by_character;
    int r = take_unit(builtin, &argv[argc], &by_character, err);
    r = r == 0 ? make(length, ret, err) : r;
    if (r == 0)
        ((struct sl_text_function *)*ret)->by_character = by_character;
    return r;
}

static int replace_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                        struct sl_function **ret, struct sl_error *err)
{
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
    bool by_character;
    if (argv[0].value.integer == 0)
        return sl_error_set(err, SL_EUSAGE, "%s: start counts from 1, or from -1 backwards; got 0",
                            builtin->name);
    int r = take_unit(builtin, &argv[argc], &by_character, err);
    r = r == 0 ? make(substr, ret, err) : r;
    if (r < 0)
        return r;
    struct sl_text_function *fn = (struct sl_text_function *)*ret;
    fn->start = argv[0].value.integer;
    fn->length = argv[1].kind == SL_ARG_NONE ? INT64_MAX : argv[1].value.integer;
    fn->by_character = by_character;
    return 0;
}

static const struct sl_param field_params[] = {
    {"field", SL_WANT_COUNT, true,
     "the number of the field to change, from 1; not given: the record's only field"},
    {0},
};

static const struct sl_param unit_options[] = {
    {"unit", SL_WANT_STRING, true, "\"byte\", or \"character\" to count code points"},
    {0},
};

const struct sl_builtin sl_native_lower = {
    .name = "lower",
    .family = "text",
    .summary = "The text in lower case, by Unicode; of bytes that are no UTF-8, A-Z only",
    .example = "s:map(sluice.lower)",
    .params = field_params,
    .field = SL_FIELD_KEEP,
    .spec = &lower_kind,
    .make = plain_make,
};

const struct sl_builtin sl_native_upper = {
    .name = "upper",
    .family = "text",
    .summary = "The text in upper case, by Unicode; of bytes that are no UTF-8, a-z only",
    .example = "s:map(sluice.upper)",
    .params = field_params,
    .field = SL_FIELD_KEEP,
    .spec = &upper_kind,
    .make = plain_make,
};

const struct sl_builtin sl_native_trim = {
    .name = "trim",
    .family = "text",
    .summary = "The text without white space at its ends",
    .example = "s:map(sluice.trim)",
    .params = field_params,
    .field = SL_FIELD_KEEP,
    .spec = &trim_kind,
    .make = plain_make,
};

const struct sl_builtin sl_native_length = {
    .name = "length",
    .family = "text",
    .summary = "The bytes (or characters) of a text, the items of a list, the pairs of a map",
    .example = "s:map(sluice.length)",
    .params = field_params,
    .options = unit_options,
    .field = SL_FIELD_KEEP,
    .make = length_make,
};

const struct sl_builtin sl_native_casefold = {
    .name = "casefold",
    .family = "text",
    .summary = "The text for comparison without regard to case, by Unicode",
    .example = "s:map(sluice.casefold)",
    .params = field_params,
    .field = SL_FIELD_KEEP,
    .spec = &casefold_kind,
    .make = plain_make,
};

static const struct sl_param normalize_params[] = {
    {"form", SL_WANT_STRING, false, "\"NFC\", \"NFD\", \"NFKC\" or \"NFKD\""},
    {"field", SL_WANT_COUNT, true, "the number of the field to change, from 1"},
    {0},
};

const struct sl_builtin sl_native_normalize = {
    .name = "normalize",
    .family = "text",
    .summary = "The text in a Unicode normal form; bytes that are no UTF-8 stay",
    .example = "s:map(sluice.normalize(\"NFC\"))",
    .params = normalize_params,
    .field = SL_FIELD_KEEP,
    .make = normalize_make,
};

static const struct sl_param replace_params[] = {
    {"from", SL_WANT_STRING, false, "the text to replace, not empty and no pattern"},
    {"to", SL_WANT_STRING, false, "the text to put in its place"},
    {"field", SL_WANT_COUNT, true, "the number of the field to change, from 1"},
    {0},
};

const struct sl_builtin sl_native_replace = {
    .name = "replace",
    .family = "text",
    .summary = "The text with each occurrence of from replaced by to",
    .example = "s:map(sluice.replace(\"-\", \" \"))",
    .params = replace_params,
    .field = SL_FIELD_KEEP,
    .make = replace_make,
};

static const struct sl_param substr_params[] = {
    {"start", SL_WANT_INTEGER | SL_WANT_NEGATIVE, false,
     "the first byte (or character), from 1; negative: from the end"},
    {"length", SL_WANT_INTEGER | SL_WANT_NIL, true, "how many bytes; to the end where not given"},
    {"field", SL_WANT_COUNT, true, "the number of the field to change, from 1"},
    {0},
};

const struct sl_builtin sl_native_substr = {
    .name = "substr",
    .family = "text",
    .summary = "A part of the text, by position and length in bytes or characters",
    .example = "s:map(sluice.substr(1, 10))",
    .params = substr_params,
    .options = unit_options,
    .field = SL_FIELD_KEEP,
    .make = substr_make,
};
