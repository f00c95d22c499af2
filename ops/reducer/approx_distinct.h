/* approxDistinct: about how many different values there are, for the operator countApproxDistinct. */
#pragma once

#include "core/contract/reducer.h"

extern const struct sl_reducer sl_reducer_approx_distinct;
