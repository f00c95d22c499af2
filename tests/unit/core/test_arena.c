/* Memory by lifetime: every byte stays what it was until it is given back. */
#include "core/base/arena.h"

#include "tests/unit/core/random.h"

#include <string.h>

enum { PIECES_MAX = 600 };

/* What was allocated: every piece is filled with a byte of its own. */
struct model {
    struct {
        uint8_t *at;
        size_t size;
        uint8_t fill;
    } piece[PIECES_MAX];
    size_t count;
};

static void check_pieces(const struct model *model)
{
    for (size_t i = 0; i < model->count; i++)
        for (size_t k = 0; k < model->piece[i].size; k++)
            assert_int_equal(model->piece[i].at[k], model->piece[i].fill);
}

static size_t random_size(struct chance *chance)
{
    static const size_t most[] = {1, 40, 300, 5000, 70000};
    return chance_below(chance, most[chance_below(chance, chance_below(chance, 8) ? 3 : 5)]);
}

static void add_piece(struct model *model, struct sl_arena *arena, struct chance *chance)
{
    size_t size = random_size(chance);
    bool bytes = chance_below(chance, 2);
    uint8_t *at = bytes ? sl_arena_bytes(arena, size) : sl_arena_alloc(arena, size);
    uint8_t fill = (uint8_t)chance_next(chance);
    assert_non_null(at);
    if (!bytes)
        assert_int_equal((uintptr_t)at % 16, 0);
    memset(at, fill, size);
    model->piece[model->count].at = at;
    model->piece[model->count].size = size;
    model->piece[model->count++].fill = fill;
}

static void test_arena_keeps_pieces_apart_and_aligned(void **state)
{
    struct chance chance = chance_new();
    struct sl_arena arena;
    struct model model = {0};
    sl_arena_init(&arena);
    while (model.count < PIECES_MAX)
        add_piece(&model, &arena, &chance);
    check_pieces(&model);
    sl_arena_done(&arena);
    assert_int_equal(arena.bytes, 0);
}

static void test_arena_release_gives_back_what_came_after_the_mark(void **state)
{
    struct chance chance = chance_new();
    struct sl_arena arena;
    struct model model = {0};
    sl_arena_init(&arena);
    for (int round = 0; round < 50; round++) {
        for (size_t n = chance_below(&chance, 10); n > 0; n--)
            add_piece(&model, &arena, &chance);
        struct sl_arena_mark mark = sl_arena_mark(&arena);
        size_t count = model.count, bytes = arena.bytes;
        for (size_t n = chance_below(&chance, 20); n > 0; n--)
            add_piece(&model, &arena, &chance);
        sl_arena_release(&arena, mark);
        model.count = count;
        assert_int_equal(arena.bytes, bytes);
        assert_ptr_equal(arena.at, mark.at);
        check_pieces(&model);
    }
    sl_arena_done(&arena);
}

static void test_arena_adopts_memory_that_stays_valid(void **state)
{
    struct chance chance = chance_new();
    struct sl_arena to, from;
    struct model model = {0};
    sl_arena_init(&to);
    for (int round = 0; round < 20; round++) {
        sl_arena_init(&from);
        for (size_t n = chance_below(&chance, 12); n > 0; n--)
            add_piece(&model, chance_below(&chance, 2) ? &to : &from, &chance);
        size_t bytes = to.bytes + from.bytes;
        sl_arena_adopt(&to, &from);
        assert_int_equal(to.bytes, bytes);
        assert_int_equal(from.bytes, 0);
        assert_null(from.blocks);
        add_piece(&model, &to, &chance);
        add_piece(&model, &from, &chance); /* an adopted arena is an empty one */
        check_pieces(&model);
        sl_arena_adopt(&to, &from);
    }
    check_pieces(&model);
    sl_arena_done(&to);
}

