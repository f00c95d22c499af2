/* What joinWithin keeps from batch to batch, and on disk: (key, {left, right}, due), where left and right are lists of
 * {time, value, matched} in the order of their times. */
#pragma once

#include "ops/event/timed_map.h"

enum sl_join_how { SL_JOIN_INNER, SL_JOIN_LEFT, SL_JOIN_FULL };
enum sl_join_side { SL_JOIN_SIDE_LEFT, SL_JOIN_SIDE_RIGHT, SL_JOIN_SIDES };
enum { SL_JOIN_FIELDS = 3 };

struct sl_join_memory {
    struct sl_timed_map timed; /* first */
    int64_t due_ms; /* when the next unmatched record may have to be shown; INT64_MAX: there is none */
};

/* enum sl_join_how; -1: there is no such word. */
int sl_join_how(const struct sl_node *node);

/* For struct sl_wide. */
int sl_join_memory_open(const struct sl_node *node, void *memory, struct sl_error *err);
void sl_join_memory_done(void *memory);
int sl_join_save(struct sl_stage *stage, struct sl_state_writer *keeper);
int sl_join_load(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows);
int sl_join_loaded(struct sl_stage *stage, int64_t last_ms);
