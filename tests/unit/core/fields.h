/* Random fields: all tags, nested, with the numbers at which integers and floats meet. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

#include "tests/unit/core/random.h"

#include <math.h>

static const int64_t edge_integers[] = {0,
                                        1,
                                        -1,
                                        2,
                                        INT64_MAX,
                                        INT64_MAX - 1,
                                        INT64_MIN,
                                        INT64_MIN + 1,
                                        (1LL << 53) - 1,
                                        1LL << 53,
                                        (1LL << 53) + 1,
                                        (1LL << 53) + 2,
                                        -(1LL << 53) - 1,
                                        1LL << 62};

static const double edge_floats[] = {0.0,
                                     -0.0,
                                     1.0,
                                     -1.0,
                                     0.5,
                                     -0.5,
                                     1.5,
                                     2.0,
                                     9007199254740991.0,
                                     9007199254740992.0,
                                     9007199254740994.0,
                                     9223372036854775808.0,
                                     9223372036854774784.0,
                                     -9223372036854775808.0,
                                     -9223372036854777856.0,
                                     18446744073709551616.0,
                                     1e300,
                                     -1e300,
                                     5e-324,
                                     -5e-324,
                                     INFINITY,
                                     -INFINITY,
                                     NAN,
                                     -NAN};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static inline struct sl_field random_text(struct sl_arena *arena, struct chance *chance)
{
    size_t len = chance_below(chance, chance_below(chance, 4) ? 4 : 40);
    uint8_t *bytes = sl_arena_bytes(arena, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = "ab\0\xff"[chance_below(chance, 4)];
    return sl_string(bytes, len);
}

static inline struct sl_field random_field(struct sl_arena *arena, struct chance *chance, unsigned depth)
{
    size_t count = chance_below(chance, 4);
    struct sl_field *items;
    switch ((enum sl_tag)chance_below(chance, depth ? 7 : 5)) {
    case SL_NIL:
        return sl_nil();
    case SL_BOOL:
        return sl_boolean(chance_below(chance, 2));
    case SL_INT:
        return sl_integer(edge_integers[chance_below(chance, COUNT_OF(edge_integers))]);
    case SL_FLOAT:
        return sl_number(edge_floats[chance_below(chance, COUNT_OF(edge_floats))]);
    case SL_STR:
        return random_text(arena, chance);
    case SL_LIST:
        items = sl_arena_alloc(arena, count * sizeof *items);
        for (size_t i = 0; i < count; i++)
            items[i] = random_field(arena, chance, depth - 1);
        return sl_list(items, count);
    case SL_MAP:
        items = sl_arena_alloc(arena, 2 * count * sizeof *items);
        for (size_t i = 0; i < count; i++) {
            items[2 * i] = random_text(arena, chance);
            items[2 * i + 1] = random_field(arena, chance, depth - 1);
        }
        return sl_map_sort(items, count) ? sl_map(items, count) : sl_nil();
    }
    return sl_nil();
}
