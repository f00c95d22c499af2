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
    free(groups->entry);
    free(groups);
}

size_t sl_sorted_groups_first(const struct sl_sorted_groups *groups, const struct sl_field *key)
{
    return SL_BISECT(i, 0, groups->count, sl_field_compare(&groups->entry[i].key, key) < 0);
}

static bool has_key(const struct sl_sorted_groups *groups, const struct sl_field *key)
{
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
