/* The last users of the store and of its files. */
#include "state/spill/spill_internal.h"

#include <stdlib.h>
#include <zstd.h>

void sl_spill_store_unref(struct sl_spill_store *store)
{
    if (!store || atomic_fetch_sub_explicit(&store->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (struct sl_spill_tool *tool = store->tools, *next; tool; tool = next) {
        next = tool->next;
        ZSTD_freeDCtx(tool->zstd);
        free(tool->packed);
        free(tool);
    }
    pthread_mutex_destroy(&store->lock);
    free(store->dir);
    free(store);
}

void sl_spill_place_unref(struct sl_spill_place *place)
{
    if (!place || atomic_fetch_sub_explicit(&place->refs, 1, memory_order_acq_rel) > 1)
        return;
    atomic_fetch_sub(&place->store->spill.held, place->bytes);
    sl_io_close(place->store->io, place->fd);
    sl_spill_store_unref(place->store);
    free(place);
}
