/* Records that may be late: kept with their times and where they come from until it is known. */
#pragma once

#include "core/contract/lanes.h"

struct sl_late_row {
    const struct sl_origin *origin;
    uint32_t line, ordinal, width;
    int64_t time;
    struct sl_position position;
    uint64_t sequence;
    const struct sl_field *field; /* [width] */
};

struct sl_late_rows {
    pthread_mutex_t lock;
    bool ready;
    struct sl_arena arena;
    struct sl_late_row *row;
    size_t count, capacity;
    uint64_t sequence;
};

void sl_late_rows_init(struct sl_late_rows *late);
void sl_late_rows_done(struct sl_late_rows *late);
/* Any thread; copies the record. 0 or SL_ENOMEM. */
int sl_late_rows_add(struct sl_late_rows *late, const struct sl_lane *lane, const struct sl_chunk *in,
                     uint32_t row);
/* In the order of the input. */
void sl_late_rows_sort(struct sl_late_rows *late);
/* A dataset of one partition, with event times. */
int sl_late_rows_dataset(struct sl_late_rows *late, struct sl_dataset **ret);
/* Counts row i as late. */
int sl_late_rows_report(const struct sl_late_rows *late, size_t i, struct sl_stage *stage);
