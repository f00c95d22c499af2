/* mapValues(f): (key, value) becomes (key, f(value)). The value of a wider record is the list of the fields
 * after the key; several values that f returns make several value fields.
 *
 * A built-in that works on columns gets the value column as a chunk of its own; the key column is shared. */
#include "ops/narrow/each_row.h"
#include "ops/narrow/returned.h"

#include <string.h>

static int add_values(struct sl_instance *self, const struct sl_function *fn, struct sl_builder *out,
                      const struct sl_chunk *in, uint32_t row, struct sl_returned *returned)
{
    struct sl_field fields[1 + SL_WIDTH_MAX]; /* a row() is spread into them */
    struct sl_returned spread = {returned->count, fields + 1};
    memcpy(fields + 1, returned->values, returned->count * sizeof *fields);
    int r = sl_returned_row(self->node, self->task, fn, &spread);
    if (r == 0)
        r = sl_require_width(self, 1 + spread.count);
    if (r < 0)
        return r;
    fields[0] = in->column[0][row];
    return sl_builder_add(out, fields, 1 + spread.count, sl_line_of(in, row));
}

/* The whole chunk by the built-in; SL_EREJECT: go row by row. */
static int map_column(struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                      struct sl_chunk *ret)
{
    struct sl_chunk values = {
        .rows = in->rows, .width = 1, .origin = in->origin, .line = in->line, .time = in->time};
    struct sl_chunk mapped = values;
    values.column[0] = in->column[1];
    int r = fn->ops->map(fn, self->task, &values, &mapped);
    if (r == 0 && mapped.width >= SL_WIDTH_MAX)
        r = SL_EREJECT;
    if (r < 0)
        return r;
    *ret = mapped;
    ret->width = 1 + mapped.width;
    ret->column[0] = in->column[0];
    memcpy(ret->column + 1, mapped.column, mapped.width * sizeof mapped.column[0]);
    return 0;
}

static int map_values_push(struct sl_instance *self, const struct sl_chunk *in)
{
    const struct sl_function *fn = sl_node_function(self->node, 0);
    struct sl_chunk mapped;
    int r = fn->ops->map && in->width == 2 ? map_column(self, fn, in, &mapped) : SL_EREJECT;
    if (r == SL_EREJECT)
        return sl_each_value_call(self, fn, in, add_values);
    return r < 0 ? r : sl_push(self->out, &mapped);
}

static const struct sl_narrow map_values_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = map_values_push,
    .done = sl_builder_close,
};

static const struct sl_param map_values_params[] = {
    {"f", SL_WANT_FUNCTION, false, "gets the value of a pair, returns the new one"},
    {0},
};

const struct sl_op sl_op_map_values = {
    .name = "mapValues",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Replaces the value of each pair by what f returns of it",
    .example = "s:map(sluice.pair(1)):mapValues(function(v) return v + 10 end)",
    .params = map_values_params,
    .narrow = &map_values_narrow,
};
