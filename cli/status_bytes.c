#include "cli/status_bytes.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "text/base64.h"

#include <string.h>

static const char suffix[] = "_base64";
enum { SUFFIX_LEN = sizeof suffix - 1 };

/* A copy of the list or map whose items can be changed; NULL: out of memory. */
static struct sl_field *copy_items(struct sl_arena *arena, struct sl_field *field)
{
    size_t count = field->tag == SL_MAP ? 2 * (size_t)field->len : field->len;
    struct sl_field *items = sl_arena_calloc(arena, count ? count : 1, sizeof *items);
    if (items && count)
        memcpy(items, field->items, count * sizeof *items);
    if (items)
        field->items = items;
    return items;
}

/* What is no base64 was written by another version, and stays. */
static int decode(struct sl_arena *arena, const struct sl_field *text, struct sl_field *ret)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf bytes = {0};
    if (text->tag != SL_STR || !sl_base64_decode(&bytes, text->str, text->len))
        return bytes.failed ? SL_ENOMEM : 0;
    const char *copy = sl_arena_text(arena, bytes.len ? (const char *)bytes.bytes : "", bytes.len);
    if (!copy)
        return SL_ENOMEM;
    *ret = sl_string(copy, bytes.len);
    return 0;
}

/* A string, or each string of a list as long as that of the other. */
static int restore_value(struct sl_arena *arena, const struct sl_field *encoded, struct sl_field *value)
{
    if (encoded->tag != SL_LIST)
        return decode(arena, encoded, value);
    if (value->tag != SL_LIST || value->len != encoded->len)
        return 0;
    struct sl_field *items = copy_items(arena, value);
    int r = items ? 0 : SL_ENOMEM;
    for (uint32_t i = 0; r == 0 && i < encoded->len; i++)
        r = decode(arena, &encoded->items[i], &items[i]);
    return r;
}

/* *ret: the map's items, which can be changed. */
static int restore_members(struct sl_arena *arena, struct sl_field *map, struct sl_field **ret)
{
    struct sl_field *items = *ret = copy_items(arena, map);
    int r = items ? 0 : SL_ENOMEM;
    for (uint32_t i = 0; r == 0 && i < map->len; i++) {
        const struct sl_field *key = &items[2 * (size_t)i];
        bool is_encoded =
            key->len > SUFFIX_LEN && memcmp(key->str + key->len - SUFFIX_LEN, suffix, SUFFIX_LEN) == 0;
        const struct sl_field *value = is_encoded ? sl_map_get(map, key->str, key->len - SUFFIX_LEN) : NULL;
        if (value)
            r = restore_value(arena, key + 1, &items[value - map->items]);
    }
    return r;
}

static int restore_sources(struct sl_arena *arena, struct sl_field *sources)
{
    struct sl_field *items = copy_items(arena, sources), *members;
    int r = items ? 0 : SL_ENOMEM;
    for (uint32_t i = 0; r == 0 && i < sources->len; i++)
        r = items[i].tag == SL_MAP ? restore_members(arena, &items[i], &members) : 0;
    return r;
}

int sl_status_restore_bytes(struct sl_arena *arena, struct sl_field *status)
{
    static const char name[] = "sources";
    if (status->tag != SL_MAP)
        return 0;
    struct sl_field *items;
    int r = restore_members(arena, status, &items);
    const struct sl_field *sources = r < 0 ? NULL : sl_map_get(status, name, sizeof name - 1);
    if (!sources || sources->tag != SL_LIST)
        return r;
    return restore_sources(arena, &items[sources - status->items]);
}
