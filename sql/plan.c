#include "sql/plan.h"

#include "sql/plan_internal.h"
#include "sql/sql.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- words ---- */

void sl_plan_advance(struct sl_plan_parser *p)
{
    p->word = sl_sql_next_word(&p->word);
}

bool sl_plan_accept(struct sl_plan_parser *p, const char *text)
{
    bool is_it = sl_sql_word_is(&p->word, text);
    if (is_it)
        sl_plan_advance(p);
    return is_it;
}

static bool is_plain_name(const struct sl_sql_word *word)
{
    char first = word->len ? word->text[0] : 0;
    return first == '_' || (first | 0x20) >= 'a' ? (first | 0x20) <= 'z' || first == '_' : false;
}

/* A name, quoted or not, without its quotes. Doubled quotes in it are none of ours. */
static bool take_name(struct sl_plan_parser *p, struct sl_sql_word *ret)
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
    sl_plan_advance(p);
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

static int64_t find_column(const struct sl_plan_parser *p, const struct sl_sql_word *name)
{
    if (!p->columns)
        return number_of(name);
    for (uint32_t i = 0; i < p->columns->count; i++)
        if (is_same(name, p->columns->column[i].name))
            return i + 1;
    return 0;
}

/* [table.]name */
bool sl_plan_take_column(struct sl_plan_parser *p, int64_t *ret)
{
    struct sl_sql_word before = p->word, name;
    if (is_reserved(&p->word) || !take_name(p, &name))
        return false;
    if (sl_sql_word_is(&p->word, ".")) {
        if (!is_same(&name, p->table))
            return false;
        sl_plan_advance(p);
        if (!take_name(p, &name))
            return false;
    }
    *ret = find_column(p, &name);
    if (!*ret)
        p->word = before;
    return *ret > 0;
}

/* ---- SELECT ---- */

static const char *const functions[] = {"count", "sum", "avg", "min", "max"};

static bool find_function(const struct sl_plan_parser *p, enum sl_plan_function *ret)
{
    struct sl_sql_word following = sl_sql_next_word(&p->word);
    if (!sl_sql_word_is(&following, "("))
        return false;
    for (enum sl_plan_function f = SL_PLAN_COUNT; f <= SL_PLAN_MAX; f++)
        if (sl_sql_word_is(&p->word, functions[f])) {
            *ret = f;
            return true;
        }
    return false;
}

bool sl_plan_is_aggregate(const struct sl_plan_parser *p)
{
    enum sl_plan_function ignored;
    return find_function(p, &ignored);
}

bool sl_plan_take_aggregate(struct sl_plan_parser *p, int64_t *ret)
{
    struct sl_sql_plan *plan = p->plan;
    enum sl_plan_function function;
    int64_t column = 0;
    uint32_t i = 0;
    if (!find_function(p, &function))
        return false;
    sl_plan_advance(p);
    sl_plan_advance(p);
    bool is_star = function == SL_PLAN_COUNT && sl_plan_accept(p, "*");
    if ((!is_star && !sl_plan_take_column(p, &column)) || !sl_plan_accept(p, ")"))
        return false;
    while (i < plan->aggregates && (plan->function[i] != function || p->argument[i] != column))
        i++;
    if (i == SL_WIDTH_MAX)
        return false;
    p->argument[i] = column;
    plan->function[i] = function;
    plan->aggregates += i == plan->aggregates;
    *ret = -(int64_t)i - 1;
    return true;
}

static bool name_item(struct sl_plan_parser *p)
{
    bool is_said = sl_plan_accept(p, "as");
    if (!is_said && (is_reserved(&p->word) || sl_sql_word_is(&p->word, ",") || !p->word.len))
        return true;
    return !is_reserved(&p->word) && take_name(p, &p->alias[p->count]);
}

static bool take_item(struct sl_plan_parser *p)
{
    if (p->count >= SL_WIDTH_MAX)
        return false;
    p->alias[p->count] = (struct sl_sql_word){0};
    bool ok = sl_plan_is_aggregate(p) ? sl_plan_take_aggregate(p, &p->item[p->count])
                                      : sl_plan_take_column(p, &p->item[p->count]);
    if (!ok || !name_item(p))
        return false;
    p->count++;
    return true;
}

static bool take_items(struct sl_plan_parser *p)
{
    if (p->columns && sl_plan_accept(p, "*")) {
        for (; p->count < p->columns->count; p->count++)
            p->item[p->count] = p->count + 1;
        return true;
    }
    do
        if (!take_item(p))
            return false;
    while (sl_plan_accept(p, ","));
    return true;
}

/* ---- GROUP BY ---- */

bool sl_plan_take_ordinal(struct sl_plan_parser *p, uint32_t *ret)
{
    size_t len = strspn(p->word.text, "0123456789");
    int64_t number = len && len == p->word.len && len < 3 ? strtoll(p->word.text, NULL, 10) : 0;
    if (number < 1 || number > p->shown || p->word.text[len] == '.')
        return false;
    *ret = (uint32_t)number - 1;
    sl_plan_advance(p);
    return true;
}

/* SL_WIDTH_MAX: there is none. */
static uint32_t find_alias(const struct sl_plan_parser *p, const struct sl_sql_word *word)
{
    uint32_t i = 0;
    while (i < p->shown &&
           (p->alias[i].len != word->len || strncasecmp(p->alias[i].text, word->text, word->len) != 0))
        i++;
    return word->len && i < p->shown ? i : SL_WIDTH_MAX;
}

