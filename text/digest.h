/* Digests of bytes, and bytes as text: hexadecimal, base64, percent encoding. */
#pragma once

#include "core/base/buf.h"

/* Appends the digest in lower-case hexadecimal: "sha256", "sha1", "md5", "xxh3" (64 bits), "crc32". 1: done; 0: there is
 * no digest of that name; SL_ENOMEM. */
int sl_buf_digest(struct sl_buf *buf, const char *name, const void *bytes, size_t len);

bool sl_buf_hex(struct sl_buf *buf, const void *bytes, size_t len);
bool sl_buf_base64(struct sl_buf *buf, const void *bytes, size_t len);

/* Appends the text with %XX as the byte; what is no such escape stays, and so does "+". */
bool sl_buf_url_decode(struct sl_buf *buf, const void *bytes, size_t len);

/* Reads the 16 bytes of a UUID written with or without hyphens. False: it is none. */
bool sl_uuid_parse(const char *text, size_t len, uint8_t ret[16]);
/* Appends the UUID of a name in a namespace, version 5. */
bool sl_buf_uuid5(struct sl_buf *buf, const uint8_t space[16], const void *name, size_t len);
