/* What zip is made of: (number, list of left, list of right) becomes (left, right). A number that only one side has
 * means that the datasets differ in length: the batch fails, as in Spark. */
#include "core/base/error.h"
#include "ops/narrow/each_row.h"

static int zip_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in, uint32_t row)
{
    const struct sl_field *left = &in->column[1][row], *right = &in->column[2][row];
    if (left->len != 1 || right->len != 1)
        return sl_error_set(
            self->task->err, SL_EFAIL,
            "zip: the datasets have different numbers of records; from number %lld on only the %s "
            "one has some",
            (long long)in->column[0][row].integer, left->len ? "first" : "second");
    struct sl_field pair[2] = {left->items[0], right->items[0]};
    return sl_builder_add(out, pair, 2, sl_line_of(in, row));
}

static int zip_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_row(self, in, zip_row);
}

static const struct sl_narrow zip_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = zip_push,
    .done = sl_builder_close,
};

const struct sl_op sl_op_zip_pairs = {
    .name = "zip",
    .kind = SL_OP_NARROW,
    .family = "whole dataset",
    .narrow = &zip_narrow,
};
