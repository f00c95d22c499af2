#include "ops/cogroup/hash_sides.h"

#include "core/base/apart.h"
#include "core/base/array.h"
#include "core/base/error.h"
#include "core/contract/lanes.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/pair_key.h"
#include "ops/key/sort_lists.h"

#include <stdlib.h>

enum { PARTS_LOG2 = 6, PARTS = 1 << PARTS_LOG2, ROOM_MIN = 16, ROOM_MAX = SL_CHUNK_ROWS };

enum { NO_KEY = UINT32_MAX };

struct entry {
    struct sl_field key, value;
    uint32_t hash; /* then, where keys are found, the number of its key, or NO_KEY */
    uint32_t lane;
};

struct block {
    struct block *next;
    uint32_t count, room;
    struct entry entry[];
};

/* Rows of one hash partition, side and worker. */
struct part {
    struct sl_arena blocks, bytes; /* bytes: what fields point to */
    struct block *first, *last;
    size_t rows;
};

struct lane {
    struct sl_lane_head head; /* first */
    uint32_t number;          /* in some order */
};

/* The keys of one partition. */
struct table {
    SL_APART struct sl_hash_key *key; /* [count] */
    size_t count, capacity;
    uint32_t *slot; /* [slots]: number of a key, from 1; 0: free */
    size_t slots;   /* a power of two */
    struct sl_arena values;
};

struct sl_hash_sides {
    struct sl_stage *stage;
    const struct sl_cogroup_kind *kind;
    unsigned workers;
    struct sl_lanes lanes;
    _Atomic uint32_t opened; /* lanes */
    uint32_t *rank;          /* [lanes]: of a lane by its number, in the order of positions */
    struct part *part;       /* [workers][2][PARTS] */
    struct table table[PARTS];
    struct sl_sort_list list[PARTS];
    struct sl_hash_key **sorted;
};

struct sl_hash_sides *sl_hash_sides_new(struct sl_stage *stage, const struct sl_cogroup_kind *kind)
{
    struct sl_hash_sides *sides = sl_apart_new(1, sizeof *sides);
    if (!sides)
        return NULL;
    sides->stage = stage;
    sides->kind = kind;
    sides->workers = sl_pool_workers(stage->pool);
    sl_lanes_init(&sides->lanes);
    sides->part = calloc((size_t)sides->workers * 2 * PARTS, sizeof *sides->part);
    if (sides->part)
        return sides;
    sl_hash_sides_free(sides);
    return NULL;
}

void sl_hash_sides_free(struct sl_hash_sides *sides)
{
    if (!sides)
        return;
    for (size_t i = 0; sides->part && i < (size_t)sides->workers * 2 * PARTS; i++) {
        sl_arena_done(&sides->part[i].blocks);
        sl_arena_done(&sides->part[i].bytes);
    }
    for (unsigned p = 0; p < PARTS; p++) {
        sl_arena_done(&sides->table[p].values);
        free(sides->table[p].key);
        free(sides->table[p].slot);
        free(sides->list[p].item);
    }
    for (size_t i = 0; i < sides->lanes.count; i++)
        free(sides->lanes.head[i]);
    sl_lanes_done(&sides->lanes);
    free(sides->rank);
    free(sides->part);
    free(sides->sorted);
    free(sides);
}

/* ---- rows ---- */

int sl_hash_sides_lane_open(struct sl_hash_sides *sides, struct sl_lane *lane)
{
    struct lane *own = calloc(1, sizeof *own);
    if (!own)
        return SL_ENOMEM;
    own->number = atomic_fetch_add(&sides->opened, 1);
    int r = sl_lanes_add(&sides->lanes, lane, &own->head);
    if (r < 0)
        free(own);
    return r;
}

static struct part *parts_of(struct sl_hash_sides *sides, unsigned worker, unsigned side)
{
    return sides->part + ((size_t)worker * 2 + side) * PARTS;
}

