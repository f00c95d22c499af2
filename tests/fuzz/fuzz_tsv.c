/* The fields of a line, written and read again, are the same fields; none holds more bytes than the line. */
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "text/format.h"
#include "text/tsv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct sl_arena *arena, const struct sl_field *fields, uint32_t count)
{
    struct sl_field again[SL_WIDTH_MAX];
    struct sl_buf line;
    uint32_t again_count = 0;
    sl_buf_init(&line);
    bool ok = sl_buf_reserve(&line, 1); /* also an empty line is somewhere */
    for (uint32_t i = 0; ok && i < count; i++)
        ok = (i == 0 || sl_buf_byte(&line, '\t')) && sl_tsv_field(&line, &fields[i], NULL);
    if (!ok || sl_tsv_split(arena, line.bytes, line.len, again, SL_WIDTH_MAX, &again_count) != 0 ||
        again_count != count)
        abort();
    for (uint32_t i = 0; i < count; i++)
        if (!sl_field_equals(&fields[i], &again[i]))
            abort();
    sl_buf_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_arena arena;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t count = 0;
    size_t bytes = 0;
    sl_arena_init(&arena);
    int r = sl_tsv_split(&arena, data, size, fields, SL_WIDTH_MAX, &count);
    if (r == 0) {
        for (uint32_t i = 0; i < count; i++)
            bytes += fields[i].tag == SL_STR ? fields[i].len : 0;
        if (bytes > size || count > size + 1)
            abort();
        check_again(&arena, fields, count);
    }
    sl_arena_done(&arena);
    return 0;
}
