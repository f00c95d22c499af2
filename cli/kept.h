/* What a job shows and keeps, read from its checkpoint while it runs or does not: the newest version of each view, the
 * state of its operators. Nothing is changed and no batch is delayed. */
#pragma once

#include "output/shown.h"
#include "state/store/snapshot.h"

/* The committed list of segments as it is now; caller frees. */
typedef int sl_kept_list(void *arg, char **ret, struct sl_error *err);

/* Asks for the list until its segments are all there: those of an older one may have been merged. */
int sl_kept_open(const char *checkpoint, sl_kept_list *list, void *arg, struct sl_snapshot **ret,
                 struct sl_error *err);

/* The name of the view or operator whose key is number `index`; NULL: there is no such key. Borrowed. */
const char *sl_kept_name(const struct sl_snapshot *snapshot, size_t index, bool *ret_is_view);

/* The newest version of a view; rows is NULL where it has shown nothing yet. sl_shown_done. */
int sl_kept_view(struct sl_snapshot *snapshot, const char *name, struct sl_shown *ret, struct sl_error *err);
/* The times of its versions that the checkpoint still tells apart, oldest first; the newest is one of them, and as many
 * before it as the view keeps unless they were large. Caller frees *ret. */
int sl_kept_versions(struct sl_snapshot *snapshot, const char *name, int64_t **ret, size_t *ret_count,
                     struct sl_error *err);
/* One of them, as sl_kept_view. */
int sl_kept_version(struct sl_snapshot *snapshot, const char *name, int64_t t, struct sl_shown *ret,
                    struct sl_error *err);
/* Rows of key and value, in the order of keys; the caller unrefs. SL_EUSAGE: the operator keeps something else. */
int sl_kept_state(struct sl_snapshot *snapshot, const char *name, struct sl_dataset **ret,
                  struct sl_error *err);
