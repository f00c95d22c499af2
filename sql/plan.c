#include "sql/plan.h"

#include "sql/sql.h"
#include "sql/words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONDITIONS_MAX = 64 };

struct parser {
    const struct sl_columns *columns;
    const char *table;
    struct sl_arena *arena;
    struct sl_sql_plan *plan;
    struct sl_sql_word word;                /* the next */
    uint32_t count;                         /* of items */
    int64_t item[SL_WIDTH_MAX];             /* n > 0: column n; -n: aggregate n */
    struct sl_sql_word alias[SL_WIDTH_MAX]; /* len 0: none */
    int64_t argument[SL_WIDTH_MAX];
    uint32_t keys;
    int64_t key[SL_WIDTH_MAX];
    uint32_t conditions;
    struct sl_field condition[CONDITIONS_MAX];
    bool is_out_of_memory;
};

/* ---- words ---- */

static void advance(struct parser *p)
{
    p->word = sl_sql_next_word(&p->word);
}

static bool accept(struct parser *p, const char *text)
{
    bool is_it = sl_sql_word_is(&p->word, text);
    if (is_it)
        advance(p);
    return is_it;
}

static bool is_plain_name(const struct sl_sql_word *word)
{
    char first = word->len ? word->text[0] : 0;
    return first == '_' || (first | 0x20) >= 'a' ? (first | 0x20) <= 'z' || first == '_' : false;
}

/* A name, quoted or not, without its quotes. Doubled quotes in it are none of ours. */
static bool take_name(struct parser *p, struct sl_sql_word *ret)
{
    struct sl_sql_word word = p->word;
    char close = word.len > 2 && word.text[0] == '[' ? ']' : word.len > 2 ? word.text[0] : 0;
    bool is_quoted = close == '"' || close == '`' || close == ']';
    if (is_quoted && word.text[word.len - 1] == close && !memchr(word.text + 1, close, word.len - 2)) {
        word.text++;
        word.len -= 2;
    } else if (!is_plain_name(&word)) {
        return false;
    }
    *ret = word;
    advance(p);
    return true;
}

static bool is_reserved(const struct sl_sql_word *word)
{
    static const char *const words[] = {
        "from",   "where",     "group",  "order", "limit",    "having",  "union",   "as",      "join",
        "and",    "or",        "not",    "case",  "distinct", "all",     "by",      "is",      "window",
        "except", "intersect", "offset", "null",  "in",       "like",    "between", "collate", "on",
        "using",  "cross",     "inner",  "left",  "natural",  "indexed", "glob",    "cast"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sl_sql_word_is(word, words[i]))
            return true;
    return false;
}

/* ---- columns ---- */

static bool is_same(const struct sl_sql_word *word, const char *name)
{
    return strlen(name) == word->len && strncasecmp(name, word->text, word->len) == 0;
}

/* "_12", where the columns have no names. */
static int64_t number_of(const struct sl_sql_word *word)
{
    int64_t number = 0;
    for (size_t i = 1; i < word->len && i < 4; i++)
        number = word->text[i] >= '0' && word->text[i] <= '9' ? number * 10 + word->text[i] - '0'
                                                              : SL_WIDTH_MAX + 1;
    bool is_one = word->len >= 2 && word->len <= 3 && word->text[0] == '_' && word->text[1] != '0';
    return is_one && number >= 1 && number <= SL_WIDTH_MAX ? number : 0;
}

static int64_t find_column(const struct parser *p, const struct sl_sql_word *name)
{
    if (!p->columns)
        return number_of(name);
    for (uint32_t i = 0; i < p->columns->count; i++)
        if (is_same(name, p->columns->column[i].name))
            return i + 1;
    return 0;
}

/* [table.]name */
static bool take_column(struct parser *p, int64_t *ret)
{
    struct sl_sql_word before = p->word, name;
    if (is_reserved(&p->word) || !take_name(p, &name))
        return false;
    if (sl_sql_word_is(&p->word, ".")) {
        if (!is_same(&name, p->table))
            return false;
        advance(p);
        if (!take_name(p, &name))
            return false;
    }
    *ret = find_column(p, &name);
    if (!*ret)
        p->word = before;
    return *ret > 0;
}

/* ---- SELECT ---- */

static bool take_function(struct parser *p, enum sl_plan_function *ret)
{
    static const char *const names[] = {"count", "sum", "avg", "min", "max"};
    struct sl_sql_word following = sl_sql_next_word(&p->word);
    if (!sl_sql_word_is(&following, "("))
        return false;
    for (enum sl_plan_function f = SL_PLAN_COUNT; f <= SL_PLAN_MAX; f++)
        if (sl_sql_word_is(&p->word, names[f])) {
            *ret = f;
            advance(p);
            advance(p);
            return true;
        }
    return false;
}

