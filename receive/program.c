/* receiverStream with a command: a program that writes lines "<position> tab <record as tsv>" and reads on its standard
 * input the positions up to which everything is durable.
 *
 *     rest      what the program wrote and is not a whole line yet; dropped when it ends
 *     pending   positions of records that are in the log and not synced, a line each
 *     durable   positions that the program has not read yet; it is not read from while they are many
 *
 * One sync serves all that came within SYNC_AFTER_MS. The log holds the newest position with the records up to it, so
 * the next start of the program begins exactly after them. */
#include "receive/advance.h"
#include "receive/process.h"
#include "receive/receiver_function.h"

#include "core/base/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_BYTES = 256 << 10,
    SYNC_AFTER_MS = 10,
    DURABLE_MAX = 1 << 20,
    POSITION_MAX = 64 << 10, /* it must fit into an environment variable */
    NS_PER_MS = 1000000,
};

struct program_source {
    struct sl_received received; /* first */
    struct sl_field argv;
    struct sl_process process;
    struct sl_buf rest, body, pending, durable;
    int64_t pending_ns; /* of the oldest pending position */
    bool skips;         /* to the end of a line that is too long */
};

static struct program_source *own(struct sl_received *received)
{
    return (struct program_source *)received;
}

/* ---- what it writes ---- */

/* SL_EREJECT: the program cannot be trusted to continue. */
static int bad_line(const uint8_t *line, size_t len, const char *what, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf shown = {0};
    enum { SHOWN = 80 };
    if (!sl_buf_safe(&shown, line, len < SHOWN ? len : SHOWN))
        return sl_error_nomem(err);
    return sl_error_set(err, SL_EREJECT, "the program wrote a line %s: %.*s", what, (int)shown.len,
                        (char *)shown.bytes);
}

/* The length of the position that begins a line. */
static int measure_position(const uint8_t *line, size_t len, size_t *ret, struct sl_error *err)
{
    const uint8_t *tab = memchr(line, '\t', len);
    if (!tab)
        return bad_line(line, len, "without a tab after the position", err);
    *ret = (size_t)(tab - line);
    if (*ret > POSITION_MAX || memchr(line, 0, *ret))
        return bad_line(line, len, "with a position that is too long or holds a NUL byte", err);
    return 0;
}

/* Adds the record to the frame's body and its position to `pending`. */
static int add_line(struct program_source *source, const uint8_t *line, size_t len,
                    struct sl_received_frame *frame, struct sl_error *err)
{
    size_t position;
    int r = measure_position(line, len, &position, err);
    if (r < 0)
        return r;
    const uint8_t *tab = line + position;
    if (!sl_buf_append(&source->body, tab + 1, len - position - 1) || !sl_buf_byte(&source->body, '\n') ||
        !sl_buf_append(&source->pending, line, position) || !sl_buf_byte(&source->pending, '\n'))
        return sl_error_nomem(err);
    frame->count++;
    frame->position = line;
    frame->position_len = (uint32_t)position;
    return 0;
}

/* The frame with what was added, if anything was; a bad line comes after it. */
static int append_lines(struct program_source *source, struct sl_received_frame *frame, int added,
                        struct sl_error *err)
{
    struct sl_error ignored;
    if (frame->count == 0)
        return added;
    frame->body = source->body.bytes;
    frame->body_len = (uint32_t)source->body.len;
    int r = sl_received_append(&source->received, frame, added < 0 ? &ignored : err);
    return added < 0 ? added : r;
}

/* The first n lines of the rest. *ret_len: their bytes. */
static int take_lines(struct program_source *source, uint32_t n, size_t *ret_len, struct sl_error *err)
{
    struct sl_received_frame frame = {.kind = SL_RECEIVED_FRAME_TSV};
    const uint8_t *at = source->rest.bytes, *end = at + source->rest.len;
    int r = 0;
    sl_buf_clear(&source->body);
    for (uint32_t i = 0; i < n && r == 0; i++) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)(newline - at);
        r = add_line(source, at, len, &frame, err);
        at = newline + 1;
    }
    *ret_len = (size_t)(at - source->rest.bytes);
    if (source->pending_ns == 0)
        source->pending_ns = sl_monotonic_ns();
    return append_lines(source, &frame, r, err);
}

