/* How many files the batches of one source had, as far back as the windows of views reach. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sl_window_counts {
    size_t count, capacity;
    struct sl_window_count {
        int64_t batch_ms;
        uint64_t total; /* files of this batch and all before */
    } * entry;          /* oldest first */
};

void sl_window_counts_done(struct sl_window_counts *counts);
/* Times increase; what is older than reach_ms may be forgotten. 0 or SL_ENOMEM. */
int sl_window_counts_add(struct sl_window_counts *counts, int64_t batch_ms, uint64_t files, int64_t reach_ms);
/* In batches after this time. */
uint64_t sl_window_counts_since(const struct sl_window_counts *counts, int64_t after_ms);
