/* Many calls of one record function under one protected call: a call per record costs more than what most
 * functions do. Errors are left to the single call, which reports them: these stop before it. */
#pragma once

#include "core/contract/function.h"
#include "lua/copy.h"

/* core/contract/function.h: call_rows and fold_rows, of function `number` of the copy, which takes so many arguments:
 * fields beyond them are left out. */
int sl_calls_rows(struct sl_copy *copy, unsigned number, uint32_t parameters, struct sl_task *task,
                  const struct sl_chunk *in, uint32_t from, struct sl_called *ret);
uint32_t sl_calls_fold(struct sl_copy *copy, unsigned number, struct sl_task *task, struct sl_arena *keep,
                       struct sl_field *const *cells, const struct sl_field *values, const uint16_t *row,
                       uint32_t count);

/* Makes room for what calls for so many rows give: a few values each. Their number is in *ret_room. */
int sl_calls_reserve(struct sl_task *task, uint32_t rows, struct sl_called *ret, uint32_t *ret_room);
