#include "ops/window/partials.h"

#include "core/base/array.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

static void drop_sides(struct sl_window_partials *blocks)
{
    while (blocks->suffixes)
        sl_sorted_groups_unref(blocks->suffix[--blocks->suffixes].groups);
    sl_sorted_groups_unref(blocks->prefix);
    blocks->prefix = NULL;
    blocks->has_split = false;
}

static int64_t bytes_of(const struct sl_sorted_groups *groups)
{
    return (int64_t)sl_group_store_bytes(groups);
}

static const struct sl_sorted_groups *block_of(const struct sl_partials_level *level, int64_t number)
{
    bool is_there = number >= level->first && number - level->first < (int64_t)level->count;
    return is_there ? level->block[number - level->first].groups : NULL;
}

/* A block one half of which has no data is the other half. */
static bool is_a_half(const struct sl_partials_level *halves, int64_t number,
                      const struct sl_sorted_groups *groups)
{
    return groups == block_of(halves, 2 * number) || groups == block_of(halves, 2 * number + 1);
}

static int64_t level_bytes(const struct sl_window_partials *blocks, int k)
{
    const struct sl_partials_level *level = &blocks->level[k];
    int64_t bytes = 0;
    for (size_t i = 0; i < level->count; i++) {
        const struct sl_sorted_groups *groups = level->block[i].groups;
        if (groups && (k == 0 || !is_a_half(level - 1, level->first + (int64_t)i, groups)))
            bytes += bytes_of(groups);
    }
    return bytes;
}

/* Of groups that are nowhere else. */
static int64_t own_bytes(struct sl_sorted_groups *groups)
{
    return groups && groups->refs == 1 ? bytes_of(groups) : 0;
}

void sl_window_partials_held(const void *memory, struct sl_held *ret)
{
    const struct sl_window_partials *blocks = memory;
    const struct sl_partials_level *batches = &blocks->level[0];
    ret->batches = ret->rows = 0;
    ret->bytes = own_bytes(blocks->prefix);
    for (size_t i = 0; i < batches->count; i++) {
        const struct sl_sorted_groups *groups = batches->block[i].groups;
        ret->batches += groups != NULL;
        ret->rows += groups ? (int64_t)groups->count : 0;
    }
    for (int k = 0; k < SL_BLOCK_LEVELS; k++)
        ret->bytes += level_bytes(blocks, k);
    for (size_t i = 0; i < blocks->suffixes; i++)
        ret->bytes += own_bytes(blocks->suffix[i].groups);
}

void sl_window_partials_done(struct sl_window_partials *blocks)
{
    drop_sides(blocks);
    for (int k = 0; k < SL_BLOCK_LEVELS; k++) {
        struct sl_partials_level *level = &blocks->level[k];
        for (size_t i = 0; i < level->count; i++)
            sl_sorted_groups_unref(level->block[i].groups);
        free(level->block);
    }
    *blocks = (struct sl_window_partials){.store = blocks->store};
}

static int put_level(struct sl_window_partials *blocks, struct sl_stage *stage,
                     const struct sl_reducer *reducer, const struct sl_partials_level *level)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < level->count; i++)
        r = sl_group_store_put(blocks->store, stage, reducer, level->block[i].groups);
    return r;
}

int sl_window_partials_put(struct sl_window_partials *blocks, struct sl_stage *stage,
                           const struct sl_reducer *reducer)
{
    int r = sl_group_store_put(blocks->store, stage, reducer, blocks->prefix);
    for (size_t i = 0; r == 0 && i < blocks->suffixes; i++)
        r = sl_group_store_put(blocks->store, stage, reducer, blocks->suffix[i].groups);
    for (int k = 0; r == 0 && k < SL_BLOCK_LEVELS; k++)
        r = put_level(blocks, stage, reducer, &blocks->level[k]);
    return r;
}

static bool make_room(struct sl_partials_level *level, size_t count)
{
    struct sl_window_partial *block = sl_array_grow(level->block, count - 1, &level->capacity, sizeof *block);
    level->block = block ? block : level->block;
    return block;
}

/* The block, with room made for it before the first or after the last; NULL: out of memory. */
static struct sl_window_partial *block_at(struct sl_partials_level *level, int64_t number)
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
        level->block[level->count] = (struct sl_window_partial){0};
    return &level->block[index];
}

/* The job had a shorter interval when the older of them were taken. Takes over `groups`. */
static int unite(struct sl_window_partials *blocks, struct sl_stage *stage, const struct sl_reducer *reducer,
                 struct sl_window_partial *block, struct sl_sorted_groups *groups)
{
    struct sl_sorted_groups *both = NULL;
    drop_sides(blocks);
    int r = sl_group_store_combine(blocks->store, stage, reducer, block->groups, groups, &both);
    sl_sorted_groups_unref(groups);
    if (r < 0)
        return r;
    sl_sorted_groups_unref(block->groups);
    block->groups = both;
    return 0;
}

int sl_window_partials_add(struct sl_window_partials *blocks, struct sl_stage *stage,
                           const struct sl_reducer *reducer, int64_t number, struct sl_sorted_groups *groups)
{
    struct sl_window_partial *block = block_at(&blocks->level[0], number);
    sl_assert(!blocks->any || number >= blocks->last);
    if (!block) {
        sl_sorted_groups_unref(groups);
        return SL_ENOMEM;
    }
    if (block->groups)
        return unite(blocks, stage, reducer, block, groups);
    *block = (struct sl_window_partial){groups, true};
    blocks->last = number;
    blocks->any = true;
    return 0;
}

