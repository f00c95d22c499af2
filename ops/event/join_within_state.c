#include "ops/event/join_within_state.h"

#include "core/base/error.h"

#include <string.h>

int sl_join_how(const struct sl_node *node)
{
    static const char *const words[] = {
        [SL_JOIN_INNER] = "inner", [SL_JOIN_LEFT] = "left", [SL_JOIN_FULL] = "full"};
    struct sl_field value = sl_node_value(node, 2);
    if (node->arg[2].kind != SL_ARG_VALUE)
        return SL_JOIN_INNER;
    for (int i = 0; i < 3; i++)
        if (value.tag == SL_STR && value.len == strlen(words[i]) &&
            memcmp(value.str, words[i], value.len) == 0)
            return i;
    return -1;
}

int sl_join_memory_open(const struct sl_node *node, void *memory, struct sl_error *err)
{
    ((struct sl_join_memory *)memory)->due_ms = INT64_MAX;
    return 0;
}

void sl_join_memory_done(void *memory)
{
    sl_timed_map_done(memory);
}

int sl_join_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    return sl_timed_map_save(stage->memory, stage, keeper, 0);
}

static bool is_side(const struct sl_field *list)
{
    for (uint32_t i = 0; list->tag == SL_LIST && i < list->len; i++) {
        const struct sl_field *entry = &list->items[i];
        if (entry->tag != SL_LIST || entry->len != SL_JOIN_FIELDS || entry->items[0].tag != SL_INT ||
            entry->items[2].tag != SL_BOOL)
            return false;
    }
    return list->tag == SL_LIST;
}

/* `within` may be another now. */
static int due_of(const struct sl_stage *stage, const struct sl_field *value, int64_t *ret)
{
    int64_t within_ms = sl_node_integer(stage->node, 1, 0);
    if (value->tag != SL_LIST || value->len != SL_JOIN_SIDES || !is_side(&value->items[0]) ||
        !is_side(&value->items[1]))
        return SL_EDAMAGED;
    *ret = INT64_MAX;
    for (int side = 0; side < SL_JOIN_SIDES; side++) {
        const struct sl_field *list = &value->items[side];
        if (list->len && list->items[0].items[0].integer + within_ms < *ret)
            *ret = list->items[0].items[0].integer + within_ms;
    }
    return 0;
}

int sl_join_load(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows)
{
    return sl_timed_map_load(stage->memory, stage, rows, due_of, "records");
}

int sl_join_loaded(struct sl_stage *stage, int64_t last_ms)
{
    struct sl_join_memory *memory = stage->memory;
    int r = sl_timed_map_loaded(&memory->timed, stage);
    memory->due_ms =
        sl_join_how(stage->node) == SL_JOIN_INNER ? INT64_MAX : sl_timed_map_next_due(&memory->timed);
    return r;
}
