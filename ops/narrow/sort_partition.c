/* What repartitionAndSortWithinPartitions is made of: sorts the pairs of each partition by key; pairs of one key stay
 * in input order. */
#include "core/base/error.h"
#include "ops/narrow/partition.h"
#include "ops/narrow/returned.h"

#include <stdlib.h>

struct entry {
    struct sl_field key;
    uint64_t place;
    const struct sl_chunk *chunk;
    uint32_t row;
};

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = sl_field_compare(&x->key, &y->key);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static int compare_descending(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = sl_field_compare(&y->key, &x->key);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* What the row is sorted by; memory from scratch. */
static int sort_key(struct sl_instance *self, const struct sl_field *key, struct sl_field *ret)
{
    const struct sl_function *fn = sl_node_function(self->node, 1);
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = values};
    *ret = *key;
    if (!fn)
        return 0;
    int r = sl_function_call(fn, self->task, key, 1, &returned);
    return r < 0 ? r : sl_returned_value(self->node, self->task, fn, &returned, ret);
}

static int add_chunk(struct sl_instance *self, const struct sl_chunk *chunk, struct entry *list,
                     size_t *count)
{
    int r = 0;
    for (uint32_t row = 0; row < chunk->rows && r == 0; row++) {
        struct entry *entry = &list[*count];
        *entry = (struct entry){.place = *count, .chunk = chunk, .row = row};
        r = sort_key(self, &chunk->column[0][row], &entry->key);
        if (r == SL_EREJECT)
            r = sl_task_reject(self->task, self->node->number, chunk, row);
        else if (r == 0)
            ++*count;
    }
    return r;
}

static int push_sorted(struct sl_builder *builder, const struct entry *list, size_t count)
{
    struct sl_field fields[SL_WIDTH_MAX];
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        sl_chunk_row(list[i].chunk, list[i].row, fields);
        r = sl_builder_add(builder, fields, list[i].chunk->width, SL_NO_LINE);
    }
    return r < 0 ? r : sl_builder_flush(builder);
}

static int close_partition(struct sl_instance *self)
{
    struct sl_partition_state *state = self->state;
    struct entry *list = sl_arena_alloc(self->task->scratch, (state->rows->count + 1) * sizeof *list);
    size_t count = 0;
    int r = list ? 0 : SL_ENOMEM;
    for (size_t i = 0; i < state->rows->chunks && r == 0; i++)
        r = add_chunk(self, state->rows->chunk[i], list, &count);
    if (r < 0)
        return r;
    qsort(list, count, sizeof *list, sl_node_boolean(self->node, 0, true) ? compare : compare_descending);
    return push_sorted(&state->builder, list, count);
}

static const struct sl_narrow sort_partition_narrow = {
    .state_size = sizeof(struct sl_partition_state),
    .open = sl_partition_open,
    .push = sl_partition_push,
    .close = close_partition,
    .done = sl_partition_done,
    .whole_partitions = true,
};

static const struct sl_param params[] = {
    {"ascending", SL_WANT_BOOLEAN | SL_WANT_NIL, true, "false: the largest key first"},
    {"keyfunc", SL_WANT_FUNCTION | SL_WANT_NIL, true, "gets the key, returns what to sort by"},
    {0},
};

const struct sl_op sl_op_sort_partition = {
    .name = "sortWithinPartitions",
    .kind = SL_OP_NARROW,
    .family = "whole dataset",
    .params = params,
    .narrow = &sort_partition_narrow,
    .columns = sl_columns_of_input,
};
