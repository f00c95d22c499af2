#include "fs/tree/rendering.h"

#include <stdlib.h>

struct sl_rendering *sl_rendering_new(struct sl_buf *buf)
{
    struct sl_rendering *rendering = malloc(sizeof *rendering);
    if (!rendering) {
        sl_buf_done(buf);
        return NULL;
    }
    /* A buffer grows by doubling; what is kept while there are readers is shrunk to its length. */
    uint8_t *bytes = buf->len ? realloc(buf->bytes, buf->len) : buf->bytes;
    rendering->bytes = bytes ? bytes : buf->bytes;
    rendering->len = buf->len;
    atomic_init(&rendering->refs, 1);
    sl_buf_init(buf);
    return rendering;
}

struct sl_rendering *sl_rendering_ref(struct sl_rendering *rendering)
{
    atomic_fetch_add_explicit(&rendering->refs, 1, memory_order_relaxed);
    return rendering;
}

void sl_rendering_unref(struct sl_rendering *rendering)
{
    if (!rendering || atomic_fetch_sub_explicit(&rendering->refs, 1, memory_order_acq_rel) > 1)
        return;
    free(rendering->bytes);
    free(rendering);
}
