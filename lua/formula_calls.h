/* Formulas (lua/formula.h) for many rows: what core/contract/function.h asks of a function. */
#pragma once

#include "core/contract/function.h"
#include "lua/formula.h"

/* map: SL_EREJECT where a row is one for Lua, or rows get different numbers of fields. */
int sl_formula_map(const struct sl_formula *formula, struct sl_task *task, const struct sl_chunk *in,
                   struct sl_chunk *out);

/* call_rows and fold_rows: they stop before a row that is one for Lua. */
int sl_formula_rows(const struct sl_formula *formula, struct sl_task *task, const struct sl_chunk *in,
                    uint32_t from, struct sl_called *ret);
uint32_t sl_formula_fold(const struct sl_formula *formula, struct sl_task *task, struct sl_arena *keep,
                         struct sl_field *const *cells, const struct sl_field *values, const uint16_t *row,
                         uint32_t count);
