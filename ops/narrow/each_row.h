/* Row by row: the loop that narrow operators share where a function has no path for whole chunks.
 *
 * Such an operator has a struct sl_builder as its whole state: open and done below, and a push that calls
 * sl_each_row with what is to be done with one row. */
#pragma once

#include "core/contract/function.h"
#include "core/contract/operator.h"

/* Adds the rows that come of row `row` of `in` to the builder. SL_EREJECT: the record is set aside. */
typedef int sl_row_step(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                        uint32_t row);

int sl_builder_open(struct sl_instance *self);
void sl_builder_close(struct sl_instance *self);

/* Runs the step over all rows, hands rejected ones to the sink, and pushes what was collected. */
int sl_each_row(struct sl_instance *self, const struct sl_chunk *in, sl_row_step *step);

/* Adds the rows that come of row `row`, of which `returned` was returned; what comes after its values is another row's. */
typedef int sl_returned_step(struct sl_instance *self, const struct sl_function *fn, struct sl_builder *out,
                             const struct sl_chunk *in, uint32_t row, struct sl_returned *returned);

/* Calls fn for all rows, many at a time where it offers that, and the step for each; otherwise as
 * sl_each_row. */
int sl_each_call(struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                 sl_returned_step *step);

/* The same with the value of a pair as the only argument; records of one field are rejected. */
int sl_each_value_call(struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                       sl_returned_step *step);

/* Calls fn for rows `from` and on, as many as it offers; 0 rows where it has no such path: core/contract/function.h,
 * call_rows. */
int sl_call_rows(const struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                 uint32_t from, struct sl_called *ret);

/* What is to be done with row `row`, of which r was given: hands a rejected one to the sink. */
int sl_settle_row(const struct sl_instance *self, const struct sl_chunk *in, uint32_t row, int r);

/* Calls fn with the fields of a row. ret->values has room for SL_WIDTH_MAX fields. The arguments are not valid when
 * it returns, so a function never returns a list that is its argv; what argv's fields point to may be used. */
int sl_call_row(const struct sl_instance *self, const struct sl_function *fn, const struct sl_chunk *in,
                uint32_t row, struct sl_returned *ret);

/* SL_EREJECT where a record would get more than SL_WIDTH_MAX fields. */
int sl_require_width(const struct sl_instance *self, uint32_t width);

/* SL_EREJECT where the row is no pair. */
int sl_require_pair(const struct sl_instance *self, const struct sl_chunk *in, uint32_t row);

static inline uint32_t sl_line_of(const struct sl_chunk *in, uint32_t row)
{
    return in->line ? in->line[row] : SL_NO_LINE;
}
