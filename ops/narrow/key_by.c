/* keyBy(f): each record becomes the pair (f(record), record); a record of several fields becomes a list. */
#include "ops/narrow/each_row.h"
#include "ops/narrow/returned.h"

#include <string.h>

/* A row as a key is a list of the values, which must outlive the call. */
static bool keep_items(struct sl_task *task, const struct sl_field *values, struct sl_field *key)
{
    if (key->tag != SL_LIST || key->items != values)
        return true;
    struct sl_field *items = sl_arena_alloc(task->scratch, key->len * sizeof *items);
    if (items)
        memcpy(items, values, key->len * sizeof *items);
    key->items = items;
    return items != NULL;
}

static int add_keyed(struct sl_instance *self, const struct sl_function *fn, struct sl_builder *out,
                     const struct sl_chunk *in, uint32_t row, struct sl_returned *returned)
{
    struct sl_field *items = sl_arena_alloc(self->task->scratch, in->width * sizeof *items);
    struct sl_field pair[2];
    if (!items)
        return SL_ENOMEM;
    int r = sl_returned_value(self->node, self->task, fn, returned, &pair[0]);
    if (r < 0)
        return r;
    if (!keep_items(self->task, returned->values, &pair[0]))
        return SL_ENOMEM;
    pair[1] = sl_chunk_record(in, row, items);
    return sl_builder_add(out, pair, 2, sl_line_of(in, row));
}

static int key_by_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_call(self, sl_node_function(self->node, 0), in, add_keyed);
}

static const struct sl_narrow key_by_narrow = {
    .state_size = sizeof(struct sl_builder),
    .open = sl_builder_open,
    .push = key_by_push,
    .done = sl_builder_close,
};

static const struct sl_param key_by_params[] = {
    {"f", SL_WANT_FUNCTION, false, "gets the record's fields, returns its key"},
    {0},
};

const struct sl_op sl_op_key_by = {
    .name = "keyBy",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Pairs each record with the key that f returns of it",
    .example = "s:keyBy(function(line) return #line end)",
    .params = key_by_params,
    .narrow = &key_by_narrow,
};