static struct entry *new_entry(struct part *part)
{
    struct block *block = part->last;
    if (!block || block->count == block->room) {
        uint32_t room = !block ? ROOM_MIN : block->room < ROOM_MAX ? 4 * block->room : ROOM_MAX;
        block = sl_arena_alloc(&part->blocks, sizeof *block + room * sizeof *block->entry);
        if (!block)
            return NULL;
        *block = (struct block){.room = room};
        *(part->last ? &part->last->next : &part->first) = block;
        part->last = block;
    }
    part->rows++;
    return &block->entry[block->count++];
}

static bool keep_row(struct part *part, uint32_t hash, uint32_t lane, const struct sl_field *key,
                     const struct sl_field *value)
{
    struct entry *entry = new_entry(part);
    if (!entry)
        return false;
    entry->hash = hash;
    entry->lane = lane;
    if (!sl_field_copy(&part->bytes, key, &entry->key))
        return false;
    return sl_field_copy(&part->bytes, value, &entry->value);
}

int sl_hash_sides_push(struct sl_hash_sides *sides, struct sl_lane *lane, const struct sl_chunk *in)
{
    const struct sl_node *node = sides->stage->node;
    struct sl_task *task = lane->task;
    struct part *parts = parts_of(sides, task->worker, lane->position.input);
    uint32_t number = ((const struct lane *)lane->state)->number;
    struct sl_pairs pairs;
    if (in->width < 2)
        return sl_pairs_reject(node, task, in);
    int r = sl_pairs_find(SL_KEY_FIELD, task, in, &pairs);
    for (uint32_t i = 0; i < in->rows && r == 0; i++) {
        const struct sl_field *key = &pairs.key[i];
        if (key->tag != SL_STR && sl_key_check(node, task, key) < 0) {
            r = sl_task_reject(task, node->number, in, i);
            continue;
        }
        uint32_t hash = (uint32_t)sl_field_hash(key, task->seed);
        bool kept = keep_row(&parts[hash >> (32 - PARTS_LOG2)], hash, number, key, &pairs.value[i]);
        r = kept ? 0 : SL_ENOMEM;
    }
    return r;
}

/* ---- the keys of a partition ---- */

static bool grow_slots(struct table *table, size_t slots)
{
    uint32_t *slot = calloc(slots, sizeof *slot);
    if (!slot)
        return false;
    for (size_t k = 0; k < table->count; k++) {
        size_t at = table->key[k].hash & (slots - 1);
        while (slot[at])
            at = (at + 1) & (slots - 1);
        slot[at] = (uint32_t)k + 1;
    }
    free(table->slot);
    table->slot = slot;
    table->slots = slots;
    return true;
}

static bool make_room(struct table *table)
{
    struct sl_hash_key *key = sl_array_grow(table->key, table->count, &table->capacity, sizeof *key);
    if (!key)
        return false;
    table->key = key;
    return 2 * table->count < table->slots || grow_slots(table, table->slots ? 4 * table->slots : 64);
}

/* The number of the row's key, a new one where `adds`; NO_KEY: there is none. False: out of memory. */
static bool find_key(struct table *table, const struct entry *entry, bool adds, uint32_t *ret)
{
    if (adds && !make_room(table))
        return false;
    *ret = NO_KEY;
    if (!table->slots)
        return true;
    size_t at = entry->hash & (table->slots - 1);
    for (; table->slot[at]; at = (at + 1) & (table->slots - 1)) {
        const struct sl_hash_key *key = &table->key[table->slot[at] - 1];
        if (key->hash == entry->hash && sl_field_equals(&key->key, &entry->key)) {
            *ret = table->slot[at] - 1;
            return true;
        }
    }
    if (!adds)
        return true;
    *ret = (uint32_t)table->count;
    table->key[table->count++] = (struct sl_hash_key){.key = entry->key, .hash = entry->hash};
    table->slot[at] = (uint32_t)table->count;
    return true;
}

/* ---- the rows of a partition in the order of lanes ---- */

/* Rows of one lane beside each other. */
struct run {
    uint32_t rank, number, from, count;
    struct block *block;
};

