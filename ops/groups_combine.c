/* Two sorted runs become one: where both have a key, the state of the first is copied and the second's
 * combined into it; other entries are shared, so the result's memory stands on that of both. */
#include "core/error.h"
#include "ops/groups.h"

#include <stdlib.h>

struct both {
    struct sl_stage *stage;
    const struct sl_reducer *reducer;
    struct sl_groups *to;
};

static int copy_state(const struct both *both, struct sl_task *task, const union sl_state *from,
                      union sl_state *ret)
{
    const struct sl_reducer *reducer = both->reducer;
    if (!reducer->ops->copy) {
        *ret = *from;
        return 0;
    }
    return reducer->ops->copy(reducer, task, &both->to->memory->arena, from, ret);
}

static int combine_entry(struct both *both, const struct sl_entry *a, const struct sl_entry *b)
{
    struct sl_task *task = &both->stage->tasks[0];
    struct sl_entry *to = &both->to->entry[both->to->count];
    sl_arena_reset(task->scratch);
    task->err = both->stage->err;
    to->key = a->key;
    int r = copy_state(both, task, &a->state, &to->state);
    if (r == 0)
        r = both->reducer->ops->combine(both->reducer, task, &both->to->memory->arena, &to->state, &b->state);
    if (r == SL_EREJECT || r == SL_EGROUP) {
        struct sl_field none = sl_nil();
        return sl_task_reject_group(task, both->stage->node->number, &a->key, &none);
    }
    if (r == 0)
        both->to->count++;
    return r;
}

static int merge_entries(struct both *both, const struct sl_groups *a, const struct sl_groups *b)
{
    size_t i = 0, k = 0;
    int r = 0;
    while (r == 0 && i < a->count && k < b->count) {
        int order = sl_field_compare(&a->entry[i].key, &b->entry[k].key);
        if (order == 0)
            r = combine_entry(both, &a->entry[i++], &b->entry[k++]);
        else
            both->to->entry[both->to->count++] = order < 0 ? a->entry[i++] : b->entry[k++];
    }
    for (; r == 0 && i < a->count; i++)
        both->to->entry[both->to->count++] = a->entry[i];
    for (; r == 0 && k < b->count; k++)
        both->to->entry[both->to->count++] = b->entry[k];
    return r;
}

int sl_groups_combine(struct sl_stage *stage, const struct sl_reducer *reducer, struct sl_groups *a,
                      struct sl_groups *b, struct sl_groups **ret)
{
    if (!b || !b->count || !a || !a->count) {
        *ret = sl_groups_ref(a && a->count ? a : b ? b : a);
        return 0;
    }
    struct both both = {stage, reducer, sl_groups_new(a->count + b->count)};
    if (!both.to)
        return SL_ENOMEM;
    both.to->memory->base[0] = sl_memory_ref(a->memory);
    both.to->memory->base[1] = sl_memory_ref(b->memory);
    int r = merge_entries(&both, a, b);
    if (r < 0) {
        sl_groups_unref(both.to);
        return r;
    }
    *ret = both.to;
    return 0;
}
