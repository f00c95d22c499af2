#include "cli/status_held.h"

#include "core/base/buf.h"
#include "core/rows/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct sl_field *member(const struct sl_field *map, const char *name, enum sl_tag tag)
{
    const struct sl_field *value = sl_map_get(map, name, strlen(name));
    return value && value->tag == tag ? value : NULL;
}

static void add_count(struct sl_buf *text, const struct sl_field *node, const char *name, const char *one,
                      const char *many)
{
    const struct sl_field *count = member(node, name, SL_INT);
    if (count)
        sl_buf_printf(text, ", %" PRId64 " %s", count->integer, count->integer == 1 ? one : many);
}

/* Nothing of operators that keep nothing, or of a status that another version wrote. */
static void print_operator(const struct sl_field *node)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf held = {0}, name = {0};
    const struct sl_field *shown = member(node, "name", SL_STR), *line = member(node, "line", SL_INT);
    add_count(&held, node, "keys", "key", "keys");
    add_count(&held, node, "window_batches", "batch", "batches");
    add_count(&held, node, "held_bytes", "byte", "bytes");
    shown = shown ? shown : member(node, "operator", SL_STR);
    if (!held.len || held.failed || !shown || !line || !sl_buf_safe(&name, shown->str, shown->len))
        return;
    printf("%-12s %.*s (line %" PRId64 "): %.*s\n", "keeps", (int)name.len, (const char *)name.bytes,
           line->integer, (int)held.len - 2, (const char *)held.bytes + 2);
}

void sl_status_print_held(const struct sl_target *target)
{
    struct sl_field list = sl_target_status(target, NULL, "operators");
    for (uint32_t i = 0; list.tag == SL_LIST && i < list.len; i++)
        if (list.items[i].tag == SL_MAP)
            print_operator(&list.items[i]);
}
