#include "ops/group/failed_group.h"

#include "core/base/error.h"
#include "core/contract/stage.h"

#include <stdio.h>
#include <string.h>

struct failed {
    int64_t records;
    struct sl_field message; /* a string */
    struct sl_field value;   /* nil: none */
};

enum { ENCODED_ITEMS = 3 };

static struct failed *failed_of(const union sl_state *state)
{
    return state->pointer;
}

static int keep_failed(struct sl_arena *keep, const struct failed *from, union sl_state *ret)
{
    struct failed *failed = sl_arena_alloc(keep, sizeof *failed);
    if (!failed || !sl_field_copy(keep, &from->message, &failed->message) ||
        !sl_field_copy(keep, &from->value, &failed->value))
        return SL_ENOMEM;
    failed->records = from->records;
    ret->pointer = failed;
    return 0;
}

int sl_group_fail(struct sl_group *group, const struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, int64_t records)
{
    struct failed failed = {records, sl_string(task->message, strlen(task->message)),
                            value ? *value : sl_nil()};
    group->key.flags &= (uint8_t)~SL_GROUP_EMPTY;
    group->key.flags |= SL_GROUP_FAILED;
    return keep_failed(keep, &failed, &group->state);
}

void sl_failed_group_add(struct sl_group *group, int64_t records)
{
    failed_of(&group->state)->records += records;
}

int sl_failed_group_copy(struct sl_arena *keep, const union sl_state *failed, union sl_state *ret)
{
    return keep_failed(keep, failed_of(failed), ret);
}

int64_t sl_group_records(const struct sl_reducer *reducer, const struct sl_group *group)
{
    if (group->key.flags & SL_GROUP_EMPTY)
        return 0;
    return group->key.flags & SL_GROUP_FAILED ? failed_of(&group->state)->records
                                              : sl_reducer_records(reducer, &group->state);
}

int sl_failed_group_encode(struct sl_task *task, const union sl_state *state, struct sl_field *ret)
{
    const struct failed *failed = failed_of(state);
    struct sl_field *items = sl_arena_alloc(task->scratch, ENCODED_ITEMS * sizeof *items);
    if (!items)
        return SL_ENOMEM;
    items[0] = sl_integer(failed->records);
    items[1] = failed->message;
    items[2] = failed->value;
    *ret = sl_list(items, ENCODED_ITEMS);
    return 0;
}

int sl_failed_group_decode(struct sl_task *task, struct sl_arena *keep, const struct sl_field *encoded,
                           union sl_state *ret)
{
    const struct sl_field *items = encoded->items;
    if (encoded->tag != SL_LIST || encoded->len != ENCODED_ITEMS || items[0].tag != SL_INT ||
        items[1].tag != SL_STR)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored group error is damaged");
    const struct failed failed = {items[0].integer, items[1], items[2]};
    return keep_failed(keep, &failed, ret);
}

int sl_failed_group_report(const struct sl_aggregate *aggregate, struct sl_task *task,
                           const struct sl_group *group)
{
    const struct failed *failed = failed_of(&group->state);
    struct sl_field key = group->key;
    if (aggregate->show_key)
        aggregate->show_key(&group->key, &key);
    snprintf(task->message, sizeof task->message, "%.*s", (int)failed->message.len,
             (const char *)failed->message.str);
    return sl_task_reject_group(task, aggregate->stage->node->number, &key, &failed->value, failed->records);
}
