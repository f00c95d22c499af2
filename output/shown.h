/* The rows a view shows, kept over restarts: the version of the last batch is on the mount before the first
 * one. What is written is what changed since the version before: by key where the rows' maker says what that
 * is (struct sl_revision), so that a large view costs its changes only; by their place elsewhere. */
#pragma once

#include "core/contract/operator.h"
#include "core/rows/sorted_rows.h"

/* What a mount output remembers. */
struct sl_shown {
    struct sl_dataset *rows; /* of the newest version; NULL: none yet */
    bool keyed;              /* it was saved by key */
    int64_t time_ms;
    uint64_t inputs;
    size_t first_count;
    /* Only while a start loads: */
    char **first; /* paths */
    char **name;  /* of the columns */
    size_t names; /* 0: they have none */
    uint64_t count;
    struct sl_sorted_rows keys;
};

void sl_shown_done(void *shown);

/* In save of the descriptor: `rows` is the new version. Takes a reference. */
int sl_shown_save(struct sl_shown *shown, struct sl_stage *stage, struct sl_dataset *rows,
                  struct sl_state_writer *keeper);
/* Each section, oldest first; then loaded, which makes the rows. SL_EDAMAGED: they are not what was saved. */
int sl_shown_load(struct sl_shown *shown, const struct sl_section *section, const struct sl_dataset *rows,
                  struct sl_error *err);
int sl_shown_loaded(struct sl_shown *shown, struct sl_error *err);
/* The time of the version that a section of the part SL_SHOWN_HEAD makes: of its first row. False: it is none. */
enum { SL_SHOWN_HEAD };
bool sl_shown_time(const struct sl_field *row, uint32_t width, int64_t *ret_ms);
