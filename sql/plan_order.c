/* ORDER BY and LIMIT. Rows that are equal in all terms stay in the order in which SQLite would sort them: of a stream that of
 * the input, of groups that of their keys; and where ORDER BY has as many terms as GROUP BY, SQLite makes groups in the
 * directions of these. */
#include "sql/plan_internal.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT_DIGITS = 9 };

/* An item that is there, or a new one, which is not shown. */
static bool find_item(struct sl_plan_parser *p, int64_t item, uint32_t *ret)
{
    uint32_t i = 0;
    while (i < p->count && p->item[i] != item)
        i++;
    if (i == SL_WIDTH_MAX)
        return false;
    p->item[i] = item;
    p->count += i == p->count;
    *ret = i;
    return true;
}

static bool take_value(struct sl_plan_parser *p, uint32_t *ret)
{
    int64_t item;
    if (sl_plan_take_alias(p, ret) || sl_plan_take_ordinal(p, ret))
        return true;
    if (p->plan->is_grouped && !p->is_distinct && sl_plan_is_aggregate(p))
        return sl_plan_take_aggregate(p, &item) && find_item(p, item, ret);
    return sl_plan_take_column(p, &item) && find_item(p, item, ret);
}

static bool take_nulls(struct sl_plan_parser *p, struct sl_plan_order *order)
{
    if (!sl_plan_accept(p, "nulls"))
        return true;
    order->nulls_last = sl_plan_accept(p, "last");
    return order->nulls_last || sl_plan_accept(p, "first");
}

static bool take_term(struct sl_plan_parser *p)
{
    struct sl_plan_order *order = &p->order[p->orders];
    uint32_t item;
    if (p->orders == SL_WIDTH_MAX || !take_value(p, &item))
        return false;
    order->item = item;
    order->descending = sl_plan_accept(p, "desc");
    if (!order->descending)
        (void)sl_plan_accept(p, "asc"); /* which is what it is without */
    order->nulls_last = order->descending;
    p->orders++;
    return take_nulls(p, order);
}

bool sl_plan_take_order(struct sl_plan_parser *p)
{
    do
        if (!take_term(p))
            return false;
    while (sl_plan_accept(p, ","));
    return true;
}

bool sl_plan_take_limit(struct sl_plan_parser *p)
{
    size_t len = strspn(p->word.text, "0123456789");
    if (!len || len != p->word.len || len > LIMIT_DIGITS || p->word.text[len] == '.')
        return false;
    p->plan->limit = strtoll(p->word.text, NULL, 10);
    sl_plan_advance(p);
    return true;
}

/* ---- what is equal ---- */

static bool has_term(const struct sl_plan_parser *p, int64_t item)
{
    for (uint32_t i = 0; i < p->orders; i++)
        if (p->item[p->order[i].item] == item)
            return true;
    return false;
}

static bool is_total(const struct sl_plan_parser *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (!has_term(p, p->item[i]))
            return false;
    return true;
}

static bool add_keys(struct sl_plan_parser *p)
{
    uint32_t terms = p->orders, item;
    for (uint32_t k = 0; k < p->keys; k++) {
        bool descending = terms == p->keys && p->order[k].descending;
        if (has_term(p, p->key[k]))
            continue;
        if (p->orders == SL_WIDTH_MAX || !find_item(p, p->key[k], &item))
            return false;
        p->order[p->orders++] = (struct sl_plan_order){item, descending, descending};
    }
    return true;
}

bool sl_plan_order_ties(struct sl_plan_parser *p)
{
    bool is_unlike = false; /* the groups come in another order than ours */
    if (!p->plan->is_grouped)
        return true;
    if (p->is_distinct)
        return p->orders ? is_total(p) : p->plan->limit < 0;
    for (uint32_t i = 0; i < p->orders && p->orders == p->keys; i++)
        is_unlike |= p->order[i].descending;
    return !is_unlike || add_keys(p);
}

/* {item, "asc" or "desc", "first" or "last"} of each. */
struct sl_field sl_plan_order_list(struct sl_plan_parser *p)
{
    enum { FIELDS = 3 };
    struct sl_field *list = sl_arena_alloc(p->arena, (p->orders + 1) * sizeof *list);
    for (uint32_t i = 0; list && i < p->orders; i++) {
        struct sl_field *term = sl_arena_alloc(p->arena, FIELDS * sizeof *term);
        p->is_out_of_memory |= !term;
        if (!term)
            return sl_nil();
        term[0] = sl_integer(p->order[i].item + 1);
        term[1] = sl_text(p->order[i].descending ? "desc" : "asc");
        term[2] = sl_text(p->order[i].nulls_last ? "last" : "first");
        list[i] = sl_list(term, FIELDS);
    }
    p->is_out_of_memory |= !list;
    return sl_list(list, list ? p->orders : 0);
}
