/* A stream of bytes becomes records in the log: one struct sl_intake per connection or command.
 *
 * sl_intake_init; sl_intake_bytes for what arrives; sl_intake_end at its end; sl_intake_done. What is complete is
 * appended at once; an incomplete record is kept, up to maxRecordBytes. */
#pragma once

#include "receive/received.h"

enum sl_framing_kind { SL_FRAMING_LINES, SL_FRAMING_DELIMITER, SL_FRAMING_LENGTH32 };

struct sl_framing {
    enum sl_framing_kind kind;
    struct sl_field delimiter; /* borrowed from the node */
};

/* From the option `framing` of a descriptor. SL_EUSAGE names it. */
int sl_framing_read(const struct sl_node *node, struct sl_framing *ret, struct sl_error *err);

struct sl_intake {
    struct sl_received *received;
    const struct sl_framing *framing;
    struct sl_buf rest; /* of a record that is not complete, from its beginning */
    bool has_begun;     /* a BOM was looked for */
    bool skips;         /* to the end of a record that is too long */
};

void sl_intake_init(struct sl_intake *intake, struct sl_received *received, const struct sl_framing *framing);
void sl_intake_done(struct sl_intake *intake);
/* 0, SL_ESTOP, a failure of the run, or SL_EREJECT: the stream cannot be continued (err says why). */
int sl_intake_bytes(struct sl_intake *intake, const uint8_t *bytes, size_t len, struct sl_error *err);
/* The end: a last line without newline counts, half a frame of length32 is dropped. */
int sl_intake_end(struct sl_intake *intake, struct sl_error *err);
/* Whether a record is incomplete. */
static inline bool sl_intake_is_half(const struct sl_intake *intake)
{
    return intake->rest.len > 0 || intake->skips;
}
