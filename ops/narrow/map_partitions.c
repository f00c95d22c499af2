/* mapPartitions(f), mapPartitionsWithIndex(f): f gets a whole partition and returns the list of its new
 * records.
 *
 * The rows are collected until the partition ends. A function that can walk them (call_partition: Lua's, by
 * an iterator) does; any other gets them as one list. Where f fails the partition is set aside as a whole. */
#include "ops/args.h"
#include "ops/narrow/partition.h"
#include "ops/narrow/returned.h"

static int call_with_list(const struct sl_function *fn, struct sl_task *task, uint32_t index,
                          const struct sl_rows *rows, struct sl_returned *ret)
{
    struct sl_field argv[2] = {sl_integer(index)};
    bool indexed = index != SL_NO_INDEX;
    int r = sl_partition_list(task, rows, &argv[1]);
    return r < 0 ? r : sl_function_call(fn, task, indexed ? argv : argv + 1, indexed ? 2 : 1, ret);
}

static int push_records(struct sl_instance *self, const struct sl_records *records)
{
    struct sl_partition_state *state = self->state;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < records->count; i++) {
        const struct sl_field *fields;
        uint32_t width = sl_record_of(records, i, &fields);
        r = sl_builder_add(&state->builder, fields, width, SL_NO_LINE);
    }
    return r < 0 ? r : sl_builder_flush(&state->builder);
}

static int reject_partition(struct sl_instance *self)
{
    struct sl_field key = sl_integer(self->task->ordinal), value = sl_nil();
    return sl_task_reject_group(self->task, self->node->number, &key, &value, 0);
}

static int map_partition(struct sl_instance *self, uint32_t index)
{
    const struct sl_partition_state *state = self->state;
    const struct sl_function *fn = sl_node_function(self->node, 0);
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = values};
    struct sl_records records;
    int r = fn->ops->call_partition ? fn->ops->call_partition(fn, self->task, index, state->rows, &returned)
                                    : call_with_list(fn, self->task, index, state->rows, &returned);
    if (r == 0)
        r = sl_returned_records(self->node, self->task, fn, &returned, &records);
    if (r == SL_EREJECT)
        return reject_partition(self);
    return r < 0 ? r : push_records(self, &records);
}

static int plain_close(struct sl_instance *self)
{
    return map_partition(self, SL_NO_INDEX);
}

static int indexed_close(struct sl_instance *self)
{
    return map_partition(self, self->task->ordinal);
}

static int map_partitions_check(struct sl_node *node, struct sl_error *err)
{
    const struct sl_function *fn = sl_node_function(node, 0);
    if (fn->gives == SL_GIVES_ANY)
        return 0;
    return sl_error_set(err, SL_EUSAGE,
                        "%s: %s works on records, not on whole partitions; give a function, or use map or "
                        "flatMap",
                        sl_node_called(node), fn->name);
}

static const struct sl_narrow plain_narrow = {
    .loses_time = true,
    .state_size = sizeof(struct sl_partition_state),
    .open = sl_partition_open,
    .push = sl_partition_push,
    .close = plain_close,
    .done = sl_partition_done,
    .whole_partitions = true,
    .partition_index = true,
};

static const struct sl_narrow indexed_narrow = {
    .loses_time = true,
    .state_size = sizeof(struct sl_partition_state),
    .open = sl_partition_open,
    .push = sl_partition_push,
    .close = indexed_close,
    .done = sl_partition_done,
    .whole_partitions = true,
    .partition_index = true,
};

static const struct sl_param plain_params[] = {
    {"f", SL_WANT_FUNCTION, false,
     "gets an iterator over the partition's records, returns a list of records"},
    {0},
};

static const struct sl_param indexed_params[] = {
    {"f", SL_WANT_FUNCTION, false,
     "gets the partition's number (from 0; after a union, in its own stream) and an iterator over its "
     "records, returns a list of records"},
    {0},
};

const struct sl_op sl_op_map_partitions = {
    .name = "mapPartitions",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Turns each partition into the records of the list that f returns of an iterator over it",
    .example =
        "s:mapPartitions(function(records) local n = 0 for _ in records do n = n + 1 end return {n} end)",
    .params = plain_params,
    .arrange = sl_args_drop_flag,
    .narrow = &plain_narrow,
    .check = map_partitions_check,
};

const struct sl_op sl_op_map_partitions_with_index = {
    .name = "mapPartitionsWithIndex",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "The same as mapPartitions with the number of the partition as f's first argument",
    .example = "s:mapPartitionsWithIndex(function(i, records) local n = 0 for _ in records do n = n + 1 end "
               "return {{i, n}} end)",
    .params = indexed_params,
    .arrange = sl_args_drop_flag,
    .narrow = &indexed_narrow,
    .check = map_partitions_check,
};
