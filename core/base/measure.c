#include "core/base/measure.h"

#include <string.h>

enum { DIGITS_MAX = 15 };

/* Returns where the number ends, 0 if there is none. */
static size_t scan_number(const char *text, size_t len, double *ret)
{
    double value = 0, scale = 0;
    size_t i = 0, digits = 0;
    for (; i < len && (text[i] == '.' ? scale == 0 : text[i] >= '0' && text[i] <= '9'); i++) {
        if (text[i] == '.') {
            scale = 1;
            continue;
        }
        value = value * 10 + (text[i] - '0');
        scale *= 10;
        digits++;
    }
    *ret = scale > 1 ? value / scale : value;
    return digits && digits <= DIGITS_MAX ? i : 0;
}

bool sl_measure_parse(const char *text, size_t len, const struct sl_unit *units, size_t count, double *ret)
{
    double number;
    size_t at = scan_number(text, len, &number);
    for (size_t i = 0; at && i < count; i++)
        if (strlen(units[i].suffix) == len - at && memcmp(units[i].suffix, text + at, len - at) == 0) {
            *ret = number * units[i].factor;
            return true;
        }
    return false;
}
