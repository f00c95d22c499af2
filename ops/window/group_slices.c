#include "ops/window/group_slices.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "ops/key/failed_group.h"

static void next_row(struct sl_group_slices *slices)
{
    if (!sl_cursor_next(&slices->cursor, slices->row, &slices->width))
        slices->width = 0;
}

void sl_group_slices_open(struct sl_group_slices *slices, struct sl_sorted_groups *groups)
{
    *slices = (struct sl_group_slices){.groups = sl_sorted_groups_ref(groups)};
    if (!groups->rows)
        return;
    sl_cursor_pass(&slices->cursor, groups->rows, &slices->block);
    next_row(slices);
}

void sl_group_slices_close(struct sl_group_slices *slices)
{
    sl_arena_done(&slices->block);
    sl_sorted_groups_unref(slices->groups);
    slices->groups = NULL;
}

const struct sl_field *sl_group_slices_key(const struct sl_group_slices *slices)
{
    const struct sl_sorted_groups *groups = slices->groups;
    if (!groups)
        return NULL;
    if (groups->rows)
        return slices->width ? &slices->row[0] : NULL;
    return slices->at < groups->count ? &groups->entry[slices->at].key : NULL;
}

static int read_row(struct sl_stage *stage, const struct sl_reducer *reducer, const struct sl_field *row,
                    uint32_t width, struct sl_arena *keep, struct sl_group_entry *ret)
{
    struct sl_task *task = &stage->tasks[0];
    task->err = stage->err;
    sl_arena_reset(task->scratch);
    int r = sl_entry_of_row(reducer, task, keep, row, width, ret);
    uint8_t flags = ret->key.flags;
    if (r == 0 && !sl_field_copy(keep, &row[0], &ret->key))
        r = SL_ENOMEM;
    ret->key.flags = flags;
    return r;
}

int sl_group_slices_take(struct sl_group_slices *slices, struct sl_stage *stage,
                         const struct sl_reducer *reducer, struct sl_sorted_groups *to, size_t *capacity)
{
    struct sl_group_entry *grown = sl_array_grow(to->entry, to->count, capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    to->entry = grown;
    struct sl_group_entry *entry = &to->entry[to->count++];
    if (!slices->groups->rows) {
        *entry = slices->groups->entry[slices->at++];
        return 0;
    }
    int r = read_row(stage, reducer, slices->row, slices->width, &to->memory->arena, entry);
    next_row(slices);
    return r;
}

void sl_group_slices_skip(struct sl_group_slices *slices)
{
    if (slices->groups->rows)
        next_row(slices);
    else
        slices->at++;
}

int sl_group_slices_until(struct sl_group_slices *slices, struct sl_stage *stage,
                          const struct sl_reducer *reducer, const struct sl_field *until,
                          struct sl_sorted_groups **ret)
{
    struct sl_sorted_groups *groups = sl_sorted_groups_new(0);
    const struct sl_field *key;
    size_t capacity = 0;
    int r = groups ? 0 : SL_ENOMEM;
    while (r == 0 && (key = sl_group_slices_key(slices)) && (!until || sl_field_compare(key, until) < 0))
        r = sl_group_slices_take(slices, stage, reducer, groups, &capacity);
    if (r == 0)
        *ret = groups;
    else
        sl_sorted_groups_unref(groups);
    return r;
}

static int find_on_disk(const struct sl_sorted_groups *groups, struct sl_stage *stage,
                        const struct sl_reducer *reducer, const struct sl_field *key, struct sl_arena *keep,
                        struct sl_group_entry *ret)
{
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    sl_cursor_pass(&cursor, groups->rows, &block);
    sl_cursor_seek(&cursor, sl_first_record(groups->rows, key));
    if (!sl_cursor_next(&cursor, row, &width) || !sl_field_equals(&row[0], key))
        return 0;
    int r = read_row(stage, reducer, row, width, keep, ret);
    return r < 0 ? r : 1;
}

int sl_group_slices_find(const struct sl_sorted_groups *groups, struct sl_stage *stage,
                         const struct sl_reducer *reducer, const struct sl_field *key, struct sl_arena *keep,
                         struct sl_group_entry *ret)
{
    if (groups->rows)
        return find_on_disk(groups, stage, reducer, key, keep, ret);
    size_t at = sl_sorted_groups_first(groups, key);
    if (at == groups->count || !sl_field_equals(&groups->entry[at].key, key))
        return 0;
    *ret = groups->entry[at];
    return 1;
}
