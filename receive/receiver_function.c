/* The thread calls next again and again. What one call has added is one frame with the position after it: all of it
 * becomes durable together, or nothing does. */
#include "receive/receiver_function.h"

#include "core/base/arena.h"
#include "core/contract/function.h"
#include "core/rows/checked_copy.h"
#include "receive/advance.h"
#include "text/row_codec.h"

#include <sluice.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 256 << 20 };

struct sl_receiving {
    struct sl_received *received;
    struct sl_buf body, position;
    struct sl_arena scratch; /* of one record */
    uint32_t count;
};

struct function_source {
    struct sl_received received; /* first */
    const struct sl_receiver *receiver;
    void *user;
    struct sl_receiving receiving;
};

/* ---- what next calls ---- */

static int take_record(struct sl_receiving *receiving, const struct sl_field *fields, uint32_t width)
{
    struct sl_field taken[SL_WIDTH_MAX];
    const char *why;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < width; i++)
        r = sl_checked_copy(&receiving->scratch, &fields[i], &taken[i], &why);
    if (r == 0 && !sl_row_codec_append(&receiving->body, taken, width))
        r = SL_ENOMEM;
    return r == SL_EREJECT ? SL_EUSAGE : r;
}

int sl_receive_record(struct sl_receiving *receiving, const struct sl_field *fields, uint32_t width)
{
    size_t before = receiving->body.len;
    if (width < 1 || width > SL_WIDTH_MAX || before > BODY_MAX)
        return SL_EUSAGE;
    int r = take_record(receiving, fields, width);
    if (r == 0 && receiving->body.len > SL_RECEIVED_FRAME_BODY_MAX)
        r = SL_EUSAGE;
    sl_arena_reset(&receiving->scratch);
    if (r < 0)
        receiving->body.len = before;
    receiving->count += r == 0;
    return r;
}

int sl_receive_position(struct sl_receiving *receiving, const void *position, size_t len)
{
    if (len > SL_RECEIVED_FRAME_POSITION_MAX)
        return SL_EUSAGE;
    sl_buf_clear(&receiving->position);
    return sl_buf_append(&receiving->position, position, len) ? 0 : SL_ENOMEM;
}

bool sl_receive_is_stopping(const struct sl_receiving *receiving)
{
    return sl_received_is_stopping(receiving->received);
}

/* ---- the thread ---- */

static int allow_all(struct sl_received *received, uint32_t count)
{
    while (count) {
        uint32_t n = sl_received_allow(received, count);
        if (n == 0)
            return SL_ESTOP;
        count -= n;
    }
    return 0;
}

static int append_received(struct function_source *source, struct sl_error *err)
{
    struct sl_receiving *receiving = &source->receiving;
    struct sl_received_frame frame = {
        .kind = SL_RECEIVED_FRAME_ROWS,
        .count = receiving->count,
        .position = receiving->position.bytes,
        .position_len = (uint32_t)receiving->position.len,
        .body = receiving->body.bytes,
        .body_len = (uint32_t)receiving->body.len,
    };
    if (!receiving->count && !receiving->position.len)
        return 0;
    int r = allow_all(&source->received, receiving->count);
    r = r < 0 ? r : sl_received_append(&source->received, &frame, err);
    if (r < 0 || !receiving->position.len || !source->receiver->durable)
        return r;
    r = sl_received_sync(&source->received, err);
    if (r == 0)
        source->receiver->durable(source->user, receiving->position.bytes, receiving->position.len);
    return r;
}

/* 1: next may give more; 0: there is no more; SL_EREJECT: the receiver has failed; or a failure of the run. */
static int call_next(struct function_source *source, struct sl_error *err)
{
    struct sl_receiving *receiving = &source->receiving;
    if (sl_received_is_stopping(&source->received))
        return SL_ESTOP;
    receiving->count = 0;
    sl_buf_clear(&receiving->body);
    sl_buf_clear(&receiving->position);
    int more = source->receiver->next(source->user, receiving);
    if (more < 0)
        return sl_error_set(err, SL_EREJECT, "its function next returned %d", more);
    int r = append_received(source, err);
    return r < 0 ? r : more > 0;
}

static int run_once(struct function_source *source, struct sl_error *err)
{
    const struct sl_buf *position = &source->received.position;
    int r = source->receiver->open(source->user, position->bytes, position->len);
    if (r < 0)
        return sl_error_set(err, SL_EREJECT, "its function open returned %d", r);
    sl_received_fine(&source->received);
    sl_received_show(&source->received, "connected", "%s", "");
    while ((r = call_next(source, err)) > 0)
        ;
    source->receiver->close(source->user);
    return r;
}

/* After a failure, which err says: 0, it is opened again; otherwise the run ends. */
static int after_failure(struct sl_received *received, struct sl_advance *advance, struct sl_backoff *backoff,
                         struct sl_error *err)
{
    bool has_advanced;
    sl_received_trouble(received, "the receiver has failed: %s", err->text);
    int r = sl_advance_note(advance, received, &has_advanced, err);
    if (r < 0)
        return r;
    if (!received->retries || sl_advance_is_late(advance, received))
        return sl_error_set(err, SL_EFAIL, "%s", received->trouble);
    if (has_advanced)
        sl_backoff_reset(backoff);
    return sl_backoff_wait(backoff, received);
}

static int run(struct sl_received *received, struct sl_error *err)
{
    struct function_source *source = (struct function_source *)received;
    struct sl_backoff backoff = {0};
    struct sl_advance advance;
    int r;
    sl_advance_begin(&advance, received);
    while ((r = run_once(source, err)) == SL_EREJECT &&
           (r = after_failure(received, &advance, &backoff, err)) == 0)
        ;
    sl_advance_done(&advance);
    return r;
}

static void done(struct sl_received *received)
{
    struct function_source *source = (struct function_source *)received;
    sl_buf_done(&source->receiving.body);
    sl_buf_done(&source->receiving.position);
    sl_arena_done(&source->receiving.scratch);
}

static const struct sl_received_kind kind = {.lines = SL_RECEIVED_FRAME_TSV, .run = run, .done = done};

/* ---- the source ---- */

static const struct sl_receiver *receiver_of(const struct sl_function *function, void **ret_user)
{
    return function->ops->receiver ? function->ops->receiver(function, ret_user) : NULL;
}

int sl_receiver_function_check(const struct sl_node *node, const struct sl_function *function,
                               struct sl_error *err)
{
    void *user;
    const struct sl_receiver *receiver = receiver_of(function, &user);
    if (!receiver)
        return sl_error_set(err, SL_EUSAGE,
                            "%s: receiver must be a command, a list of strings, or in C what "
                            "sl_receiver_new gives",
                            node->op->name);
    if (!receiver->open || !receiver->next || !receiver->close)
        return sl_error_set(err, SL_EUSAGE, "%s: a receiver has the functions open, next and close",
                            node->op->name);
    return 0;
}

int sl_receiver_function_open(const struct sl_node *node, const struct sl_services *services,
                              struct sl_source **ret, struct sl_error *err)
{
    struct function_source *source = calloc(1, sizeof *source);
    if (!source)
        return sl_error_nomem(err);
    source->receiver = receiver_of(sl_node_function(node, 0), &source->user);
    source->receiving.received = &source->received;
    int r = sl_received_open(&source->received, node->op->source, &kind, node, services, err);
    if (r == 0)
        *ret = &source->received.source;
    return r;
}
