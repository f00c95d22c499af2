/* Two groups of one key become one, and the key is shown as the first lane that had it writes it. */
#include "core/base/error.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/failed_group.h"

/* Whether lane a comes before lane b. */
static bool is_before(struct sl_aggregate *aggregate, uint32_t a, uint32_t b)
{
    pthread_mutex_lock(&aggregate->lock);
    int order = sl_position_compare(&aggregate->lane[a]->position, &aggregate->lane[b]->position);
    pthread_mutex_unlock(&aggregate->lock);
    return order < 0;
}

int sl_aggregate_show_lane(struct sl_aggregate *aggregate, struct sl_arena *keep, struct sl_group *group,
                           const struct sl_field *key, uint32_t lane)
{
    if (!is_before(aggregate, lane, group->first))
        return 0;
    uint8_t flags = group->key.flags & (uint8_t)~SL_FIELD_ROW;
    if (!sl_field_copy(keep, key, &group->key))
        return SL_ENOMEM;
    group->key.flags = flags | (key->flags & SL_FIELD_ROW);
    group->first = lane;
    return 0;
}

int sl_aggregate_report(const struct sl_aggregate *aggregate, struct sl_task *task,
                        const struct sl_group *group)
{
    struct sl_field key = group->key;
    if (aggregate->show_key)
        aggregate->show_key(&group->key, &key);
    return sl_failed_group_report(aggregate->stage, task, &key, &group->state);
}

int sl_aggregate_combine_groups(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_arena *keep,
                                struct sl_group *to, const struct sl_group *from)
{
    const struct sl_reducer *reducer = aggregate->reducer;
    /* Without an exact reducer the tables come in the order of lanes: `to` is the earlier one. */
    int r = reducer->ops->exact ? sl_aggregate_show_earlier(aggregate, keep, to, &from->key, from->first) : 0;
    if (r < 0 || from->key.flags & SL_GROUP_EMPTY)
        return r;
    if (to->key.flags & SL_GROUP_EMPTY) {
        to->key.flags = from->key.flags;
        to->state = from->state;
        return 0;
    }
    struct sl_group_entry entry = {to->key, to->state};
    const struct sl_group_entry other = {from->key, from->state};
    r = sl_entry_combine(reducer, task, keep, &entry, &other);
    to->key.flags = entry.key.flags;
    to->state = entry.state;
    return r;
}
