#include "text/notation.h"

#include "core/base/error.h"
#include "text/integer.h"

#include <string.h>

static bool text(struct sl_buf *buf, const char *constant)
{
    size_t len = strlen(constant);
    if (!sl_buf_reserve(buf, len))
        return false;
    memcpy(buf->bytes + buf->len, constant, len);
    buf->len += len;
    return true;
}

static bool list(const struct sl_notation *n, struct sl_buf *buf, const struct sl_field *field,
                 uint64_t *replaced)
{
    if (!text(buf, n->list_open))
        return false;
    for (size_t i = 0; i < field->len; i++)
        if ((i && !text(buf, n->separator)) || !sl_notation_field(n, buf, &field->items[i], replaced))
            return false;
    return text(buf, n->list_close);
}

static bool map(const struct sl_notation *n, struct sl_buf *buf, const struct sl_field *field,
                uint64_t *replaced)
{
    if (!text(buf, n->map_open))
        return false;
    for (size_t i = 0; i < field->len; i++)
        if ((i && !text(buf, n->separator)) || !sl_notation_field(n, buf, &field->items[2 * i], replaced) ||
            !text(buf, n->arrow) || !sl_notation_field(n, buf, &field->items[2 * i + 1], replaced))
            return false;
    return text(buf, n->map_close);
}

/* Recursion is bounded: nothing makes a field deeper than SL_DEPTH_MAX. */
bool sl_notation_field(const struct sl_notation *n, struct sl_buf *buf, const struct sl_field *field,
                       uint64_t *replaced)
{
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        return text(buf, n->nil);
    case SL_BOOL:
        return text(buf, field->boolean ? n->true_ : n->false_);
    case SL_INT:
        return sl_integer_append(buf, field->integer);
    case SL_FLOAT:
        return n->number(buf, field->number);
    case SL_STR:
        return n->string(buf, field, replaced);
    case SL_LIST:
        return list(n, buf, field, replaced);
    case SL_MAP:
        return map(n, buf, field, replaced);
    }
    sl_assert(!"a field has no such tag");
}

static bool wide_row(const struct sl_notation *n, const char *open, const char *between, const char *close,
                     struct sl_buf *buf, const struct sl_chunk *chunk, uint32_t row, uint64_t *replaced)
{
    for (uint32_t c = 0; c < chunk->width; c++)
        if (!text(buf, c ? between : open) || !sl_notation_field(n, buf, &chunk->column[c][row], replaced))
            return false;
    return text(buf, close);
}

bool sl_notation_rows(const struct sl_notation *n, const char *open, const char *between, const char *close,
                      struct sl_buf *buf, const struct sl_chunk *chunk, uint64_t *replaced)
{
    for (uint32_t row = 0; row < chunk->rows; row++) {
        bool written = chunk->width == 1 ? sl_notation_field(n, buf, &chunk->column[0][row], replaced)
                                         : wide_row(n, open, between, close, buf, chunk, row, replaced);
        if (!written || !sl_buf_byte(buf, '\n'))
            return false;
    }
    return true;
}
