/* count, sum, avg, min and max of SQL over the values of a group, side by side: a value is the list of their arguments, or
 * the argument where there is one aggregate. NULL counts for none. sum and avg are exact and rounded once; a text counts as
 * the number that it begins with, as SQLite has it; min and max of equal values give the integer. */
#include "ops/builtin/function.h"
#include "ops/query/query.h"
#include "ops/reducer/strict_order.h"
#include "ops/reducer/total.h"
#include "ops/reducer/value_state.h"
#include "text/number.h"

#include <math.h>
#include <string.h>

/* The state of one aggregate is a word, 0 where no value came: the number of them, a total (which is never 0), or the best value.
 * That of several is an array of such words. */
struct aggregates {
    struct sl_builtin_reducer reducer; /* first */
    uint32_t count;
    enum sl_query_aggregate kind[SL_WIDTH_MAX];
};

static const struct aggregates *own(const struct sl_reducer *r)
{
    return (const struct aggregates *)sl_builtin_of_reducer(r);
}

/* ---- texts as numbers ---- */

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static size_t skip_digits(const struct sl_field *text, size_t at)
{
    while (at < text->len && text->str[at] >= '0' && text->str[at] <= '9')
        at++;
    return at;
}

/* The end of the number that begins at `from`; `from` where there is none. */
static size_t find_end(const struct sl_field *text, size_t from, bool *ret_is_integer)
{
    size_t at = from + (from < text->len && (text->str[from] == '-' || text->str[from] == '+'));
    size_t end = skip_digits(text, at), digits = end - at;
    *ret_is_integer = true;
    if (end < text->len && text->str[end] == '.') {
        size_t fraction = skip_digits(text, end + 1);
        digits += fraction - end - 1;
        *ret_is_integer = false;
        end = fraction;
    }
    if (!digits)
        return from;
    if (end < text->len && (text->str[end] | 0x20) == 'e') {
        size_t sign =
            end + 1 + (end + 1 < text->len && (text->str[end + 1] == '-' || text->str[end + 1] == '+'));
        size_t exponent = skip_digits(text, sign);
        *ret_is_integer &= exponent == sign;
        end = exponent > sign ? exponent : end;
    }
    return end;
}

static bool read_integer(const struct sl_field *text, size_t from, size_t end, struct sl_field *ret)
{
    bool is_negative = text->str[from] == '-';
    int64_t number = 0;
    for (size_t at = from + (text->str[from] == '-' || text->str[from] == '+'); at < end; at++) {
        int64_t digit = text->str[at] - '0';
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, is_negative ? -digit : digit, &number))
            return false;
    }
    *ret = sl_integer(number);
    return true;
}

static struct sl_field number_of(const struct sl_field *text)
{
    size_t from = 0, rest;
    struct sl_field ret = sl_number(0);
    bool is_integer;
    double number;
    while (from < text->len && is_space(text->str[from]))
        from++;
    size_t end = rest = find_end(text, from, &is_integer);
    while (rest < text->len && is_space(text->str[rest]))
        rest++;
    bool is_whole = end > from && rest == text->len;
    if (is_whole && is_integer && read_integer(text, from, end, &ret))
        return ret;
    if (end > from && sl_float_parse(text->str + from, end - from, &number))
        ret = sl_number(number);
    return ret;
}

/* ---- one aggregate ---- */

static bool is_empty(const union sl_state *state)
{
    return !state->integer;
}

static bool is_total(enum sl_query_aggregate kind)
{
    return kind == SL_AGGREGATE_SUM || kind == SL_AGGREGATE_AVG;
}

static int merge_total(union sl_state *state, struct sl_task *task, struct sl_arena *keep,
                       const struct sl_field *value)
{
    struct sl_field number = value->tag == SL_STR ? number_of(value) : *value;
    return is_empty(state) ? sl_total_create("sum", task, keep, &number, state)
                           : sl_total_merge("sum", task, keep, state, &number);
}

static bool is_better(enum sl_query_aggregate kind, const struct sl_field *value, const struct sl_field *held)
{
    int order = sl_query_compare(value, held);
    if (order == 0)
        return sl_field_compare_strictly(value, held) < 0;
    return kind == SL_AGGREGATE_MIN ? order < 0 : order > 0;
}

static int merge_best(enum sl_query_aggregate kind, union sl_state *state, struct sl_task *task,
                      struct sl_arena *keep, const struct sl_field *value)
{
    if (is_empty(state))
        return sl_value_state_create(NULL, task, keep, value, state);
    struct sl_value_state *held = sl_value_state_of(state);
    return is_better(kind, value, &held->value) ? sl_value_state_set(held, keep, value) : 0;
}

static int merge_value(enum sl_query_aggregate kind, union sl_state *state, struct sl_task *task,
                       struct sl_arena *keep, const struct sl_field *value)
{
    if (value->tag == SL_NIL)
        return 0;
    switch (kind) {
    case SL_AGGREGATE_COUNT:
        state->integer++;
        return 0;
    case SL_AGGREGATE_SUM:
    case SL_AGGREGATE_AVG:
        return merge_total(state, task, keep, value);
    case SL_AGGREGATE_MIN:
    case SL_AGGREGATE_MAX:
        break;
    }
    return merge_best(kind, state, task, keep, value);
}

