#include "lua/registry.h"

#include "engine/graph/graph.h"
#include "lua/meta.h"

const struct sl_op *sl_registry_at(size_t i)
{
    size_t engine_ops = sl_ops_length();
    if (i < engine_ops)
        return sl_op_at(i);
    for (size_t meta = 0; sl_meta_ops[meta]; meta++)
        if (engine_ops + meta == i)
            return sl_meta_ops[meta];
    return NULL;
}
