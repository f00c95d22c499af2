#include "ops/key/pair_key.h"

bool sl_key_holds_map(const struct sl_field *key)
{
    if (key->tag == SL_MAP)
        return true;
    for (uint32_t i = 0; key->tag == SL_LIST && i < key->len; i++)
        if (sl_key_holds_map(&key->items[i]))
            return true;
    return false;
}

int sl_key_check(const struct sl_node *node, struct sl_task *task, const struct sl_field *key)
{
    if (key->tag < SL_LIST || !sl_key_holds_map(key))
        return 0;
    return sl_task_explain(task, "%s: a map cannot be a key", sl_node_called(node));
}

int sl_pairs_reject(const struct sl_node *node, struct sl_task *task, const struct sl_chunk *in)
{
    int r = 0;
    for (uint32_t i = 0; i < in->rows && r == 0; i++) {
        sl_task_explain_pair(task, sl_node_called(node), &in->column[0][i]);
        r = sl_task_reject(task, node->number, in, i);
    }
    return r;
}