/* ---- the reducer ---- */

static const struct sl_field *argument(const struct aggregates *all, const struct sl_field *value, uint32_t i)
{
    return all->count == 1 ? value : &value->items[i];
}

/* The words of a state. */
static union sl_state *words_of(const struct aggregates *all, union sl_state *state)
{
    return all->count == 1 ? state : state->pointer;
}

static const union sl_state *words_in(const struct aggregates *all, const union sl_state *state)
{
    return all->count == 1 ? state : state->pointer;
}

/* Empty ones. NULL: out of memory. */
static union sl_state *make_words(const struct aggregates *all, struct sl_arena *keep, union sl_state *ret)
{
    ret->integer = 0;
    if (all->count > 1)
        ret->pointer = sl_arena_calloc(keep, all->count, sizeof *ret);
    return words_of(all, ret);
}

static int merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                 union sl_state *state, const struct sl_field *value)
{
    const struct aggregates *all = own(r);
    union sl_state *word = words_of(all, state);
    int failed = 0;
    for (uint32_t i = 0; failed == 0 && i < all->count; i++)
        failed = merge_value(all->kind[i], &word[i], task, keep, argument(all, value, i));
    return failed;
}

/* Of one aggregate, as long as no memory is needed. */
static uint32_t merge_rows(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                           union sl_state *const *states, const struct sl_field *values, const uint16_t *row,
                           uint32_t count)
{
    const struct aggregates *all = own(r);
    uint32_t k = 0;
    if (all->count > 1)
        return 0;
    if (all->kind[0] == SL_AGGREGATE_COUNT) {
        for (; k < count; k++)
            states[k]->integer += values[row[k]].tag != SL_NIL;
        return count;
    }
    while (is_total(all->kind[0]) && k < count && !is_empty(states[k]))
        k++;
    return sl_total_merge_rows(NULL, states, values, row, k);
}

static int create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, union sl_state *ret)
{
    return make_words(own(r), keep, ret) ? merge(r, task, keep, ret, value) : SL_ENOMEM;
}

/* A deep copy, for states may share no memory. */
static int copy_word(enum sl_query_aggregate kind, struct sl_task *task, struct sl_arena *keep,
                     const union sl_state *from, union sl_state *to)
{
    *to = *from;
    if (is_empty(from) || kind == SL_AGGREGATE_COUNT)
        return 0;
    return is_total(kind) ? sl_total_copy(keep, from, to) : sl_value_state_copy(NULL, task, keep, from, to);
}

static int combine_word(enum sl_query_aggregate kind, struct sl_task *task, struct sl_arena *keep,
                        union sl_state *word, const union sl_state *other)
{
    if (is_empty(other))
        return 0;
    if (is_empty(word))
        return copy_word(kind, task, keep, other, word);
    if (kind == SL_AGGREGATE_COUNT)
        word->integer += other->integer;
    if (is_total(kind))
        return sl_total_combine(keep, word, other, false);
    return kind == SL_AGGREGATE_COUNT ? 0
                                      : merge_best(kind, word, task, keep, &sl_value_state_of(other)->value);
}

static int combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    const struct aggregates *all = own(r);
    union sl_state *word = words_of(all, state);
    const union sl_state *added = words_in(all, other);
    int failed = 0;
    for (uint32_t i = 0; failed == 0 && i < all->count; i++)
        failed = combine_word(all->kind[i], task, keep, &word[i], &added[i]);
    return failed;
}

static int copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                const union sl_state *state, union sl_state *ret)
{
    const struct aggregates *all = own(r);
    const union sl_state *from = words_in(all, state);
    union sl_state made, *to = make_words(all, keep, &made);
    int failed = to ? 0 : SL_ENOMEM;
    for (uint32_t i = 0; failed == 0 && i < all->count; i++)
        failed = copy_word(all->kind[i], task, keep, &from[i], &to[i]);
    if (failed == 0)
        *ret = made;
    return failed;
}

/* ---- results ---- */

static int give_sum(struct sl_task *task, const union sl_state *state, struct sl_field *ret)
{
    int r = sl_total_value("sum", task, state, ret);
    if (r == SL_EREJECT)
        return sl_error_set(task->err, SL_EFAIL, "sql: sum: integer overflow");
    if (r == 0 && ret->tag == SL_FLOAT && isnan(ret->number))
        *ret = sl_nil();
    return r;
}

static int give_avg(struct sl_task *task, const union sl_state *state, struct sl_field *ret)
{
    double number;
    int r = sl_total_mean(task, state, (uint64_t)sl_total_records(state), &number);
    if (r == 0)
        *ret = isnan(number) ? sl_nil() : sl_number(number);
    return r;
}

