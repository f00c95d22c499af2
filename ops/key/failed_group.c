#include "ops/key/failed_group.h"

#include "core/base/error.h"

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

static int make_failed(const struct sl_task *task, struct sl_arena *keep, const struct sl_field *value,
                       int64_t records, union sl_state *ret)
{
    struct failed failed = {records, sl_string(task->message, strlen(task->message)),
                            value ? *value : sl_nil()};
    return keep_failed(keep, &failed, ret);
}

int sl_group_fail(struct sl_group *group, const struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, int64_t records)
{
    group->key.flags &= (uint8_t)~SL_GROUP_EMPTY;
    group->key.flags |= SL_GROUP_FAILED;
    return make_failed(task, keep, value, records, &group->state);
}

void sl_failed_group_add(union sl_state *failed, int64_t records)
{
    failed_of(failed)->records += records;
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

static void set_message(struct sl_task *task, const struct failed *failed)
{
    snprintf(task->message, sizeof task->message, "%.*s", (int)failed->message.len,
             (const char *)failed->message.str);
}

void sl_failed_group_postpone(const struct sl_stage *stage, struct sl_task *task,
                              const union sl_state *failed)
{
    set_message(task, failed_of(failed));
    sl_task_postpone_group(task, stage->node->number);
}

int sl_failed_group_report(const struct sl_stage *stage, struct sl_task *task, const struct sl_field *key,
                           const union sl_state *state)
{
    const struct failed *failed = failed_of(state);
    set_message(task, failed);
    return sl_group_reject(stage, task, key, &failed->value, failed->records);
}

/* ---- entries ---- */

int64_t sl_entry_records(const struct sl_reducer *reducer, const struct sl_group_entry *entry)
{
    return sl_entry_has_failed(entry) ? failed_of(&entry->state)->records
                                      : sl_reducer_records(reducer, &entry->state);
}

int sl_entry_fail(struct sl_group_entry *entry, const struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, int64_t records)
{
    entry->key.flags |= SL_GROUP_FAILED;
    return make_failed(task, keep, value, records, &entry->state);
}

int sl_entry_copy_state(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                        const struct sl_group_entry *entry, struct sl_group_entry *ret)
{
    ret->key.flags &= (uint8_t)~SL_GROUP_FAILED;
    ret->key.flags |= entry->key.flags & SL_GROUP_FAILED;
    return sl_entry_has_failed(entry) ? keep_failed(keep, failed_of(&entry->state), &ret->state)
                                      : sl_reducer_copy(reducer, task, keep, &entry->state, &ret->state);
}

int sl_entry_combine(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                     struct sl_group_entry *to, const struct sl_group_entry *from)
{
    if (sl_entry_has_failed(to)) {
        sl_failed_group_add(&to->state, sl_entry_records(reducer, from));
        return 0;
    }
    if (sl_entry_has_failed(from)) {
        int64_t before = sl_entry_records(reducer, to);
        int r = sl_entry_copy_state(reducer, task, keep, from, to);
        if (r == 0)
            sl_failed_group_add(&to->state, before);
        return r;
    }
    int r = reducer->ops->combine(reducer, task, keep, &to->state, &from->state);
    if (r != SL_EREJECT && r != SL_EGROUP)
        return r;
    int64_t records = sl_entry_records(reducer, to) + sl_entry_records(reducer, from);
    return sl_entry_fail(to, task, keep, NULL, records);
}

int sl_entry_encode(const struct sl_reducer *reducer, struct sl_task *task,
                    const struct sl_group_entry *entry, struct sl_field *ret)
{
    return sl_entry_has_failed(entry) ? sl_failed_group_encode(task, &entry->state, ret)
                                      : sl_reducer_encode(reducer, task, &entry->state, ret);
}

int sl_entry_decode(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                    const struct sl_field *encoded, bool has_failed, struct sl_group_entry *ret)
{
    if (!has_failed)
        return sl_reducer_decode(reducer, task, keep, encoded, &ret->state);
    ret->key.flags |= SL_GROUP_FAILED;
    return sl_failed_group_decode(task, keep, encoded, &ret->state);
}

int sl_entry_to_row(const struct sl_reducer *reducer, struct sl_task *task,
                    const struct sl_group_entry *entry, struct sl_field row[SL_ENTRY_FIELDS_MAX],
                    uint32_t *ret_width)
{
    row[0] = entry->key;
    row[0].flags &= SL_FIELD_ROW;
    row[1] = sl_nil();
    row[2] = sl_boolean(true);
    *ret_width = sl_entry_has_failed(entry) ? 3 : 2;
    return sl_entry_encode(reducer, task, entry, &row[1]);
}

int sl_entry_of_row(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                    const struct sl_field *row, uint32_t width, struct sl_group_entry *ret)
{
    if (width != 2 && width != 3)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored group is damaged");
    ret->key = row[0];
    ret->key.flags &= SL_FIELD_ROW;
    return sl_entry_decode(reducer, task, keep, &row[1], width == 3, ret);
}
