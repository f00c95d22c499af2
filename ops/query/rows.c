/* The narrow operators of simple queries: ops/query/query.h. They work on columns: those whose values are SQLite's as they are
 * are passed on, without a copy. */
#include "ops/query/query.h"

#include <math.h>

/* ---- columns ---- */

static bool is_plain(const struct sl_field *field)
{
    return field->tag == SL_NIL || field->tag == SL_INT || field->tag == SL_STR ||
           (field->tag == SL_FLOAT && !isnan(field->number));
}

static bool are_plain(const struct sl_field *column, uint32_t rows)
{
    uint32_t row = 0;
    while (row < rows && is_plain(&column[row]))
        row++;
    return row == rows;
}

/* Value `number` of the row as SQLite sees it; what is not there is NULL. 0: of no column, what count(*) counts. */
static bool take_value(struct sl_task *task, const struct sl_chunk *in, uint32_t row, int64_t number,
                       struct sl_field *ret)
{
    if (number < 1 || number > in->width) {
        *ret = number ? sl_nil() : sl_integer(1);
        return true;
    }
    return sl_query_value(&in->column[number - 1][row], task->scratch, ret);
}

/* NULL: out of memory. */
static const struct sl_field *take_column(struct sl_task *task, const struct sl_chunk *in, int64_t number)
{
    if (number >= 1 && number <= in->width && are_plain(in->column[number - 1], in->rows))
        return in->column[number - 1];
    struct sl_field *column = sl_arena_alloc(task->scratch, in->rows * sizeof *column);
    for (uint32_t row = 0; column && row < in->rows; row++)
        if (!take_value(task, in, row, number, &column[row]))
            return NULL;
    return column;
}

/* A column of lists, the rows of several columns. */
static const struct sl_field *list_columns(struct sl_task *task, const struct sl_chunk *in,
                                           const struct sl_field *numbers)
{
    uint32_t width = numbers->len;
    struct sl_field *lists = sl_arena_alloc(task->scratch, in->rows * sizeof *lists);
    struct sl_field *item = sl_arena_alloc(task->scratch, (size_t)in->rows * width * sizeof *item);
    if (!lists || !item)
        return NULL;
    for (uint32_t i = 0; i < width; i++) {
        const struct sl_field *column = take_column(task, in, numbers->items[i].integer);
        if (!column)
            return NULL;
        for (uint32_t row = 0; row < in->rows; row++)
            item[(size_t)row * width + i] = column[row];
    }
    for (uint32_t row = 0; row < in->rows; row++)
        lists[row] = sl_list(item + (size_t)row * width, width);
    return lists;
}

/* One column is itself. */
static const struct sl_field *take_columns(struct sl_task *task, const struct sl_chunk *in,
                                           const struct sl_field *numbers)
{
    return numbers->len == 1 ? take_column(task, in, numbers->items[0].integer)
                             : list_columns(task, in, numbers);
}

/* ---- conditions ---- */

/* Of a row, or of a group. */
struct candidate {
    struct sl_task *task;
    const struct sl_chunk *in;
    uint32_t row;
    bool is_single; /* a group whose key is one column */
};

static int row_operand(void *arg, int64_t number, struct sl_field *ret)
{
    const struct candidate *row = arg;
    return take_value(row->task, row->in, row->row, number, ret) ? 0 : SL_ENOMEM;
}

static int group_operand(void *arg, int64_t item, struct sl_field *ret)
{
    const struct candidate *group = arg;
    const struct sl_field *key = &group->in->column[0][group->row],
                          *values = group->in->column[1][group->row].items;
    *ret = item < 0 ? values[-item - 1] : group->is_single ? *key : key->items[item - 1];
    return 0;
}

/* The rows for which the condition holds: *ret is `in`, or *kept, which has them. */
static int keep_rows(const struct sl_field *condition, sl_query_operand *operand, struct candidate *candidate,
                     struct sl_chunk *kept, const struct sl_chunk **ret)
{
    const struct sl_chunk *in = candidate->in;
    uint16_t rows[SL_CHUNK_ROWS];
    uint32_t count = 0;
    *ret = in;
    if (condition->tag == SL_NIL)
        return 0;
    for (uint32_t row = 0; row < in->rows; row++) {
        candidate->row = row;
        int r = sl_query_holds(condition, operand, candidate);
        if (r < 0)
            return r;
        if (r)
            rows[count++] = (uint16_t)row;
    }
    if (count == in->rows)
        return 0;
    *kept = (struct sl_chunk){.width = in->width};
    *ret = kept;
    return !count || sl_chunk_gather(candidate->task->scratch, in, rows, count, kept) ? 0 : SL_ENOMEM;
}

