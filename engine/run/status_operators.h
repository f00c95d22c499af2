/* The operators of a run, and its newest batches, for status.json. */
#pragma once

#include "engine/batch/run.h"
#include "engine/run/status.h"

/* What the operator keeps now. */
struct sl_held sl_status_held(const struct sl_run *run, const struct sl_node *node);

/* ,"operators":[...]: the graph, with records in and out of each. */
void sl_status_operators(const struct sl_run *run, struct sl_buf *buf);
/* What sl_status_recent writes of a batch. */
void sl_status_recent_set(struct sl_status_recent *recent, const struct sl_status_batch *batch);
/* ,"recent":[...]: oldest first. */
void sl_status_recent(const struct sl_run *run, struct sl_buf *buf);
