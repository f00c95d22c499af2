/* eventWindow{...}: which windows a stream is cut into, for the operators that follow it.
 *
 * A narrow operator that passes records on: what makes the windows is the operator after it (sl_event_ops), which asks
 * here. Times are ms; windows are [start, stop). */
#pragma once

#include "core/contract/operator.h"

enum sl_emit { SL_EMIT_FINAL, SL_EMIT_UPDATES, SL_EMIT_BOTH };

struct sl_event_windows {
    int64_t size, slide, offset; /* slide: size where the windows do not overlap */
    int64_t pane;                /* the greatest common divisor of size and slide */
    int64_t gap;                 /* not 0: sessions; then the others are 0 */
    enum sl_emit emit;
};

/* Of an operator whose first input is an eventWindow. */
struct sl_event_windows sl_event_windows_of(const struct sl_node *node);

static inline int64_t sl_floor_multiple(int64_t t, int64_t unit, int64_t offset)
{
    int64_t rest = (t - offset) % unit;
    return t - (rest < 0 ? rest + unit : rest);
}

static inline int64_t sl_pane_start(const struct sl_event_windows *windows, int64_t t)
{
    return sl_floor_multiple(t, windows->pane, windows->offset);
}

/* When the last window that holds the pane stops. */
static inline int64_t sl_pane_stop(const struct sl_event_windows *windows, int64_t pane)
{
    return sl_floor_multiple(pane, windows->slide, windows->offset) + windows->size;
}

/* The first window that holds the pane, by its start. */
static inline int64_t sl_first_window(const struct sl_event_windows *windows, int64_t pane)
{
    return sl_floor_multiple(pane - windows->size, windows->slide, windows->offset) + windows->slide;
}

/* The first window that the watermark has not passed, by its start; it is a pane's start, too, and records before it are
 * late. */
static inline int64_t sl_first_open(const struct sl_event_windows *windows, int64_t watermark_ms)
{
    if (watermark_ms == SL_NO_TIME)
        return INT64_MIN;
    if (watermark_ms == SL_END_OF_TIME)
        return INT64_MAX;
    return sl_floor_multiple(watermark_ms - windows->size, windows->slide, windows->offset) + windows->slide;
}

/* The operators that may follow an eventWindow; ends with NULL. Their names are those of operators on batches. */
extern const struct sl_op *const sl_event_ops[];
extern const struct sl_op sl_op_event_window;
extern const struct sl_op sl_op_late;
extern const struct sl_op sl_op_open_windows;

/* Whether the operator gives updates of windows, which openWindows makes a table of. */
bool sl_gives_updates(const struct sl_node *node);
