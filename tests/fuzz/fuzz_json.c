/* Whatever parses is written, parsed again and must be written the same; unless bytes that are no UTF-8 were
 * replaced, which may make two keys one. */
#include "text/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_arena arena;
    struct sl_buf first, second;
    struct sl_field value;
    const char *message;
    size_t at = 0;
    uint64_t replaced = 0;
    sl_arena_init(&arena);
    sl_buf_init(&first);
    sl_buf_init(&second);
    if (sl_json_parse(&arena, data, size, &value, &message, &at) < 0) {
        if (at > size)
            abort();
    } else if (!sl_json_field(&first, &value, &replaced) ||
               sl_json_parse(&arena, first.bytes, first.len, &value, &message, &at) < 0 ||
               !sl_json_field(&second, &value, NULL)) {
        abort();
    } else if (!replaced && (first.len != second.len || memcmp(first.bytes, second.bytes, first.len) != 0)) {
        abort();
    }
    sl_buf_done(&first);
    sl_buf_done(&second);
    sl_arena_done(&arena);
    return 0;
}
