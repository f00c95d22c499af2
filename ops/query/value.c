#include "core/base/arena.h"
#include "core/base/buf.h"
#include "ops/query/query.h"
#include "text/json.h"
#include "text/utf8.h"

#include <math.h>
#include <string.h>

bool sl_query_is_utf8(const struct sl_field *text)
{
    size_t at = 0;
    while (at < text->len) {
        uint64_t word;
        uint32_t code;
        if (text->len - at >= sizeof word) {
            memcpy(&word, text->str + at, sizeof word);
            if (sl_word_is_ascii(word)) {
                at += sizeof word;
                continue;
            }
        }
        if (text->str[at] < 0x80) {
            at++;
            continue;
        }
        at += sl_utf8_sequence(text->str + at, text->len - at, &code);
        if (code == SL_UTF8_INVALID)
            return false;
    }
    return true;
}

static bool make_json(const struct sl_field *field, struct sl_arena *arena, struct sl_field *ret)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    uint8_t *copy = sl_json_field(&buf, field, NULL) ? sl_arena_copy(arena, buf.bytes, buf.len) : NULL;
    if (copy)
        *ret = sl_string(copy, buf.len);
    return copy != NULL;
}

bool sl_query_value(const struct sl_field *field, struct sl_arena *arena, struct sl_field *ret)
{
    *ret = *field;
    ret->flags = 0;
    if (field->tag == SL_BOOL)
        *ret = sl_integer(field->boolean);
    else if (field->tag == SL_FLOAT && isnan(field->number))
        *ret = sl_nil();
    else if (field->tag >= SL_LIST)
        return make_json(field, arena, ret);
    return true;
}

int sl_query_compare(const struct sl_field *a, const struct sl_field *b)
{
    int order = sl_field_compare(a, b);
    if (a->tag != SL_STR || b->tag != SL_STR || order == 0)
        return order;
    bool is_text = sl_query_is_utf8(a), is_other_text = sl_query_is_utf8(b);
    return is_text == is_other_text ? order : is_text ? -1 : 1;
}
