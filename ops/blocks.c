#include "ops/blocks.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

void sl_blocks_done(struct sl_blocks *blocks)
{
    for (int k = 0; k < SL_BLOCK_LEVELS; k++) {
        struct sl_block_level *level = &blocks->level[k];
        for (size_t i = 0; i < level->count; i++)
            sl_groups_unref(level->block[i].groups);
        free(level->block);
    }
    *blocks = (struct sl_blocks){0};
}

static bool make_room(struct sl_block_level *level, size_t count)
{
    if (count <= level->capacity)
        return true;
    size_t capacity = level->capacity ? level->capacity * 2 : 8;
    while (capacity < count)
        capacity *= 2;
    struct sl_block *block = realloc(level->block, capacity * sizeof *block);
    if (!block)
        return false;
    level->block = block;
    level->capacity = capacity;
    return true;
}

/* The block, with room made for it before the first or behind the last; NULL: out of memory. */
static struct sl_block *block_at(struct sl_block_level *level, int64_t number)
{
    if (!level->count)
        level->first = number;
    size_t before = number < level->first ? (size_t)(level->first - number) : 0;
    size_t index = before ? 0 : (size_t)(number - level->first);
    size_t count = index >= level->count ? index + 1 : level->count;
    if (!make_room(level, before + count))
        return NULL;
    memmove(level->block + before, level->block, level->count * sizeof *level->block);
    memset(level->block, 0, before * sizeof *level->block);
    level->first -= (int64_t)before;
    level->count += before;
    for (; level->count < count; level->count++)
        level->block[level->count] = (struct sl_block){0};
    return &level->block[index];
}

int sl_blocks_add(struct sl_blocks *blocks, int64_t number, struct sl_groups *groups)
{
    struct sl_block *block = block_at(&blocks->level[0], number);
    sl_assert(!blocks->any || number > blocks->last);
    if (!block) {
        sl_groups_unref(groups);
        return SL_ENOMEM;
    }
    *block = (struct sl_block){groups, true};
    blocks->last = number;
    blocks->any = true;
    return 0;
}

static void forget_level(struct sl_block_level *level, int64_t number)
{
    size_t gone = number <= level->first ? 0 : (size_t)(number - level->first);
    if (gone > level->count)
        gone = level->count;
    for (size_t i = 0; i < gone; i++)
        sl_groups_unref(level->block[i].groups);
    if (gone)
        memmove(level->block, level->block + gone, (level->count - gone) * sizeof *level->block);
    level->first += (int64_t)gone;
    level->count -= gone;
}

/* A block is forgotten with the first of its batches: no window to come holds it whole. */
void sl_blocks_forget(struct sl_blocks *blocks, int64_t number)
{
    for (int k = 0; k < SL_BLOCK_LEVELS; k++)
        forget_level(&blocks->level[k], (number + ((int64_t)1 << k) - 1) >> k);
}

struct query {
    struct sl_blocks *blocks;
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
};

/* Block `number` of level k, made of its halves where it is not there yet. Borrowed; NULL: no data. */
static int make_block(struct query *query, int k, int64_t number, struct sl_groups **ret)
{
    struct sl_groups *left, *right;
    *ret = NULL;
    struct sl_block_level *leaves = &query->blocks->level[0];
    if (number << k > query->blocks->last || (number + 1) << k <= leaves->first)
        return 0; /* behind the newest data, or before the oldest */
    struct sl_block *block = block_at(&query->blocks->level[k], number);
    if (!block)
        return SL_ENOMEM;
    if (block->made || k == 0) {
        *ret = block->groups;
        return 0;
    }
    int r = make_block(query, k - 1, 2 * number, &left);
    if (r == 0)
        r = make_block(query, k - 1, 2 * number + 1, &right);
    if (r < 0)
        return r;
    if (left || right)
        r = sl_groups_combine(query->stage, query->reducer, left, right, &block->groups);
    block->made = r == 0;
    *ret = block->groups;
    return r;
}

/* The level of the largest aligned block that begins at `from` and ends by `to`. */
static int largest_level(int64_t from, int64_t to)
{
    int k = 0;
    while (k + 1 < SL_BLOCK_LEVELS && from % ((int64_t)1 << (k + 1)) == 0 &&
           from + ((int64_t)1 << (k + 1)) - 1 <= to)
        k++;
    return k;
}

static int append_block(struct query *query, struct sl_groups *block, struct sl_groups **all)
{
    struct sl_groups *longer;
    if (!block)
        return 0;
    int r = sl_groups_combine(query->stage, query->reducer, *all, block, &longer);
    if (r < 0)
        return r;
    sl_groups_unref(*all);
    *all = longer;
    return 0;
}

int sl_blocks_combine(struct sl_blocks *blocks, struct sl_stage *stage, const struct sl_reducer *reducer,
                      int64_t from, int64_t to, struct sl_groups **ret)
{
    struct query query = {blocks, stage, reducer};
    struct sl_groups *all = NULL, *block;
    int r = 0;
    for (int64_t at = from; r == 0 && at <= to;) {
        int k = largest_level(at, to);
        r = make_block(&query, k, at >> k, &block);
        if (r == 0)
            r = append_block(&query, block, &all);
        at += (int64_t)1 << k;
    }
    if (r < 0) {
        sl_groups_unref(all);
        return r;
    }
    *ret = all;
    return 0;
}
