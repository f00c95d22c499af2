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

/* The gap may be another now. */
static int due_of(const struct sl_stage *stage, const struct sl_field *value, int64_t *ret)
{
    const struct sl_event_reduce *reduce = stage->state;
    if (!is_sessions(value))
        return SL_EDAMAGED;
    *ret = INT64_MAX;
    for (uint32_t i = 0; i < value->len; i++) {
        int64_t stop = value->items[i].items[1].integer + reduce->windows.gap;
        *ret = stop < *ret ? stop : *ret;
    }
    return 0;
}

/* Rows of windows: the job was another. */
static bool has_windows(const struct sl_dataset *rows)
{
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    sl_cursor_pass(&cursor, rows, &block);
    while (sl_cursor_next(&cursor, row, &width))
        if (width == 2 || width == 4)
            return true;
    return false;
}

int sl_event_sessions_load(struct sl_stage *stage, const struct sl_section *section,
                           const struct sl_dataset *rows)
{
    struct sl_event_memory *memory = stage->memory;
    if (section->part != 0 || has_windows(rows))
        return 0;
    return sl_timed_map_load(&memory->sessions, stage, rows, due_of, "sessions");
}

int sl_event_sessions_loaded(struct sl_stage *stage)
{
    struct sl_event_memory *memory = stage->memory;
    int r = sl_timed_map_loaded(&memory->sessions, stage);
    memory->due_ms = sl_timed_map_next_due(&memory->sessions);
    return r;
}
