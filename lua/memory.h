/* Memory of one Lua state: small blocks from lists of its own, by size, so that the states of several workers
 * do not wait for each other's locks; large ones from malloc. A state is used by one thread at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SL_LUA_CLASSES = 64, SL_LUA_CLASS_BYTES = 16 };

struct sl_lua_slab;

struct sl_lua_memory {
    void *free[SL_LUA_CLASSES + 1]; /* by size in units of SL_LUA_CLASS_BYTES; linked through the blocks */
    uint8_t *at, *end;              /* of the newest slab */
    struct sl_lua_slab *slabs;
};

/* A lua_Alloc; its argument is a struct sl_lua_memory that was zero at first. */
void *sl_lua_memory_alloc(void *memory, void *block, size_t old_size, size_t new_size);
/* After lua_close. */
void sl_lua_memory_done(struct sl_lua_memory *memory);
