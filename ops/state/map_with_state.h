/* What stateSnapshots must know of mapWithState: the memory of its node begins with a struct sl_state_map. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op sl_op_map_with_state;
