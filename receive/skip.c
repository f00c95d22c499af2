#include "receive/skip.h"

#include "core/base/arena.h"
#include "receive/kafka/positions.h"
#include "text/json.h"

#include <inttypes.h>
#include <string.h>

static const struct sl_field *integer_of(const struct sl_field *document, const char *name)
{
    const struct sl_field *value = sl_map_get(document, name, strlen(name));
    return value && value->tag == SL_INT ? value : NULL;
}

/* {"from":7,"to":9} */
static int skip_log(const struct sl_field *from, const struct sl_field *to, struct sl_buf *ret,
                    uint64_t *ret_count, struct sl_error *err)
{
    *ret_count = to->integer > from->integer ? (uint64_t)(to->integer - from->integer) : 0;
    return sl_buf_printf(ret, "{\"from\":%" PRId64 ",\"to\":%" PRId64 "}", to->integer, to->integer)
               ? 0
               : sl_error_nomem(err);
}

/* {"topic":{"0":[7,9]}} */
static int skip_kafka(const struct sl_buf *range, struct sl_buf *ret, uint64_t *ret_count,
                      struct sl_error *err)
{
    SL_CLEANUP(sl_kafka_positions_done) struct sl_kafka_positions positions = {0};
    if (sl_kafka_positions_parse(range->bytes, range->len, &positions, err) < 0)
        return err->code == SL_ENOMEM ? SL_ENOMEM : 0; /* it is another source's */
    for (size_t i = 0; i < positions.count; i++) {
        *ret_count += (uint64_t)(positions.item[i].to - positions.item[i].from);
        positions.item[i].from = positions.item[i].to;
    }
    return sl_kafka_positions_append(&positions, ret) ? 0 : sl_error_nomem(err);
}

int sl_received_skip(const struct sl_buf *range, struct sl_buf *ret, uint64_t *ret_count,
                     struct sl_error *err)
{
    SL_CLEANUP(sl_arena_done) struct sl_arena arena = {0};
    struct sl_field document;
    const char *message;
    size_t at;
    *ret_count = 0;
    int r = sl_json_parse(&arena, range->bytes, range->len, &document, &message, &at);
    if (r < 0 || document.tag != SL_MAP)
        return r == SL_ENOMEM ? sl_error_nomem(err) : 0;
    const struct sl_field *from = integer_of(&document, "from"), *to = integer_of(&document, "to");
    return from && to ? skip_log(from, to, ret, ret_count, err) : skip_kafka(range, ret, ret_count, err);
}
