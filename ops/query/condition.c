/* Conditions of simple queries, with SQL's three truth values: what is compared with NULL is neither true nor false. */
#include "core/base/error.h"
#include "ops/query/query.h"

#include <string.h>

enum comparison { EQUAL, UNEQUAL, LESS, AT_MOST, GREATER, AT_LEAST, IS_NULL, IS_NOT_NULL };

enum truth { FALSE, UNKNOWN, TRUE };

static bool is_word(const struct sl_field *word, const char *text)
{
    return strlen(text) == word->len && memcmp(text, word->str, word->len) == 0;
}

static enum comparison comparison_of(const struct sl_field *name)
{
    static const char *const names[] = {"=", "<>", "<", "<=", ">", ">=", "null", "not null"};
    for (enum comparison c = EQUAL; c <= IS_NOT_NULL; c++)
        if (is_word(name, names[c]))
            return c;
    sl_assert(!"the plan knows no such comparison");
}

static bool holds(enum comparison comparison, int order)
{
    switch (comparison) {
    case EQUAL:
        return order == 0;
    case UNEQUAL:
        return order != 0;
    case LESS:
        return order < 0;
    case AT_MOST:
        return order <= 0;
    case GREATER:
        return order > 0;
    case AT_LEAST:
        return order >= 0;
    case IS_NULL:
    case IS_NOT_NULL:
        break;
    }
    return false;
}

static enum truth compare(enum comparison comparison, const struct sl_field *value,
                          const struct sl_field *constant)
{
    if (comparison >= IS_NULL)
        return (value->tag == SL_NIL) == (comparison == IS_NULL) ? TRUE : FALSE;
    if (value->tag == SL_NIL || constant->tag == SL_NIL)
        return UNKNOWN;
    return holds(comparison, sl_query_compare(value, constant)) ? TRUE : FALSE;
}

/* The depth is bounded where conditions are made (sql/plan_condition.c). An enum truth, or what an operand failed with. */
static int truth_of(const struct sl_field *condition, sl_query_operand *operand, void *arg)
{
    const struct sl_field *items = condition->items;
    struct sl_field value;
    if (items[0].tag == SL_INT) {
        int r = operand(arg, items[0].integer, &value);
        return r < 0 ? r : (int)compare(comparison_of(&items[1]), &value, &items[2]);
    }
    if (is_word(&items[0], "not")) {
        int truth = truth_of(&items[1], operand, arg);
        return truth < 0 ? truth : TRUE - truth;
    }
    bool is_or = is_word(&items[0], "or");
    int truth = is_or ? FALSE : TRUE, end = TRUE - truth;
    for (uint32_t i = 1; i < condition->len && truth != end; i++) {
        int next = truth_of(&items[i], operand, arg);
        if (next < 0)
            return next;
        truth = (is_or ? next > truth : next < truth) ? next : truth;
    }
    return truth;
}

int sl_query_holds(const struct sl_field *condition, sl_query_operand *operand, void *arg)
{
    int truth = truth_of(condition, operand, arg);
    return truth < 0 ? truth : truth == TRUE;
}
