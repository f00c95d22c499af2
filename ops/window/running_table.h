/* A running window beyond memoryLimit: all that is known of its keys, as sorted runs on disk (ops/state/state_runs.h), of which
 * the newest row of a key counts. A row has the fields of ops/window/running_rows.h.
 *
 * Rows are written in the order of keys, as the newest run. */
#pragma once

#include "ops/state/state_find.h"
#include "ops/state/state_runs.h"
#include "ops/window/running_rows.h"

struct sl_running_table {
    struct sl_state_runs runs;
    uint64_t shown; /* keys that the newest revision has */
    /* Of a key that was written last: the next batch has to see it, also where that neither enters nor leaves. */
    bool is_pending;
};

struct sl_running_table *sl_running_table_new(struct sl_stage *stage, struct sl_spill *spill);
void sl_running_table_free(struct sl_running_table *table); /* NULL is fine */

/* ---- reading ---- */

/* 1 and the row, borrowed as the finder says; 0: the table does not have the key; or a failure. */
int sl_running_table_find(const struct sl_running_table *table, struct sl_state_finder *finder,
                          struct sl_stage *stage, const struct sl_field *key,
                          struct sl_field row[SL_RUNNING_FIELDS]);
void sl_running_row_of_cell(const struct sl_stored_cell *cell, struct sl_field row[SL_RUNNING_FIELDS]);
/* What it shows, as pairs, written to disk when it is first read. NULL: out of memory. */
struct sl_dataset *sl_running_table_show(const struct sl_running_table *table);

/* ---- writing ---- */

struct sl_running_writer {
    struct sl_running_table *table;
    struct sl_state_run_writer *run;
    bool is_first; /* no older run has a key: those that were removed leave no row */
    bool is_pending, any;
    int64_t shown; /* how many more keys are shown */
};

/* For about so many keys. sl_running_writer_done is to be called in any case. */
int sl_running_writer_open(struct sl_running_writer *writer, struct sl_running_table *table, uint64_t keys,
                           struct sl_error *err);
/* The row as it was; the same as it is: a row that says nothing removes the key. */
void sl_running_writer_replaces(struct sl_running_writer *writer,
                                const struct sl_field row[SL_RUNNING_FIELDS]);
int sl_running_writer_add(struct sl_running_writer *writer, const struct sl_field row[SL_RUNNING_FIELDS],
                          struct sl_error *err);
/* The rows are the newest run of the table. */
int sl_running_writer_end(struct sl_running_writer *writer, struct sl_error *err);
void sl_running_writer_done(struct sl_running_writer *writer);