static bool take_aggregate(struct parser *p, enum sl_plan_function function)
{
    struct sl_sql_plan *plan = p->plan;
    int64_t column = 0;
    bool is_star = function == SL_PLAN_COUNT && accept(p, "*");
    if ((!is_star && !take_column(p, &column)) || !accept(p, ")") || plan->aggregates >= SL_WIDTH_MAX)
        return false;
    p->argument[plan->aggregates] = column;
    plan->function[plan->aggregates++] = function;
    p->item[p->count] = -(int64_t)plan->aggregates;
    return true;
}

static bool take_alias(struct parser *p)
{
    bool is_said = accept(p, "as");
    if (!is_said && (is_reserved(&p->word) || sl_sql_word_is(&p->word, ",") || !p->word.len))
        return true;
    return !is_reserved(&p->word) && take_name(p, &p->alias[p->count]);
}

static bool take_item(struct parser *p)
{
    enum sl_plan_function function;
    if (p->count >= SL_WIDTH_MAX)
        return false;
    p->alias[p->count] = (struct sl_sql_word){0};
    bool ok = take_function(p, &function) ? take_aggregate(p, function) : take_column(p, &p->item[p->count]);
    if (!ok || !take_alias(p))
        return false;
    p->count++;
    return true;
}

static bool take_items(struct parser *p)
{
    if (p->columns && accept(p, "*")) {
        for (; p->count < p->columns->count; p->count++)
            p->item[p->count] = p->count + 1;
        return true;
    }
    do
        if (!take_item(p))
            return false;
    while (accept(p, ","));
    return true;
}

/* ---- WHERE ---- */

static bool take_text(struct parser *p, struct sl_field *ret)
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
    advance(p);
    return true;
}

/* Words are letters and digits: 1.5 is three of them, in a row. */
static bool take_number(struct parser *p, struct sl_field *ret)
{
    const char *from = p->word.text;
    size_t len = strspn(from, "0123456789");
    char text[64];
    if (len == p->word.len && from[len] != '.' && len < 19) {
        *ret = sl_integer(strtoll(from, NULL, 10));
        advance(p);
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
        advance(p);
    return true;
}

static bool take_literal(struct parser *p, struct sl_field *ret)
{
    if (p->word.len > 1 && p->word.text[0] == '\'')
        return take_text(p, ret);
    bool is_negative = accept(p, "-");
    if (!p->word.len || p->word.text[0] < '0' || p->word.text[0] > '9' || !take_number(p, ret))
        return false;
    if (is_negative && ret->tag == SL_INT)
        ret->integer = -ret->integer;
    else if (is_negative)
        ret->number = -ret->number;
    return true;
}

static bool take_comparison(struct parser *p, const char **ret)
{
    static const struct {
        const char *first, *second, *name;
    } comparisons[] = {{"<", "=", "<="}, {"<", ">", "<>"}, {"<", NULL, "<"}, {">", "=", ">="},
                       {">", NULL, ">"}, {"!", "=", "<>"}, {"=", "=", "="},  {"=", NULL, "="}};
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        struct sl_sql_word before = p->word;
        if (accept(p, comparisons[i].first) && (!comparisons[i].second || accept(p, comparisons[i].second))) {
            *ret = comparisons[i].name;
            return true;
        }
        p->word = before;
    }
    return false;
}

static bool add_condition(struct parser *p, int64_t column, const char *comparison, struct sl_field literal)
{
    struct sl_field *field = sl_arena_alloc(p->arena, 3 * sizeof *field);
    p->is_out_of_memory |= !field;
    if (!field || p->conditions == CONDITIONS_MAX)
        return false;
    field[0] = sl_integer(column);
    field[1] = sl_text(comparison);
    field[2] = literal;
    p->condition[p->conditions++] = sl_list(field, 3);
    return true;
}

static bool take_condition(struct parser *p)
{
    int64_t column;
    const char *comparison;
    struct sl_field literal;
    if (!take_column(p, &column))
        return false;
    if (accept(p, "is")) {
        bool is_negated = accept(p, "not");
        return accept(p, "null") && add_condition(p, column, is_negated ? "not null" : "null", sl_nil());
    }
    return take_comparison(p, &comparison) && take_literal(p, &literal) &&
           add_condition(p, column, comparison, literal);
}

static bool take_where(struct parser *p)
{
    do
        if (!take_condition(p))
            return false;
    while (accept(p, "and"));
    return true;
}

/* ---- GROUP BY ---- */

/* The number of an item, which must be a column. */
static bool take_ordinal(struct parser *p, int64_t *ret)
{
    size_t len = strspn(p->word.text, "0123456789");
    int64_t number = len && len == p->word.len && len < 3 ? strtoll(p->word.text, NULL, 10) : 0;
    if (number < 1 || number > p->count || p->item[number - 1] < 1 || p->word.text[len] == '.')
        return false;
    *ret = p->item[number - 1];
    advance(p);
    return true;
}

/* A name that is an alias, too, may mean that. */
static bool is_alias(const struct parser *p, const struct sl_sql_word *word)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->alias[i].len == word->len && strncasecmp(p->alias[i].text, word->text, word->len) == 0)
            return true;
    return false;
}

