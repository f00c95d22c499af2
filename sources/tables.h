/* What engine/ asks of tables (sources/table/) besides the contract of sources. */
#pragma once

#include "core/base/io.h"
#include "core/contract/operator.h"

/* Whether there are rows where the table of the node has them, now: 0; SL_EFAIL with the reason; SL_ENOMEM. Reads the names of
 * the columns only. */
int sl_table_probe(const struct sl_node *node, struct sl_error *err);

/* Removes the copies that the checkpoint keeps of tables with other keys: the job does not have them any more. Best effort. */
void sl_tables_forget_others(struct sl_io *io, const char *checkpoint, const char *const *keys, size_t count);
/* Whether the checkpoint has a copy of any table. */
bool sl_tables_have_copies(struct sl_io *io, const char *checkpoint);
