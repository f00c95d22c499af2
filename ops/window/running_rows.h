/* A running window (ops/window/incremental.h) as rows on disk (ops/window/running_table.h), where it exceeds memoryLimit: a row for
 * each key, in the order of keys. They are read some at a time into a running window that is in memory, changed there by the
 * same functions as always, and written anew. The row has all that is known of the key between batches:
 *
 *   key, state, batches, flags, shown
 *
 * state   as it is encoded, or of a key that failed what is known of it; nil where that was reported
 * batches of the window that hold the key
 * flags   SL_RUNNING_*: what struct sl_live says
 * shown   {key, value}, as the newest revision has them, or nil */
#pragma once

#include "core/rows/spill.h"
#include "ops/window/incremental.h"

enum {
    SL_RUNNING_KEY,
    SL_RUNNING_STATE,
    SL_RUNNING_BATCHES,
    SL_RUNNING_FLAGS,
    SL_RUNNING_SHOWN,
    SL_RUNNING_FIELDS,
};

enum {
    SL_RUNNING_EXISTS = 1,
    SL_RUNNING_FAILED = 2,
    SL_RUNNING_REPORTED = 4,
    SL_RUNNING_MIXED = 8,
    SL_RUNNING_UNFINISHED = 16,
    SL_RUNNING_UNSHOWN = 32,
    SL_RUNNING_UNSAVED = 64,
};

/* The row joins a running window; rows come in the order of keys. Then sl_running_rows_filled. 0, SL_ENOMEM or SL_EDAMAGED. */
int sl_running_row_load(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer, const struct sl_field row[SL_RUNNING_FIELDS],
                        struct sl_rows *shown);
/* What the rows showed is the newest revision; takes `shown` over, also when it fails. */
int sl_running_rows_filled(struct sl_incremental *running, struct sl_stage *stage, struct sl_rows *shown);

struct sl_running_writer;

/* Writes all keys, in order: what is known of them, and what the newest revision shows. */
int sl_running_rows_write(struct sl_incremental *running, struct sl_stage *stage,
                          const struct sl_reducer *reducer, struct sl_running_writer *writer);

/* A row that was saved, (key, state, batches, failed) or (key), as one of these. False: it is none. */
bool sl_running_row_of_saved(const struct sl_field *saved, uint32_t width,
                             struct sl_field row[SL_RUNNING_FIELDS]);
/* Whether a row says anything: those of keys that were removed do not. */
static inline bool sl_running_row_exists(const struct sl_field row[SL_RUNNING_FIELDS])
{
    return row[SL_RUNNING_FLAGS].integer &
           ~(int64_t)(SL_RUNNING_FAILED | SL_RUNNING_REPORTED | SL_RUNNING_MIXED);
}

/* Whether the next batch has to look at the key, even if it has nothing of it. */
static inline bool sl_running_row_is_pending(const struct sl_field row[SL_RUNNING_FIELDS])
{
    return row[SL_RUNNING_FLAGS].integer & (SL_RUNNING_UNFINISHED | SL_RUNNING_UNSHOWN | SL_RUNNING_UNSAVED);
}

static inline bool sl_running_row_is_shown(const struct sl_field row[SL_RUNNING_FIELDS])
{
    return row[SL_RUNNING_SHOWN].tag == SL_LIST;
}

/* Key and value, of a row that is shown. */
static inline const struct sl_field *sl_running_row_shown(const struct sl_field row[SL_RUNNING_FIELDS])
{
    return row[SL_RUNNING_SHOWN].items;
}
