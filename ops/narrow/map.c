/* map(f): each record becomes what f returns of it.
 *
 * A built-in that works on columns is called with the whole chunk first; where some of its rows do not fit, and
 * for every other function, the chunk is processed row by row. */
#include "ops/args.h"
#include "ops/narrow/each_row.h"
#include "ops/narrow/returned.h"

#include <string.h>

/* A row(...), which is spread, or nothing that could be a record. */
static int add_read_row(struct sl_instance *self, const struct sl_function *fn, struct sl_builder *out,
                        const struct sl_chunk *in, uint32_t row, struct sl_returned *returned)
{
    struct sl_field values[SL_WIDTH_MAX]; /* a row() is spread into them */
    struct sl_returned spread = {returned->count, values};
    memcpy(values, returned->values, returned->count * sizeof *values);
    int r = sl_returned_row(self->node, self->task, fn, &spread);
    return r < 0 ? r : sl_builder_add(out, values, spread.count, sl_line_of(in, row));
}

static int add_row(struct sl_instance *self, const struct sl_function *fn, struct sl_builder *out,
                   const struct sl_chunk *in, uint32_t row, struct sl_returned *returned)
{
    bool is_plain =
        returned->count > 0 && returned->count <= SL_WIDTH_MAX && returned->values->tag != SL_LIST;
    if (!is_plain)
        return add_read_row(self, fn, out, in, row, returned);
    return sl_builder_add(out, returned->values, returned->count, sl_line_of(in, row));
}

static int map_push(struct sl_instance *self, const struct sl_chunk *in)
{
    const struct sl_function *fn = sl_node_function(self->node, 0);
    if (fn->ops->map) {
        struct sl_chunk mapped = {.rows = in->rows, .origin = in->origin, .line = in->line, .time = in->time};
        int r = fn->ops->map(fn, self->task, in, &mapped);
        if (r != SL_EREJECT)
            return r < 0 ? r : sl_push(self->out, &mapped);
    }
    return sl_each_call(self, fn, in, add_row);
}

/* Built-ins that only move fields know what becomes of the names. */
static int map_columns(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                       struct sl_error *err)
{
    const struct sl_function *fn = sl_node_function(node, 0);
    const struct sl_columns *columns = sl_node_columns(node->input[0]);
    if (columns && fn->ops->columns)
        *ret = fn->ops->columns(fn, columns, arena);
    return 0;
}

static const struct sl_narrow map_narrow = {
    .state_size = sizeof(struct sl_builder),
    .state_cleared = SL_BUILDER_CLEARED,
    .open = sl_builder_open,
    .push = map_push,
    .done = sl_builder_close,
};

static const struct sl_param map_params[] = {
    {"f", SL_WANT_FUNCTION, false, "gets the record's fields, returns the new record's"},
    {0},
};

const struct sl_op sl_op_map = {
    .name = "map",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Turns each record into the one that f returns; several values make a wider record",
    .example = "s:map(function(line) return line, #line end)",
    .params = map_params,
    .arrange = sl_args_drop_flag,
    .narrow = &map_narrow,
    .columns = map_columns,
};
