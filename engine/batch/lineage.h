/* What a result depends on: its own sources, and how far back the batches of each reach into it through windows. What
 * earlier batches left in a state is not followed. */
#pragma once

#include "engine/batch/batch.h"

/* What the node gives at time t is made of these: ret[run->sources] of which *ret_count are set, in the order of the
 * sources. 0 or SL_ENOMEM. */
int sl_lineage_of(const struct sl_run *run, const struct sl_node *node, int64_t t,
                  struct sl_manifest_input *ret, size_t *ret_count, struct sl_error *err);
/* Whether the node is an output that shows how many files went into it. */
bool sl_lineage_is_view(const struct sl_node *node);
/* At a start, when it is known which batch was committed last: counts the files of those that windows reach. */
int sl_lineage_open(struct sl_run *run, struct sl_error *err);
void sl_lineage_close(struct sl_run *run);
/* The batch is committed and shown: later windows reach it. */
int sl_lineage_committed(struct sl_batch *batch, struct sl_error *err);
/* For views: services->inputs and its first paths are those of this output: of the batch, and of the committed batches
 * that its windows reach. */
int sl_lineage_note(struct sl_batch *batch, const struct sl_node *node, struct sl_error *err);
/* For the catalog: sets manifest->input. */
int sl_lineage_add(const struct sl_run *run, const struct sl_node *node, int64_t t,
                   struct sl_manifest *manifest, struct sl_error *err);
