/* Base64 of RFC 4648, with padding, back to bytes; the other way is sl_buf_base64 of text/digest.h. */
#pragma once

#include "core/base/buf.h"

/* Appends the bytes that the text encodes. False: it is no base64, or out of memory. */
bool sl_base64_decode(struct sl_buf *buf, const void *text, size_t len);