static int keep_wanted(const struct sl_instance *self, unsigned param, const struct sl_chunk *in,
                       struct sl_chunk *kept, const struct sl_chunk **ret)
{
    struct sl_field where = sl_node_value(self->node, param);
    struct candidate candidate = {.task = self->task, .in = in};
    return keep_rows(&where, row_operand, &candidate, kept, ret);
}

/* ---- sqlSelect ---- */

static int select_push(struct sl_instance *self, const struct sl_chunk *all)
{
    struct sl_field columns = sl_node_value(self->node, 2);
    const struct sl_chunk *in;
    struct sl_chunk kept;
    int r = keep_wanted(self, 1, all, &kept, &in);
    if (r < 0 || !in->rows)
        return r;
    struct sl_chunk out = {.rows = in->rows, .width = columns.len, .origin = in->origin, .line = in->line};
    for (uint32_t i = 0; i < columns.len; i++)
        if (!(out.column[i] = take_column(self->task, in, columns.items[i].integer)))
            return SL_ENOMEM;
    return sl_push(self->out, &out);
}

/* ---- sqlShown ---- */

static int shown_push(struct sl_instance *self, const struct sl_chunk *in)
{
    struct sl_chunk out = *in;
    out.width = (uint32_t)sl_node_integer(self->node, 0, 0);
    out.time = NULL;
    return sl_push(self->out, &out);
}

/* ---- sqlRows ---- */

static int pair_push(struct sl_instance *self, const struct sl_chunk *all)
{
    struct sl_field keys = sl_node_value(self->node, 1), arguments = sl_node_value(self->node, 2);
    const struct sl_chunk *in;
    struct sl_chunk kept;
    int r = keep_wanted(self, 0, all, &kept, &in);
    if (r < 0 || !in->rows)
        return r;
    struct sl_chunk out = {.rows = in->rows, .width = 2, .origin = in->origin, .line = in->line};
    out.column[0] = take_columns(self->task, in, &keys);
    out.column[1] = take_columns(self->task, in, &arguments);
    return out.column[0] && out.column[1] ? sl_push(self->out, &out) : SL_ENOMEM;
}

/* ---- sqlGroups ---- */

static const struct sl_field *take_item(struct candidate *group, int64_t item)
{
    const struct sl_chunk *in = group->in;
    if (item > 0 && group->is_single)
        return in->column[0];
    struct sl_field *column = sl_arena_alloc(group->task->scratch, in->rows * sizeof *column);
    for (group->row = 0; column && group->row < in->rows; group->row++)
        (void)group_operand(group, item, &column[group->row]); /* always 0 */
    return column;
}

static int group_push(struct sl_instance *self, const struct sl_chunk *all)
{
    struct sl_field having = sl_node_value(self->node, 1), items = sl_node_value(self->node, 2);
    struct candidate group = {
        .task = self->task, .in = all, .is_single = sl_node_boolean(self->node, 3, false)};
    struct sl_chunk kept;
    int r = keep_rows(&having, group_operand, &group, &kept, &group.in);
    if (r < 0 || !group.in->rows)
        return r;
    struct sl_chunk out = {.rows = group.in->rows, .width = items.len};
    for (uint32_t i = 0; i < items.len; i++)
        if (!(out.column[i] = take_item(&group, items.items[i].integer)))
            return SL_ENOMEM;
    return sl_push(self->out, &out);
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

static const struct sl_narrow select_narrow = {.push = select_push, .loses_time = true};
static const struct sl_narrow rows_narrow = {.push = pair_push, .loses_time = true};
static const struct sl_narrow shown_narrow = {.push = shown_push, .loses_time = true};
static const struct sl_narrow groups_narrow = {.push = group_push, .loses_time = true};

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
