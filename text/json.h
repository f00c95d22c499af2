/* JSON, both ways. Integers stay integers (int64, beyond it: float); 1.0 stays a float; objects become maps
 * with keys sorted by bytes, of equal keys the last; depth up to SL_DEPTH_MAX. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/rows/field.h"

/* Appends the field as JSON: floats as Python's repr, NaN and infinities null, invalid UTF-8 U+FFFD (counted
 * in *replaced where not NULL), no spaces. Control characters \b \f \n \r \t or \u00xx; '/' and non-ASCII
 * stay. */
bool sl_json_field(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced);
bool sl_json_string(struct sl_buf *buf, const void *bytes, size_t len, uint64_t *replaced);
bool sl_json_text(struct sl_buf *buf, const char *text); /* a string; NULL: null */
/* A member of an object: "name":"text", with a comma before it unless the object has just begun. */
bool sl_json_member(struct sl_buf *buf, const char *name, const char *text);
/* The same of bytes that should be text; where they are no UTF-8, "name_base64" beside it has them. */
bool sl_json_member_bytes(struct sl_buf *buf, const char *name, const void *bytes, size_t len);
/* The same of an integer, or null where it is not known. */
bool sl_json_member_integer(struct sl_buf *buf, const char *name, bool is_known, int64_t integer);

/* Parses one value and nothing after it but white space. Memory from the arena; strings without escapes are
 * slices of the text. 0; SL_EREJECT: it is no JSON, *ret_message is a constant text and *ret_at the offset;
 * SL_ENOMEM. */
int sl_json_parse(struct sl_arena *arena, const void *text, size_t len, struct sl_field *ret,
                  const char **ret_message, size_t *ret_at);
