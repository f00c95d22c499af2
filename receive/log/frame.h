/* Frames of a received log: what one write appends. frame.c has the format. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

/* What the body holds; count is its number of records. */
enum sl_received_frame_kind {
    SL_RECEIVED_FRAME_LINES = 1,    /* records end in a newline; a CR before it is not part of the record */
    SL_RECEIVED_FRAME_TSV = 2,      /* the same, a row of tsv each (text/tsv.h) */
    SL_RECEIVED_FRAME_LENGTHS = 3,  /* before each record its length, 4 bytes, highest first */
    SL_RECEIVED_FRAME_ROWS = 4,     /* rows (text/row_codec.h) */
    SL_RECEIVED_FRAME_OVERLONG = 5, /* one record over maxRecordBytes: its beginning */
    /* No record: all positions of the source, at the start of a segment and where its operator became another. In place of
     * a position it has the name of the operator whose positions follow, up to the next of these frames. */
    SL_RECEIVED_FRAME_POSITIONS = 6,
};

enum {
    SL_RECEIVED_FRAME_HEADER = 40,
    SL_RECEIVED_SEGMENT_HEADER = 32,
    SL_RECEIVED_FRAME_BODY_MAX = 1 << 30,
    SL_RECEIVED_FRAME_POSITION_MAX = 1 << 20
};

struct sl_received_frame {
    enum sl_received_frame_kind kind;
    uint64_t first; /* number of its first record; with count 0, of the next one */
    uint32_t count;
    uint32_t position_len, body_len;
    const uint8_t *position; /* of the sender, after these records; "" where it has none */
    const uint8_t *body;
};

/* Appends the frame. False: out of memory. */
bool sl_received_frame_append(struct sl_buf *buf, const struct sl_received_frame *frame, uint64_t salt);

/* Bytes of the frame that begins here, 0 where there is none: only the header is looked at, which must be whole. */
size_t sl_received_frame_size(const uint8_t header[SL_RECEIVED_FRAME_HEADER]);
/* Reads a frame of `size` bytes, as sl_received_frame_size gave them; it borrows. False: it is damaged. */
bool sl_received_frame_read(const uint8_t *bytes, size_t size, uint64_t salt, struct sl_received_frame *ret);

/* Of a frame of all positions: whether another operator than `writer` has written them. The log of a source is found by its name:
 * another operator of this name continues it, with positions of its own. */
bool sl_received_frame_is_by_other(const struct sl_received_frame *frame, const char *writer);

void sl_received_segment_header_write(uint8_t header[SL_RECEIVED_SEGMENT_HEADER], uint64_t salt,
                                      uint64_t first);
bool sl_received_segment_header_read(const uint8_t header[SL_RECEIVED_SEGMENT_HEADER], uint64_t first,
                                     uint64_t *ret_salt);
