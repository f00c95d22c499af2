#include "ops/state/brought_groups.h"

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

size_t sl_brought_groups_first(const struct sl_brought_groups *groups, const struct sl_field *key)
{
    return groups->sorted ? sl_sorted_groups_first(groups->sorted, key)
                          : (size_t)sl_first_record(groups->rows, key);
}
