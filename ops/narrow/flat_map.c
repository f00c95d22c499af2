/* flatMap(f): each record becomes the records in the list that f returns, in order; none for nil and {}. */
#include "ops/args.h"
#include "ops/narrow/each_row.h"
#include "ops/narrow/returned.h"

static int add_records(struct sl_instance *self, const struct sl_function *fn, struct sl_builder *out,
                       const struct sl_chunk *in, uint32_t row, struct sl_returned *returned)
{
    struct sl_records records = {0};
    int r = sl_returned_records(self->node, self->task, fn, returned, &records);
    for (uint32_t i = 0; r == 0 && i < records.count; i++) {
        const struct sl_field *fields;
        uint32_t width = sl_record_of(&records, i, &fields);
        r = sl_builder_add(out, fields, width, sl_line_of(in, row));
    }
    return r;
}

/* Built-ins know nothing of event times: they get one row after the other. */
static int flat_map_timed(struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                          struct sl_builder *out)
{
    int r = 0;
    for (uint32_t row = 0; r == 0 && row < in->rows; row++) {
        struct sl_chunk one = {.rows = 1, .width = in->width, .origin = in->origin};
        one.line = in->line ? in->line + row : NULL;
        one.time = in->time + row;
        for (uint32_t c = 0; c < in->width; c++)
            one.column[c] = in->column[c] + row;
        sl_builder_row(out, in, row);
        r = fn->ops->flat_map(fn, self->task, self->node->number, &one, out);
    }
    return r;
}

static int flat_map_push(struct sl_instance *self, const struct sl_chunk *in)
{
    const struct sl_function *fn = sl_node_function(self->node, 0);
    if (!fn->ops->flat_map)
        return sl_each_call(self, fn, in, add_records);
    struct sl_builder *out = self->state;
    sl_builder_origin(out, in);
    int r = in->time ? flat_map_timed(self, fn, in, out)
                     : fn->ops->flat_map(fn, self->task, self->node->number, in, out);
    return r < 0 ? r : sl_builder_flush(out);
}

static int flat_map_check(struct sl_node *node, struct sl_error *err)
{
    return sl_refuse_truth(node, err);
}

static const struct sl_narrow flat_map_narrow = {
    .state_size = sizeof(struct sl_builder),
    .state_cleared = SL_BUILDER_CLEARED,
    .open = sl_builder_open,
    .push = flat_map_push,
    .done = sl_builder_close,
};

static const struct sl_param flat_map_params[] = {
    {"f", SL_WANT_FUNCTION, false, "gets the record's fields, returns a list of records"},
    {0},
};

const struct sl_op sl_op_flat_map = {
    .name = "flatMap",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Turns each record into the records of the list that f returns",
    .example = "s:flatMap(sluice.split(\" \"))",
    .params = flat_map_params,
    .arrange = sl_args_drop_flag,
    .narrow = &flat_map_narrow,
    .check = flat_map_check,
};
