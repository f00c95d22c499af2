/* A version's files as bytes (docs/manual.md, "The live view"). Called when a file is read, never in a batch;
 * pure, from any thread.
 *
 * STAMPED is no file of its own: it is what log and feed show of the version, each row preceded by its
 * batch time. */
#pragma once

#include "core/contract/view.h"
#include "fs/tree/rendering.h"

enum sl_render_kind {
    SL_RENDER_DATA,
    SL_RENDER_JSON,
    SL_RENDER_CSV,
    SL_RENDER_META,
    SL_RENDER_CHANGES,
    SL_RENDER_STAMPED,
};
enum { SL_RENDER_FILES = SL_RENDER_STAMPED, SL_RENDER_KINDS = SL_RENDER_STAMPED + 1 };

/* "data", "data.json" ... ; NULL for what is no file. */
const char *sl_render_name(enum sl_render_kind kind);

/* `before` is the version before, NULL for the first. META wants the length of DATA, STAMPED wants DATA
 * itself. NULL: out of memory. */
struct sl_rendering *sl_render(enum sl_render_kind kind, const struct sl_version *version,
                               const struct sl_version *before, uint64_t data_len,
                               const struct sl_rendering *data);
