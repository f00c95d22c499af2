/* Sessions on disk: (key, {{start, last, state}, ...}, due); of one that has failed {start, last, what is known of it, true}. */
#include "core/base/error.h"
#include "ops/event/event_reduce.h"

int sl_event_sessions_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    struct sl_event_memory *memory = stage->memory;
    return sl_timed_map_save(&memory->sessions, stage, keeper, 0);
}

static bool is_sessions(const struct sl_field *value)
{
    if (value->tag != SL_LIST)
        return false;
    for (uint32_t i = 0; i < value->len; i++) {
        const struct sl_field *session = &value->items[i];
        if (session->tag != SL_LIST || session->len < SL_SESSION_FIELDS ||
            session->len > SL_FAILED_SESSION_FIELDS || session->items[0].tag != SL_INT ||
            session->items[1].tag != SL_INT)
            return false;
    }
    return true;
}

int sl_event_sessions_load(struct sl_stage *stage, const struct sl_section *section,
                           const struct sl_dataset *rows)
{
    struct sl_event_memory *memory = stage->memory;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    if (section->part != 0)
        return 0;
    sl_cursor_init(&cursor, rows);
    while (sl_cursor_next(&cursor, row, &width))
        if (width == 2 || width == 4) /* of windows: the job was another */
            return 0;
        else if (width > 1 && !is_sessions(&row[1]))
            return sl_error_set(stage->err, SL_EDAMAGED, "the sessions that %s kept are damaged",
                                stage->node->op->name);
    return sl_timed_map_load(&memory->sessions, stage, rows);
}

/* The gap may be another now: cells are due by it. */
int sl_event_sessions_loaded(struct sl_stage *stage)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    for (unsigned p = 0; p < SL_PARTS; p++) {
        struct sl_state_shard *cells = &memory->sessions.map.part[p];
        for (size_t i = 0; i < cells->count; i++) {
            struct sl_state_entry *cell = &cells->cell[i];
            int64_t due_ms = INT64_MAX;
            for (uint32_t k = 0; cell->exists && k < cell->value.len; k++) {
                int64_t stop = cell->value.items[k].items[1].integer + reduce->windows.gap;
                due_ms = stop < due_ms ? stop : due_ms;
            }
            if (cell->exists)
                cell->seen_ms = due_ms;
        }
    }
    int r = sl_timed_map_loaded(&memory->sessions);
    memory->due_ms = sl_timed_map_next_due(&memory->sessions);
    return r;
}
