#include "cli/status_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void sl_status_print_count(const struct sl_field *source, const char *name, const char *what)
{
    const struct sl_field *count = sl_map_get(source, name, strlen(name));
    if (count && count->tag == SL_INT && count->integer > 0)
        printf(", %" PRId64 " %s", count->integer, what);
}

int64_t sl_status_integer_of(const struct sl_field *map, const char *name)
{
    const struct sl_field *value = sl_map_get(map, name, strlen(name));
    return value && value->tag == SL_INT ? value->integer : 0;
}

bool sl_status_add_safe(struct sl_buf *buf, const struct sl_field *map, const char *name)
{
    const struct sl_field *value = sl_map_get(map, name, strlen(name));
    return value && value->tag == SL_STR && sl_buf_safe(buf, value->str, value->len);
}
