#include "ops/event/brought_keys.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/contract/services.h"
#include "ops/reducer/reducers.h"

#include <stdlib.h>

enum { ROUND_KEYS = 64 << 10 };

/* ---- one side ---- */

static int read_row(struct sl_brought_side *side)
{
    uint32_t width;
    if (!side->groups.rows || side->at == side->count)
        return 0;
    return sl_cursor_next(&side->cursor, side->row, &width) ? 0 : SL_EFAIL;
}

static int open_side(struct sl_brought_side *side, struct sl_aggregate *aggregate)
{
    int r = sl_brought_groups_take(aggregate, &side->groups);
    if (r < 0)
        return r;
    side->count = sl_brought_groups_count(&side->groups);
    if (side->groups.rows)
        sl_cursor_pass(&side->cursor, side->groups.rows, &side->block);
    return read_row(side);
}

/* NULL: there are no more. */
static const struct sl_field *first_key(const struct sl_brought_side *side)
{
    if (side->at == side->count)
        return NULL;
    return side->groups.rows ? &side->row[0] : &side->groups.sorted->entry[side->at].key;
}

/* The side's first key is *to. */
static int take_side(struct sl_brought_keys *keys, unsigned number, struct sl_brought_key *to)
{
    struct sl_brought_side *side = &keys->side[number];
    if (!side->groups.rows) {
        const struct sl_group_entry *entry = &side->groups.sorted->entry[side->at++];
        to->state[number] = &entry->state;
        to->key = to->key ? to->key : &entry->key;
        return 0;
    }
    struct sl_field *key = sl_arena_alloc(&keys->round, sizeof *key);
    if (!key || !sl_field_copy(&keys->round, &side->row[0], key) ||
        !sl_field_copy(&keys->round, &side->row[1], &to->list[number]))
        return SL_ENOMEM;
    to->key = to->key ? to->key : key;
    side->at++;
    return read_row(side);
}

/* ---- rounds ---- */

int sl_brought_keys_open(struct sl_brought_keys *keys, struct sl_stage *stage,
                         struct sl_aggregate *const *aggregate, unsigned sides)
{
    int r = 0;
    *keys = (struct sl_brought_keys){.stage = stage, .sides = sides};
    for (unsigned i = 0; r == 0 && i < sides; i++)
        r = open_side(&keys->side[i], aggregate[i]);
    return r;
}

void sl_brought_keys_done(struct sl_brought_keys *keys)
{
    for (unsigned i = 0; i < keys->sides; i++) {
        sl_brought_groups_done(&keys->side[i].groups);
        sl_arena_done(&keys->side[i].block);
    }
    for (unsigned p = 0; p < SL_PARTS; p++)
        free(keys->part[p].key);
    sl_arena_done(&keys->round);
}

static int deal(struct sl_brought_keys *keys, struct sl_brought_key *key)
{
    key->hash = sl_field_hash(key->key, keys->stage->tasks[0].seed);
    struct sl_brought_part *part = &keys->part[sl_state_map_number(key->hash)];
    struct sl_brought_key *grown = sl_array_grow(part->key, part->keys, &part->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    part->key = grown;
    part->key[part->keys++] = *key;
    return 0;
}

/* The first key of either side. 1; 0: there is none; or a failure. */
static int take_key(struct sl_brought_keys *keys)
{
    struct sl_brought_key key = {.key = NULL};
    const struct sl_field *first[SL_BROUGHT_SIDES] = {first_key(&keys->side[0]),
                                                      keys->sides > 1 ? first_key(&keys->side[1]) : NULL};
    int order = !first[0] ? 1 : !first[1] ? -1 : sl_field_compare(first[0], first[1]);
    int r = 0;
    if (!first[0] && !first[1])
        return 0;
    if (order <= 0)
        r = take_side(keys, 0, &key);
    if (r == 0 && order >= 0)
        r = take_side(keys, 1, &key);
    r = r < 0 ? r : deal(keys, &key);
    return r < 0 ? r : 1;
}

static bool is_enough(const struct sl_brought_keys *keys, size_t count)
{
    const struct sl_spill *spill = keys->side[0].groups.rows ? keys->stage->services->spill : NULL;
    spill = !spill && keys->sides > 1 && keys->side[1].groups.rows ? keys->stage->services->spill : spill;
    return count == ROUND_KEYS || (count && spill && keys->round.bytes > spill->bytes);
}

int sl_brought_keys_next(struct sl_brought_keys *keys)
{
    size_t count = 0;
    int r = 1;
    sl_arena_done(&keys->round);
    for (unsigned p = 0; p < SL_PARTS; p++)
        keys->part[p].keys = 0;
    while (!is_enough(keys, count) && (r = take_key(keys)) > 0)
        count++;
    return r < 0 ? r : count > 0;
}

int sl_brought_key_list(const struct sl_brought_key *key, unsigned side, struct sl_task *task,
                        struct sl_field *ret)
{
    *ret = key->list[side].tag == SL_LIST ? key->list[side] : sl_list(NULL, 0);
    return key->state[side] ? sl_reducer_list.ops->finish(&sl_reducer_list, task, key->state[side], ret) : 0;
}
