/* Records are the same wherever the text is cut, and no more fields come out of one than
 * it has delimiters. */
#include "core/base/limits.h"
#include "text/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sl_csv comma = {.delimiter = ',', .quotes = true, .quote = '"'};

static void split(const uint8_t *record, size_t len)
{
    struct sl_arena arena;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t count = 0;
    size_t bytes = 0;
    const char *message;
    sl_arena_init(&arena);
    if (sl_csv_split(&comma, &arena, record, len, fields, SL_WIDTH_MAX, &count, &message) == 0)
        for (uint32_t i = 0; i < count; i++)
            bytes += fields[i].tag == SL_STR ? fields[i].len : 2;
    if (count > len + 1 || bytes > len)
        abort();
    sl_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum sl_csv_place place = SL_CSV_START, slow = SL_CSV_START;
    for (size_t at = 0; at < size;) {
        size_t end = sl_csv_end(&comma, &place, data + at, size - at);
        for (size_t i = at; i < at + end; i++)
            if (sl_csv_end(&comma, &slow, data + i, 1) == 0)
                abort();
        if (at + end < size && sl_csv_end(&comma, &slow, data + at + end, 1) != 0)
            abort();
        if (place != slow)
            abort();
        split(data + at, end);
        at += end + 1;
    }
    return 0;
}
