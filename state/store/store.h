/* The segments of a checkpoint: <checkpoint>/state/<number>.seg, oldest first. The list of them is a text
 * that the catalog keeps with the batch; a segment that no list names does not exist, and a start removes its
 * file.
 *
 * Per batch: sl_store_batch, then as a keeper (core/contract/state_writer.h) what each operator writes, after
 * sl_store_operator said whose it is; then sl_store_finish gives the list to commit, and sl_store_committed
 * says that it was. A thread of its own merges segments when newer ones have grown to the size of an older
 * one, so that there are few and each row is written a logarithmic number of times; batches do not wait for
 * it, but for the first one of a run that finds many: runs of one batch would never end a merge. */
#pragma once

#include "core/base/io.h"
#include "core/base/log.h"
#include "core/contract/state_writer.h"

struct sl_segment;
struct sl_spill;
struct sl_store;

/* dir: the checkpoint, relative to dirfd. list: as committed, "" in a new checkpoint. last_ms: the newest
 * committed batch. SL_EDAMAGED: the list is none, or a segment is not what it says; every byte is read and
 * checked. */
int sl_store_open(struct sl_io *io, struct sl_log *log, int dirfd, const char *dir, const char *list,
                  int64_t last_ms, struct sl_store **ret, struct sl_error *err);
/* The newest segments that are not merged, for other processes: what a view showed before the newest of them was
 * written can be read as long as they are separate (state/store/snapshot.h). 0 when opened. Fewer where they are larger
 * than the rest together: they cost no more room than the state itself. */
void sl_store_keep_apart(struct sl_store *store, size_t segments);
/* Waits for a merge under way, which is given up. */
void sl_store_close(struct sl_store *store);

/* Every operator key that has sections, once each, until NULL. Borrowed. */
const char *sl_store_key(const struct sl_store *store, size_t index);

typedef int sl_store_visit(void *arg, const struct sl_section *section, const struct sl_dataset *rows);
/* Calls visit with every section of one operator, oldest first. spill: where rows are that are too many; NULL: in
 * memory all the same. */
int sl_store_load(struct sl_store *store, const char *key, struct sl_spill *spill, sl_store_visit *visit,
                  void *arg, struct sl_error *err);
/* The same of one segment, which need not be of a store. */
int sl_segment_load(struct sl_segment *segment, const char *key, struct sl_spill *spill,
                    sl_store_visit *visit, void *arg, struct sl_error *err);
/* Drops what is kept for the operator, with the commit of the next batch: what that batch writes for it stays. From now on
 * nothing of it is loaded. */
int sl_store_drop(struct sl_store *store, const char *key);

/* A file is made only when a section is begun. */
void sl_store_batch(struct sl_store *store, int64_t t);
struct sl_state_writer *sl_store_operator(struct sl_store *store, const char *key);
/* The first failure of the keeper since sl_store_batch, filled into err; or 0. */
int sl_store_failure(const struct sl_store *store, struct sl_error *err);
/* Durable when it returns. *ret_list: to be committed with the batch; borrowed until the next call. Failures
 * of the keeper since sl_store_batch are reported here. */
int sl_store_finish(struct sl_store *store, const char **ret_list, struct sl_error *err);
void sl_store_committed(struct sl_store *store);
