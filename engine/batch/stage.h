/* A wide operator or an output at work in one batch (struct sl_stage, core/contract/operator.h). */
#pragma once

#include "engine/batch/run.h"

/* Begun at batch time t, without rows. Where it fails, *ret is still to be freed. */
int sl_stage_new(struct sl_run *run, const struct sl_node *node, int64_t t, struct sl_stage **ret,
                 struct sl_error *err);
/* NULL is fine. */
void sl_stage_free(struct sl_stage *stage);
