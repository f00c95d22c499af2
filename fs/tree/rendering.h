/* The bytes of one file of a version: immutable, reference-counted, shared by all of its readers. */
#pragma once

#include "core/base/buf.h"

#include <stdatomic.h>

struct sl_rendering {
    _Atomic unsigned refs;
    size_t len;
    uint8_t *bytes;
};

/* Takes the buffer's contents, also on failure; the buffer is empty afterwards. NULL: out of memory. */
struct sl_rendering *sl_rendering_new(struct sl_buf *buf);
struct sl_rendering *sl_rendering_ref(struct sl_rendering *rendering);
void sl_rendering_unref(struct sl_rendering *rendering);
