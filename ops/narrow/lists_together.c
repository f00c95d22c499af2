/* What groupWith of several streams is made of: a key with the lists of those before, themselves grouped, and the list
 * of one stream more. (key, list of at most one (list, ...), list) becomes (key, list, ..., list). */
#include "core/contract/operator.h"
#include "ops/narrow/each_row.h"

/* The number of lists before the last is the node's argument: a key that only the last stream has gets this
 * number of empty ones. */
static int join_lists(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                      uint32_t row)
{
    struct sl_field record[SL_WIDTH_MAX];
    const struct sl_field *before = &in->column[1][row];
    uint32_t lists = (uint32_t)sl_node_value(self->node, 0).integer;
    record[0] = in->column[0][row];
    for (uint32_t i = 0; i < lists; i++)
        record[1 + i] = before->len ? before->items[0].items[i] : sl_list(NULL, 0);
    record[1 + lists] = in->column[2][row];
    return sl_builder_add(out, record, lists + 2, sl_line_of(in, row));
}

static int push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_row(self, in, join_lists);
}

static const struct sl_narrow narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = push,
    .done = sl_builder_close,
};

static const struct sl_param params[] = {
    {"lists", SL_WANT_COUNT, false, "lists of values before the last"},
    {0},
};

const struct sl_op sl_op_lists_together = {
    .name = "groupWith",
    .kind = SL_OP_NARROW,
    .family = "two streams",
    .params = params,
    .narrow = &narrow,
};
