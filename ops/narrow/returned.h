/* What a function returned, read by docs/manual.md, "Functions": one place for all
 * narrow operators.
 *
 * Each reader gets the node (its operator is named in messages) and the function that was called. It returns
 * 0, or SL_EREJECT with a message that says what was returned and what is wanted. */
#pragma once

#include "core/contract/function.h"
#include "core/contract/operator.h"

/* map and the like: the row is ret->values[0 .. ret->count-1]; a list made by row() was spread into it. */
int sl_returned_row(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                    struct sl_returned *ret);

/* filter: nil is false, anything but a boolean an error. */
int sl_returned_truth(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                      const struct sl_returned *returned, bool *ret);

/* keyBy and the like: one value; several values of a built-in are a list. */
int sl_returned_value(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                      const struct sl_returned *returned, struct sl_field *ret);

/* flatMap and the like: the records in a list, each checked (sl_record_of then cannot fail). A row of a
 * built-in is the only record: `whole` is it. */
struct sl_records {
    uint32_t count;
    const struct sl_field *item;
    uint32_t width; /* not 0: a built-in's row, item[0 .. width-1] is the one record */
};
int sl_returned_records(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                        const struct sl_returned *returned, struct sl_records *ret);

/* The fields of record i: the items of a list or row(), else the item itself. Returns the width. */
uint32_t sl_record_of(const struct sl_records *records, uint32_t i, const struct sl_field **ret_fields);

/* At check(): refuses a built-in that does not give what the operator at hand can use. */
int sl_refuse_truth(const struct sl_node *node, struct sl_error *err);     /* flatMap of a predicate */
int sl_refuse_not_truth(const struct sl_node *node, struct sl_error *err); /* filter of anything else */
