/* A block is 256 bits, in which a key sets one of each 32: the upper half of its hash chooses the block, the lower half,
 * multiplied by eight odd numbers, the bits. */
#include "ops/state/key_filter.h"

#include "core/base/error.h"

#include <stdlib.h>

enum { WORDS = 8, KEYS_PER_BLOCK = 24 };

struct sl_key_filter_block {
    uint32_t word[WORDS];
};

static const uint32_t odd[WORDS] = {0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D,
                                    0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31};

int sl_key_filter_init(struct sl_key_filter *filter, uint64_t keys)
{
    uint64_t blocks = keys / KEYS_PER_BLOCK + 1;
    filter->blocks = blocks < UINT32_MAX ? (uint32_t)blocks : UINT32_MAX;
    filter->block = calloc(filter->blocks, sizeof *filter->block);
    return filter->block ? 0 : SL_ENOMEM;
}

void sl_key_filter_done(struct sl_key_filter *filter)
{
    free(filter->block);
    *filter = (struct sl_key_filter){0};
}

static struct sl_key_filter_block *block_of(const struct sl_key_filter *filter, uint64_t hash)
{
    return &filter->block[(hash >> 32) * filter->blocks >> 32];
}

static uint32_t bit_of(uint64_t hash, unsigned i)
{
    return UINT32_C(1) << ((uint32_t)hash * odd[i] >> 27);
}

void sl_key_filter_add(struct sl_key_filter *filter, uint64_t hash)
{
    struct sl_key_filter_block *block = block_of(filter, hash);
    for (unsigned i = 0; i < WORDS; i++)
        block->word[i] |= bit_of(hash, i);
}

bool sl_key_filter_may_have(const struct sl_key_filter *filter, uint64_t hash)
{
    const struct sl_key_filter_block *block = block_of(filter, hash);
    uint32_t missing = 0;
    for (unsigned i = 0; i < WORDS; i++)
        missing |= ~block->word[i] & bit_of(hash, i);
    return !missing;
}
