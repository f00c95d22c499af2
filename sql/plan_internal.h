/* What the parts of sql/plan.c share: the parser of one query. */
#pragma once

#include "sql/plan.h"
#include "sql/words.h"

struct sl_plan_order {
    int64_t item; /* as in items */
    bool descending, nulls_last;
};

struct sl_plan_parser {
    const struct sl_columns *columns;
    const char *table;
    struct sl_arena *arena;
    struct sl_sql_plan *plan;
    struct sl_sql_word word;                /* the next */
    uint32_t count, shown;                  /* of items: all; those of the result, which are first */
    int64_t item[SL_WIDTH_MAX];             /* n > 0: column n; -n: aggregate n */
    struct sl_sql_word alias[SL_WIDTH_MAX]; /* len 0: none */
    int64_t argument[SL_WIDTH_MAX];
    bool is_distinct;
    uint32_t keys;
    int64_t key[SL_WIDTH_MAX];
    uint32_t orders;
    struct sl_plan_order order[SL_WIDTH_MAX];
    bool is_having; /* operands are places in the key and aggregates */
    unsigned depth, conditions;
    bool is_out_of_memory;
};

/* Those that return bool take what follows in the query; false: it is nothing of ours, and the plan is given up. */
void sl_plan_advance(struct sl_plan_parser *p);
bool sl_plan_accept(struct sl_plan_parser *p, const char *text);
/* [table.]name; where it is none, nothing is taken. */
bool sl_plan_take_column(struct sl_plan_parser *p, int64_t *ret);
/* "count(*)", "sum(column)" ...: *ret is its number, negative. What is there already gets no second one. */
bool sl_plan_take_aggregate(struct sl_plan_parser *p, int64_t *ret);
bool sl_plan_is_aggregate(const struct sl_plan_parser *p);
/* An item by its alias, where the next word alone is one. */
bool sl_plan_take_alias(struct sl_plan_parser *p, uint32_t *ret);
/* A number from 1 to the number of items shown. */
bool sl_plan_take_ordinal(struct sl_plan_parser *p, uint32_t *ret);
/* The place of a column in the key, from 1; 0: it is not there. */
int64_t sl_plan_place(const struct sl_plan_parser *p, int64_t column);

/* sql/plan_condition.c: comparisons with constants, joined by AND, OR and NOT. */
bool sl_plan_take_condition(struct sl_plan_parser *p, struct sl_field *ret);

/* sql/plan_order.c */
bool sl_plan_take_order(struct sl_plan_parser *p);
bool sl_plan_take_limit(struct sl_plan_parser *p);
/* After ORDER BY: of equal rows groups are in the order in which SQLite makes them. False: the rows of DISTINCT would be in
 * no order that is known. */
bool sl_plan_order_ties(struct sl_plan_parser *p);
struct sl_field sl_plan_order_list(struct sl_plan_parser *p);
