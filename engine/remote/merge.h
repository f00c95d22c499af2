/* The results of reduce tasks become one: every key's rows are in one of them, and each is in the order of keys. */
#pragma once

#include "core/contract/operator.h"
#include "core/rows/dataset.h"

struct sl_merging;

/* parts: how many there will be. NULL: out of memory. */
struct sl_merging *sl_merging_new(size_t parts, enum sl_result_order order);
void sl_merging_free(struct sl_merging *merging);
/* The rows of part i: chunks as engine/remote/wire.h has them. Copies. 0, SL_EDAMAGED or SL_ENOMEM. */
int sl_merging_add(struct sl_merging *merging, size_t i, const void *bytes, size_t len);
/* A dataset of one partition. 0 or SL_ENOMEM. */
int sl_merging_finish(struct sl_merging *merging, struct sl_dataset **ret);
