/* Which keys a set may have: a Bloom filter by the hashes of the keys. It says "no" of nearly all keys (99 of 100) that
 * were not added, and of none that was. A key takes about ten bits and costs one cache line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_key_filter {
    struct sl_key_filter_block *block; /* [blocks] */
    uint32_t blocks;
};

/* For so many keys. 0 or SL_ENOMEM. */
int sl_key_filter_init(struct sl_key_filter *filter, uint64_t keys);
void sl_key_filter_done(struct sl_key_filter *filter);

/* hash: all 64 bits of it. */
void sl_key_filter_add(struct sl_key_filter *filter, uint64_t hash);
bool sl_key_filter_may_have(const struct sl_key_filter *filter, uint64_t hash);
