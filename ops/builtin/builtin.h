/* Native built-ins (SPEC 3): functions over records that never enter Lua. A built-in is a static const struct
 * sl_builtin, a few functions and a line in list.def; checking, help, Lua's `sluice.*` and the C entry come
 * from it.
 *
 * make() gets checked arguments and returns the function; it embeds struct sl_function as its first member
 * and fills ops, gives and reducer. name, site and the rest are filled by sl_builtin_make. */
#pragma once

#include "core/contract/descriptor.h"
#include "core/contract/function.h"
#include "core/contract/reducer.h"

struct sl_builtin {
    const char *name;
    const char *family;            /* "records from text", "rows", "text", "predicates", "reducers" */
    const char *summary;           /* one sentence */
    const char *example;           /* Lua: an expression over `s`, as in operators */
    const struct sl_param *params; /* ends with a NULL name; NULL: no arguments, usable with or without () */
    bool variadic;                 /* the last parameter may repeat */
    /* argv[argc] was checked against params; argc is at least their number, kind SL_ARG_NONE where not given.
     * What argv points to is gone after the call. 0 and *ret, or SL_EUSAGE. */
    int (*make)(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                struct sl_function **ret, struct sl_error *err);
};

const struct sl_builtin *sl_builtin_find(const char *name);

/* Checks the arguments, makes the function and names it ("split(\" \")"). The caller
 * owns *ret (ops->free). */
int sl_builtin_make(const struct sl_builtin *builtin, const struct sl_site *site, const struct sl_arg *argv,
                    size_t argc, struct sl_function **ret, struct sl_error *err);