static void test_arena_in_a_loop_settles_on_one_block(void **state)
{
    struct sl_arena arena;
    sl_arena_init(&arena);
    size_t settled = 0;
    for (int round = 0; round < 40; round++) {
        sl_arena_reset(&arena);
        for (int i = 0; i < 100; i++)
            assert_non_null(sl_arena_alloc(&arena, 1000));
        if (round == 10)
            settled = arena.bytes;
        if (round > 10)
            assert_int_equal(arena.bytes, settled);
    }
    sl_arena_reset(&arena);
    assert_int_equal(arena.bytes, settled);
    sl_arena_done(&arena);
}

static void test_arena_reset_lets_go_of_a_giant(void **state)
{
    struct sl_arena arena;
    sl_arena_init(&arena);
    assert_non_null(sl_arena_alloc(&arena, 100));
    assert_non_null(sl_arena_alloc(&arena, 9 << 20));
    sl_arena_reset(&arena);
    assert_int_equal(arena.bytes, 0);
    assert_non_null(sl_arena_alloc(&arena, 100));
    sl_arena_done(&arena);
}

static void test_arena_goes_on_in_huge_pages(void **state)
{
    enum { PIECE = 1 << 10, PIECES = 32 << 10, HUGE = 2 << 20 };
    static uint32_t *piece[PIECES];
    struct sl_arena arena;
    sl_arena_init(&arena);
    for (uint32_t i = 0; i < PIECES; i++) {
        piece[i] = sl_arena_alloc(&arena, PIECE);
        assert_non_null(piece[i]);
        piece[i][0] = piece[i][PIECE / sizeof **piece - 1] = i;
    }
    assert_int_equal((uintptr_t)arena.blocks % HUGE, 0);
    assert_in_range(arena.bytes, (size_t)PIECES * PIECE, (size_t)PIECES * PIECE + HUGE + HUGE / 8);
    uint8_t *longer = sl_arena_alloc(&arena, HUGE + 1);
    assert_non_null(longer);
    memset(longer, 0xff, HUGE + 1);
    for (uint32_t i = 0; i < PIECES; i++)
        assert_true(piece[i][0] == i && piece[i][PIECE / sizeof **piece - 1] == i);
    sl_arena_done(&arena);
    assert_int_equal(arena.bytes, 0);
}

static void test_arena_refuses_sizes_that_overflow(void **state)
{
    struct sl_arena arena;
    sl_arena_init(&arena);
    for (int round = 0; round < 2; round++) {
        assert_null(sl_arena_alloc(&arena, SIZE_MAX));
        assert_null(sl_arena_alloc(&arena, SIZE_MAX - 14));
        assert_null(sl_arena_bytes(&arena, SIZE_MAX));
        assert_null(sl_arena_calloc(&arena, SIZE_MAX / 2, 4));
        assert_non_null(sl_arena_alloc(&arena, 1));
    }
    sl_arena_done(&arena);
}

static void test_arena_clears_copies_and_ends_texts(void **state)
{
    static const uint8_t zero[48];
    struct sl_arena arena;
    sl_arena_init(&arena);
    assert_memory_equal(sl_arena_calloc(&arena, 3, 16), zero, 48);
    assert_memory_equal(sl_arena_copy(&arena, "a\0b", 3), "a\0b", 3);
    assert_string_equal(sl_arena_text(&arena, "text, cut", 4), "text");
    assert_non_null(sl_arena_copy(&arena, NULL, 0));
    assert_non_null(sl_arena_calloc(&arena, 0, 8));
    sl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_keeps_pieces_apart_and_aligned),
        cmocka_unit_test(test_arena_release_gives_back_what_came_after_the_mark),
        cmocka_unit_test(test_arena_adopts_memory_that_stays_valid),
        cmocka_unit_test(test_arena_in_a_loop_settles_on_one_block),
        cmocka_unit_test(test_arena_reset_lets_go_of_a_giant),
        cmocka_unit_test(test_arena_goes_on_in_huge_pages),
        cmocka_unit_test(test_arena_refuses_sizes_that_overflow),
        cmocka_unit_test(test_arena_clears_copies_and_ends_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
