/* after = "delete" or a directory: what becomes of files when their batch is committed. How one arrival is put away is
 * sources/put_away.h.
 *
 * What fails is owed: it is kept (the engine writes it to the catalog), tried again after later batches and at each
 * start, and shown by status. Where much fails, a batch tries some of it, and later batches the rest. A failed sync
 * is returned and ends the run. */
#pragma once

#include "sources/files.h"

/* What is owed from earlier, then the files of the source's batch that were read. SL_EFAIL: a sync failed. */
int sl_after_batch(struct sl_file_source *source, struct sl_error *err);