struct runs {
    struct run *run;
    size_t count, capacity;
};

static bool add_run(struct runs *runs, const struct run *added)
{
    struct run *run = sl_array_grow(runs->run, runs->count, &runs->capacity, sizeof *run);
    if (!run)
        return false;
    runs->run = run;
    runs->run[runs->count] = *added;
    runs->run[runs->count].number = (uint32_t)runs->count;
    runs->count++;
    return true;
}

static bool list_runs(const struct sl_hash_sides *sides, const struct part *part, struct runs *runs)
{
    for (struct block *block = part->first; block; block = block->next)
        for (uint32_t from = 0, to; from < block->count; from = to) {
            uint32_t lane = block->entry[from].lane;
            for (to = from + 1; to < block->count && block->entry[to].lane == lane; to++)
                continue;
            const struct run run = {
                .rank = sides->rank[lane], .from = from, .count = to - from, .block = block};
            if (!add_run(runs, &run))
                return false;
        }
    return true;
}

static int compare_runs(const void *a, const void *b)
{
    const struct run *left = a, *right = b;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return (left->number > right->number) - (left->number < right->number);
}

static size_t rows_of(struct sl_hash_sides *sides, unsigned partition, unsigned side)
{
    size_t rows = 0;
    for (unsigned w = 0; w < sides->workers; w++)
        rows += parts_of(sides, w, side)[partition].rows;
    return rows;
}

static bool order_runs(struct sl_hash_sides *sides, unsigned partition, unsigned side, struct runs *ret)
{
    bool ok = true;
    for (unsigned w = 0; w < sides->workers && ok; w++)
        ok = list_runs(sides, &parts_of(sides, w, side)[partition], ret);
    if (ret->count > 1)
        qsort(ret->run, ret->count, sizeof *ret->run, compare_runs);
    return ok;
}

/* The key of every row of a side; keys that it alone has are added where `adds`. A key is shown as the first row of the left
 * side has it, of the right side where there is none there. */
static bool find_keys(struct table *table, const struct runs *runs, unsigned side, bool adds)
{
    for (size_t r = 0; r < runs->count; r++) {
        struct entry *entry = runs->run[r].block->entry + runs->run[r].from;
        for (uint32_t i = 0, number; i < runs->run[r].count; i++) {
            if (!find_key(table, &entry[i], adds, &number))
                return false;
            entry[i].hash = number;
            if (number == NO_KEY)
                continue;
            struct sl_hash_key *key = &table->key[number];
            if (!key->count[side]++ && (side == 0 || !key->count[0]))
                key->key = entry[i].key;
        }
    }
    return true;
}

static bool is_wanted(const struct sl_cogroup_kind *kind, const struct sl_hash_key *key)
{
    return (key->count[0] || !kind->needs[0]) && (key->count[1] || !kind->needs[1]);
}

/* Room for the values of the keys that meet sees, those of a key side by side. */
static bool make_values(struct table *table, const struct sl_cogroup_kind *kind)
{
    size_t count = 0;
    for (size_t k = 0; k < table->count; k++)
        if (is_wanted(kind, &table->key[k]))
            count += (size_t)table->key[k].count[0] + table->key[k].count[1];
    struct sl_field *value = sl_arena_alloc(&table->values, (count + 1) * sizeof *value);
    for (size_t k = 0; value && k < table->count; k++) {
        struct sl_hash_key *key = &table->key[k];
        for (unsigned side = 0; side < 2 && is_wanted(kind, key); side++) {
            key->value[side] = value;
            value += key->count[side];
        }
    }
    return value != NULL;
}

/* values point past their ends until all are dealt: from the last row to the first. */
static void deal_values(struct table *table, const struct runs *runs, unsigned side)
{
    for (size_t k = 0; k < table->count; k++)
        if (table->key[k].value[side])
            table->key[k].value[side] += table->key[k].count[side];
    for (size_t r = runs->count; r-- > 0;) {
        const struct entry *entry = runs->run[r].block->entry + runs->run[r].from;
        for (uint32_t i = runs->run[r].count; i-- > 0;) {
            struct sl_hash_key *key = entry[i].hash == NO_KEY ? NULL : &table->key[entry[i].hash];
            if (key && key->value[side])
                *--key->value[side] = entry[i].value;
        }
    }
}