static bool take_group(struct parser *p)
{
    do {
        bool is_unclear = is_alias(p, &p->word);
        if (is_unclear || p->keys == SL_WIDTH_MAX ||
            (!take_column(p, &p->key[p->keys]) && !take_ordinal(p, &p->key[p->keys])))
            return false;
        p->keys++;
    } while (accept(p, ","));
    p->plan->is_grouped = true;
    return true;
}

static bool parse(struct parser *p)
{
    if (!accept(p, "select") || !take_items(p) || !accept(p, "from") || !accept(p, p->table))
        return false;
    if (accept(p, "where") && !take_where(p))
        return false;
    if (accept(p, "group") && (!accept(p, "by") || !take_group(p)))
        return false;
    (void)accept(p, ";");
    return !p->word.len;
}

/* ---- the plan ---- */

static struct sl_field list_of(struct parser *p, const int64_t *numbers, uint32_t count)
{
    struct sl_field *item = sl_arena_alloc(p->arena, (count + 1) * sizeof *item);
    for (uint32_t i = 0; item && i < count; i++)
        item[i] = sl_integer(numbers[i]);
    p->is_out_of_memory |= !item;
    return sl_list(item, item ? count : 0);
}

/* Columns become their places in the key. False: one is not in it. */
static bool place_items(struct parser *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t k = 0;
        while (p->item[i] > 0 && k < p->keys && p->key[k] != p->item[i])
            k++;
        if (p->item[i] > 0 && k == p->keys)
            return false;
        p->item[i] = p->item[i] > 0 ? k + 1 : p->item[i];
    }
    return true;
}

static bool finish(struct parser *p)
{
    struct sl_sql_plan *plan = p->plan;
    if (!plan->is_grouped && plan->aggregates)
        return false;
    if (plan->is_grouped && !place_items(p))
        return false;
    if (plan->is_grouped && !plan->aggregates) { /* groups alone: what is counted is not shown */
        p->argument[0] = 0;
        plan->function[plan->aggregates++] = SL_PLAN_COUNT;
    }
    struct sl_field *conditions = sl_arena_alloc(p->arena, (p->conditions + 1) * sizeof *conditions);
    p->is_out_of_memory |= !conditions;
    if (conditions)
        memcpy(conditions, p->condition, p->conditions * sizeof *conditions);
    plan->conditions = sl_list(conditions, conditions ? p->conditions : 0);
    plan->columns = plan->items = list_of(p, p->item, p->count);
    plan->keys = list_of(p, p->key, p->keys);
    plan->arguments = list_of(p, p->argument, plan->aggregates);
    return true;
}

/* Names as SQLite gives them. False: it does not compile, or gives another number of columns. */
static bool take_names(struct parser *p, struct sl_field query)
{
    const struct sl_sql_options options = {.repeatable = true};
    const char *name[SL_WIDTH_MAX];
    struct sl_sql_table table = {.name = p->table, .columns = p->columns ? p->columns->count : 0};
    struct sl_error ignored;
    struct sl_sql *sql;
    for (uint32_t i = 0; i < table.columns; i++)
        name[i] = p->columns->column[i].name;
    table.names = table.columns ? name : NULL;
    if (sl_sql_open(&options, &sql, &ignored) < 0)
        return false;
    bool ok = sl_sql_add(sql, &table, &ignored) == 0 &&
              sl_sql_prepare(sql, (const char *)query.str, query.len, &ignored) == 0 &&
              sl_sql_width(sql) == p->count;
    struct sl_field *names = ok ? sl_arena_alloc(p->arena, p->count * sizeof *names) : NULL;
    for (uint32_t i = 0; names && ok && i < p->count; i++) {
        const char *text = sl_sql_column_name(sql, i);
        char *copy = sl_arena_text(p->arena, text, strlen(text));
        ok = copy != NULL;
        names[i] = sl_text(copy ? copy : "");
    }
    sl_sql_close(sql);
    p->plan->names = sl_list(names, names ? p->count : 0);
    return ok && names;
}

int sl_sql_plan_make(const struct sl_columns *columns, const char *table, struct sl_field query,
                     struct sl_arena *arena, struct sl_sql_plan *ret, struct sl_error *err)
{
    *ret = (struct sl_sql_plan){0};
    char *text = sl_arena_text(arena, (const char *)query.str, query.len);
    struct parser *p = sl_arena_calloc(arena, 1, sizeof *p);
    if (!text || !p)
        return sl_error_nomem(err);
    p->columns = columns;
    p->table = table;
    p->arena = arena;
    p->plan = ret;
    p->word = sl_sql_first_word(text);
    bool is_simple = strlen(text) == query.len && parse(p) && finish(p) && take_names(p, query);
    if (p->is_out_of_memory)
        return sl_error_nomem(err);
    ret->is_native = is_simple;
    return 0;
}
