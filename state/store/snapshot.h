/* The segments of a checkpoint as other processes read them, while its process runs or does not: nothing is changed, no
 * batch is delayed.
 *
 * All segments of one committed list are opened at once and stay readable, whatever becomes of their names. A list that
 * is older than the checkpoint may name what was merged away meanwhile: then sl_snapshot_open gives SL_EDAMAGED, and the
 * caller reads the list again and tries once more; it is damage where the list is still the same. */
#pragma once

#include "core/base/io.h"
#include "core/contract/state_writer.h"

struct sl_snapshot;

/* dir: the checkpoint. list: as committed. */
int sl_snapshot_open(struct sl_io *io, const char *dir, const char *list, struct sl_snapshot **ret,
                     struct sl_error *err);
void sl_snapshot_close(struct sl_snapshot *snapshot);

/* Every operator key that has sections, once each, until NULL. Borrowed. */
const char *sl_snapshot_key(const struct sl_snapshot *snapshot, size_t index);
/* As sl_store_load. */
int sl_snapshot_load(struct sl_snapshot *snapshot, const char *key,
                     int (*visit)(void *arg, const struct sl_section *section, const struct sl_dataset *rows),
                     void *arg, struct sl_error *err);
