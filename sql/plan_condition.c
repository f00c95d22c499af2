/* Conditions of WHERE and HAVING. They become lists (ops/query/query.h): {operand, comparison, constant}, {"and", a, b ...},
 * {"or", a, b ...}, {"not", a}. IN and BETWEEN are written with these. */
#include "sql/plan_internal.h"

#include <stdlib.h>
#include <string.h>

enum { CONDITIONS_MAX = 256, DEPTH_MAX = 32 };

/* ---- constants ---- */

static bool take_text(struct sl_plan_parser *p, struct sl_field *ret)
{
    size_t len = 0;
    char *text = sl_arena_alloc(p->arena, p->word.len);
    if (!text) {
        p->is_out_of_memory = true;
        return false;
    }
    for (size_t i = 1; i + 1 < p->word.len; i++) {
        text[len++] = p->word.text[i];
        i += p->word.text[i] == '\'';
    }
    *ret = sl_string(text, len);
    sl_plan_advance(p);
    return true;
}

/* Words are letters and digits: 1.5 is three of them, in a row. */
static bool take_number(struct sl_plan_parser *p, struct sl_field *ret)
{
    const char *from = p->word.text;
    size_t len = strspn(from, "0123456789");
    char text[64];
    if (len == p->word.len && from[len] != '.' && len < 19) {
        *ret = sl_integer(strtoll(from, NULL, 10));
        sl_plan_advance(p);
        return true;
    }
    if (len != p->word.len || from[len] != '.')
        return false;
    size_t fraction = strspn(from + len + 1, "0123456789"), whole = len + 1 + fraction;
    bool is_plain = fraction && len + fraction <= 15 && whole < sizeof text &&
                    !strchr("eE_.", from[whole] ? from[whole] : ' ');
    if (!is_plain)
        return false; /* how it is rounded is left to SQLite */
    memcpy(text, from, whole);
    text[whole] = 0;
    *ret = sl_number(strtod(text, NULL));
    while (p->word.len && p->word.text < from + whole)
        sl_plan_advance(p);
    return true;
}

static bool take_constant(struct sl_plan_parser *p, struct sl_field *ret)
{
    if (p->word.len > 1 && p->word.text[0] == '\'')
        return take_text(p, ret);
    bool is_negative = sl_plan_accept(p, "-");
    if (!p->word.len || p->word.text[0] < '0' || p->word.text[0] > '9' || !take_number(p, ret))
        return false;
    if (is_negative && ret->tag == SL_INT)
        ret->integer = -ret->integer;
    else if (is_negative)
        ret->number = -ret->number;
    return true;
}

/* ---- lists ---- */

static bool make_list(struct sl_plan_parser *p, const struct sl_field *items, uint32_t count,
                      struct sl_field *ret)
{
    struct sl_field *copy = sl_arena_alloc(p->arena, count * sizeof *copy);
    p->is_out_of_memory |= !copy;
    if (!copy || ++p->conditions > CONDITIONS_MAX)
        return false;
    memcpy(copy, items, count * sizeof *copy);
    *ret = sl_list(copy, count);
    return true;
}

static bool compare(struct sl_plan_parser *p, int64_t operand, const char *comparison,
                    struct sl_field constant, struct sl_field *ret)
{
    const struct sl_field items[] = {sl_integer(operand), sl_text(comparison), constant};
    return make_list(p, items, 3, ret);
}

static bool negate(struct sl_plan_parser *p, bool is_negated, struct sl_field *condition)
{
    const struct sl_field items[] = {sl_text("not"), *condition};
    return !is_negated || make_list(p, items, 2, condition);
}

/* ---- one condition ---- */

static bool take_comparison(struct sl_plan_parser *p, const char **ret)
{
    static const struct {
        const char *first, *second, *name;
    } comparisons[] = {{"<", "=", "<="}, {"<", ">", "<>"}, {"<", NULL, "<"}, {">", "=", ">="},
                       {">", NULL, ">"}, {"!", "=", "<>"}, {"=", "=", "="},  {"=", NULL, "="}};
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        struct sl_sql_word before = p->word;
        if (sl_plan_accept(p, comparisons[i].first) &&
            (!comparisons[i].second || sl_plan_accept(p, comparisons[i].second))) {
            *ret = comparisons[i].name;
            return true;
        }
        p->word = before;
    }
    return false;
}

