/* Which globals a compiled script reads and assigns, found in the instructions that lua_dump writes.
 *
 * Only reads inside functions are listed: what the script's own level reads is found when it runs. The layout is
 * that of Lua 5.4; of anything else nothing is known, and sl_globals_read returns false. */
#pragma once

#include "core/base/buf.h"

#include <lua.h>

struct sl_global_read {
    char *name;
    int line;
};

struct sl_globals {
    size_t reads, reads_capacity;
    struct sl_global_read *read; /* in the order of the code */
    size_t assigned, assigned_capacity;
    char **assign;
};

void sl_globals_init(struct sl_globals *globals);
void sl_globals_done(struct sl_globals *globals);

/* Of the Lua function on top of the stack, which stays. False: nothing is known, or memory is out. Never raises. */
bool sl_globals_read(lua_State *L, struct sl_globals *globals);

bool sl_globals_assigns(const struct sl_globals *globals, const char *name);
