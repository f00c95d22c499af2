/* Framing. Lines are the fast case: bytes up to the last newline are the body of a frame as they are, only their
 * newlines are counted. The lengths of length32 are kept as they arrive; records between delimiters get lengths. */
#include "receive/intake.h"

#include "core/base/limits.h"
#include "text/newlines.h"

#include <string.h>

enum { DELIMITER_MAX = 64, BOM_BYTES = 3, BODY_BYTES = 1 << 20 };

/* ---- the option ---- */

static int bad_framing(const struct sl_node *node, struct sl_error *err)
{
    return sl_error_set(
        err, SL_EUSAGE,
        "%s: framing must be \"lines\", \"length32\" or {delimiter = \"...\"} of 1 to %d bytes",
        node->op->name, DELIMITER_MAX);
}

int sl_framing_read(const struct sl_node *node, struct sl_framing *ret, struct sl_error *err)
{
    struct sl_field framing = sl_node_option_value(node, "framing");
    *ret = (struct sl_framing){SL_FRAMING_LINES, sl_nil()};
    if (framing.tag == SL_NIL || sl_field_is_text(&framing, "lines"))
        return 0;
    if (sl_field_is_text(&framing, "length32")) {
        ret->kind = SL_FRAMING_LENGTH32;
        return 0;
    }
    if (framing.tag != SL_MAP || framing.len != 1 || !sl_field_is_text(&framing.items[0], "delimiter") ||
        framing.items[1].tag != SL_STR || framing.items[1].len < 1 || framing.items[1].len > DELIMITER_MAX)
        return bad_framing(node, err);
    *ret = (struct sl_framing){SL_FRAMING_DELIMITER, framing.items[1]};
    return 0;
}

void sl_intake_init(struct sl_intake *intake, struct sl_received *received, const struct sl_framing *framing)
{
    *intake = (struct sl_intake){.received = received, .framing = framing};
}

void sl_intake_done(struct sl_intake *intake)
{
    sl_buf_done(&intake->rest);
}

/* ---- appending ---- */

static uint64_t record_max(const struct sl_intake *intake)
{
    return intake->received->record_max;
}

static int append(struct sl_intake *intake, enum sl_received_frame_kind kind, uint32_t count,
                  const uint8_t *body, size_t len, struct sl_error *err)
{
    struct sl_received_frame frame = {.kind = kind, .count = count, .body = body, .body_len = (uint32_t)len};
    return sl_received_append(intake->received, &frame, err);
}

