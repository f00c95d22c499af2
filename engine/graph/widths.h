/* How many fields the records of each stream have, where that is known before there are any: pairs are wanted where
 * records always have one field, a field is chosen that none has. For `sluice check`. */
#pragma once

#include "engine/graph/graph.h"

/* SL_EUSAGE at the first operator that could process no record of its stream. */
int sl_widths_check(const struct sl_context *context, struct sl_error *err);
