#include "sources/table/path.h"

#include "core/base/error.h"

#include <string.h>

static const char sqlite_prefix[] = "sqlite:";

const char *sl_table_name(const struct sl_node *node, char *text, size_t size)
{
    struct sl_field place = sl_node_value(node, 0);
    if (place.len >= size)
        return NULL;
    memcpy(text, place.str, place.len);
    text[place.len] = 0;
    return text;
}

const char *sl_table_place(const struct sl_node *node, char text[SL_TABLE_PLACE_MAX], bool *ret_is_database)
{
    struct sl_field place = sl_node_value(node, 0);
    size_t prefix = sizeof sqlite_prefix - 1;
    *ret_is_database = place.len > prefix && memcmp(place.str, sqlite_prefix, prefix) == 0;
    size_t from = *ret_is_database ? prefix : 0;
    sl_assert(place.tag == SL_STR && place.len < SL_TABLE_PLACE_MAX);
    memcpy(text, place.str + from, place.len - from);
    text[place.len - from] = 0;
    return text;
}