static int give(enum sl_query_aggregate kind, struct sl_task *task, const union sl_state *state,
                struct sl_field *ret)
{
    *ret = kind == SL_AGGREGATE_COUNT ? sl_integer(state->integer) : sl_nil();
    if (is_empty(state) || kind == SL_AGGREGATE_COUNT)
        return 0;
    if (kind == SL_AGGREGATE_SUM)
        return give_sum(task, state, ret);
    if (kind == SL_AGGREGATE_AVG)
        return give_avg(task, state, ret);
    *ret = sl_value_state_of(state)->value;
    return 0;
}

static int finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret)
{
    const struct aggregates *all = own(r);
    const union sl_state *word = words_in(all, state);
    struct sl_field *item = sl_arena_alloc(task->scratch, all->count * sizeof *item);
    int failed = item ? 0 : SL_ENOMEM;
    for (uint32_t i = 0; failed == 0 && i < all->count; i++)
        failed = give(all->kind[i], task, &word[i], &item[i]);
    *ret = sl_list(item, all->count);
    return failed;
}

/* ---- on disk: of each how many values there are, and the total or the best ---- */

enum { ENCODED = 2 };

static int encode_word(enum sl_query_aggregate kind, struct sl_task *task, const union sl_state *state,
                       struct sl_field *item)
{
    item[0] = sl_integer(kind == SL_AGGREGATE_COUNT ? state->integer : !is_empty(state));
    item[1] = sl_nil();
    if (is_empty(state) || kind == SL_AGGREGATE_COUNT)
        return 0;
    if (is_total(kind)) {
        item[0] = sl_integer(sl_total_records(state));
        return sl_total_encode(task, state, &item[1]);
    }
    item[1] = sl_value_state_of(state)->value;
    return 0;
}

static int encode(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret)
{
    const struct aggregates *all = own(r);
    const union sl_state *word = words_in(all, state);
    struct sl_field *item = sl_arena_alloc(task->scratch, all->count * ENCODED * sizeof *item);
    int failed = item ? 0 : SL_ENOMEM;
    for (uint32_t i = 0; failed == 0 && i < all->count; i++)
        failed = encode_word(all->kind[i], task, &word[i], item + ENCODED * i);
    *ret = sl_list(item, all->count * ENCODED);
    return failed;
}

static int decode_word(enum sl_query_aggregate kind, struct sl_task *task, struct sl_arena *keep,
                       const struct sl_field *item, union sl_state *ret)
{
    if (item[0].tag != SL_INT || item[0].integer < 0)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored aggregate is damaged");
    ret->integer = item[0].integer;
    if (!item[0].integer || kind == SL_AGGREGATE_COUNT)
        return 0;
    if (!is_total(kind))
        return sl_value_state_create(NULL, task, keep, &item[1], ret);
    int r = sl_total_decode(task, keep, &item[1], ret);
    return r < 0 ? r : sl_total_set_records(keep, ret, item[0].integer);
}

static int decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *encoded, union sl_state *ret)
{
    const struct aggregates *all = own(r);
    if (encoded->tag != SL_LIST || encoded->len != all->count * ENCODED)
        return sl_error_set(task->err, SL_EDAMAGED, "stored aggregates are damaged");
    union sl_state made, *word = make_words(all, keep, &made);
    int failed = word ? 0 : SL_ENOMEM;
    for (uint32_t i = 0; failed == 0 && i < all->count; i++)
        failed = decode_word(all->kind[i], task, keep, encoded->items + ENCODED * i, &word[i]);
    if (failed == 0)
        *ret = made;
    return failed;
}

static const struct sl_reducer_ops ops = {
    .exact = true,
    .create = create,
    .merge = merge,
    .merge_rows = merge_rows,
    .combine = combine,
    .finish = finish,
    .encode = encode,
    .decode = decode,
    .copy = copy,
};

struct sl_function *sl_aggregates_new(const enum sl_query_aggregate *kinds, uint32_t count)
{
    static const char *const names[] = {"count", "sum", "avg", "min", "max"};
    struct aggregates *all = sl_builtin_reducer_new(sizeof *all, &ops);
    char name[SL_WIDTH_MAX * 6 + 16] = "aggregates(";
    size_t len = strlen(name);
    sl_assert(count && count <= SL_WIDTH_MAX);
    if (!all)
        return NULL;
    all->count = count;
    memcpy(all->kind, kinds, count * sizeof *kinds);
    for (uint32_t i = 0; i < count; i++) {
        const char *kind = names[kinds[i]];
        name[len++] = i ? ',' : '(';
        len -= i == 0; /* the bracket is there */
        memcpy(name + len, kind, strlen(kind));
        len += strlen(kind);
    }
    name[len++] = ')';
    all->reducer.function.base.name = sl_arena_text(&all->reducer.function.arena, name, len);
    if (!all->reducer.function.base.name) {
        sl_builtin_free(&all->reducer.function.base);
        return NULL;
    }
    return &all->reducer.function.base;
}