static void drop_front(struct sl_buf *buf, size_t len)
{
    buf->len -= len;
    if (len && buf->len)
        memmove(buf->bytes, buf->bytes + len, buf->len);
}

static uint32_t count_lines(const struct sl_buf *buf)
{
    uint32_t count = 0;
    for (size_t i = 0; i < buf->len; i++)
        count += buf->bytes[i] == '\n';
    return count;
}

/* A line that is too long: its position and the beginning of its record stay, for a dead letter. */
static size_t line_max(const struct program_source *source)
{
    return (size_t)source->received.record_max + POSITION_MAX + 1;
}

static int end_long_line(struct program_source *source, struct sl_error *err)
{
    struct sl_received_frame frame = {.kind = SL_RECEIVED_FRAME_OVERLONG, .count = 1};
    const uint8_t *line = source->rest.bytes;
    size_t position;
    source->skips = false;
    int r = measure_position(line, source->rest.len, &position, err);
    if (r < 0)
        return r;
    size_t len = source->rest.len - position - 1;
    frame.position = line;
    frame.position_len = (uint32_t)position;
    frame.body = line + position + 1;
    frame.body_len = (uint32_t)(len < SL_REJECTED_RECORD_BYTES_MAX ? len : SL_REJECTED_RECORD_BYTES_MAX);
    if (!sl_buf_append(&source->pending, line, position) || !sl_buf_byte(&source->pending, '\n'))
        return sl_error_nomem(err);
    source->pending_ns = source->pending_ns ? source->pending_ns : sl_monotonic_ns();
    r = sl_received_allow(&source->received, 1) ? sl_received_append(&source->received, &frame, err)
                                                : SL_ESTOP;
    sl_buf_clear(&source->rest);
    return r;
}

/* What was read, where a long line is being skipped: up to its newline. */
static int skip_bytes(struct program_source *source, const uint8_t **bytes, size_t *len, struct sl_error *err)
{
    const uint8_t *newline = memchr(*bytes, '\n', *len);
    if (!newline) {
        *len = 0;
        return 0;
    }
    *len -= (size_t)(newline + 1 - *bytes);
    *bytes = newline + 1;
    return end_long_line(source, err);
}

static int take_bytes(struct program_source *source, const uint8_t *bytes, size_t len, struct sl_error *err)
{
    int r = source->skips ? skip_bytes(source, &bytes, &len, err) : 0;
    if (r < 0 || len == 0)
        return r;
    if (!sl_buf_append(&source->rest, bytes, len))
        return sl_error_nomem(err);
    uint32_t lines = memchr(bytes, '\n', len) ? count_lines(&source->rest) : 0;
    while (lines && r == 0) {
        size_t taken;
        uint32_t n = sl_received_allow(&source->received, lines);
        if (n == 0)
            return SL_ESTOP;
        r = take_lines(source, n, &taken, err);
        drop_front(&source->rest, taken);
        lines -= n;
    }
    source->skips = r == 0 && source->rest.len > line_max(source);
    return r;
}

/* 1: there may be more; 0: the end of its output; or a failure. */
static int read_output(struct program_source *source, uint8_t *buf, struct sl_error *err)
{
    ssize_t got = sl_process_read(&source->process, buf, READ_BYTES);
    if (got <= 0)
        return got < 0 ? 1 : 0;
    int r = take_bytes(source, buf, (size_t)got, err);
    return r < 0 ? r : 1;
}

/* ---- what it reads ---- */