const struct sl_sorted_groups *sl_window_partials_batch(const struct sl_window_partials *blocks,
                                                        int64_t number)
{
    const struct sl_partials_level *batches = &blocks->level[0];
    bool is_there =
        batches->count && number >= batches->first && number - batches->first < (int64_t)batches->count;
    return is_there ? batches->block[number - batches->first].groups : NULL;
}

static void forget_level(struct sl_partials_level *level, int64_t number)
{
    size_t gone = number <= level->first ? 0 : (size_t)(number - level->first);
    if (gone > level->count)
        gone = level->count;
    for (size_t i = 0; i < gone; i++)
        sl_sorted_groups_unref(level->block[i].groups);
    if (gone)
        memmove(level->block, level->block + gone, (level->count - gone) * sizeof *level->block);
    level->first += (int64_t)gone;
    level->count -= gone;
}

/* A block is forgotten with the first of its batches: no window to come holds it whole. */
void sl_window_partials_forget(struct sl_window_partials *blocks, int64_t number)
{
    for (int k = 0; k < SL_BLOCK_LEVELS; k++)
        forget_level(&blocks->level[k], (number + ((int64_t)1 << k) - 1) >> k);
}

struct query {
    struct sl_window_partials *blocks;
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
};

/* Block `number` of level k, made of its halves where it is not there yet. Borrowed; NULL: no data. */
static int make_block(struct query *query, int k, int64_t number, struct sl_sorted_groups **ret)
{
    struct sl_sorted_groups *left, *right;
    *ret = NULL;
    struct sl_partials_level *leaves = &query->blocks->level[0];
    if (number << k > query->blocks->last || (number + 1) << k <= leaves->first)
        return 0; /* after the newest data, or before the oldest */
    struct sl_window_partial *block = block_at(&query->blocks->level[k], number);
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
        r = sl_group_store_combine(query->blocks->store, query->stage, query->reducer, left, right,
                                   &block->groups);
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

/* a before b; either may be NULL, for no data. */
static int join(struct query *query, struct sl_sorted_groups *a, struct sl_sorted_groups *b,
                struct sl_sorted_groups **ret)
{
    *ret = NULL;
    return a || b ? sl_group_store_combine(query->blocks->store, query->stage, query->reducer, a, b, ret) : 0;
}

/* ---- the side after the split ---- */

static int extend_prefix(struct query *query, int64_t to)
{
    struct sl_window_partials *blocks = query->blocks;
    int r = 0;
    while (r == 0 && blocks->prefix_to < to) {
        struct sl_sorted_groups *batch, *longer;
        r = make_block(query, 0, ++blocks->prefix_to, &batch);
        if (r < 0 || !batch)
            continue;
        r = join(query, blocks->prefix, batch, &longer);
        if (r < 0)
            return r;
        sl_sorted_groups_unref(blocks->prefix);
        blocks->prefix = longer;
    }
    return r;
}

/* ---- the side before it ---- */

/* Where the stack begins: what is before has no combination yet. */
static int64_t covered_from(const struct sl_window_partials *blocks)
{
    return blocks->suffixes ? blocks->suffix[blocks->suffixes - 1].from : blocks->split;
}

static int push_block(struct query *query, int k, int64_t from)
{
    struct sl_window_partials *blocks = query->blocks;
    struct sl_sorted_groups *block,
        *below = blocks->suffixes ? blocks->suffix[blocks->suffixes - 1].groups : NULL, *both;
    sl_assert(blocks->suffixes < SL_SUFFIXES_MAX);
    int r = make_block(query, k, from >> k, &block);
    if (r == 0)
        r = join(query, block, below, &both);
    if (r == 0)
        blocks->suffix[blocks->suffixes++] = (struct sl_suffix){from, both};
    return r;
}

/* Covers [from, split) with aligned blocks; those that begin before `from` go. */
static int extend_suffixes(struct query *query, int64_t from)
{
    struct sl_window_partials *blocks = query->blocks;
    int64_t start[SL_SUFFIXES_MAX];
    int level[SL_SUFFIXES_MAX], count = 0, r = 0;
    while (blocks->suffixes && covered_from(blocks) < from)
        sl_sorted_groups_unref(blocks->suffix[--blocks->suffixes].groups);
    for (int64_t at = from, end = covered_from(blocks); at < end; count++) {
        start[count] = at;
        level[count] = largest_level(at, end - 1);
        at += (int64_t)1 << level[count];
    }
    while (r == 0 && count-- > 0)
        r = push_block(query, level[count], start[count]);
    return r;
}

/* The number in [from, to] with the most trailing zero bits. */
static int64_t split_of(int64_t from, int64_t to)
{
    int64_t split = to;
    while (split && (split & (split - 1)) >= from)
        split &= split - 1;
    return split;
}

int sl_window_partials_combine(struct sl_window_partials *blocks, struct sl_stage *stage,
                               const struct sl_reducer *reducer, int64_t from, int64_t to,
                               struct sl_sorted_groups **ret)
{
    struct query query = {blocks, stage, reducer};
    if (from < 0)
        from = 0;
    int64_t split = split_of(from, to);
    if (!blocks->has_split || blocks->split != split || blocks->prefix_to > to) {
        drop_sides(blocks);
        blocks->split = split;
        blocks->prefix_to = split - 1;
        blocks->has_split = true;
    }
    int r = extend_suffixes(&query, from);
    if (r == 0)
        r = extend_prefix(&query, to);
    struct sl_sorted_groups *before = blocks->suffixes ? blocks->suffix[blocks->suffixes - 1].groups : NULL;
    return r < 0 ? r : join(&query, before, blocks->prefix, ret);
}
