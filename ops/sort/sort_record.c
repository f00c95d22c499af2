/* A packed field is its tag and, where they are needed, bytes:
 *
 *     nil                -
 *     boolean            1
 *     integer            4 where it fits (SMALL), else 8
 *     float              8
 *     string             its length, 1 byte where it fits (SMALL), else 4; its bytes
 *     list, map          struct sl_field; a deep copy in memory->rest */
#include "ops/sort/sort_record.h"

#include <string.h>

enum { SMALL = 0x80 };

static bool is_small(const struct sl_field *field)
{
    return field->tag == SL_STR ? field->len <= UINT8_MAX
                                : field->tag == SL_INT && field->integer == (int32_t)field->integer;
}

static size_t packed_bytes(const struct sl_field *field)
{
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        return 1;
    case SL_BOOL:
        return 2;
    case SL_INT:
        return is_small(field) ? 5 : 9;
    case SL_FLOAT:
        return 9;
    case SL_STR:
        return (is_small(field) ? 2 : 5) + (size_t)field->len;
    case SL_LIST:
    case SL_MAP:
        break;
    }
    return 1 + sizeof *field;
}

static uint8_t *put(uint8_t *to, const void *bytes, size_t size)
{
    memcpy(to, bytes, size);
    return to + size;
}

static uint8_t *pack_string(uint8_t *to, const struct sl_field *field)
{
    uint8_t len = (uint8_t)field->len;
    to = is_small(field) ? put(to, &len, 1) : put(to, &field->len, 4);
    return field->len ? put(to, field->str, field->len) : to;
}

/* *field may become what the copy is. NULL: out of memory. */
static uint8_t *pack(struct sl_arena *rest, const struct sl_field *field, uint8_t *to)
{
    int32_t small = field->tag == SL_INT ? (int32_t)field->integer : 0;
    struct sl_field copy;
    *to++ = field->tag | (is_small(field) ? SMALL : 0);
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        return to;
    case SL_BOOL:
        *to = field->boolean;
        return to + 1;
    case SL_INT:
        return is_small(field) ? put(to, &small, sizeof small)
                               : put(to, &field->integer, sizeof field->integer);
    case SL_FLOAT:
        return put(to, &field->number, sizeof field->number);
    case SL_STR:
        return pack_string(to, field);
    case SL_LIST:
    case SL_MAP:
        break;
    }
    return sl_field_copy(rest, field, &copy) ? put(to, &copy, sizeof copy) : NULL;
}

static const uint8_t *read_string(const uint8_t *from, bool small, struct sl_field *ret)
{
    uint32_t len = *from;
    if (!small)
        memcpy(&len, from, sizeof len);
    from += small ? 1 : 4;
    *ret = sl_string(from, len);
    return from + len;
}

static const uint8_t *unpack(const uint8_t *from, struct sl_field *ret)
{
    bool small = *from & SMALL;
    int64_t integer;
    int32_t narrow;
    double number;
    switch ((enum sl_tag)(*from++ & (SMALL - 1))) {
    case SL_NIL:
        *ret = sl_nil();
        return from;
    case SL_BOOL:
        *ret = sl_boolean(*from);
        return from + 1;
    case SL_INT:
        memcpy(&narrow, from, sizeof narrow);
        if (!small)
            memcpy(&integer, from, sizeof integer);
        *ret = sl_integer(small ? narrow : integer);
        return from + (small ? sizeof narrow : sizeof integer);
    case SL_FLOAT:
        memcpy(&number, from, sizeof number);
        *ret = sl_number(number);
        return from + sizeof number;
    case SL_STR:
        return read_string(from, small, ret);
    case SL_LIST:
    case SL_MAP:
        break;
    }
    memcpy(ret, from, sizeof *ret);
    return from + sizeof *ret;
}

void sl_sort_record_read(const struct sl_sort_record *record, struct sl_field *fields)
{
    const uint8_t *from = record->bytes;
    for (uint32_t c = 0; c < record->width; c++)
        from = unpack(from, &fields[c]);
}

/* The key in the record's memory: the row's first field, or of its own, a string after the row. */
static bool set_key(struct sl_sort_memory *memory, enum sl_sort_by by, const struct sl_field *key,
                    uint8_t *end, struct sl_sort_record *record)
{
    if (by == SL_SORT_BY_KEY || (by == SL_SORT_BY_RECORD && record->width == 1)) {
        unpack(record->bytes, &record->key);
        return true;
    }
    if (key->tag != SL_STR)
        return sl_field_copy(&memory->rest, key, &record->key);
    if (key->len)
        memcpy(end, key->str, key->len);
    record->key = sl_string(end, key->len);
    return true;
}

const struct sl_sort_record *sl_sort_record_new(struct sl_sort_memory *memory, enum sl_sort_by by,
                                                const struct sl_field *key, const struct sl_field *fields,
                                                uint32_t width)
{
    size_t size = offsetof(struct sl_sort_record, bytes);
    for (uint32_t c = 0; c < width; c++)
        size += packed_bytes(&fields[c]);
    size += by == SL_SORT_BY_FUNCTION && key->tag == SL_STR ? key->len : 0;
    struct sl_sort_record *record = (void *)sl_arena_bytes(&memory->records, (size + 7) & ~(size_t)7);
    if (!record)
        return NULL;
    uint8_t *to = record->bytes;
    record->width = (uint8_t)width;
    for (uint32_t c = 0; c < width && to; c++)
        to = pack(&memory->rest, &fields[c], to);
    return to && set_key(memory, by, key, to, record) ? record : NULL;
}
