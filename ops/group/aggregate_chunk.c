/* The rows of a chunk into the groups of a table: keys are found a block at a time, so that what they point to can be fetched
 * ahead, then the values of those that have a state are merged at once. */
#include "core/base/error.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/failed_group.h"
#include "ops/key/pair_key.h"

const struct sl_field sl_no_keys[SL_CHUNK_ROWS];

/* What a phase of the reducer gave for a row: a record error is reported now, a group error when all records of the group
 * are there. */
static int settle(const struct sl_chunk_merge *merge, uint32_t row, struct sl_group *group, int r)
{
    struct sl_field items[SL_WIDTH_MAX];
    if (r == SL_EREJECT)
        return sl_task_reject(merge->task, merge->aggregate->stage->node->number, merge->shown, row);
    if (r != SL_EGROUP)
        return r;
    struct sl_field value = sl_chunk_record(merge->shown, row, items);
    return sl_group_fail(group, merge->task, &merge->table->arena, &value,
                         sl_group_records(merge->reducer, group) + 1);
}

/* ---- finding groups ---- */

/* The first accepted value of a group. */
static int create_group(struct sl_chunk_merge *merge, struct sl_group *group, uint32_t row)
{
    const struct sl_reducer *reducer = merge->reducer;
    int r = reducer->ops->create(reducer, merge->task, &merge->table->arena, &merge->pairs.value[row],
                                 &group->state);
    if (r == 0)
        group->key.flags &= (uint8_t)~SL_GROUP_EMPTY;
    return settle(merge, row, group, r);
}

static inline __attribute__((always_inline)) int find_group(struct sl_chunk_merge *merge, uint32_t hash,
                                                            uint32_t row)
{
    const struct sl_field *key = &merge->pairs.key[row];
    struct sl_group *group = sl_table_slot(merge->table, hash, key);
    if (group->key.flags == SL_GROUP_TAKEN && key->tag == SL_STR) {
        merge->state[merge->count] = &group->state;
        merge->row[merge->count++] = (uint16_t)row;
        return 0;
    }
    if (!(group->key.flags & SL_GROUP_TAKEN)) {
        const struct sl_node *node = merge->aggregate->stage->node;
        if (sl_key_check(node, merge->task, key) < 0)
            return sl_task_reject(merge->task, node->number, merge->in, row);
        if (sl_table_take(merge->table, group, hash, key, merge->lane) < 0)
            return SL_ENOMEM;
    }
    int r = sl_aggregate_show_earlier(merge->aggregate, &merge->table->arena, group, key, merge->lane);
    if (r < 0)
        return r;
    if (group->key.flags & SL_GROUP_FAILED) {
        sl_failed_group_add(&group->state, 1);
        return 0;
    }
    if (group->key.flags & SL_GROUP_EMPTY)
        return create_group(merge, group, row);
    merge->state[merge->count] = &group->state;
    merge->row[merge->count++] = (uint16_t)row;
    return 0;
}

/* So many that what is fetched for them is there in time and still in the first cache. */
enum { ROWS_AT_ONCE = 128 };

SL_FETCH fetch_groups(const struct sl_table *table, const uint32_t *hash, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        sl_table_prefetch_group(table, hash[i]);
}

/* The groups of rows [from, end) of the chunk. */
static int find_next(struct sl_chunk_merge *merge, uint32_t from, uint32_t end)
{
    uint32_t hash[ROWS_AT_ONCE];
    int r = 0;
    for (uint32_t i = from; i < end; i++) {
        hash[i - from] = (uint32_t)sl_field_hash(&merge->pairs.key[i], merge->task->seed);
        sl_table_prefetch(merge->table, hash[i - from]);
    }
    fetch_groups(merge->table, hash, end - from);
    for (uint32_t i = from; i < end && r == 0; i++)
        r = find_group(merge, hash[i - from], i);
    return r;
}

