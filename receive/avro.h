/* Flume's Avro messages, as its Avro sink sends them: parsed from one request, which is whole.
 *
 *     request    handshake (the first one of a connection only), map<bytes> metadata, string message, parameters
 *     handshake  MD5 of the client's protocol (16), union null/string protocol, MD5 of the server's (16), union null/map
 *     append       AvroFlumeEvent: map<string> headers, bytes body
 *     appendBatch  array<AvroFlumeEvent>
 *
 * An event becomes a row (body, {headers}) in the row codec. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

/* Reads the request. Appends the rows of its events to *rows and adds their number. is_first: it begins with a
 * handshake. 0; SL_EREJECT (err says what is wrong: unknown message, other protocol, cut or trailing bytes; *rows is as
 * it was); SL_ENOMEM. */
int sl_avro_request(const uint8_t *bytes, size_t len, bool is_first, struct sl_buf *rows, uint32_t *count,
                    struct sl_error *err);
/* The answer: everything is stored. */
bool sl_avro_answer(bool is_first, struct sl_buf *buf);
