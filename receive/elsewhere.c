/* Splits of received logs that another process reads (core/contract/source.h: place, adopt, found, note). The log lies in the
 * checkpoint, which has to be where that process sees it. */
#include "core/contract/site.h"
#include "receive/received.h"

#include <stdlib.h>

static struct sl_received *own(struct sl_source *source)
{
    return (struct sl_received *)source;
}

bool sl_received_place(struct sl_source *source, size_t p, struct sl_split_place *ret)
{
    struct sl_received *received = own(source);
    const struct sl_received_part *part = &received->part[p];
    sl_buf_clear(&received->travels);
    if (!sl_received_split_describe(&part->split, &received->travels))
        return false;
    *ret = (struct sl_split_place){.origin = &part->origin,
                                   .range = sl_string(received->travels.bytes, received->travels.len)};
    return true;
}

/* After adopt the only split is this process's own. */
void sl_received_leave(struct sl_received *received)
{
    if (received->is_adopted)
        sl_received_split_close(&received->part[0].split);
    received->is_adopted = false;
    received->parts = 0;
}

int sl_received_adopt(struct sl_source *source, const struct sl_field *range, struct sl_error *err)
{
    struct sl_received *received = own(source);
    struct sl_received_split split;
    sl_received_leave(received);
    if (!received->part)
        received->part = calloc(1, sizeof *received->part);
    if (!received->part)
        return sl_error_nomem(err);
    int r = range->tag == SL_STR ? sl_received_split_open(received->log, range->str, range->len, &split, err)
                                 : sl_error_set(err, SL_EDAMAGED, "the range of a task is damaged");
    if (r < 0)
        return sl_site_wrap(&source->node->site, err);
    received->part[0] =
        (struct sl_received_part){.split = split, .origin = {.source = received->name, .first = split.first}};
    received->parts = 1;
    received->is_adopted = true;
    return 0;
}

void sl_received_found(struct sl_source *source, size_t p, struct sl_split_found *ret)
{
    (void)source, (void)p;
    *ret = (struct sl_split_found){0};
}

int sl_received_note(struct sl_source *source, size_t p, const struct sl_split_found *found,
                     struct sl_error *err)
{
    (void)source, (void)p, (void)found, (void)err;
    return 0;
}