/* The groups of rows row[count]. */
static int find_listed(struct sl_chunk_merge *merge, const uint16_t *row, const uint32_t *hash,
                       uint32_t count)
{
    int r = 0;
    for (uint32_t i = 0; i < count; i++)
        sl_table_prefetch(merge->table, hash[i]);
    fetch_groups(merge->table, hash, count);
    for (uint32_t i = 0; i < count && r == 0; i++)
        r = find_group(merge, hash[i], row[i]);
    return r;
}

/* ---- merging values ---- */

/* The group failed at row k: it has no state to merge the rows after it into. */
static void count_rest(struct sl_chunk_merge *merge, uint32_t k)
{
    union sl_state *failed = merge->state[k];
    uint32_t kept = k + 1;
    for (uint32_t i = k + 1; i < merge->count; i++) {
        merge->state[kept] = merge->state[i];
        merge->row[kept] = merge->row[i];
        kept += merge->state[i] != failed;
    }
    sl_failed_group_add(failed, merge->count - kept);
    merge->count = kept;
}

static int merge_one(struct sl_chunk_merge *merge, uint32_t k)
{
    const struct sl_reducer *reducer = merge->reducer;
    struct sl_group *group = sl_group_of(merge->state[k]);
    int r = reducer->ops->merge(reducer, merge->task, &merge->table->arena, merge->state[k],
                                &merge->pairs.value[merge->row[k]]);
    r = r == 0 ? 0 : settle(merge, merge->row[k], group, r);
    if (group->key.flags & SL_GROUP_FAILED)
        count_rest(merge, k);
    return r;
}

static int merge_values(struct sl_chunk_merge *merge)
{
    const struct sl_reducer *reducer = merge->reducer;
    int r = 0;
    for (uint32_t k = 0; k < merge->count && r == 0; k++) {
        if (reducer->ops->merge_rows)
            k += reducer->ops->merge_rows(reducer, merge->task, &merge->table->arena, merge->state + k,
                                          merge->pairs.value, merge->row + k, merge->count - k);
        if (k < merge->count)
            r = merge_one(merge, k);
    }
    return r;
}

/* ---- into a table ---- */

static int merge_rows(struct sl_chunk_merge *merge, struct sl_table *table, const uint16_t *row,
                      const uint32_t *hash, uint32_t rows)
{
    merge->table = table;
    merge->count = 0;
    int r = sl_table_reserve(table, rows);
    for (uint32_t from = 0, count; from < rows && r == 0; from += count) {
        count = rows - from < ROWS_AT_ONCE ? rows - from : ROWS_AT_ONCE;
        r = row ? find_listed(merge, row + from, hash + from, count) : find_next(merge, from, from + count);
    }
    return r == 0 ? merge_values(merge) : r;
}

/* Where the only group has a state there is nothing to find. */
static bool find_only_group(struct sl_chunk_merge *merge, struct sl_table *table)
{
    if (merge->aggregate->key_of != SL_KEY_NONE || !table->used)
        return false;
    uint32_t hash = (uint32_t)sl_field_hash(sl_no_keys, merge->task->seed);
    struct sl_group *group = sl_table_slot(table, hash, sl_no_keys);
    if (group->key.flags != SL_GROUP_TAKEN)
        return false;
    for (uint32_t i = 0; i < merge->in->rows; i++) {
        merge->state[i] = &group->state;
        merge->row[i] = (uint16_t)i;
    }
    merge->table = table;
    merge->count = merge->in->rows;
    return true;
}

int sl_aggregate_merge_chunk(struct sl_chunk_merge *merge, struct sl_table *table)
{
    if (find_only_group(merge, table))
        return merge_values(merge);
    return merge_rows(merge, table, NULL, NULL, merge->in->rows);
}

int sl_aggregate_merge_rows(struct sl_chunk_merge *merge, struct sl_table *table, const uint16_t *row,
                            const uint32_t *hash, uint32_t rows)
{
    return merge_rows(merge, table, row, hash, rows);
}
