#include "core/base/size.h"

#include <string.h>

enum { DIGITS_MAX = 9 };

bool sl_size_parse(const char *text, size_t len, int64_t *ret)
{
    static const struct {
        const char *suffix;
        int64_t bytes;
    } units[] = {{"", 1},          {"KB", 1000},     {"MB", 1000000}, {"GB", 1000000000},
                 {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    int64_t number = 0;
    size_t digits = 0;
    for (; digits < len && digits < DIGITS_MAX && text[digits] >= '0' && text[digits] <= '9'; digits++)
        number = number * 10 + (text[digits] - '0');
    for (size_t i = 0; number > 0 && i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].suffix) == len - digits &&
            memcmp(units[i].suffix, text + digits, len - digits) == 0) {
            *ret = number * units[i].bytes;
            return true;
        }
    return false;
}
