/* Whether a finished graph can run: what sl_run looks at first, and all that `sluice check` does. */
#pragma once

#include "core/base/error.h"

struct sl_context;

/* The sticky error of the context, or what engine/graph/validate.h refuses. */
int sl_context_check(struct sl_context *context, struct sl_error *err);

/* SL_EUSAGE: the job reads, keeps its state or shows its views where a function is about to make the directory `path`, as
 * the job names it. */
int sl_context_check_result(const struct sl_context *context, const char *path, struct sl_error *err);
