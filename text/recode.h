/* Bytes in another encoding as UTF-8: a byte stream over another. What is no character becomes U+FFFD. */
#pragma once

#include "text/lines.h"

enum sl_encoding {
    SL_ENCODING_UTF8,
    SL_ENCODING_UTF16LE,
    SL_ENCODING_UTF16BE,
    SL_ENCODING_LATIN1,
    SL_ENCODINGS
};

/* "utf-8", "utf-16le", "utf-16be", "latin1"; SL_ENCODINGS: none of them. */
enum sl_encoding sl_encoding_find(const void *name, size_t len);
extern const char *const sl_encoding_names[SL_ENCODINGS];

/* What a byte order mark at the beginning of a text says: SL_ENCODING_UTF16LE or _UTF16BE, else
 * SL_ENCODING_UTF8. */
enum sl_encoding sl_encoding_of_mark(const uint8_t *bytes, size_t len);

/* Takes the stream, also when it fails. A byte order mark at the beginning is dropped. close() closes both. */
int sl_recode_open(struct sl_byte_stream *stream, enum sl_encoding encoding, struct sl_byte_stream **ret,
                   struct sl_error *err);
/* Of a stream that was opened with another encoding than SL_ENCODING_UTF8: what it reads, and how many U+FFFD it gave. */
const struct sl_byte_stream *sl_recode_source(const struct sl_byte_stream *stream);
uint64_t sl_recode_replaced(const struct sl_byte_stream *stream);
