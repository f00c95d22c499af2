/* What of mapWithState's state exceeds memoryLimit: sorted runs on disk.
 *
 * The state is then a log-structured merge tree. Its newest level are the cells in memory (ops/state/state_map.h): when
 * they hold too much, those that differ from what is on disk become a run, and all are forgotten. A run is rows in the
 * order of keys, none twice. The newest run that has a key decides what the state is, and a cell in memory decides
 * before all runs. Neighbours are merged so that each run is at least twice as large as the next: a row is written a
 * logarithmic number of times.
 *
 * To find a key costs the reading of one small block, as a rule: the first key of every block is in memory, and a filter
 * (ops/state/key_filter.h) says of nearly all keys that a run does not have. Of a long key only its beginning is in
 * memory; where that leaves several blocks, some are read to choose.
 *
 * Runs are immutable, and any thread may find keys in them while no other changes the list. They are files without a
 * name (core/rows/spill.h), made again at every start: what is durable are the segments of the checkpoint. */
#pragma once

#include "core/rows/dataset.h"
#include "core/rows/spill.h"
#include "ops/state/key_filter.h"

/* A key on disk: the row (key, value, seen_ms, changed_ms, exists). */
struct sl_stored_cell {
    struct sl_field key, value;
    int64_t seen_ms;    /* batch of the key's last record */
    int64_t changed_ms; /* batch that changed it and has not saved it yet; INT64_MIN: it is saved */
    bool exists;        /* false: the key was removed */
};

/* In the flags of the first key of a block: it is the beginning of a string that is longer; or nil in place of another
 * key that is long. Either is not after the key. */
enum { SL_STATE_KEY_IS_CUT = 16 };

struct sl_state_run {
    struct sl_dataset *rows;
    size_t blocks;
    struct sl_field *first; /* [blocks]: the first key of each, in `keys`, or what SL_STATE_KEY_IS_CUT says */
    struct sl_arena keys;
    struct sl_key_filter filter;
    int64_t changed_ms; /* the newest of its rows */
    uint64_t passed;    /* the first rows, which are not needed any more (sl_state_reader_pass) */
};

enum { SL_STATE_RUNS_MAX = 64 };

struct sl_state_runs {
    struct sl_spill *spill;
    uint64_t seed;      /* of the hashes of keys */
    bool is_unsearched; /* runs are only read in order: nothing is kept in memory to find keys */
    /* Optional: whether rows of the key are needed no more, whatever run they are in: merging drops them. */
    bool (*is_over)(const void *arg, const struct sl_field *key);
    const void *is_over_arg;
    size_t count;
    struct sl_state_run run[SL_STATE_RUNS_MAX]; /* the oldest first */
};

void sl_state_runs_done(struct sl_state_runs *runs);
/* *ret, which is to be done, has the same runs, to be read in order only: whatever becomes of the list. */
void sl_state_runs_share(const struct sl_state_runs *runs, struct sl_state_runs *ret);

/* ---- making a run: begin, add in the order of keys, end or give up ---- */

struct sl_state_run_writer;
/* For about so many keys. */
int sl_state_run_begin(struct sl_state_runs *runs, uint64_t keys, struct sl_state_run_writer **ret,
                       struct sl_error *err);
int sl_state_run_add(struct sl_state_run_writer *writer, const struct sl_stored_cell *cell,
                     struct sl_error *err);
/* The run is the newest. Frees the writer, also after a failure. */
int sl_state_run_end(struct sl_state_run_writer *writer, struct sl_error *err);
void sl_state_run_give_up(struct sl_state_run_writer *writer); /* NULL is fine */

/* Merges neighbours until each is at least twice as large as the next. `settled`: nothing is unsaved, so that rows of
 * removed keys are not needed where no older run can have the key. */
int sl_state_runs_merge(struct sl_state_runs *runs, bool settled, struct sl_error *err);
/* Writes runs anew, each on its own, of which at least half of the rows are over: as far as the keys in memory tell. */
int sl_state_runs_shrink(struct sl_state_runs *runs, struct sl_error *err);

/* ---- reading: all keys in order, each once, the newest row of it ---- */

struct sl_state_reader;
/* Of `count` neighbours, runs[from] the oldest. */
int sl_state_reader_open(const struct sl_state_runs *runs, size_t from, size_t count,
                         struct sl_state_reader **ret);
/* The same of all runs, from the first key that is not before this one. */
int sl_state_reader_open_at(const struct sl_state_runs *runs, const struct sl_field *key,
                            struct sl_state_reader **ret);
/* The next key, borrowed until the call after; NULL at the end, or where rows cannot be read. */
const struct sl_stored_cell *sl_state_reader_next(struct sl_state_reader *reader);
/* At the end: 0, or rows could not be read. */
int sl_state_reader_failure(const struct sl_state_reader *reader, struct sl_error *err);
/* Readers that are opened later begin after the key that was given last, `last`: or with it. What is read is merged and
 * counted no more; runs without other rows leave the list. */
void sl_state_reader_pass(const struct sl_state_reader *reader, struct sl_state_runs *runs, bool last);
void sl_state_reader_close(struct sl_state_reader *reader); /* NULL is fine */

/* Sets *err and returns SL_EFAIL. */
int sl_state_runs_cannot_be_read(struct sl_error *err);
/* A row of a run as what it is of. */
struct sl_stored_cell sl_stored_cell_of(const struct sl_field *row);
