/* flatMapValues(f): (key, value) becomes one pair for each item of the list that f returns of the value. */
#include "ops/narrow/each_row.h"
#include "ops/narrow/returned.h"

#include <string.h>

/* Checks all records before the first is added: of a rejected record nothing is added. */
static int require_widths(const struct sl_instance *self, const struct sl_records *records)
{
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < records->count; i++) {
        const struct sl_field *fields;
        r = sl_require_width(self, 1 + sl_record_of(records, i, &fields));
    }
    return r;
}

static int add_pair(struct sl_builder *out, const struct sl_chunk *in, uint32_t row,
                    const struct sl_records *records, uint32_t i)
{
    struct sl_field pair[SL_WIDTH_MAX];
    const struct sl_field *fields;
    uint32_t width = sl_record_of(records, i, &fields);
    pair[0] = in->column[0][row];
    memcpy(pair + 1, fields, width * sizeof *fields);
    return sl_builder_add(out, pair, 1 + width, sl_line_of(in, row));
}

static int add_pairs(struct sl_instance *self, const struct sl_function *fn, struct sl_builder *out,
                     const struct sl_chunk *in, uint32_t row, struct sl_returned *returned)
{
    struct sl_records records = {0};
    int r = sl_returned_records(self->node, self->task, fn, returned, &records);
    if (r == 0)
        r = require_widths(self, &records);
    for (uint32_t i = 0; r == 0 && i < records.count; i++)
        r = add_pair(out, in, row, &records, i);
    return r;
}

static int flat_map_values_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_value_call(self, sl_node_function(self->node, 0), in, add_pairs);
}

static int flat_map_values_check(struct sl_node *node, struct sl_error *err)
{
    return sl_refuse_truth(node, err);
}

static const struct sl_narrow flat_map_values_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = flat_map_values_push,
    .done = sl_builder_close,
};

static const struct sl_param flat_map_values_params[] = {
    {"f", SL_WANT_FUNCTION, false,
     "gets the value of a pair, returns a list of values; a table in it is a value of several fields, "
     "{{1, 2}} one that is a list"},
    {0},
};

const struct sl_op sl_op_flat_map_values = {
    .name = "flatMapValues",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Turns each pair into pairs of its key with the values of the list that f returns",
    .example = "s:keyBy(sluice.length):flatMapValues(sluice.split(\" \"))",
    .params = flat_map_values_params,
    .narrow = &flat_map_values_narrow,
    .check = flat_map_values_check,
};
