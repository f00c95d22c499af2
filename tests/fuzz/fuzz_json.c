/* Whatever parses is written, parsed again and must be written the same; unless bytes that are no UTF-8 were
 * replaced, which may make two keys one. Values picked by path are those of the parsed text, on either way. */
#include "text/json.h"
#include "text/json_pick.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATHS = 5 };

static void make_paths(struct sl_json_paths *paths, struct sl_arena *arena)
{
    static const struct sl_json_step a = {.is_key = true,
                                          .key = {.tag = SL_STR, .len = 1, .str = (const uint8_t *)"a"}};
    static const struct sl_json_step b = {.is_key = true,
                                          .key = {.tag = SL_STR, .len = 1, .str = (const uint8_t *)"b"}};
    const struct sl_json_step ab[] = {a, b}, first_b[] = {{.index = 0}, b}, third = {.index = 2};
    if (!sl_json_paths_init(paths, arena) || !sl_json_paths_add(paths, ab, 2) ||
        !sl_json_paths_add(paths, &a, 1) || !sl_json_paths_add(paths, &b, 1) ||
        !sl_json_paths_add(paths, first_b, 2) || !sl_json_paths_add(paths, &third, 1) ||
        !sl_json_paths_end(paths))
        abort();
}

/* value: what the text parsed to; NULL: it did not. */
static void check_picked(const uint8_t *data, size_t size, const struct sl_field *value)
{
    struct sl_arena arena;
    struct sl_json_paths paths;
    struct sl_field want[PATHS], got[2][PATHS];
    bool is_map[2];
    sl_arena_init(&arena);
    make_paths(&paths, &arena);
    bool picked = sl_json_pick(&paths, &arena, data, size, got[0], &is_map[0]);
    if (picked != sl_json_pick_portable(&paths, &arena, data, size, got[1], &is_map[1]) || (picked && !value))
        abort();
    if (picked) {
        sl_json_paths_follow(&paths, value, want);
        for (unsigned i = 0; i < PATHS; i++)
            if (!sl_field_looks_same(&want[i], &got[0][i]) || !sl_field_looks_same(&want[i], &got[1][i]))
                abort();
        if (is_map[0] != (value->tag == SL_MAP) || is_map[1] != is_map[0])
            abort();
    }
    sl_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_arena arena;
    struct sl_buf first, second;
    struct sl_field value;
    const char *message;
    size_t at = 0;
    uint64_t replaced = 0;
    sl_arena_init(&arena);
    sl_buf_init(&first);
    sl_buf_init(&second);
    bool parsed = sl_json_parse(&arena, data, size, &value, &message, &at) == 0;
    check_picked(data, size, parsed ? &value : NULL);
    if (!parsed) {
        if (at > size)
            abort();
    } else if (!sl_json_field(&first, &value, &replaced) ||
               sl_json_parse(&arena, first.bytes, first.len, &value, &message, &at) < 0 ||
               !sl_json_field(&second, &value, NULL)) {
        abort();
    } else if (!replaced && (first.len != second.len || memcmp(first.bytes, second.bytes, first.len) != 0)) {
        abort();
    }
    sl_buf_done(&first);
    sl_buf_done(&second);
    sl_arena_done(&arena);
    return 0;
}
