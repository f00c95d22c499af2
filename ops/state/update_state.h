/* The state of updateStateByKey, between the walk over it (update_state.c) and the checkpoint and shards
 * (update_state_disk.c). */
#pragma once

#include "core/contract/operator.h"

struct sl_update_state {
    struct sl_dataset *state; /* NULL: no keys yet */
    /* By the last batch: rows (key, state), or (key) where it was removed. NULL: nothing. */
    struct sl_dataset *changed;
    uint64_t revisions;
    bool loaded;                 /* from disk: `initial` is past */
    size_t sections;             /* only while they are loaded: by a start, or of shards */
    struct sl_dataset **section; /* [sections], oldest first */
};

/* Appends (key, state), both copied; state NULL: (key), which was removed. 0 or SL_ENOMEM. */
int sl_update_state_keep(struct sl_rows *rows, const struct sl_field *key, const struct sl_field *state);

void sl_update_state_drop_sections(struct sl_update_state *memory);

/* The first and the last step of a batch. begin: false: there is nothing to say. show: takes over both datasets; the
 * result is what is kept now. */
bool sl_update_state_begin(struct sl_stage *stage);
int sl_update_state_show(struct sl_stage *stage, struct sl_dataset *updated, struct sl_dataset *changed,
                         struct sl_dataset **ret);

/* As in struct sl_wide. */
int sl_update_state_save(struct sl_stage *stage, struct sl_state_writer *keeper);
int sl_update_state_load(struct sl_stage *stage, const struct sl_section *section,
                         const struct sl_dataset *rows);
int sl_update_state_loaded(struct sl_stage *stage, int64_t last_ms);
extern const struct sl_sharded sl_update_state_sharded;
