/* The first line is the format, the second the zone, the rest the text; what begins with TZif is a zone's file. A
 * time that is read is valid, prints, and where it was read twice it is the same. */
#include "text/time_format.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_zone(const uint8_t *data, size_t size)
{
    struct sl_time_zone *zone;
    struct sl_zone_span span;
    struct sl_error err;
    if (sl_time_zone_parse(data, size, &zone, &err) < 0)
        return;
    for (int64_t at = -INT64_C(62135596800); at < INT64_C(253402300800); at += INT64_C(1000000007)) {
        sl_time_zone_at(zone, at, &span);
        if (at < span.from || at >= span.to)
            abort();
        sl_time_zone_at_local(zone, at, &span);
        if (at < span.from || at >= span.to)
            abort();
    }
    sl_time_zone_free(zone);
}

static void read_text(const struct sl_time_format *format, const uint8_t *text, size_t len)
{
    struct sl_time_memo memo = {0};
    struct sl_buf printed = {0};
    const char *trouble;
    int64_t first, second;
    if (sl_time_parse(format, &memo, text, len, &first, &trouble)) {
        if (!sl_time_is_valid(first) || !sl_time_print(format, &memo, first, &printed))
            abort();
        if (!sl_time_parse(format, &memo, text, len, &second, &trouble) || second != first)
            abort();
    }
    sl_buf_done(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_time_format *format;
    struct sl_error err;
    if (size >= 4 && memcmp(data, "TZif", 4) == 0) {
        read_zone(data, size);
        return 0;
    }
    const uint8_t *zone = memchr(data, '\n', size);
    const uint8_t *text = zone ? memchr(zone + 1, '\n', size - (size_t)(zone + 1 - data)) : NULL;
    if (!text || sl_time_format_new(data, (size_t)(zone - data), (const char *)zone + 1,
                                    (size_t)(text - zone - 1), &format, &err) < 0)
        return 0;
    read_text(format, text + 1, size - (size_t)(text + 1 - data));
    sl_time_format_free(format);
    return 0;
}
