/* Rows of fields of every type, the same for the same seed. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

#include <math.h>
#include <stdio.h>

struct random_rows {
    uint64_t state;
    struct sl_arena arena;
};

/* splitmix64 */
static uint64_t random_next(struct random_rows *random)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static size_t random_below(struct random_rows *random, size_t limit)
{
    return (size_t)(random_next(random) % limit);
}

static struct sl_field random_string(struct random_rows *random)
{
    size_t len = random_below(random, 8) ? random_below(random, 20) : random_below(random, 5000);
    uint8_t *bytes = sl_arena_bytes(&random->arena, len + 1);
    bool is_text = random_below(random, 4);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(is_text ? ' ' + random_below(random, 95) : random_next(random));
    return sl_string(bytes, (uint32_t)len);
}

static double random_double(struct random_rows *random)
{
    static const double edges[] = {0.0, -0.0, 1.5, INFINITY, -INFINITY, NAN, 5e-324, 1.7976931348623157e308};
    uint64_t bits = random_next(random);
    double number;
    memcpy(&number, &bits, sizeof number);
    return random_below(random, 2) ? edges[random_below(random, 8)] : isnan(number) ? 0.25 : number;
}

static struct sl_field random_field(struct random_rows *random, int depth)
{
    static const int64_t edges[] = {0, -1, 127, 128, -112, -113, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    struct sl_field *items;
    size_t count;
    switch (random_below(random, depth < 4 ? 7 : 5)) {
    case 0:
        return sl_nil();
    case 1:
        return sl_boolean(random_below(random, 2));
    case 2:
        return sl_integer(random_below(random, 2) ? edges[random_below(random, 10)]
                                                  : (int64_t)random_next(random));
    case 3:
        return sl_number(random_double(random));
    case 4:
        return random_string(random);
    case 5:
        count = random_below(random, 5);
        items = sl_arena_alloc(&random->arena, (count + 1) * sizeof *items);
        for (size_t i = 0; i < count; i++)
            items[i] = random_field(random, depth + 1);
        return (struct sl_field){.tag = SL_LIST,
                                 .flags = random_below(random, 2) ? SL_FIELD_ROW : 0,
                                 .len = (uint32_t)count,
                                 .items = items};
    }
    count = random_below(random, 5);
    items = sl_arena_alloc(&random->arena, (2 * count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        char *key = sl_arena_alloc(&random->arena, 16);
        items[2 * i] =
            sl_string(key, (uint32_t)snprintf(key, 16, "%zu-%c", i, (char)('a' + random_below(random, 26))));
        items[2 * i + 1] = random_field(random, depth + 1);
    }
    return (struct sl_field){.tag = SL_MAP, .len = (uint32_t)count, .items = items};
}
