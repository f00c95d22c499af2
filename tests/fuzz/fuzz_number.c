/* Integers and floats that are read are written and read again as the same; durations likewise. */
#include "core/base/duration.h"
#include "text/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_integer(const uint8_t *data, size_t size)
{
    int64_t integer, again;
    char text[32];
    if (!sl_integer_parse(data, size, &integer))
        return;
    int len = snprintf(text, sizeof text, "%" PRId64, integer);
    if (!sl_integer_parse(text, (size_t)len, &again) || again != integer)
        abort();
}

static void check_float(const uint8_t *data, size_t size)
{
    double number, again;
    char text[SL_FLOAT_TEXT_MAX];
    if (!sl_float_parse(data, size, &number))
        return;
    size_t len = sl_float_format(number, text);
    if (len > sizeof text || !sl_float_parse(text, len, &again) || (again != number && number == number))
        abort();
}

static void check_duration(const uint8_t *data, size_t size)
{
    int64_t ms, again;
    char text[32];
    if (!sl_duration_parse((const char *)data, size, &ms))
        return;
    sl_duration_format(ms, text);
    if (ms <= 0 || !sl_duration_parse(text, strlen(text), &again) || again != ms)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_integer(data, size);
    check_float(data, size);
    check_duration(data, size);
    return 0;
}