/* In HAVING a column is one of the key; a name that no column has may be an alias. */
static bool take_operand(struct sl_plan_parser *p, int64_t *ret)
{
    uint32_t item;
    if (!p->is_having)
        return sl_plan_take_column(p, ret);
    if (sl_plan_is_aggregate(p))
        return sl_plan_take_aggregate(p, ret);
    if (sl_plan_take_column(p, ret))
        return (*ret = sl_plan_place(p, *ret)) > 0;
    if (!sl_plan_take_alias(p, &item))
        return false;
    *ret = p->item[item] < 0 ? p->item[item] : sl_plan_place(p, p->item[item]);
    return *ret != 0;
}

static bool take_in(struct sl_plan_parser *p, int64_t operand, bool is_negated, struct sl_field *ret)
{
    struct sl_field items[CONDITIONS_MAX], constant;
    uint32_t count = 1;
    items[0] = sl_text("or");
    if (!sl_plan_accept(p, "("))
        return false;
    do
        if (count == CONDITIONS_MAX || !take_constant(p, &constant) ||
            !compare(p, operand, "=", constant, &items[count++]))
            return false;
    while (sl_plan_accept(p, ","));
    return sl_plan_accept(p, ")") && make_list(p, items, count, ret) && negate(p, is_negated, ret);
}

static bool take_between(struct sl_plan_parser *p, int64_t operand, bool is_negated, struct sl_field *ret)
{
    struct sl_field items[3] = {sl_text("and")}, low, high;
    return take_constant(p, &low) && sl_plan_accept(p, "and") && take_constant(p, &high) &&
           compare(p, operand, ">=", low, &items[1]) && compare(p, operand, "<=", high, &items[2]) &&
           make_list(p, items, 3, ret) && negate(p, is_negated, ret);
}

static bool take_one(struct sl_plan_parser *p, struct sl_field *ret)
{
    int64_t operand;
    const char *comparison;
    struct sl_field constant;
    if (!take_operand(p, &operand))
        return false;
    if (sl_plan_accept(p, "is")) {
        bool is_negated = sl_plan_accept(p, "not");
        return sl_plan_accept(p, "null") &&
               compare(p, operand, is_negated ? "not null" : "null", sl_nil(), ret);
    }
    bool is_negated = sl_plan_accept(p, "not");
    if (sl_plan_accept(p, "in"))
        return take_in(p, operand, is_negated, ret);
    if (sl_plan_accept(p, "between"))
        return take_between(p, operand, is_negated, ret);
    return !is_negated && take_comparison(p, &comparison) && take_constant(p, &constant) &&
           compare(p, operand, comparison, constant, ret);
}

/* ---- NOT, AND, OR ---- */

static bool take_not(struct sl_plan_parser *p, struct sl_field *ret)
{
    if (p->depth >= DEPTH_MAX)
        return false;
    p->depth++;
    bool is_negated = sl_plan_accept(p, "not"), ok;
    if (is_negated)
        ok = take_not(p, ret) && negate(p, true, ret);
    else if (sl_plan_accept(p, "("))
        ok = sl_plan_take_condition(p, ret) && sl_plan_accept(p, ")");
    else
        ok = take_one(p, ret);
    p->depth--;
    return ok;
}

static bool take_joined(struct sl_plan_parser *p, const char *word,
                        bool (*take)(struct sl_plan_parser *p, struct sl_field *ret), struct sl_field *ret)
{
    struct sl_field items[SL_WIDTH_MAX];
    uint32_t count = 1;
    items[0] = sl_text(word);
    do
        if (count == SL_WIDTH_MAX || !take(p, &items[count++]))
            return false;
    while (sl_plan_accept(p, word));
    *ret = items[1];
    return count == 2 || make_list(p, items, count, ret);
}

static bool take_and(struct sl_plan_parser *p, struct sl_field *ret)
{
    return take_joined(p, "and", take_not, ret);
}

bool sl_plan_take_condition(struct sl_plan_parser *p, struct sl_field *ret)
{
    return take_joined(p, "or", take_and, ret);
}