static bool list_keys(struct table *table, const struct sl_cogroup_kind *kind, struct sl_sort_list *ret)
{
    struct sl_sort_item *item = malloc((table->count + 1) * sizeof *item);
    size_t count = 0;
    for (size_t k = 0; item && k < table->count; k++)
        if (is_wanted(kind, &table->key[k]))
            item[count++].key = &table->key[k].key;
    *ret = (struct sl_sort_list){item, item ? count : 0, NULL};
    return item != NULL;
}

static void drop_blocks(struct sl_hash_sides *sides, unsigned partition)
{
    for (unsigned i = 0; i < 2 * sides->workers; i++)
        sl_arena_done(&sides->part[i * PARTS + partition].blocks);
    free(sides->table[partition].slot);
    sides->table[partition].slot = NULL;
}

static int meet_partition(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    struct sl_hash_sides *sides = arg;
    unsigned partition = (unsigned)index;
    const struct sl_cogroup_kind *kind = sides->kind;
    struct table *table = &sides->table[partition];
    struct runs runs[2] = {{0}, {0}};
    unsigned small = rows_of(sides, partition, 1) < rows_of(sides, partition, 0), large = 1 - small;
    bool ok = order_runs(sides, partition, 0, &runs[0]) && order_runs(sides, partition, 1, &runs[1]) &&
              find_keys(table, &runs[small], small, true) &&
              find_keys(table, &runs[large], large, !kind->needs[small]) && make_values(table, kind) &&
              list_keys(table, kind, &sides->list[partition]);
    for (unsigned side = 0; side < 2 && ok; side++)
        deal_values(table, &runs[side], side);
    drop_blocks(sides, partition);
    free(runs[0].run);
    free(runs[1].run);
    return ok ? 0 : SL_ENOMEM;
}

/* ---- all keys ---- */

static void place(void *arg, size_t at, const struct sl_sort_item *item, size_t count)
{
    struct sl_hash_sides *sides = arg;
    for (size_t i = 0; i < count; i++)
        sides->sorted[at + i] = (struct sl_hash_key *)(uintptr_t)item[i].key; /* its first member */
}

static bool rank_lanes(struct sl_hash_sides *sides)
{
    struct sl_lanes *lanes = &sides->lanes;
    sl_lanes_sort(lanes);
    sides->rank = malloc((lanes->count + 1) * sizeof *sides->rank);
    for (size_t i = 0; sides->rank && i < lanes->count; i++)
        sides->rank[((struct lane *)lanes->head[i])->number] = (uint32_t)i;
    return sides->rank != NULL;
}

int sl_hash_sides_finish(struct sl_hash_sides *sides, struct sl_memory *memory,
                         struct sl_hash_key *const **ret_key, size_t *ret_count)
{
    struct sl_stage *stage = sides->stage;
    size_t count = 0;
    int r =
        rank_lanes(sides) ? sl_pool_run(stage->pool, PARTS, meet_partition, sides, stage->err) : SL_ENOMEM;
    for (unsigned p = 0; p < PARTS; p++)
        count += sides->list[p].count;
    sides->sorted = malloc((count + 1) * sizeof *sides->sorted);
    if (r == 0)
        r = sides->sorted ? sl_sort_lists(stage, sides->list, PARTS, place, sides) : SL_ENOMEM;
    if (r < 0)
        return r;
    for (size_t i = 0; i < (size_t)sides->workers * 2 * PARTS; i++)
        sl_arena_adopt(&memory->arena, &sides->part[i].bytes);
    for (unsigned p = 0; sides->kind->shows_lists && p < PARTS; p++)
        sl_arena_adopt(&memory->arena, &sides->table[p].values);
    *ret_key = sides->sorted;
    *ret_count = count;
    return 0;
}
