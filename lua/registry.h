/* Everything a job can call on a stream or a context that is an operator, in one list: sources,
 * transformations, outputs, and the few that are Lua's own (transform ...). For methods, help and errors that
 * suggest a name. */
#pragma once

#include "core/contract/operator.h"

/* The i-th; NULL after the last. */
const struct sl_op *sl_registry_at(size_t i);
