/* What a result depends on: its own sources, and how far back the batches of each reach into it through windows. What
 * earlier batches left in a state is not followed. */
#pragma once

#include "engine/batch/batch.h"

/* At a start, when it is known which batch was committed last: counts the files of those that windows reach. */
int sl_lineage_open(struct sl_run *run, struct sl_error *err);
void sl_lineage_close(struct sl_run *run);
/* The batch is committed and shown: later windows reach it. */
int sl_lineage_committed(struct sl_batch *batch, struct sl_error *err);
/* For views: services->inputs and its first paths are those of this output: of the batch, and of the committed batches
 * that its windows reach. */
int sl_lineage_note(struct sl_batch *batch, const struct sl_node *node, struct sl_error *err);
/* For the catalog: sets manifest->input, to nothing where the output is of its own batch and all sources. */
int sl_lineage_add(const struct sl_run *run, const struct sl_node *node, int64_t t,
                   struct sl_manifest *manifest, struct sl_error *err);
