#include "lua/registry.h"

#include "engine/graph/graph.h"
#include "lua/meta.h"

const struct sl_op *sl_registry_at(size_t i)
{
    const struct sl_op *op = sl_op_at(i);
    size_t engine_ops = 0;
    if (op)
        return op;
    while (sl_op_at(engine_ops)) /* only past the last of them: a walk costs a step an operator */
        engine_ops++;
    for (size_t meta = 0; sl_meta_ops[meta]; meta++)
        if (engine_ops + meta == i)
            return sl_meta_ops[meta];
    return NULL;
}
