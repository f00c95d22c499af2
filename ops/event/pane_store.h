/* What the panes of an event window hold beyond memoryLimit: sorted runs on disk.
 *
 * Panes are in memory (ops/event/pane_runs.h) until they take more than the operator may hold, or a batch brings more groups
 * than that. Then all of them move to disk and stay there until no pane is open, or until a start finds that they fit into
 * memory. So there are never entries in both places, and without a limit nothing of this is used.
 *
 * The runs are those of ops/state/state_runs.h with pane keys (ops/event/window_key.h) as keys and the state of the reducer, as
 * it is encoded, as the value. A row is the whole state of its (pane, key), and the newest run that has it decides:
 *
 *   a batch    its groups are in the order of pane keys. Each is looked for on disk, what is found is combined with it in the
 *              same way as in memory, and all of them become a new run (ops/event/event_panes_disk.c). How many are in memory
 *              at a time depends on what their states take
 *   a window   is the range of its panes in all runs, read as one in the order of pane keys. Its rows are sorted by key, on
 *              disk, and those of one key combined in the order of their panes (ops/event/event_emit_disk.c)
 *   a pane     that is closed is passed over, and dropped where runs are merged. A run of which half is closed is written anew
 *
 * The starts of panes that have rows are in memory, eight bytes each. Files have no names (core/rows/spill.h); what is durable
 * is the checkpoint, which is written the same with a limit and without. */
#pragma once

#include "ops/event/pane_runs.h"
#include "ops/state/state_runs.h"

/* Starts of panes, ascending. */
struct sl_pane_list {
    int64_t *start;
    size_t count, capacity;
};

int sl_pane_list_add(struct sl_pane_list *list, int64_t start); /* 0 or SL_ENOMEM */
/* The first at or after `from`; INT64_MAX: none. */
int64_t sl_pane_list_next(const struct sl_pane_list *list, int64_t from);
void sl_pane_list_done(struct sl_pane_list *list);

struct sl_pane_store {
    struct sl_state_runs runs; /* runs.spill: NULL where there is no limit */
    struct sl_pane_list list;  /* panes that have rows; closed ones may be among them */
    size_t saved;              /* the first runs: the checkpoint has what they hold */
    int64_t floor;             /* panes before it are closed */
};

void sl_pane_store_done(struct sl_pane_store *store);
/* What is too much goes to disk from now on, where the stage has a limit. Any number of times. */
void sl_pane_store_bound(struct sl_pane_store *store, const struct sl_stage *stage);
/* Whether panes are on disk. */
static inline bool sl_pane_store_is_used(const struct sl_pane_store *store)
{
    return store->runs.count > 0;
}
/* What the operator may hold of one kind: panes, what a batch brought, or what it shows. */
size_t sl_pane_store_bytes_max(const struct sl_pane_store *store, const struct sl_stage *stage);
uint64_t sl_pane_store_entries(const struct sl_pane_store *store);

/* ---- a run: begin, add in the order of pane keys, end or give up ---- */

struct sl_pane_writer {
    struct sl_pane_store *store;
    struct sl_state_run_writer *writer;
    int64_t changed_ms; /* the batch that writes it, or INT64_MIN */
    uint64_t rows;
};

struct sl_pane_row {
    struct sl_field key,
        state; /* the pane key; the state as it is encoded, or of one that failed what is known of it */
    bool has_failed;
    bool exists;  /* false: the checkpoint may have the key, and it is to be removed there */
    bool changed; /* by the batch, when it is read; not when it is written */
};

/* For about so many rows. */
int sl_pane_writer_begin(struct sl_pane_writer *writer, struct sl_pane_store *store, uint64_t rows,
                         int64_t changed_ms, struct sl_error *err);
int sl_pane_writer_add(struct sl_pane_writer *writer, const struct sl_pane_row *row, struct sl_error *err);
/* The run is the newest, unless it has no rows. */
int sl_pane_writer_end(struct sl_pane_writer *writer, struct sl_error *err);
void sl_pane_writer_give_up(struct sl_pane_writer *writer); /* also after the end, and where it never began */

/* Moves what is in memory to disk, but for panes before `floor`. Nothing may be on disk. */
int sl_pane_store_put(struct sl_pane_store *store, struct sl_stage *stage, const struct sl_reducer *reducer,
                      struct sl_pane_runs *panes, int64_t floor);
/* When everything is saved: merges runs, and drops panes that are closed. */
int sl_pane_store_tidy(struct sl_pane_store *store, int64_t floor, struct sl_error *err);

/* ---- reading the panes [from, to), in the order of pane keys: those with keys that are strings, then the others ---- */

struct sl_pane_reader {
    const struct sl_pane_store *store;
    int64_t to, batch_ms; /* batch_ms: rows of it are changed ones */
    int64_t from;
    unsigned part; /* 0: strings, 1: lists, 2: the end */
    struct sl_state_reader *reader;
    int r;
};

int sl_pane_reader_open(struct sl_pane_reader *reader, const struct sl_pane_store *store, int64_t from,
                        int64_t to, int64_t batch_ms);
/* 1 and the next row that exists, borrowed until the next call; 0 at the end; or a failure. */
int sl_pane_reader_next(struct sl_pane_reader *reader, struct sl_pane_row *ret, struct sl_error *err);
void sl_pane_reader_close(struct sl_pane_reader *reader);

/* What a row of the runs says. */
struct sl_pane_row sl_pane_row_of(const struct sl_stored_cell *cell, int64_t batch_ms);