bool sl_plan_take_alias(struct sl_plan_parser *p, uint32_t *ret)
{
    struct sl_sql_word before = p->word, name;
    if (!is_reserved(&p->word) && take_name(p, &name) && !sl_sql_word_is(&p->word, ".")) {
        *ret = find_alias(p, &name);
        if (*ret < SL_WIDTH_MAX)
            return true;
    }
    p->word = before;
    return false;
}

/* A column, or an item's number. A name that is an alias, too, may mean that. */
static bool take_key(struct sl_plan_parser *p, int64_t *ret)
{
    struct sl_sql_word before = p->word;
    uint32_t item;
    if (sl_plan_take_alias(p, &item)) {
        p->word = before;
        return false;
    }
    if (sl_plan_take_column(p, ret))
        return true;
    if (!sl_plan_take_ordinal(p, &item))
        return false;
    *ret = p->item[item];
    return *ret > 0;
}

static bool take_group(struct sl_plan_parser *p)
{
    do
        if (p->keys == SL_WIDTH_MAX || !take_key(p, &p->key[p->keys++]))
            return false;
    while (sl_plan_accept(p, ","));
    p->plan->is_grouped = true;
    if (!sl_plan_accept(p, "having"))
        return true;
    p->is_having = true;
    bool ok = sl_plan_take_condition(p, &p->plan->having);
    p->is_having = false;
    return ok;
}

/* The rows of DISTINCT are groups of all that is shown. */
static bool group_all(struct sl_plan_parser *p)
{
    if (p->plan->is_grouped || p->plan->aggregates)
        return false;
    for (uint32_t i = 0; i < p->count; i++)
        if (!sl_plan_place(p, p->item[i]))
            p->key[p->keys++] = p->item[i];
    p->plan->is_grouped = true;
    return true;
}

static bool parse(struct sl_plan_parser *p)
{
    if (!sl_plan_accept(p, "select"))
        return false;
    p->is_distinct = sl_plan_accept(p, "distinct");
    if (!take_items(p) || !sl_plan_accept(p, "from") || !sl_plan_accept(p, p->table))
        return false;
    p->shown = p->count;
    if (sl_plan_accept(p, "where") && !sl_plan_take_condition(p, &p->plan->where))
        return false;
    if (sl_plan_accept(p, "group") && (!sl_plan_accept(p, "by") || !take_group(p)))
        return false;
    if (p->is_distinct && !group_all(p))
        return false;
    if (sl_plan_accept(p, "order") && (!sl_plan_accept(p, "by") || !sl_plan_take_order(p)))
        return false;
    if (sl_plan_accept(p, "limit") && !sl_plan_take_limit(p))
        return false;
    (void)sl_plan_accept(p, ";");
    return !p->word.len && sl_plan_order_ties(p);
}

/* ---- the plan ---- */

static struct sl_field list_of(struct sl_plan_parser *p, const int64_t *numbers, uint32_t count)
{
    struct sl_field *item = sl_arena_alloc(p->arena, (count + 1) * sizeof *item);
    for (uint32_t i = 0; item && i < count; i++)
        item[i] = sl_integer(numbers[i]);
    p->is_out_of_memory |= !item;
    return sl_list(item, item ? count : 0);
}

int64_t sl_plan_place(const struct sl_plan_parser *p, int64_t column)
{
    for (uint32_t k = 0; k < p->keys; k++)
        if (p->key[k] == column)
            return k + 1;
    return 0;
}

/* Columns become their places in the key. False: one is not in it. */
static bool place_items(struct sl_plan_parser *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->item[i] > 0 && !(p->item[i] = sl_plan_place(p, p->item[i])))
            return false;
    return true;
}

static bool finish(struct sl_plan_parser *p)
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
    plan->columns = plan->items = list_of(p, p->item, p->count);
    plan->keys = list_of(p, p->key, p->keys);
    plan->arguments = list_of(p, p->argument, plan->aggregates);
    plan->order = sl_plan_order_list(p);
    plan->shown = p->shown;
    return true;
}

/* Names as SQLite gives them. False: it does not compile, or gives another number of columns. */
static bool take_names(struct sl_plan_parser *p, struct sl_field query)
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
              sl_sql_width(sql) == p->shown;
    struct sl_field *names = ok ? sl_arena_alloc(p->arena, p->shown * sizeof *names) : NULL;
    for (uint32_t i = 0; names && ok && i < p->shown; i++) {
        const char *text = sl_sql_column_name(sql, i);
        char *copy = sl_arena_text(p->arena, text, strlen(text));
        ok = copy != NULL;
        names[i] = sl_text(copy ? copy : "");
    }
    sl_sql_close(sql);
    p->plan->names = sl_list(names, names ? p->shown : 0);
    return ok && names;
}

int sl_sql_plan_make(const struct sl_columns *columns, const char *table, struct sl_field query,
                     struct sl_arena *arena, struct sl_sql_plan *ret, struct sl_error *err)
{
    *ret = (struct sl_sql_plan){.limit = -1};
    char *text = sl_arena_text(arena, (const char *)query.str, query.len);
    struct sl_plan_parser *p = sl_arena_calloc(arena, 1, sizeof *p);
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
