#include "ops/state/brought_groups.h"

#include "core/base/bisect.h"

void sl_brought_groups_done(struct sl_brought_groups *groups)
{
    sl_sorted_groups_unref(groups->sorted);
    sl_dataset_unref(groups->rows);
}

int sl_brought_groups_take(struct sl_aggregate *aggregate, struct sl_brought_groups *ret)
{
    *ret = (struct sl_brought_groups){0};
    return sl_aggregate_is_large(aggregate) ? sl_aggregate_rows(aggregate, SL_FORM_PAIR, &ret->rows)
                                            : sl_aggregate_finish(aggregate, &ret->sorted);
}

size_t sl_brought_groups_count(const struct sl_brought_groups *groups)
{
    return groups->rows ? (size_t)groups->rows->count : groups->sorted->count;
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

static bool row_is_before(const struct sl_dataset *rows, size_t i, const struct sl_field *key,
                          struct sl_arena *arena)
{
    struct sl_field found;
    return sl_key_of_record(rows, i, arena, &found) && sl_field_compare(&found, key) < 0;
}

size_t sl_brought_groups_first(const struct sl_brought_groups *groups, const struct sl_field *key)
{
    struct sl_arena block = {0};
    if (groups->sorted)
        return sl_sorted_groups_first(groups->sorted, key);
    size_t first = SL_BISECT(i, 0, (size_t)groups->rows->count, row_is_before(groups->rows, i, key, &block));
    sl_arena_done(&block);
    return first;
}
