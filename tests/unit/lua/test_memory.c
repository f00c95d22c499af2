/* Blocks of a Lua state against their model: whatever is taken, resized and given back, each keeps its bytes. */
#include "lua/memory.h"

#include "tests/unit/core/random.h"

#include <stdbool.h>
#include <string.h>

enum { BLOCKS = 200, ROUNDS = 20000 };

struct block {
    uint8_t *bytes;
    size_t size;
};

static bool holds(const struct block *block, size_t size, uint8_t byte)
{
    for (size_t i = 0; i < size; i++)
        if (block->bytes[i] != byte)
            return false;
    return true;
}

/* Small ones most, some about as large as the largest that the lists keep. */
static size_t some_size(struct chance *chance)
{
    size_t limit = SL_LUA_CLASSES * SL_LUA_CLASS_BYTES;
    return 1 + (chance_below(chance, 4) ? chance_below(chance, 100) : chance_below(chance, 2 * limit));
}

static void test_blocks_keep_their_bytes(void **state)
{
    struct chance chance = chance_new();
    struct sl_lua_memory memory = {0};
    struct block block[BLOCKS] = {0};
    assert_null(sl_lua_memory_alloc(&memory, NULL, 0, 0));
    for (int round = 0; round < ROUNDS; round++) {
        size_t number = chance_below(&chance, BLOCKS);
        struct block *chosen = &block[number];
        size_t old_size = chosen->size, size = chance_below(&chance, 3) ? some_size(&chance) : 0;
        size_t kept = old_size < size ? old_size : size;
        assert_true(holds(chosen, old_size, (uint8_t)number));
        /* Of a new block Lua gives a type in place of the size. */
        chosen->bytes = sl_lua_memory_alloc(&memory, chosen->bytes, chosen->bytes ? old_size : 4, size);
        assert_int_equal(!chosen->bytes, !size);
        assert_true(holds(chosen, kept, (uint8_t)number));
        chosen->size = size;
        if (size)
            memset(chosen->bytes, (int)number, size);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        if (block[i].bytes)
            assert_null(sl_lua_memory_alloc(&memory, block[i].bytes, block[i].size, 0));
    sl_lua_memory_done(&memory);
}

static void test_a_block_that_was_given_back_is_taken_again(void **state)
{
    struct sl_lua_memory memory = {0};
    void *first = sl_lua_memory_alloc(&memory, NULL, 0, 40);
    assert_null(sl_lua_memory_alloc(&memory, first, 40, 0));
    assert_ptr_equal(sl_lua_memory_alloc(&memory, NULL, 0, 48), first); /* of the same class */
    sl_lua_memory_done(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_keep_their_bytes),
        cmocka_unit_test(test_a_block_that_was_given_back_is_taken_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
