#include "lua/memory.h"

#include <stdlib.h>
#include <string.h>

enum { SLAB_BYTES = 256 << 10 };

struct sl_lua_slab {
    struct sl_lua_slab *older;
    _Alignas(16) uint8_t bytes[];
};

void sl_lua_memory_done(struct sl_lua_memory *memory)
{
    for (struct sl_lua_slab *slab = memory->slabs, *older; slab; slab = older) {
        older = slab->older;
        free(slab);
    }
    *memory = (struct sl_lua_memory){0};
}

/* 0: too large for the lists. */
static size_t class_of(size_t size)
{
    size_t size_class = (size + SL_LUA_CLASS_BYTES - 1) / SL_LUA_CLASS_BYTES;
    return size_class <= SL_LUA_CLASSES ? size_class : 0;
}

/* Out of line, as resize is: what most calls do, a block from a list or back to it, then saves no registers.
 * The rest of the slab before is left; it is less than one block. */
static __attribute__((noinline)) void *carve(struct sl_lua_memory *memory, size_t size)
{
    if ((size_t)(memory->end - memory->at) < size || !memory->at) {
        struct sl_lua_slab *slab = malloc(sizeof *slab + SLAB_BYTES);
        if (!slab)
            return NULL;
        slab->older = memory->slabs;
        memory->slabs = slab;
        memory->at = slab->bytes;
        memory->end = slab->bytes + SLAB_BYTES;
    }
    void *block = memory->at;
    memory->at += size;
    return block;
}

static void *take(struct sl_lua_memory *memory, size_t size)
{
    size_t size_class = class_of(size);
    if (!size_class)
        return malloc(size);
    void *block = memory->free[size_class];
    if (!block)
        return carve(memory, size_class * SL_LUA_CLASS_BYTES);
    memcpy(&memory->free[size_class], block, sizeof block);
    return block;
}

static void give(struct sl_lua_memory *memory, void *block, size_t size)
{
    size_t size_class = class_of(size);
    if (!size_class) {
        free(block);
        return;
    }
    memcpy(block, &memory->free[size_class], sizeof block);
    memory->free[size_class] = block;
}

static __attribute__((noinline)) void *resize(struct sl_lua_memory *memory, void *block, size_t old_size,
                                              size_t new_size)
{
    size_t old_class = class_of(old_size), new_class = class_of(new_size);
    if (!old_class && !new_class)
        return realloc(block, new_size);
    if (old_class == new_class)
        return block;
    void *moved = take(memory, new_size);
    if (!moved)
        return NULL;
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    give(memory, block, old_size);
    return moved;
}

void *sl_lua_memory_alloc(void *argument, void *block, size_t old_size, size_t new_size)
{
    struct sl_lua_memory *memory = argument;
    if (new_size)
        return block ? resize(memory, block, old_size, new_size)
                     : take(memory, new_size); /* old_size is a type here, no size */
    if (block && old_size)
        give(memory, block, old_size);
    return NULL;
}
