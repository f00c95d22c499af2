#include "receive/advance.h"

#include "core/base/error.h"

#include <string.h>

enum { NS_PER_MS = 1000000 };

void sl_advance_begin(struct sl_advance *advance, const struct sl_received *received)
{
    *advance =
        (struct sl_advance){.since_ns = sl_monotonic_ns(), .log_end = sl_received_log_end(received->log)};
}

void sl_advance_done(struct sl_advance *advance)
{
    sl_buf_done(&advance->failed_at);
}

/* An empty position tells nothing. */
static bool is_same_position(const struct sl_advance *advance, const struct sl_buf *position)
{
    return advance->has_failed && position->len && position->len == advance->failed_at.len &&
           memcmp(position->bytes, advance->failed_at.bytes, position->len) == 0;
}

int sl_advance_note(struct sl_advance *advance, const struct sl_received *received, bool *ret,
                    struct sl_error *err)
{
    uint64_t end = sl_received_log_end(received->log);
    *ret = end > advance->log_end && !is_same_position(advance, &received->position);
    advance->log_end = end;
    if (!*ret)
        return 0;
    advance->since_ns = sl_monotonic_ns();
    advance->has_failed = true;
    sl_buf_clear(&advance->failed_at);
    return sl_buf_append(&advance->failed_at, received->position.bytes, received->position.len)
               ? 0
               : sl_error_nomem(err);
}

bool sl_advance_is_late(const struct sl_advance *advance, const struct sl_received *received)
{
    return received->services->until_end &&
           (sl_monotonic_ns() - advance->since_ns) / NS_PER_MS >= received->connect_timeout_ms;
}