static int sync_pending(struct program_source *source, struct sl_error *err)
{
    int r = source->pending.len ? sl_received_sync(&source->received, err) : 0;
    if (r < 0)
        return r;
    if (!sl_buf_append(&source->durable, source->pending.bytes, source->pending.len))
        return sl_error_nomem(err);
    sl_buf_clear(&source->pending);
    source->pending_ns = 0;
    return 0;
}

static void write_durable(struct program_source *source)
{
    if (source->process.in < 0) {
        sl_buf_clear(&source->durable);
        return;
    }
    ssize_t written = write(source->process.in, source->durable.bytes, source->durable.len);
    if (written > 0)
        drop_front(&source->durable, (size_t)written);
    if (written < 0 && errno != EAGAIN && errno != EINTR) { /* it does not want to know */
        close(source->process.in);
        source->process.in = -1;
        sl_buf_clear(&source->durable);
    }
}

/* ---- one run of the program ---- */

static int64_t sync_in_ms(const struct program_source *source)
{
    if (!source->pending.len)
        return -1;
    int64_t left = SYNC_AFTER_MS - (sl_monotonic_ns() - source->pending_ns) / NS_PER_MS;
    return left > 0 ? left : 0;
}

/* 1: it continues; 0: it has ended; or a failure. */
static int exchange(struct program_source *source, uint8_t *buf, bool *has_output, struct sl_error *err)
{
    bool reads = *has_output && source->durable.len < DURABLE_MAX;
    struct pollfd fds[3] = {{reads ? source->process.out : -1, POLLIN, 0},
                            {source->durable.len ? source->process.in : -1, POLLOUT, 0},
                            {source->process.pidfd, POLLIN, 0}};
    int r = 1, n = sl_received_wait(&source->received, fds, 3, sync_in_ms(source));
    if (n < 0)
        return n;
    if (fds[0].revents) {
        r = read_output(source, buf, err);
        *has_output = r > 0;
        r = r == 0 ? 1 : r;
    } else if (fds[2].revents) {
        r = *has_output && sl_process_has_output(&source->process);
        /* it has ended: what it did not take must not keep its output from being read */
        sl_buf_clear(&source->durable);
    }
    if (r >= 0 && sync_in_ms(source) == 0 && sync_pending(source, err) < 0)
        return err->code;
    if (source->durable.len)
        write_durable(source);
    return r;
}

static char *position_variable(const struct program_source *source)
{
    struct sl_buf variable = {0};
    const struct sl_buf *position = &source->received.position;
    sl_buf_text(&variable, "SLUICE_POSITION=");
    sl_buf_append(&variable, position->bytes, position->len);
    sl_buf_byte(&variable, 0);
    if (variable.failed) {
        sl_buf_done(&variable);
        return NULL;
    }
    return (char *)variable.bytes;
}

/* 1: it has ended with status 0; 0: otherwise, and why is shown; or a failure of the run. */
static int run_once(struct program_source *source, uint8_t *buf, struct sl_error *err)
{
    struct sl_received *received = &source->received;
    char *variable = position_variable(source), text[64];
    bool has_output = true;
    int r = variable
                ? sl_process_start(&source->process, received->services, &source->argv, variable, true, err)
                : sl_error_nomem(err);
    free(variable);
    if (r < 0) {
        bool is_missing = r == SL_EFAIL && received->retries;
        if (is_missing)
            sl_received_trouble(received, "%s", err->text);
        return is_missing ? 0 : r;
    }
    sl_received_show(received, "connected", "process %ld", (long)source->process.pid);
    sl_buf_clear(&source->rest);
    sl_buf_clear(&source->pending);
    sl_buf_clear(&source->durable);
    source->skips = false;
    while ((r = exchange(source, buf, &has_output, err)) > 0)
        ;
    bool is_success = sl_process_end(&source->process, text, sizeof text) && r == 0;
    if (r == SL_EREJECT)
        sl_received_trouble(received, "%s; it is started again", err->text);
    else if (r == 0 && !is_success)
        sl_received_trouble(received, "the program %s", text);
    if (r < 0 && r != SL_EREJECT)
        return r;
    r = sl_received_sync(received, err); /* the position that the next run begins with is durable */
    return r < 0 ? r : is_success;
}

