/* Integers to decimal text, two digits at a time: the commonest number there is deserves its own path. */
#pragma once

#include "core/base/buf.h"

enum { SL_INTEGER_TEXT_MAX = 20 };

/* Writes at most SL_INTEGER_TEXT_MAX bytes, no NUL; returns the length. */
size_t sl_integer_format(int64_t integer, char *text);

static inline bool sl_integer_append(struct sl_buf *buf, int64_t integer)
{
    if (!sl_buf_reserve(buf, SL_INTEGER_TEXT_MAX))
        return false;
    buf->len += sl_integer_format(integer, (char *)buf->bytes + buf->len);
    return true;
}
