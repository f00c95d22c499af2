/* How sequence files are compressed: bytes in, a stream of a codec out, and back. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

struct sl_sequence_codec {
    const char *name;       /* "zlib" */
    const char *class_name; /* as it is in files */
};

/* Ends with NULL. */
extern const struct sl_sequence_codec *const sl_sequence_codecs[];
/* By either name; NULL: there is no such codec. */
const struct sl_sequence_codec *sl_sequence_codec_find(const void *name, size_t len);

struct sl_sequence_packer;
struct sl_sequence_packer *sl_sequence_packer_new(
    const struct sl_sequence_codec *codec); /* NULL: out of memory */
void sl_sequence_packer_free(struct sl_sequence_packer *packer);
/* Appends a whole stream; the same bytes give the same stream. 0 or SL_ENOMEM. */
int sl_sequence_pack(struct sl_sequence_packer *packer, const void *bytes, size_t len, struct sl_buf *out);

struct sl_sequence_unpacker;
struct sl_sequence_unpacker *sl_sequence_unpacker_new(const struct sl_sequence_codec *codec);
void sl_sequence_unpacker_free(struct sl_sequence_unpacker *unpacker);
/* Appends what one or several streams, which fill the bytes, hold. 0; SL_EDAMAGED: they are damaged or end too early;
 * SL_EREJECT: there are more than size_max bytes; SL_ENOMEM. */
int sl_sequence_unpack(struct sl_sequence_unpacker *unpacker, const void *bytes, size_t len, size_t size_max,
                       struct sl_buf *out);
