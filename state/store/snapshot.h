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
/* Oldest first; each but the first was written by a batch or merged of what neighbours wrote, so that the sections of
 * the oldest n are what was committed with the newest batch among them. */
size_t sl_snapshot_segments(const struct sl_snapshot *snapshot);
/* The first row of a section in one segment. Borrowed during visit; 0 where the segment has no such section. */
int sl_snapshot_first_row(struct sl_snapshot *snapshot, size_t segment, const char *key, uint32_t part,
                          int (*visit)(void *arg, const struct sl_field *fields, uint32_t width), void *arg,
                          struct sl_error *err);
/* As sl_store_load, of the oldest `segments`. */
int sl_snapshot_load_oldest(struct sl_snapshot *snapshot, size_t segments, const char *key,
                            int (*visit)(void *arg, const struct sl_section *section,
                                         const struct sl_dataset *rows),
                            void *arg, struct sl_error *err);
/* Of all. */
int sl_snapshot_load(struct sl_snapshot *snapshot, const char *key,
                     int (*visit)(void *arg, const struct sl_section *section, const struct sl_dataset *rows),
                     void *arg, struct sl_error *err);
