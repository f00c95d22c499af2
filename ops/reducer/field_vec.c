#include "ops/reducer/field_vec.h"

#include <string.h>

enum { KEPT_MIN = 4 };

bool sl_kept_reserve(struct sl_kept *kept, struct sl_arena *keep, uint32_t more)
{
    if (kept->capacity - kept->count >= more)
        return true;
    if (kept->count + (uint64_t)more > INT32_MAX)
        return false;
    uint32_t needed = kept->count + more, capacity = kept->capacity ? 2 * kept->capacity : KEPT_MIN;
    capacity = capacity > needed ? capacity : needed;
    struct sl_field *item = sl_arena_alloc(keep, capacity * sizeof *item);
    if (!item)
        return false;
    if (kept->count)
        memcpy(item, kept->item, kept->count * sizeof *item);
    kept->item = item;
    kept->capacity = capacity;
    return true;
}

bool sl_kept_append(struct sl_kept *kept, struct sl_arena *keep, struct sl_field field)
{
    if (!sl_kept_reserve(kept, keep, 1))
        return false;
    kept->item[kept->count++] = field;
    return true;
}

bool sl_kept_append_copy(struct sl_kept *kept, struct sl_arena *keep, const struct sl_field *field)
{
    struct sl_field copy;
    return sl_field_copy(keep, field, &copy) && sl_kept_append(kept, keep, copy);
}
