/* glom(): the records of each partition as one list. An empty partition gives an empty list, as in Spark. */
#include "ops/narrow/partition.h"

static int glom_close(struct sl_instance *self)
{
    struct sl_partition_state *state = self->state;
    struct sl_field list;
    int r = sl_partition_list(self->task, state->rows, &list);
    if (r == 0)
        r = sl_builder_add(&state->builder, &list, 1, SL_NO_LINE);
    return r < 0 ? r : sl_builder_flush(&state->builder);
}

static const struct sl_narrow glom_narrow = {
    .loses_time = true,
    .state_size = sizeof(struct sl_partition_state),
    .open = sl_partition_open,
    .push = sl_partition_push,
    .close = glom_close,
    .done = sl_partition_done,
    .whole_partitions = true,
};

const struct sl_op sl_op_glom = {
    .name = "glom",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Makes one list of the records of each partition",
    .example = "s:repartition(2):glom()",
    .narrow = &glom_narrow,
};
