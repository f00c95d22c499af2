/* A value that contains itself is one that is nested too deeply: the depth is what ends the recursion. */
#include "core/rows/checked_copy.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/rows/field.h"

#include <stdbool.h>

struct copy {
    struct sl_arena *arena;
    const char *why; /* NULL: it is a value */
    unsigned depth;
};

static bool copy_field(struct copy *copy, const struct sl_field *f, struct sl_field *ret);

static bool refuse(struct copy *copy, const char *why)
{
    copy->why = why;
    return false;
}

static bool keys_are_strings(const struct sl_field *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pairs[2 * i].tag != SL_STR)
            return false;
    return true;
}

static bool copy_items(struct copy *copy, const struct sl_field *f, size_t count, struct sl_field *ret)
{
    struct sl_field *items = sl_arena_alloc(copy->arena, count * sizeof *items);
    for (size_t i = 0; items && i < count; i++)
        if (!copy_field(copy, &f->items[i], &items[i]))
            return false;
    if (!items)
        return false;
    if (f->tag == SL_MAP && !keys_are_strings(items, f->len))
        return refuse(copy, "a map with a key that is no string");
    if (f->tag == SL_MAP && !sl_map_sort(items, f->len))
        return refuse(copy, "a map that has a key twice");
    *ret = *f;
    ret->items = items;
    return true;
}

static bool copy_nested(struct copy *copy, const struct sl_field *f, size_t count, struct sl_field *ret)
{
    if (copy->depth == SL_DEPTH_MAX)
        return refuse(copy, "lists or maps nested more than 64 deep");
    copy->depth++;
    bool ok = copy_items(copy, f, count, ret);
    copy->depth--;
    return ok;
}

static bool copy_field(struct copy *copy, const struct sl_field *f, struct sl_field *ret)
{
    switch ((enum sl_tag)f->tag) {
    case SL_NIL:
    case SL_BOOL:
    case SL_INT:
    case SL_FLOAT:
    case SL_STR:
        return sl_field_copy(copy->arena, f, ret);
    case SL_LIST:
        return copy_nested(copy, f, f->len, ret);
    case SL_MAP:
        return copy_nested(copy, f, 2 * (size_t)f->len, ret);
    }
    return refuse(copy, "a field of a type that does not exist");
}

int sl_checked_copy(struct sl_arena *arena, const struct sl_field *f, struct sl_field *ret,
                    const char **ret_why)
{
    struct copy copy = {.arena = arena};
    _Static_assert(SL_DEPTH_MAX == 64, "the number in the message above");
    if (copy_field(&copy, f, ret))
        return 0;
    if (!copy.why)
        return SL_ENOMEM;
    *ret_why = copy.why;
    return SL_EREJECT;
}
