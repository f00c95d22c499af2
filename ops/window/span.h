/* How far a window reached when it was saved. A batch is kept on disk for as long as the window of that time wants it; when
 * the job has another window, what that one holds is written once more, as a generation of its own (the part of its
 * sections), and older generations do not count: so a restart finds what the process had, whatever was changed. */
#pragma once

#include "core/contract/operator.h"
#include "core/contract/state_writer.h"

struct sl_window_span {
    int64_t window_ms, slide_ms, input_slide_ms; /* 0: not known */
    uint32_t generation;
};

enum { SL_PART_SPAN = 1 }; /* the number of its keyed section */

struct sl_window_span sl_window_span_of(const struct sl_node *node);
/* But for the generation. */
bool sl_window_span_equals(const struct sl_window_span *a, const struct sl_window_span *b);

/* A row (nil, window, slide, slide of the input, generation). */
int sl_window_span_save(const struct sl_window_span *span, int64_t batch_ms, struct sl_state_writer *keeper);
/* SL_EDAMAGED: what was there is none. */
int sl_window_span_load(const struct sl_dataset *rows, struct sl_window_span *ret);
/* The node's span after `before`, which was loaded: of the same generation where it is equal or nothing was known. */
struct sl_window_span sl_window_span_after(const struct sl_window_span *before, const struct sl_node *node);

/* Whether the span's window that was last shown at or before last_ms reaches back to t. */
bool sl_window_span_shows(const struct sl_window_span *span, int64_t last_ms, int64_t t);
/* Whether it holds the batch of t: one that came after it was shown may be in the next. */
bool sl_window_span_has_shown(const struct sl_window_span *span, int64_t last_ms, int64_t t);
/* Whether the span's window that ends with last_ms holds the batch of t. */
bool sl_window_span_holds(const struct sl_window_span *span, int64_t last_ms, int64_t t);