static size_t read_length(const uint8_t *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static size_t length_of_lengths(const uint8_t *bytes, uint32_t n)
{
    size_t at = 0;
    for (; n; n--)
        at += 4 + read_length(bytes + at);
    return at;
}

/* Whole records, as many at a time as maxRate allows. */
static int append_records(struct sl_intake *intake, enum sl_received_frame_kind kind, uint32_t count,
                          const uint8_t *body, size_t len, struct sl_error *err)
{
    int r = 0;
    while (count && r == 0) {
        uint32_t n = sl_received_allow(intake->received, count);
        if (n == 0)
            return SL_ESTOP;
        size_t part = n == count                        ? len
                      : kind == SL_RECEIVED_FRAME_LINES ? sl_newlines_length(body, len, n)
                                                        : length_of_lengths(body, n);
        r = append(intake, kind, n, body, part, err);
        body += part;
        len -= part;
        count -= n;
    }
    return r;
}

/* The record that begins with the rest is too long: its beginning is kept, for a dead letter. */
static int append_overlong(struct sl_intake *intake, struct sl_error *err)
{
    size_t len =
        intake->rest.len < SL_REJECTED_RECORD_BYTES_MAX ? intake->rest.len : SL_REJECTED_RECORD_BYTES_MAX;
    if (sl_received_allow(intake->received, 1) == 0)
        return SL_ESTOP;
    int r = append(intake, SL_RECEIVED_FRAME_OVERLONG, 1, intake->rest.bytes, len, err);
    sl_buf_clear(&intake->rest);
    return r;
}

/* Keeps the beginning of a record, or of one that is too long nothing but that. `more`: bytes that may belong to its
 * end and not to it. */
static int keep_rest(struct sl_intake *intake, const uint8_t *bytes, size_t len, size_t more,
                     struct sl_error *err)
{
    if (!sl_buf_append(&intake->rest, bytes, len))
        return sl_error_nomem(err);
    if (intake->rest.len <= record_max(intake) + more)
        return 0;
    intake->skips = true;
    return append_overlong(intake, err);
}

/* ---- lines ---- */

static int lines(struct sl_intake *intake, const uint8_t *bytes, size_t len, struct sl_error *err)
{
    if (intake->skips) {
        const uint8_t *newline = memchr(bytes, '\n', len);
        if (!newline)
            return 0;
        intake->skips = false;
        len -= (size_t)(newline + 1 - bytes);
        bytes = newline + 1;
    }
    const uint8_t *last = memrchr(bytes, '\n', len);
    if (!last)
        return keep_rest(intake, bytes, len, 1, err);
    const uint8_t *body = bytes;
    size_t whole = (size_t)(last + 1 - bytes), body_len = whole;
    if (intake->rest.len) {
        if (!sl_buf_append(&intake->rest, bytes, whole))
            return sl_error_nomem(err);
        body = intake->rest.bytes;
        body_len = intake->rest.len;
    }
    int r = append_records(intake, SL_RECEIVED_FRAME_LINES, (uint32_t)sl_newlines_count(body, body_len), body,
                           body_len, err);
    sl_buf_clear(&intake->rest);
    if (intake->rest.capacity > 4 * SL_READ_BYTES)
        sl_buf_done(&intake->rest);
    return r < 0 ? r : keep_rest(intake, bytes + whole, len - whole, 1, err);
}

/* The first three bytes may be a BOM. */
static int begin_lines(struct sl_intake *intake, const uint8_t *bytes, size_t len, struct sl_error *err)
{
    static const uint8_t bom[BOM_BYTES] = {0xEF, 0xBB, 0xBF};
    size_t have = intake->rest.len, needed = have < BOM_BYTES ? BOM_BYTES - have : 0,
           used = len < needed ? len : needed;
    if (!sl_buf_append(&intake->rest, bytes, used))
        return sl_error_nomem(err);
    size_t seen = intake->rest.len;
    bool is_bom = memcmp(intake->rest.bytes, bom, seen < BOM_BYTES ? seen : BOM_BYTES) == 0;
    if (is_bom && seen < BOM_BYTES)
        return 0; /* the next bytes decide */
    uint8_t first[BOM_BYTES];
    memcpy(first, intake->rest.bytes, seen);
    sl_buf_clear(&intake->rest);
    intake->has_begun = true;
    int r = is_bom ? 0 : lines(intake, first, seen, err);
    return r < 0 || len == used ? r : lines(intake, bytes + used, len - used, err);
}

/* A CR at the end of the stream is data: the newline that is added must not take it along. */
static int end_lines(struct sl_intake *intake, struct sl_error *err)
{
    const uint8_t *rest = intake->rest.bytes;
    if (!intake->rest.len)
        return 0;
    bool ok = rest[intake->rest.len - 1] != '\r' || sl_buf_byte(&intake->rest, '\r');
    if (!ok || !sl_buf_byte(&intake->rest, '\n'))
        return sl_error_nomem(err);
    int r = append_records(intake, SL_RECEIVED_FRAME_LINES, 1, intake->rest.bytes, intake->rest.len, err);
    sl_buf_clear(&intake->rest);
    return r;
}

/* ---- delimiters ---- */

static void add_with_length(struct sl_buf *body, const uint8_t *record, size_t len)
{
    const uint8_t length[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
    sl_buf_append(body, length, sizeof length);
    sl_buf_append(body, record, len);
}

/* Gathers records and appends them in frames of a megabyte. */
struct gathering {
    struct sl_intake *intake;
    struct sl_buf body;
    uint32_t count;
};

static int gather_flush(struct gathering *gathering, struct sl_error *err)
{
    int r = append_records(gathering->intake, SL_RECEIVED_FRAME_LENGTHS, gathering->count,
                           gathering->body.bytes, gathering->body.len, err);
    sl_buf_clear(&gathering->body);
    gathering->count = 0;
    return r;
}

static int gather(struct gathering *gathering, const uint8_t *record, size_t len, struct sl_error *err)
{
    add_with_length(&gathering->body, record, len);
    if (gathering->body.failed)
        return sl_error_nomem(err);
    gathering->count++;
    return gathering->body.len >= BODY_BYTES ? gather_flush(gathering, err) : 0;
}

static void drop_front(struct sl_buf *buf, size_t len)
{
    if (len == 0)
        return;
    memmove(buf->bytes, buf->bytes + len, buf->len - len);
    buf->len -= len;
}

/* Of a record that is too long only its last bytes matter: a delimiter may begin in them. */
static int keep_delimited(struct sl_intake *intake, size_t overlap, struct sl_error *err)
{
    uint8_t tail[DELIMITER_MAX];
    size_t kept = intake->rest.len < overlap ? intake->rest.len : overlap;
    int r = 0;
    if (!intake->skips && intake->rest.len <= record_max(intake) + overlap)
        return 0;
    if (kept)
        memcpy(tail, intake->rest.bytes + intake->rest.len - kept, kept);
    if (!intake->skips)
        r = append_overlong(intake, err);
    intake->skips = true;
    sl_buf_clear(&intake->rest);
    return r < 0 ? r : sl_buf_append(&intake->rest, tail, kept) ? 0 : sl_error_nomem(err);
}

/* Everything is looked at from the beginning of the rest: a delimiter may begin in it. */
static int delimited(struct sl_intake *intake, const uint8_t *bytes, size_t len, struct sl_error *err)
{
    const struct sl_field *delimiter = &intake->framing->delimiter;
    struct gathering gathering = {.intake = intake};
    size_t before = intake->rest.len, overlap = delimiter->len - 1;
    size_t search = before > overlap ? before - overlap : 0, at = 0;
    int r = 0;
    if (!sl_buf_append(&intake->rest, bytes, len))
        return sl_error_nomem(err);
    const uint8_t *all = intake->rest.bytes, *found;
    size_t all_len = intake->rest.len;
    while (r == 0 && (found = memmem(all + search, all_len - search, delimiter->str, delimiter->len))) {
        if (!intake->skips)
            r = gather(&gathering, all + at, (size_t)(found - all) - at, err);
        intake->skips = false;
        at = search = (size_t)(found - all) + delimiter->len;
    }
    r = r < 0 ? r : gather_flush(&gathering, err);
    sl_buf_done(&gathering.body);
    drop_front(&intake->rest, at);
    return r < 0 ? r : keep_delimited(intake, overlap, err);
}

static int end_delimited(struct sl_intake *intake, struct sl_error *err)
{
    struct gathering gathering = {.intake = intake};
    int r = 0;
    if (intake->rest.len && !intake->skips) {
        r = gather(&gathering, intake->rest.bytes, intake->rest.len, err);
        r = r < 0 ? r : gather_flush(&gathering, err);
    }
    sl_buf_done(&gathering.body);
    sl_buf_clear(&intake->rest);
    return r;
}

/* ---- lengths ---- */

static int lengths(struct sl_intake *intake, const uint8_t *bytes, size_t len, struct sl_error *err)
{
    size_t at = 0;
    uint32_t count = 0;
    uint64_t record = 0;
    if (!sl_buf_append(&intake->rest, bytes, len))
        return sl_error_nomem(err);
    const uint8_t *all = intake->rest.bytes;
    size_t all_len = intake->rest.len;
    while (all_len - at >= 4) {
        record = read_length(all + at);
        if (record > record_max(intake) || record > all_len - at - 4)
            break;
        at += 4 + (size_t)record;
        count++;
    }
    int r = append_records(intake, SL_RECEIVED_FRAME_LENGTHS, count, all, at, err);
    drop_front(&intake->rest, at);
    if (r < 0 || intake->rest.len < 4 || record <= record_max(intake))
        return r;
    drop_front(&intake->rest, 4);
    r = append_overlong(intake, err);
    return r < 0 ? r
                 : sl_error_set(err, SL_EREJECT, "a record of %llu bytes is over maxRecordBytes, %llu",
                                (unsigned long long)record, (unsigned long long)record_max(intake));
}

/* ---- all of them ---- */

int sl_intake_bytes(struct sl_intake *intake, const uint8_t *bytes, size_t len, struct sl_error *err)
{
    if (len == 0)
        return 0;
    switch (intake->framing->kind) {
    case SL_FRAMING_LINES:
        return intake->has_begun ? lines(intake, bytes, len, err) : begin_lines(intake, bytes, len, err);
    case SL_FRAMING_DELIMITER:
        return delimited(intake, bytes, len, err);
    case SL_FRAMING_LENGTH32:
        return lengths(intake, bytes, len, err);
    }
    sl_assert(!"a framing has no such kind");
}

int sl_intake_end(struct sl_intake *intake, struct sl_error *err)
{
    switch (intake->framing->kind) {
    case SL_FRAMING_LINES:
        return intake->skips ? 0 : end_lines(intake, err);
    case SL_FRAMING_DELIMITER:
        return end_delimited(intake, err);
    case SL_FRAMING_LENGTH32:
        if (intake->rest.len)
            sl_received_drop(intake->received);
        return 0;
    }
    sl_assert(!"a framing has no such kind");
}
