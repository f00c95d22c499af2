/* keys, values: one side of each pair. Columns are shared, nothing is copied. */
#include "ops/narrow/each_row.h"

#include <string.h>

static int reject_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                      uint32_t row)
{
    return sl_require_pair(self, in, row);
}

static int push_columns(struct sl_instance *self, const struct sl_chunk *in, uint32_t from, uint32_t width)
{
    struct sl_chunk out = {
        .rows = in->rows, .width = width, .origin = in->origin, .line = in->line, .time = in->time};
    memcpy(out.column, in->column + from, width * sizeof out.column[0]);
    return sl_push(self->out, &out);
}

static int keys_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return in->width < 2 ? sl_each_row(self, in, reject_row) : push_columns(self, in, 0, 1);
}

static int values_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return in->width < 2 ? sl_each_row(self, in, reject_row) : push_columns(self, in, 1, in->width - 1);
}

static const struct sl_narrow keys_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = keys_push,
    .done = sl_builder_close,
};

static const struct sl_narrow values_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = values_push,
    .done = sl_builder_close,
};

static int keys_columns(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                        struct sl_error *err)
{
    *ret = sl_columns_pick(arena, sl_node_columns(node->input[0]), (const uint32_t[]){1}, 1);
    return 0;
}

static int values_columns(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                          struct sl_error *err)
{
    const struct sl_columns *columns = sl_node_columns(node->input[0]);
    uint32_t number[SL_WIDTH_MAX];
    for (uint32_t i = 0; columns && i + 1 < columns->count; i++)
        number[i] = i + 2;
    *ret = columns && columns->count > 1 ? sl_columns_pick(arena, columns, number, columns->count - 1) : NULL;
    return 0;
}

const struct sl_op sl_op_keys = {
    .name = "keys",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Keeps the key of each pair",
    .example = "s:map(sluice.pair(1)):keys()",
    .narrow = &keys_narrow,
    .columns = keys_columns,
};

const struct sl_op sl_op_values = {
    .name = "values",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Keeps the value of each pair; several value fields stay several",
    .example = "s:map(sluice.pair(1)):values()",
    .narrow = &values_narrow,
    .columns = values_columns,
};
