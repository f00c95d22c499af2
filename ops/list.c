#include "ops/list.h"

#include "ops/builtin/builtin.h"

#include <string.h>

#define OPERATOR(name) extern const struct sl_op sl_op_##name;
#define BUILTIN(name)  extern const struct sl_builtin sl_native_##name;
#include "ops/list.def"
#undef OPERATOR
#undef BUILTIN

#define OPERATOR(name) &sl_op_##name,
#define BUILTIN(name)
const struct sl_op *const sl_ops[] = {
#include "ops/list.def"
    NULL};
#undef OPERATOR
#undef BUILTIN

#define OPERATOR(name)
#define BUILTIN(name) &sl_native_##name,
const struct sl_builtin *const sl_builtins[] = {
#include "ops/list.def"
    NULL};

const struct sl_builtin *sl_builtin_find(const char *name)
{
    for (size_t i = 0; sl_builtins[i]; i++)
        if (strcmp(sl_builtins[i]->name, name) == 0)
            return sl_builtins[i];
    return NULL;
}
