#include "text/format_list.h"

#include <string.h>

const struct sl_format *const sl_formats[] = {
    &sl_format_tsv,   &sl_format_lines,  &sl_format_csv, &sl_format_json,
    &sl_format_spark, &sl_format_python, NULL,
};

const struct sl_format *sl_format_find(const char *name, size_t len)
{
    for (const struct sl_format *const *format = sl_formats; *format; format++)
        if (strlen((*format)->name) == len && memcmp((*format)->name, name, len) == 0)
            return *format;
    return NULL;
}
