/* columns(name, ...): names the fields of the records; select(i, ...): some of the fields.
 *
 * What follows may rely on the width that the names promise, so a record of another width is set aside. */
#include "core/contract/columns.h"

#include "core/rows/field.h"
#include "ops/narrow/each_row.h"

#include <string.h>

/* ---- columns ---- */

static int reject_width(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                        uint32_t row)
{
    uint32_t count = sl_node_columns(self->node)->count;
    return sl_task_explain(self->task, "columns: the record has %u field%s, %u column%s named", in->width,
                           in->width == 1 ? "" : "s", count, count == 1 ? " is" : "s are");
}

static int columns_push(struct sl_instance *self, const struct sl_chunk *in)
{
    bool fits = in->width == sl_node_columns(self->node)->count;
    return fits ? sl_push(self->out, in) : sl_each_row(self, in, reject_width);
}

static int columns_of_names(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                            struct sl_error *err)
{
    struct sl_field names = sl_node_value(node, 0);
    const struct sl_columns *before = sl_node_columns(node->input[0]);
    struct sl_columns *named;
    if (before && before->count != names.len)
        return sl_error_set(err, SL_EUSAGE, "%u names for records of %u columns", names.len, before->count);
    int r = sl_columns_named(arena, &names, (const struct sl_columns **)&named, err);
    for (uint32_t i = 0; r == 0 && before && i < named->count; i++) {
        named->column[i].type = before->column[i].type;
        named->column[i].required = before->column[i].required;
    }
    if (r == 0)
        *ret = named;
    return r;
}

static const struct sl_narrow columns_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = columns_push,
    .done = sl_builder_close,
};

static const struct sl_param columns_params[] = {
    {"name", SL_WANT_STRINGS, false, "of each field, in order"},
    {0},
};

const struct sl_op sl_op_columns = {
    .name = "columns",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Names the fields of the records: for tables, csv headers, JSON objects and SQL",
    .example = "s:map(sluice.pair(1)):reduceByKey(sluice.sum):columns(\"line\", \"count\")",
    .params = columns_params,
    .narrow = &columns_narrow,
    .columns = columns_of_names,
    .variadic = true,
};

/* ---- select ---- */

/* The number of a field, from 1; 0: it is nothing of the kind. */
static uint32_t number_of(const struct sl_columns *columns, const struct sl_field *item)
{
    if (item->tag == SL_INT && item->integer >= 1 && item->integer <= SL_WIDTH_MAX)
        return (uint32_t)item->integer;
    if (item->tag == SL_STR && columns)
        return (uint32_t)(sl_columns_find(columns, item->str, item->len) + 1);
    return 0;
}

static int wrong_choice(const struct sl_node *node, const struct sl_field *item, struct sl_error *err)
{
    if (item->tag != SL_STR)
        return sl_error_set(err, SL_EUSAGE,
                            "select: a field is chosen by its number, from 1 to %d, or by name",
                            SL_WIDTH_MAX);
    if (!sl_node_columns(node->input[0]))
        return sl_error_set(err, SL_EUSAGE,
                            "select: the columns of the stream have no names here, so there is no \"%.*s\"; "
                            "name them with :columns(...), or give the number of the field",
                            (int)item->len, (const char *)item->str);
    return sl_error_set(err, SL_EUSAGE, "select: there is no column \"%.*s\"", (int)item->len,
                        (const char *)item->str);
}

static int select_check(struct sl_node *node, struct sl_error *err)
{
    struct sl_field choice = sl_node_value(node, 0);
    const struct sl_columns *columns = sl_node_columns(node->input[0]);
    if (!choice.len || choice.len > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "select: give 1 to %d fields", SL_WIDTH_MAX);
    for (uint32_t i = 0; i < choice.len; i++) {
        uint32_t number = number_of(columns, &choice.items[i]);
        if (!number)
            return wrong_choice(node, &choice.items[i], err);
        if (columns && number > columns->count)
            return sl_error_set(err, SL_EUSAGE, "select: there is no field %u, the stream has %u columns",
                                number, columns->count);
    }
    return 0;
}

static int select_columns(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                          struct sl_error *err)
{
    struct sl_field choice = sl_node_value(node, 0);
    const struct sl_columns *columns = sl_node_columns(node->input[0]);
    uint32_t number[SL_WIDTH_MAX];
    for (uint32_t i = 0; i < choice.len; i++)
        number[i] = number_of(columns, &choice.items[i]);
    *ret = sl_columns_pick(arena, columns, number, choice.len);
    return 0;
}

static int reject_narrow(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                         uint32_t row)
{
    return sl_task_explain(self->task, "select: a chosen field does not exist, the record has %u", in->width);
}

static int select_push(struct sl_instance *self, const struct sl_chunk *in)
{
    struct sl_field choice = sl_node_value(self->node, 0);
    const struct sl_columns *columns = sl_node_columns(self->node->input[0]);
    struct sl_chunk chosen = {
        .rows = in->rows, .width = choice.len, .origin = in->origin, .line = in->line, .time = in->time};
    for (uint32_t i = 0; i < choice.len; i++) {
        uint32_t number = number_of(columns, &choice.items[i]);
        if (number > in->width)
            return sl_each_row(self, in, reject_narrow);
        chosen.column[i] = in->column[number - 1];
    }
    return sl_push(self->out, &chosen);
}

static const struct sl_narrow select_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = select_push,
    .done = sl_builder_close,
};

static const struct sl_param select_params[] = {
    {"field", SL_WANT_LIST, false, "its number, from 1, or the name of its column"},
    {0},
};

const struct sl_op sl_op_select = {
    .name = "select",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Keeps the chosen fields of each record, in the order they are given",
    .example = "s:zipWithIndex():columns(\"line\", \"number\"):select(\"number\", \"line\")",
    .params = select_params,
    .narrow = &select_narrow,
    .check = select_check,
    .columns = select_columns,
    .variadic = true,
};
