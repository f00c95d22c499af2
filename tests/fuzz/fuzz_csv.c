/* The first line is the dialect: the delimiter, a quote (none where it is the delimiter again), `t` where spaces are
 * dropped; the rest is text. Records are the same wherever the text is cut, no more fields come out of one than it has
 * delimiters, and those that are cut at once (text/csv_plain.h) have the same fields. */
#include "core/base/limits.h"
#include "text/csv.h"
#include "text/csv_plain.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct record {
    struct sl_arena arena;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t count; /* 0: it was rejected */
};

static void split(const struct sl_csv *csv, struct record *record, const uint8_t *bytes, size_t len)
{
    const char *message;
    size_t held = 0;
    record->count = 0;
    if (sl_csv_split(csv, &record->arena, bytes, len, record->fields, SL_WIDTH_MAX, &record->count,
                     &message) < 0)
        record->count = 0;
    for (uint32_t i = 0; i < record->count; i++)
        held += record->fields[i].tag == SL_STR ? record->fields[i].len : 2;
    if (record->count > len + 1 || held > len)
        abort();
}

/* The length of the record that begins at `data`, found at once and byte by byte. */
static size_t find_end(const struct sl_csv *csv, const uint8_t *data, size_t size)
{
    enum sl_csv_place place = SL_CSV_START, slow = SL_CSV_START;
    size_t end = sl_csv_end(csv, &place, data, size);
    for (size_t i = 0; i < end; i++)
        if (sl_csv_end(csv, &slow, data + i, 1) == 0)
            abort();
    if (end < size && sl_csv_end(csv, &slow, data + end, 1) != 0)
        abort();
    if (place != slow)
        abort();
    return end;
}

static bool is_same(const struct sl_field *field, const uint8_t *from, const uint8_t *to)
{
    size_t len = (size_t)(to - from);
    if (field->tag == SL_NIL)
        return len == 2 && memcmp(from, "\\N", 2) == 0;
    return field->len == len && (!len || memcmp(field->str, from, len) == 0);
}

static void check_plain(const struct sl_csv *csv, sl_csv_mask_fn *mask, const uint8_t *data, size_t size)
{
    const uint8_t *field_end[SL_WIDTH_MAX], *end;
    struct sl_csv_plain plain;
    struct record record;
    uint32_t count = 0;
    sl_arena_init(&record.arena);
    sl_csv_plain_init(&plain, csv, mask);
    sl_csv_plain_start(&plain, data, data + size);
    for (const uint8_t *at = data; (end = sl_csv_plain_next(&plain, field_end, SL_WIDTH_MAX, &count));
         at = end + 1) {
        if (find_end(csv, at, (size_t)(data + size - at)) != (size_t)(end - at))
            abort();
        split(csv, &record, at, (size_t)(end - at));
        if (record.count != count)
            abort();
        for (uint32_t i = 0; i < count; i++)
            if (!is_same(&record.fields[i], i ? field_end[i - 1] + 1 : at, field_end[i]))
                abort();
    }
    sl_arena_done(&record.arena);
}

static void check_records(const struct sl_csv *csv, const uint8_t *data, size_t size)
{
    struct record record;
    sl_arena_init(&record.arena);
    for (size_t at = 0; at < size;) {
        size_t end = find_end(csv, data + at, size - at);
        split(csv, &record, data + at, end);
        at += end + 1;
    }
    sl_arena_done(&record.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    if (!newline || newline == data)
        return 0;
    size_t len = (size_t)(newline - data), left = size - len - 1;
    const struct sl_csv csv = {.delimiter = data[0],
                               .quotes = len > 1 && data[1] != data[0],
                               .quote = len > 1 ? data[1] : 0,
                               .trims = len > 2 && data[2] == 't'};
    check_records(&csv, newline + 1, left);
    if (sl_csv_has_plain(&csv)) {
        check_plain(&csv, NULL, newline + 1, left);
        check_plain(&csv, sl_csv_mask_portable, newline + 1, left);
    }
    return 0;
}
