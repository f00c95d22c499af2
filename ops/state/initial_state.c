#include "ops/state/initial_state.h"

#include "core/base/error.h"
#include "ops/key/pair_key.h"

#include <stdlib.h>

/* What is wrong with an item, NULL if nothing is. */
static const char *fault_of(const struct sl_field *pair)
{
    if (pair->tag != SL_LIST || pair->len != 2)
        return "must be a pair {key, state}";
    if (sl_key_holds_map(&pair->items[0]))
        return "has a map as its key; a map cannot be a key";
    return pair->items[1].tag == SL_NIL ? "has nil as its state; nil is no state, leave the key out" : NULL;
}

int sl_initial_state_check(const struct sl_node *node, struct sl_arg initial, struct sl_error *err)
{
    for (uint32_t i = 0; initial.kind == SL_ARG_VALUE && i < initial.value.len; i++) {
        const char *fault = fault_of(&initial.value.items[i]);
        if (fault)
            return sl_error_set(err, SL_EUSAGE, "%s: item %u of initial %s", node->op->name, i + 1, fault);
    }
    return 0;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct sl_field *x = *(const struct sl_field *const *)a, *y = *(const struct sl_field *const *)b;
    int order = sl_field_compare(&x->items[0], &y->items[0]);
    return order ? order : (x > y) - (x < y);
}

static int append_pairs(struct sl_rows *rows, const struct sl_field **pair, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct sl_field row[2];
        if (i + 1 < count && sl_field_equals(&pair[i]->items[0], &pair[i + 1]->items[0]))
            continue;
        if (!sl_field_copy(&rows->arena, &pair[i]->items[0], &row[0]) ||
            !sl_field_copy(&rows->arena, &pair[i]->items[1], &row[1]) || sl_rows_append_row(rows, row, 2) < 0)
            return SL_ENOMEM;
    }
    return 0;
}

int sl_initial_state_dataset(struct sl_arg initial, struct sl_dataset **ret, struct sl_error *err)
{
    *ret = NULL;
    if (initial.kind != SL_ARG_VALUE || !initial.value.len)
        return 0;
    uint32_t count = initial.value.len;
    const struct sl_field **pair = malloc(count * sizeof *pair);
    struct sl_rows *rows = sl_rows_new();
    for (uint32_t i = 0; pair && i < count; i++)
        pair[i] = &initial.value.items[i];
    if (pair)
        qsort(pair, count, sizeof *pair, compare_pairs);
    if (pair && rows && append_pairs(rows, pair, count) == 0) {
        *ret = sl_dataset_of(rows);
        rows = NULL;
    }
    sl_rows_unref(rows);
    free(pair);
    return *ret ? 0 : sl_error_nomem(err);
}
