#include "core/base/error.h"
#include "state/catalog/catalog_internal.h"

#include <stdarg.h>
#include <stdio.h>

int sl_catalog_damaged(const struct sl_catalog *catalog, struct sl_error *err, const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return sl_error_set(
        err, SL_EDAMAGED,
        "catalog %s is damaged: %s; restore it from a backup or start over with sluice reset --yes",
        catalog->shown, what);
}
