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

/* Calls fn with the value of a pair, as one argument. A record of one field is refused (SL_EREJECT). */
static int call_value(const struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
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

int sl_settle_row(const struct sl_instance *self, const struct sl_chunk *in, uint32_t row, int r)
{
    return r == SL_EREJECT ? sl_task_reject(self->task, self->node->number, in, row) : r;
}

/* The rows of a chunk, and what the function is called with for each of them. */
struct each {
    struct sl_instance *self;
    const struct sl_function *fn;
    const struct sl_chunk *in, *given;
    sl_returned_step *step;
};

static int do_step(const struct each *each, uint32_t row, struct sl_returned *returned)
{
    return each->step(each->self, each->fn, each->self->state, each->in, row, returned);
}

/* One row on its own. */
static int call_alone(const struct each *each, uint32_t row)
{
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = values};
    sl_builder_row(each->self->state, each->in, row);
    int r = each->given ? sl_call_row(each->self, each->fn, each->given, row, &returned)
                        : call_value(each->self, each->fn, each->in, row, &returned);
    if (r == 0)
        r = do_step(each, row, &returned);
    return sl_settle_row(each->self, each->in, row, r);
}

int sl_call_rows(const struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                 uint32_t from, struct sl_called *ret)
{
    ret->rows = 0;
    return fn->ops->call_rows ? fn->ops->call_rows(fn, self->task, in, from, ret) : 0;
}

/* As many rows as one go gives. */
static int call_many(const struct each *each, uint32_t from, uint32_t *ret_rows)
{
    struct sl_called called;
    *ret_rows = 0;
    int r = each->given ? sl_call_rows(each->self, each->fn, each->given, from, &called) : 0;
    if (r < 0 || !each->given)
        return r;
    struct sl_field *values = called.values;
    *ret_rows = called.rows;
    for (uint32_t i = 0; r == 0 && i < called.rows; i++) {
        struct sl_returned returned = {called.count[i], values};
        values += called.count[i];
        sl_builder_row(each->self->state, each->in, from + i);
        r = sl_settle_row(each->self, each->in, from + i, do_step(each, from + i, &returned));
    }
    return r;
}

static int do_rows(const struct each *each)
{
    int r = 0;
    sl_builder_origin(each->self->state, each->in);
    for (uint32_t row = 0, done; r == 0 && row < each->in->rows; row += done) {
        r = call_many(each, row, &done);
        if (r == 0 && done == 0) {
            r = call_alone(each, row);
            done = 1;
        }
    }
    return r < 0 ? r : sl_builder_flush(each->self->state);
}

int sl_each_call(struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                 sl_returned_step *step)
{
    return do_rows(&(struct each){self, fn, in, in, step});
}

int sl_each_value_call(struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                       sl_returned_step *step)
{
    struct sl_chunk values = {
        .rows = in->rows, .width = 1, .origin = in->origin, .line = in->line, .time = in->time};
    if (in->width == 2)
        values.column[0] = in->column[1];
    return do_rows(&(struct each){self, fn, in, in->width == 2 ? &values : NULL, step});
}
