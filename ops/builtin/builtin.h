/* Native built-ins (docs/manual.md, "Functions"): functions over records that never enter Lua. A built-in is
 * a static const struct sl_builtin, a few functions and a line in list.def; checking, help, Lua's `sluice.*`
 * and the C entry come from it.
 *
 * make() gets checked arguments and returns the function; it embeds struct sl_function as its first member
 * and fills ops, gives and reducer. name, site and the rest are filled by sl_builtin_make. A reducer without arguments
 * needs no make(). */
#pragma once

#include "core/contract/descriptor.h"
#include "core/contract/function.h"
#include "core/contract/reducer.h"

/* What a built-in of one field does with a record of several. */
enum sl_field_choice {
    SL_FIELD_NONE,  /* there is nothing to choose, or its own arguments choose */
    SL_FIELD_KEEP,  /* the field is replaced by the result, the others stay: the text built-ins */
    SL_FIELD_ALONE, /* the result is the record: what makes records from text */
};

struct sl_builtin {
    const char *name;
    const char *family;            /* "records from text", "rows", "text", "predicates", "reducers" */
    const char *summary;           /* one sentence */
    const char *example;           /* Lua: an expression over `s`, as in operators */
    const struct sl_param *params; /* ends with a NULL name; NULL: no arguments, usable with or without () */
    bool variadic;                 /* the last parameter may repeat */
    /* Options, given as a table with names after the other arguments; ends with a NULL name; may be NULL. */
    const struct sl_param *options;
    /* Which field of a wider record it works on, given as {field = i} or by a parameter called "field". */
    enum sl_field_choice field;
    const struct sl_reducer *reducer; /* of a reducer without arguments, instead of make */
    const void *spec; /* what tells it from others with the same make, which says of which type it is */
    /* argv[argc] was checked against params; argc is at least their number, kind SL_ARG_NONE where not given.
     * The options follow, in their order: argv[argc + i]. What argv points to is not valid after the call. 0 and *ret,
     * or SL_EUSAGE. */
    int (*make)(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                struct sl_function **ret, struct sl_error *err);
};

/* All options of a built-in, that which chooses the field included: how many; ret[SL_OPTIONS_MAX] ends with a NULL
 * name. */
size_t sl_builtin_options(const struct sl_builtin *builtin, struct sl_param ret[SL_OPTIONS_MAX]);

/* Checks the arguments, makes the function and names it ("split(\" \")"). The caller
 * owns *ret (ops->free). */
int sl_builtin_make(const struct sl_builtin *builtin, const struct sl_site *site, const struct sl_arg *argv,
                    size_t argc, struct sl_function **ret, struct sl_error *err);
