/* peek(f): calls f with each record and passes the record on; what f returns does not matter. */
#include "ops/narrow/each_row.h"

static int peek_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in, uint32_t row)
{
    const struct sl_function *fn = sl_node_function(self->node, 0);
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = fields};
    int r = sl_call_row(self, fn, in, row, &returned);
    if (r < 0)
        return r;
    sl_chunk_row(in, row, fields);
    return sl_builder_add(out, fields, in->width, sl_line_of(in, row));
}

static int peek_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_row(self, in, peek_row);
}

static const struct sl_narrow peek_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = peek_push,
    .done = sl_builder_close,
};

static const struct sl_param peek_params[] = {
    {"f", SL_WANT_FUNCTION, false, "gets the record's fields; what it returns is ignored"},
    {0},
};

const struct sl_op sl_op_peek = {
    .name = "peek",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Calls f with each record, sets aside those f fails on, and passes the others on unchanged",
    .example = "s:peek(function(line) assert(#line < 1000, \"a long line\") end)",
    .params = peek_params,
    .narrow = &peek_narrow,
    .columns = sl_columns_of_input,
};
