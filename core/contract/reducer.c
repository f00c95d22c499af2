/* The stored form of a state: what encode gives; where the reducer counts records and there are several, row{row{encoded},
 * records}. No record has a field that is itself a record, so nothing that encode gives looks like that. */
#include "core/contract/reducer.h"

static bool is_row(const struct sl_field *field, uint32_t width)
{
    return field->tag == SL_LIST && field->flags & SL_FIELD_ROW && field->len == width;
}

static struct sl_field row_of(const struct sl_field *items, uint32_t width)
{
    struct sl_field row = sl_list(items, width);
    row.flags = SL_FIELD_ROW;
    return row;
}

int sl_reducer_encode(const struct sl_reducer *reducer, struct sl_task *task, const union sl_state *state,
                      struct sl_field *ret)
{
    int64_t records = sl_reducer_records(reducer, state);
    if (!reducer->ops->records || records == 1)
        return reducer->ops->encode(reducer, task, state, ret);
    struct sl_field *items = sl_arena_alloc(task->scratch, 3 * sizeof *items);
    int r = items ? reducer->ops->encode(reducer, task, state, &items[2]) : SL_ENOMEM;
    if (r < 0)
        return r;
    items[0] = row_of(&items[2], 1);
    items[1] = sl_integer(records);
    *ret = row_of(items, 2);
    return 0;
}

int sl_reducer_decode(const struct sl_reducer *reducer, struct sl_task *task, struct sl_arena *keep,
                      const struct sl_field *encoded, union sl_state *ret)
{
    bool counts = reducer->ops->records && is_row(encoded, 2) && is_row(&encoded->items[0], 1) &&
                  encoded->items[1].tag == SL_INT;
    if (!counts)
        return reducer->ops->decode(reducer, task, keep, encoded, ret);
    int r = reducer->ops->decode(reducer, task, keep, encoded->items[0].items, ret);
    return r < 0 ? r : reducer->ops->set_records(keep, ret, encoded->items[1].integer);
}

int sl_reducer_copy_encoded(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                            const union sl_state *state, union sl_state *ret)
{
    struct sl_field encoded;
    int failed = r->ops->encode(r, task, state, &encoded);
    return failed < 0 ? failed : r->ops->decode(r, task, keep, &encoded, ret);
}
