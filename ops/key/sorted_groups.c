#include "ops/key/sorted_groups.h"

#include "core/base/bisect.h"
#include "core/base/error.h"
#include "core/contract/stage.h"

#include <stdlib.h>

struct sl_sorted_groups *sl_sorted_groups_new(size_t capacity)
{
    struct sl_sorted_groups *groups = calloc(1, sizeof *groups);
    if (!groups)
        return NULL;
    atomic_init(&groups->refs, 1);
    groups->entry = malloc((capacity ? capacity : 1) * sizeof *groups->entry);
    groups->memory = sl_memory_new();
    if (!groups->entry || !groups->memory) {
        sl_sorted_groups_unref(groups);
        return NULL;
    }
    return groups;
}

struct sl_sorted_groups *sl_sorted_groups_ref(struct sl_sorted_groups *groups)
{
    atomic_fetch_add_explicit(&groups->refs, 1, memory_order_relaxed);
    return groups;
}

void sl_sorted_groups_unref(struct sl_sorted_groups *groups)
{
    if (!groups || atomic_fetch_sub_explicit(&groups->refs, 1, memory_order_acq_rel) > 1)
        return;
    sl_memory_unref(groups->memory);
    sl_dataset_unref(groups->rows);
    free(groups->entry);
    free(groups);
}

void sl_sorted_groups_move(struct sl_sorted_groups *groups, struct sl_dataset *rows)
{
    groups->count = rows->count;
    groups->rows = rows;
    free(groups->entry);
    groups->entry = NULL;
    sl_memory_unref(groups->memory);
    groups->memory = NULL;
}

bool sl_key_of_record(const struct sl_dataset *dataset, uint64_t record, struct sl_arena *arena,
                      struct sl_field *ret)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    sl_cursor_pass(&cursor, dataset, arena);
    sl_cursor_seek(&cursor, record);
    bool found = sl_cursor_next(&cursor, row, &width);
    if (found)
        *ret = row[0];
    return found;
}

static bool record_is_before(const struct sl_dataset *dataset, uint64_t record, const struct sl_field *key,
                             struct sl_arena *arena)
{
    struct sl_field found;
    return sl_key_of_record(dataset, record, arena, &found) && sl_field_compare(&found, key) < 0;
}

uint64_t sl_first_record(const struct sl_dataset *dataset, const struct sl_field *key)
{
    struct sl_arena block = {0};
    uint64_t first = SL_BISECT(i, 0, dataset->count, record_is_before(dataset, i, key, &block));
    sl_arena_done(&block);
    return first;
}

size_t sl_sorted_groups_first(const struct sl_sorted_groups *groups, const struct sl_field *key)
{
    return SL_BISECT(i, 0, groups->count, sl_field_compare(&groups->entry[i].key, key) < 0);
}

static bool has_record(const struct sl_dataset *rows, const struct sl_field *key)
{
    struct sl_arena block = {0};
    struct sl_field found;
    uint64_t at = sl_first_record(rows, key);
    bool has = at < rows->count && sl_key_of_record(rows, at, &block, &found) && sl_field_equals(&found, key);
    sl_arena_done(&block);
    return has;
}

static bool has_key(const struct sl_sorted_groups *groups, const struct sl_field *key)
{
    if (groups->rows)
        return has_record(groups->rows, key);
    size_t at = sl_sorted_groups_first(groups, key);
    return at < groups->count && sl_field_equals(&groups->entry[at].key, key);
}

int sl_group_reject(const struct sl_stage *stage, struct sl_task *task, const struct sl_field *key,
                    const struct sl_field *value, int64_t records)
{
    bool before = task->is_counted_elsewhere;
    task->is_counted_elsewhere = before || (stage->brought && !has_key(stage->brought, key));
    int r = sl_task_reject_group(task, stage->node->number, key, value, records);
    task->is_counted_elsewhere = before;
    return r;
}
