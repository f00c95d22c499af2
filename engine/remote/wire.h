/* Values one after the other, in the bodies of messages: each is a row of one field (text/row_codec.h), so that both
 * ends notice when they do not agree. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/rows/chunk.h"

bool sl_wire_put_field(struct sl_buf *buf, struct sl_field field);
bool sl_wire_put_row(struct sl_buf *buf, const struct sl_field *fields, uint32_t width);
bool sl_wire_put_integer(struct sl_buf *buf, int64_t integer);
bool sl_wire_put_bytes(struct sl_buf *buf, const void *bytes, size_t len);
bool sl_wire_put_text(struct sl_buf *buf, const char *text); /* NULL: nil */
/* A chunk with its lines and times; whether it has an origin, which the reader knows by itself. */
bool sl_wire_put_chunk(struct sl_buf *buf, const struct sl_chunk *chunk);

/* What is read points into the bytes, lists and texts into the arena. After damage, or without memory, all that follows
 * is nil, 0 and NULL. */
struct sl_wire {
    const uint8_t *bytes;
    size_t len, at;
    struct sl_arena *arena;
    int failed; /* SL_EDAMAGED, SL_ENOMEM, or 0 */
};

struct sl_field sl_wire_field(struct sl_wire *wire);
int64_t sl_wire_integer(struct sl_wire *wire);
struct sl_field sl_wire_bytes(struct sl_wire *wire); /* a string */
const char *sl_wire_text(struct sl_wire *wire);      /* NULL where nil was put */
/* A number of things to come, each of at least one byte. */
size_t sl_wire_count(struct sl_wire *wire);
/* False: there is none, or it is damaged. `origin` is put in where it has one. */
bool sl_wire_chunk(struct sl_wire *wire, const struct sl_origin *origin, struct sl_chunk *ret);
/* The row at the place where the wire is; false: the end, or damage. */
bool sl_wire_row(struct sl_wire *wire, uint32_t width, struct sl_field *fields);
