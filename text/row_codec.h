/* Rows as bytes for our own eyes: segments of state. Every row is its width, then its fields; a field is a
 * tag byte and a payload:
 *
 *     'n' nil    'f' false    't' true    'i' integer: zigzag varint    'd' float: 8 bytes, little-endian
 *     's' string: varint length, bytes    'l' list: varint count, fields
 *     'm' map: varint count, key and value fields
 *
 * A list made by row() is 'r' in place of 'l'. Varints are LEB128. The same on every machine. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/rows/field.h"

/* Operators nest what is SL_DEPTH_MAX deep a little further, each of a job by a list or two; deeper is
 * damage. */
enum { SL_ROWCODE_WIDTH_MAX = 64, SL_ROWCODE_DEPTH_MAX = 1024 };

bool sl_row_codec_append(struct sl_buf *buf, const struct sl_field *fields, uint32_t width);

/* Reads the row at *at and moves *at past it. Strings are copied into the arena; sl_row_codec_borrow:
 * they point into bytes, and only lists and maps need the arena. 0; SL_EDAMAGED: these are not the
 * bytes of a row; SL_ENOMEM. */
int sl_row_codec_borrow(const uint8_t *bytes, size_t len, size_t *at, struct sl_arena *arena,
                        struct sl_field fields[SL_ROWCODE_WIDTH_MAX], uint32_t *ret_width);
/* Moves *at past the row there, however large, without memory for it. 0; SL_EDAMAGED. */
int sl_row_codec_skip(const uint8_t *bytes, size_t len, size_t *at);
int sl_row_codec_read(const uint8_t *bytes, size_t len, size_t *at, struct sl_arena *arena,
                      struct sl_field fields[SL_ROWCODE_WIDTH_MAX], uint32_t *ret_width);
