/* The narrow operators of simple queries: ops/query/query.h. */
#include "ops/narrow/each_row.h"
#include "ops/query/query.h"

#include <string.h>

enum { CONDITION_FIELDS = 3 };

enum comparison { EQUAL, UNEQUAL, LESS, AT_MOST, GREATER, AT_LEAST, IS_NULL, IS_NOT_NULL };

static enum comparison comparison_of(const struct sl_field *name)
{
    static const char *const names[] = {"=", "<>", "<", "<=", ">", ">=", "null", "not null"};
    for (enum comparison c = EQUAL; c <= IS_NOT_NULL; c++)
        if (strlen(names[c]) == name->len && memcmp(names[c], name->str, name->len) == 0)
            return c;
    sl_assert(!"the plan knows no such comparison");
}

/* Column `number` of the row as SQLite sees it; what is not there is NULL. 0: of no column, what count(*) counts. */
static bool take_value(const struct sl_instance *self, const struct sl_chunk *in, uint32_t row,
                       int64_t number, struct sl_field *ret)
{
    if (number < 1 || number > in->width) {
        *ret = number ? sl_nil() : sl_integer(1);
        return true;
    }
    return sl_query_value(&in->column[number - 1][row], self->task->scratch, ret);
}

static bool holds(enum comparison comparison, const struct sl_field *value, const struct sl_field *literal)
{
    if (comparison >= IS_NULL)
        return (value->tag == SL_NIL) == (comparison == IS_NULL);
    if (value->tag == SL_NIL || literal->tag == SL_NIL)
        return false;
    int order = sl_query_compare(value, literal);
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

/* 1: the row is wanted; 0: not; SL_ENOMEM. */
static int is_wanted(const struct sl_instance *self, unsigned param, const struct sl_chunk *in, uint32_t row)
{
    struct sl_field conditions = sl_node_value(self->node, param), value;
    for (uint32_t i = 0; i < conditions.len; i++) {
        const struct sl_field *condition = conditions.items[i].items;
        if (!take_value(self, in, row, condition[0].integer, &value))
            return SL_ENOMEM;
        if (!holds(comparison_of(&condition[1]), &value, &condition[2]))
            return 0;
    }
    return 1;
}

/* One column is itself, several are a list in scratch memory. */
static int take_columns(const struct sl_instance *self, unsigned param, const struct sl_chunk *in,
                        uint32_t row, struct sl_field *ret)
{
    struct sl_field columns = sl_node_value(self->node, param);
    if (columns.len == 1)
        return take_value(self, in, row, columns.items[0].integer, ret) ? 0 : SL_ENOMEM;
    struct sl_field *item = sl_arena_alloc(self->task->scratch, columns.len * sizeof *item);
    for (uint32_t i = 0; item && i < columns.len; i++)
        if (!take_value(self, in, row, columns.items[i].integer, &item[i]))
            return SL_ENOMEM;
    *ret = sl_list(item, columns.len);
    return item ? 0 : SL_ENOMEM;
}

/* ---- sqlSelect ---- */

static int select_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                      uint32_t row)
{
    struct sl_field columns = sl_node_value(self->node, 2), fields[SL_WIDTH_MAX];
    int r = is_wanted(self, 1, in, row);
    if (r <= 0)
        return r;
    for (uint32_t i = 0; i < columns.len; i++)
        if (!take_value(self, in, row, columns.items[i].integer, &fields[i]))
            return SL_ENOMEM;
    return sl_builder_add(out, fields, columns.len, sl_line_of(in, row));
}

static int select_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_row(self, in, select_row);
}

/* ---- sqlRows ---- */

static int pair_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in, uint32_t row)
{
    struct sl_field fields[2];
    int r = is_wanted(self, 0, in, row);
    if (r <= 0)
        return r;
    r = take_columns(self, 1, in, row, &fields[0]);
    r = r < 0 ? r : take_columns(self, 2, in, row, &fields[1]);
    return r < 0 ? r : sl_builder_add(out, fields, 2, sl_line_of(in, row));
}

