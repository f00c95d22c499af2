/* A running window (ops/window/incremental.h) as rows on disk, where it exceeds memoryLimit: a row for each key, in the order
 * of keys. They are read some at a time into a running window that is in memory, changed there by the same functions as
 * always, and written anew. The row has all that is known of the key between batches:
 *
 *   key, state, batches, flags, shown
 *
 * state   as it is encoded, or of a key that failed what is known of it; nil where that was reported
 * batches of the window that hold the key
 * flags   RUNNING_*: what struct sl_live says
 * shown   {key, value}, as the newest revision has them, or nil */
#pragma once

#include "core/rows/spill.h"
#include "ops/window/incremental.h"

enum { SL_RUNNING_FIELDS = 5 };

/* The row joins a running window; rows come in the order of keys. Then sl_running_rows_filled. 0, SL_ENOMEM or SL_EDAMAGED. */
int sl_running_row_load(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer, const struct sl_field row[SL_RUNNING_FIELDS],
                        struct sl_rows *shown);
/* What the rows showed is the newest revision; takes `shown` over, also when it fails. */
int sl_running_rows_filled(struct sl_incremental *running, struct sl_stage *stage, struct sl_rows *shown);

/* Writes all keys that are there, or are still to be shown or saved, to `table`; and to `result`, unless it is NULL, the rows
 * that the newest revision shows. */
int sl_running_rows_write(struct sl_incremental *running, struct sl_stage *stage,
                          const struct sl_reducer *reducer, const struct sl_spill *spill,
                          struct sl_spill_file *table, struct sl_spill_file *result);

/* A row that was saved, (key, state, batches, failed) or (key), as one of these. False: it is none. */
bool sl_running_row_of_saved(const struct sl_field *saved, uint32_t width,
                             struct sl_field row[SL_RUNNING_FIELDS]);
/* Whether a row says anything: those of keys that were removed do not. */
bool sl_running_row_exists(const struct sl_field row[SL_RUNNING_FIELDS]);

/* Ends what was written to the file as a dataset, and closes it; *file is NULL afterwards. */
int sl_running_file_end(const struct sl_spill *spill, struct sl_spill_file **file, struct sl_dataset **ret,
                        struct sl_error *err);