/* After a failure: 0, it is started again; otherwise the run ends. */
static int after_failure(struct program_source *source, struct sl_advance *advance,
                         struct sl_backoff *backoff, struct sl_error *err)
{
    struct sl_received *received = &source->received;
    bool has_advanced;
    int r = sl_advance_note(advance, received, &has_advanced, err);
    if (r < 0)
        return r;
    if (!received->retries)
        return sl_error_set(err, SL_EFAIL, "%s", received->trouble);
    if (sl_advance_is_late(advance, received))
        return sl_error_set(err, SL_EFAIL, "%s; no record beyond those it has given has arrived for %lld ms",
                            received->trouble, (long long)received->connect_timeout_ms);
    if (has_advanced)
        sl_backoff_reset(backoff);
    return sl_backoff_wait(backoff, received);
}

static int run(struct sl_received *received, struct sl_error *err)
{
    struct program_source *source = own(received);
    struct sl_backoff backoff = {0};
    struct sl_advance advance;
    uint8_t *buf = malloc(READ_BYTES);
    int r = buf ? 0 : sl_error_nomem(err);
    sl_advance_begin(&advance, received);
    while (r == 0 && (r = run_once(source, buf, err)) == 0)
        r = after_failure(source, &advance, &backoff, err);
    sl_advance_done(&advance);
    free(buf);
    return r < 0 ? r : 0;
}

static void done(struct sl_received *received)
{
    struct program_source *source = own(received);
    sl_buf_done(&source->rest);
    sl_buf_done(&source->body);
    sl_buf_done(&source->pending);
    sl_buf_done(&source->durable);
}

static const struct sl_received_kind kind = {.lines = SL_RECEIVED_FRAME_TSV, .run = run, .done = done};

/* ---- the source, of a command or of functions ---- */

static int open_receiver(const struct sl_node *node, const struct sl_services *services,
                         struct sl_source **ret, struct sl_error *err)
{
    if (sl_node_function(node, 0))
        return sl_receiver_function_open(node, services, ret, err);
    struct program_source *source = calloc(1, sizeof *source);
    if (!source)
        return sl_error_nomem(err);
    source->argv = sl_node_value(node, 0);
    int r = sl_received_open(&source->received, node->op->source, &kind, node, services, err);
    if (r == 0)
        *ret = &source->received.source;
    return r;
}

static bool describe(const struct sl_node *node, struct sl_buf *buf)
{
    struct sl_field argv = sl_node_value(node, 0);
    if (sl_node_function(node, 0))
        sl_buf_text(buf, "receiver");
    else
        sl_process_describe("receiver:", &argv, buf);
    return !buf->failed;
}

static const char *name_of(const struct sl_node *node, char *text, size_t size)
{
    return sl_received_name(node, describe, text, size);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    struct sl_field argv = sl_node_value(node, 0);
    const struct sl_function *function = sl_node_function(node, 0);
    int r = function ? sl_receiver_function_check(node, function, err) : sl_process_check(node, &argv, err);
    return r < 0 ? r : sl_received_check(node, err);
}

static const struct sl_source_ops ops = {.open = open_receiver, .name = name_of, SL_RECEIVED_OPS};

static const struct sl_param params[] = {
    {"receiver", SL_WANT_STRINGS | SL_WANT_FUNCTION, false,
     "a program and its arguments, which writes lines of a position, a tab and a record as tsv; in C also the functions "
     "of sl_receiver_new"},
    {0},
};

static const struct sl_param options[] = {SL_RECEIVED_OPTIONS, {0}};

const struct sl_op sl_op_receiver_stream = {
    .name = "receiverStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "Records of a program that reports positions and continues after the last durable one",
    .example = "ssc:receiverStream({ \"./receiver\", \"--queue\", \"orders\" })",
    .params = params,
    .options = options,
    .source = &ops,
    .check = check,
};
