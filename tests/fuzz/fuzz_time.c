/* The first line is the format, the second the zone, the rest the text, which may be a number as well; what begins with TZif
 * is a zone's file, with TZ= a rule. A time that is read is valid, prints, and where it was read twice it is the same. */
#include "core/base/error.h"
#include "text/number.h"
#include "text/time_format.h"
#include "text/time_rule.h"

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

static void read_rule(const char *text, size_t len)
{
    struct sl_time_rule rule;
    if (!sl_time_rule_parse(text, len, &rule) || !rule.saves)
        return;
    for (int64_t year = 1; year < 10000; year += 7)
        if (sl_time_rule_local(&rule.start, year + 2) <= sl_time_rule_local(&rule.start, year))
            abort();
}

/* A field that is a number, where the format counts. */
static void read_number(const struct sl_time_format *format, const uint8_t *text, size_t len)
{
    struct sl_time_memo memo = {0};
    struct sl_field field;
    const char *trouble = NULL;
    int64_t ms = 0, integer;
    double number = 0;
    if (!sl_float_parse(text, len, &number))
        return;
    field = sl_integer_parse(text, len, &integer) ? sl_integer(integer) : sl_number(number);
    if (sl_time_parse_field(format, &memo, &field, &ms, &trouble) ? !sl_time_is_valid(ms) : !trouble)
        abort();
}

static void read_text(const struct sl_time_format *format, const uint8_t *text, size_t len)
{
    struct sl_time_memo memo = {0};
    struct sl_buf printed = {0};
    const struct sl_field field = sl_string(text, len);
    const char *trouble;
    int64_t first, second;
    if (sl_time_parse_field(format, &memo, &field, &first, &trouble)) {
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
    if (size >= 3 && memcmp(data, "TZ=", 3) == 0) {
        read_rule((const char *)data + 3, size - 3);
        return 0;
    }
    const uint8_t *zone = memchr(data, '\n', size);
    const uint8_t *text = zone ? memchr(zone + 1, '\n', size - (size_t)(zone + 1 - data)) : NULL;
    if (!text || sl_time_format_new(data, (size_t)(zone - data), (const char *)zone + 1,
                                    (size_t)(text - zone - 1), &format, &err) < 0)
        return 0;
    read_text(format, text + 1, size - (size_t)(text + 1 - data));
    read_number(format, text + 1, size - (size_t)(text + 1 - data));
    sl_time_format_free(format);
    return 0;
}
