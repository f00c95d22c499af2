/* The rows a view shows, kept over restarts: the version of the last batch is on the mount before the first
 * one. What is written is the rows that changed since the version before, by their place. */
#pragma once

#include "core/operator.h"

/* What a mount output remembers. */
struct sl_shown {
    struct sl_dataset *rows; /* of the newest version; NULL: none yet */
    int64_t time_ms;
    uint64_t inputs;
    size_t first_count;
    char **first; /* paths; only while a start loads */
};

void sl_shown_done(void *shown);

/* In save of the descriptor: `rows` is the new version. Takes a reference. */
int sl_shown_save(struct sl_shown *shown, struct sl_stage *stage, struct sl_dataset *rows,
                  struct sl_keeper *keeper);
int sl_shown_load(struct sl_shown *shown, struct sl_stage *stage, const struct sl_dataset *section);
