#include "ops/each_row.h"

int sl_builder_open(struct sl_instance *self)
{
    sl_builder_init(self->state, self->out);
    return 0;
}

void sl_builder_close(struct sl_instance *self)
{
    sl_builder_done(self->state);
}

int sl_each_row(struct sl_instance *self, const struct sl_chunk *in, sl_row_step *step)
{
    struct sl_builder *out = self->state;
    sl_builder_origin(out, in);
    for (uint32_t row = 0; row < in->rows; row++) {
        int r = step(self, out, in, row);
        if (r == SL_EREJECT)
            r = sl_task_reject(self->task, self->node->number, in, row);
        if (r < 0)
            return r;
    }
    return sl_builder_flush(out);
}

int sl_call_row(const struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                uint32_t row, struct sl_returned *ret)
{
    struct sl_field fields[SL_WIDTH_MAX];
    ret->count = 0;
    sl_chunk_row(in, row, fields);
    return sl_function_call(fn, self->task, fields, in->width, ret);
}

int sl_require_width(const struct sl_instance *self, uint32_t width)
{
    if (width <= SL_WIDTH_MAX)
        return 0;
    return sl_task_explain(self->task, "%s: the new record has %u fields; a record has 1 to %d",
                           self->node->op->name, (unsigned)width, SL_WIDTH_MAX);
}

int sl_require_pair(const struct sl_instance *self, const struct sl_chunk *in)
{
    if (in->width >= 2)
        return 0;
    return sl_task_explain(self->task, "%s: the record has one field; a pair (key, value) is wanted",
                           self->node->op->name);
}

int sl_call_value(const struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                  uint32_t row, struct sl_returned *ret)
{
    struct sl_field *items = NULL, value;
    int r = sl_require_pair(self, in);
    if (r < 0)
        return r;
    if (in->width > 2 && !(items = sl_arena_alloc(self->task->scratch, (in->width - 1) * sizeof *items)))
        return SL_ENOMEM;
    value = sl_chunk_value(in, row, items);
    ret->count = 0;
    return sl_function_call(fn, self->task, &value, 1, ret);
}