static int pair_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_row(self, in, pair_row);
}

/* ---- sqlGroups ---- */

static int group_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                     uint32_t row)
{
    struct sl_field items = sl_node_value(self->node, 1), fields[SL_WIDTH_MAX];
    bool is_single = sl_node_boolean(self->node, 2, false);
    const struct sl_field *key = &in->column[0][row], *values = in->column[1][row].items;
    for (uint32_t i = 0; i < items.len; i++) {
        int64_t item = items.items[i].integer;
        fields[i] = item < 0 ? values[-item - 1] : is_single ? *key : key->items[item - 1];
    }
    return sl_builder_add(out, fields, items.len, sl_line_of(in, row));
}

static int group_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_row(self, in, group_row);
}

/* ---- the descriptors ---- */

static int named(const struct sl_node *node, unsigned param, struct sl_arena *arena,
                 const struct sl_columns **ret)
{
    struct sl_field names = sl_node_value(node, param);
    struct sl_error ignored;
    int r = names.tag == SL_LIST ? sl_columns_named(arena, &names, ret, &ignored) : 0;
    return r == SL_ENOMEM ? r : 0; /* names that columns may not have are none */
}

static int names_of_select(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                           struct sl_error *err)
{
    return named(node, 3, arena, ret) < 0 ? sl_error_nomem(err) : 0;
}

static int names_of_groups(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                           struct sl_error *err)
{
    return named(node, 3, arena, ret) < 0 ? sl_error_nomem(err) : 0;
}

static const struct sl_narrow select_narrow = {.state_size = sizeof(struct sl_builder),
                                               .open = sl_builder_open,
                                               .push = select_push,
                                               .done = sl_builder_close,
                                               .loses_time = true};
static const struct sl_narrow rows_narrow = {.state_size = sizeof(struct sl_builder),
                                             .open = sl_builder_open,
                                             .push = pair_push,
                                             .done = sl_builder_close,
                                             .loses_time = true};
static const struct sl_narrow groups_narrow = {.state_size = sizeof(struct sl_builder),
                                               .open = sl_builder_open,
                                               .push = group_push,
                                               .done = sl_builder_close,
                                               .loses_time = true};

static const struct sl_param select_params[] = {{"query", SL_WANT_STRING, false, "as it is in the job"},
                                                {"conditions", SL_WANT_LIST, false, "all of which hold"},
                                                {"columns", SL_WANT_LIST, false, "of the result"},
                                                {"names", SL_WANT_LIST | SL_WANT_NIL, true, "of them"},
                                                {0}};
static const struct sl_param rows_params[] = {{"conditions", SL_WANT_LIST, false, "all of which hold"},
                                              {"keys", SL_WANT_LIST, false, "columns of the key"},
                                              {"arguments", SL_WANT_LIST, false, "columns of the aggregates"},
                                              {0}};
static const struct sl_param groups_params[] = {
    {"query", SL_WANT_STRING, false, "as it is in the job"},
    {"items", SL_WANT_LIST, false, "columns of the key, and aggregates"},
    {"single", SL_WANT_BOOLEAN, false, "the key is one column"},
    {"names", SL_WANT_LIST | SL_WANT_NIL, true, "of the result's columns"},
    {0}};

const struct sl_op sl_op_sql_select = {.name = "sql",
                                       .kind = SL_OP_NARROW,
                                       .family = "whole dataset",
                                       .params = select_params,
                                       .narrow = &select_narrow,
                                       .columns = names_of_select,
                                       .note = "native"};
const struct sl_op sl_op_sql_rows = {.name = "sqlRows",
                                     .kind = SL_OP_NARROW,
                                     .family = "whole dataset",
                                     .params = rows_params,
                                     .narrow = &rows_narrow};
const struct sl_op sl_op_sql_groups = {.name = "sql",
                                       .kind = SL_OP_NARROW,
                                       .family = "whole dataset",
                                       .params = groups_params,
                                       .narrow = &groups_narrow,
                                       .columns = names_of_groups,
                                       .note = "native"};
