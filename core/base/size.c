#include "core/base/size.h"

#include "core/base/measure.h"

static const struct sl_unit units[] = {
    {"", 1},      {"B", 1},         {"KB", 1e3},      {"MB", 1e6},      {"GB", 1e9},
    {"TB", 1e12}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 0x1p40},
};

static const double bytes_max = 0x1p62;

bool sl_size_parse(const char *text, size_t len, int64_t *ret)
{
    double bytes;
    if (!sl_measure_parse(text, len, units, sizeof units / sizeof *units, &bytes) || bytes < 1 ||
        bytes > bytes_max)
        return false;
    *ret = (int64_t)bytes;
    return true;
}
