#include "ops/window/span.h"

#include "core/base/error.h"
#include "ops/window/check.h"

struct sl_window_span sl_window_span_of(const struct sl_node *node)
{
    return (struct sl_window_span){sl_window_of(node), node->slide_ms, node->input[0]->slide_ms, 0};
}

bool sl_window_span_equals(const struct sl_window_span *a, const struct sl_window_span *b)
{
    return a->window_ms == b->window_ms && a->slide_ms == b->slide_ms &&
           a->input_slide_ms == b->input_slide_ms;
}

int sl_window_span_save(const struct sl_window_span *span, int64_t batch_ms, struct sl_state_writer *keeper)
{
    const struct sl_section section = {SL_SECTION_KEYED, SL_PART_SPAN, batch_ms, INT64_MAX};
    const struct sl_field row[5] = {sl_nil(), sl_integer(span->window_ms), sl_integer(span->slide_ms),
                                    sl_integer(span->input_slide_ms), sl_integer(span->generation)};
    int r = keeper->ops->begin(keeper, &section);
    return r < 0 ? r : keeper->ops->row(keeper, row, 5);
}

int sl_window_span_load(const struct sl_dataset *rows, struct sl_window_span *ret)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    sl_cursor_init(&cursor, rows);
    while (sl_cursor_next(&cursor, row, &width)) {
        if (width != 5 || row[1].integer < 1 || row[2].integer < 1 || row[3].integer < 1)
            return SL_EDAMAGED;
        *ret =
            (struct sl_window_span){row[1].integer, row[2].integer, row[3].integer, (uint32_t)row[4].integer};
    }
    return 0;
}

struct sl_window_span sl_window_span_after(const struct sl_window_span *before, const struct sl_node *node)
{
    struct sl_window_span now = sl_window_span_of(node);
    now.generation = before->generation + (before->window_ms && !sl_window_span_equals(before, &now));
    return now;
}

bool sl_window_span_shows(const struct sl_window_span *span, int64_t last_ms, int64_t t)
{
    return t + span->window_ms > last_ms - last_ms % span->slide_ms;
}

bool sl_window_span_has_shown(const struct sl_window_span *span, int64_t last_ms, int64_t t)
{
    return sl_window_span_shows(span, last_ms, t) && t <= last_ms - last_ms % span->slide_ms;
}

static int64_t number_of(const struct sl_window_span *span, int64_t t)
{
    return t / span->input_slide_ms + (t % span->input_slide_ms > 0);
}

bool sl_window_span_holds(const struct sl_window_span *span, int64_t last_ms, int64_t t)
{
    return number_of(span, t) > number_of(span, last_ms) - span->window_ms / span->input_slide_ms;
}
