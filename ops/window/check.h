/* What windowed operators share: their durations, and the filter of pairs. */
#pragma once

#include "core/contract/operator.h"

/* Parameters `window` and `slide` (which may be missing) must be multiples of the input's slide; sets the
 * node's slide and the reach of its window. */
int sl_window_check(struct sl_node *node, unsigned window, unsigned slide, struct sl_error *err);

/* The length of the node's own window, ms. */
int64_t sl_window_of(const struct sl_node *node);

/* Keeps the pairs for which fn(key, value) is true. */
int sl_window_filter(struct sl_stage *stage, const struct sl_function *fn, struct sl_dataset **dataset);
