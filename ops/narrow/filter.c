/* filter(f): keeps the records of which f says true.
 *
 * First every row of a chunk gets its verdict, by the built-in's path for chunks or row by row; then the kept
 * rows are gathered. A chunk that is kept whole is passed on as it is. */
#include "ops/narrow/each_row.h"
#include "ops/narrow/returned.h"

static int judge_returned(const struct sl_instance *self, const struct sl_chunk *in, uint32_t row,
                          const struct sl_returned *returned, uint8_t *keep)
{
    bool truth = false;
    int r = sl_returned_truth(self->node, self->task, sl_node_function(self->node, 0), returned, &truth);
    keep[row] = truth;
    return sl_settle_row(self, in, row, r);
}

static int judge_row(const struct sl_instance *self, const struct sl_chunk *in, uint32_t row, uint8_t *keep)
{
    const struct sl_function *fn = sl_node_function(self->node, 0);
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = values};
    keep[row] = false;
    int r = sl_call_row(self, fn, in, row, &returned);
    return r == 0 ? judge_returned(self, in, row, &returned, keep) : sl_settle_row(self, in, row, r);
}

/* As many rows as one go gives. */
static int judge_many(const struct sl_instance *self, const struct sl_chunk *in, uint32_t from, uint8_t *keep,
                      uint32_t *ret_rows)
{
    struct sl_called called;
    int r = sl_call_rows(self, sl_node_function(self->node, 0), in, from, &called);
    struct sl_field *values = called.values;
    *ret_rows = called.rows;
    for (uint32_t i = 0; r == 0 && i < called.rows; i++) {
        const struct sl_returned returned = {called.count[i], values};
        values += called.count[i];
        r = judge_returned(self, in, from + i, &returned, keep);
    }
    return r;
}

static int judge(const struct sl_instance *self, const struct sl_chunk *in, uint8_t *keep)
{
    const struct sl_function *fn = sl_node_function(self->node, 0);
    int r = fn->ops->filter ? fn->ops->filter(fn, self->task, in, keep) : SL_EREJECT;
    if (r != SL_EREJECT)
        return r;
    r = 0;
    for (uint32_t row = 0, done; r == 0 && row < in->rows; row += done) {
        r = judge_many(self, in, row, keep, &done);
        if (r == 0 && done == 0) {
            r = judge_row(self, in, row, keep);
            done = 1;
        }
    }
    return r;
}

/* The numbers of the kept rows. */
static uint32_t select_rows(const uint8_t *keep, uint32_t rows, uint16_t *ret)
{
    uint32_t count = 0;
    for (uint32_t row = 0; row < rows; row++) {
        ret[count] = (uint16_t)row;
        count += keep[row];
    }
    return count;
}

static int filter_push(struct sl_instance *self, const struct sl_chunk *in)
{
    uint8_t keep[SL_CHUNK_ROWS];
    uint16_t rows[SL_CHUNK_ROWS + 1];
    struct sl_chunk kept;
    int r = judge(self, in, keep);
    if (r < 0)
        return r;
    uint32_t count = select_rows(keep, in->rows, rows);
    if (count == 0 || count == in->rows)
        return count ? sl_push(self->out, in) : 0;
    r = sl_chunk_gather(self->task->scratch, in, rows, count, &kept) ? 0 : SL_ENOMEM;
    return r < 0 ? r : sl_push(self->out, &kept);
}

static int filter_check(struct sl_node *node, struct sl_error *err)
{
    return sl_refuse_not_truth(node, err);
}

static const struct sl_narrow filter_narrow = {.push = filter_push};

static const struct sl_param filter_params[] = {
    {"f", SL_WANT_FUNCTION, false, "gets the record's fields, returns true to keep it, false to drop it"},
    {0},
};

const struct sl_op sl_op_filter = {
    .name = "filter",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Keeps the records for which f returns true; only booleans (and nil) are accepted",
    .example = "s:filter(function(line) return #line > 3 end)",
    .params = filter_params,
    .narrow = &filter_narrow,
    .check = filter_check,
    .columns = sl_columns_of_input,
};
