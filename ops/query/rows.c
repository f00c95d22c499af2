/* The narrow operators of simple queries: ops/query/query.h. */
#include "ops/narrow/each_row.h"
#include "ops/query/query.h"

#include <string.h>

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

struct row {
    const struct sl_instance *self;
    const struct sl_chunk *in;
    uint32_t row;
};

static int row_operand(void *arg, int64_t number, struct sl_field *ret)
{
    const struct row *row = arg;
    return take_value(row->self, row->in, row->row, number, ret) ? 0 : SL_ENOMEM;
}

/* 1: the row is wanted; 0: not; SL_ENOMEM. */
static int is_wanted(const struct sl_instance *self, unsigned param, const struct sl_chunk *in, uint32_t row)
{
    struct sl_field condition = sl_node_value(self->node, param);
    struct row of = {self, in, row};
    return condition.tag == SL_NIL ? 1 : sl_query_holds(&condition, row_operand, &of);
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

/* ---- sqlShown ---- */

static int shown_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                     uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t columns = (uint32_t)sl_node_integer(self->node, 0, 0);
    for (uint32_t i = 0; i < columns; i++)
        fields[i] = in->column[i][row];
    return sl_builder_add(out, fields, columns, sl_line_of(in, row));
}

static int shown_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_row(self, in, shown_row);
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

struct group {
    const struct sl_field *key, *values;
    bool is_single; /* the key is one column */
};

static int group_operand(void *arg, int64_t item, struct sl_field *ret)
{
    const struct group *group = arg;
    *ret = item < 0 ? group->values[-item - 1] : group->is_single ? *group->key : group->key->items[item - 1];
    return 0;
}

static int group_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                     uint32_t row)
{
    struct sl_field having = sl_node_value(self->node, 1), items = sl_node_value(self->node, 2);
    struct sl_field fields[SL_WIDTH_MAX];
    struct group group = {&in->column[0][row], in->column[1][row].items,
                          sl_node_boolean(self->node, 3, false)};
    int r = having.tag == SL_NIL ? 1 : sl_query_holds(&having, group_operand, &group);
    if (r <= 0)
        return r;
    for (uint32_t i = 0; i < items.len; i++)
        (void)group_operand(&group, items.items[i].integer, &fields[i]); /* always 0 */
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

static int names_of_shown(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                          struct sl_error *err)
{
    return named(node, 1, arena, ret) < 0 ? sl_error_nomem(err) : 0;
}

static int names_of_groups(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                           struct sl_error *err)
{
    return named(node, 4, arena, ret) < 0 ? sl_error_nomem(err) : 0;
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
static const struct sl_narrow shown_narrow = {.state_size = sizeof(struct sl_builder),
                                              .open = sl_builder_open,
                                              .push = shown_push,
                                              .done = sl_builder_close,
                                              .loses_time = true};
static const struct sl_narrow groups_narrow = {.state_size = sizeof(struct sl_builder),
                                               .open = sl_builder_open,
                                               .push = group_push,
                                               .done = sl_builder_close,
                                               .loses_time = true};

#define PARAM_CONDITION(name, summary)                                                                       \
    {                                                                                                        \
        name, SL_WANT_LIST | SL_WANT_NIL, false, summary                                                     \
    }

static const struct sl_param select_params[] = {{"query", SL_WANT_STRING, false, "as it is in the job"},
                                                PARAM_CONDITION("where", "which rows"),
                                                {"columns", SL_WANT_LIST, false, "of the result"},
                                                {"names", SL_WANT_LIST | SL_WANT_NIL, true, "of them"},
                                                {0}};
static const struct sl_param shown_params[] = {{"count", SL_WANT_INTEGER, false, "the first so many columns"},
                                               {"names", SL_WANT_LIST | SL_WANT_NIL, true, "of them"},
                                               {0}};
static const struct sl_param rows_params[] = {PARAM_CONDITION("where", "which rows"),
                                              {"keys", SL_WANT_LIST, false, "columns of the key"},
                                              {"arguments", SL_WANT_LIST, false, "columns of the aggregates"},
                                              {0}};
static const struct sl_param groups_params[] = {
    {"query", SL_WANT_STRING, false, "as it is in the job"},
    PARAM_CONDITION("having", "which groups"),
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
const struct sl_op sl_op_sql_shown = {.name = "sqlShown",
                                      .kind = SL_OP_NARROW,
                                      .family = "whole dataset",
                                      .params = shown_params,
                                      .narrow = &shown_narrow,
                                      .columns = names_of_shown};
