/* What `sluice.*` has besides the built-ins: plain functions of Lua, made from one table that help reads, too. */
#pragma once

#include <lua.h>

/* One name of the module, or of what hangs on it. */
struct sl_module_name {
    const char *name;
    const char *usage;      /* as it is written: "sluice.round(x [, n])" */
    const char *summary;    /* one sentence */
    const char *example;    /* Lua; may be NULL */
    lua_CFunction function; /* NULL: made elsewhere, listed here for help */
};

extern const struct sl_module_name sl_module_names[]; /* ends with a NULL name */

/* Sets the functions in the table on top of the stack. */
void sl_functions_add_all(lua_State *L);
