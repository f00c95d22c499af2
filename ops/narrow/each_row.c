#include "ops/narrow/each_row.h"

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
        sl_builder_row(out, in, row);
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
    self->task->event_ms = sl_chunk_time(in, row);
    sl_chunk_row(in, row, fields);
    return sl_function_call(fn, self->task, fields, in->width, ret);
}

int sl_require_width(const struct sl_instance *self, uint32_t width)
{
    if (width <= SL_WIDTH_MAX)
        return 0;
    return sl_task_explain(self->task, "%s: the new record has %u fields; a record has 1 to %d",
                           sl_node_called(self->node), (unsigned)width, SL_WIDTH_MAX);
}

int sl_require_pair(const struct sl_instance *self, const struct sl_chunk *in, uint32_t row)
{
    if (in->width >= 2)
        return 0;
    return sl_task_explain_pair(self->task, sl_node_called(self->node), &in->column[0][row]);
}

int sl_call_value(const struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                  uint32_t row, struct sl_returned *ret)
{
    struct sl_field *items = NULL, value;
    int r = sl_require_pair(self, in, row);
    if (r < 0)
        return r;
    if (in->width > 2 && !(items = sl_arena_alloc(self->task->scratch, (in->width - 1) * sizeof *items)))
        return SL_ENOMEM;
    value = sl_chunk_value(in, row, items);
    self->task->event_ms = sl_chunk_time(in, row);
    ret->count = 0;
    return sl_function_call(fn, self->task, &value, 1, ret);
}

static int settle_row(struct sl_instance *self, const struct sl_chunk *in, uint32_t row, int r)
{
    return r == SL_EREJECT ? sl_task_reject(self->task, self->node->number, in, row) : r;
}

/* One row on its own. */
static int call_alone(struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                      uint32_t row, sl_returned_step *step)
{
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = values};
    sl_builder_row(self->state, in, row);
    int r = sl_call_row(self, fn, in, row, &returned);
    if (r == 0)
        r = step(self, fn, self->state, in, row, &returned);
    return settle_row(self, in, row, r);
}

/* As many rows as one go gives. */
static int call_many(struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                     uint32_t from, sl_returned_step *step, uint32_t *ret_rows)
{
    struct sl_called called;
    called.rows = 0;
    int r = fn->ops->call_rows ? fn->ops->call_rows(fn, self->task, in, from, &called) : 0;
    struct sl_field *values = called.values;
    *ret_rows = called.rows;
    for (uint32_t i = 0; r == 0 && i < called.rows; i++) {
        struct sl_returned returned = {called.count[i], values};
        values += called.count[i];
        sl_builder_row(self->state, in, from + i);
        r = settle_row(self, in, from + i, step(self, fn, self->state, in, from + i, &returned));
    }
    return r;
}

int sl_each_call(struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                 sl_returned_step *step)
{
    int r = 0;
    sl_builder_origin(self->state, in);
    for (uint32_t row = 0, done; r == 0 && row < in->rows; row += done) {
        r = call_many(self, fn, in, row, step, &done);
        if (r == 0 && done == 0) {
            r = call_alone(self, fn, in, row, step);
            done = 1;
        }
    }
    return r < 0 ? r : sl_builder_flush(self->state);
}
