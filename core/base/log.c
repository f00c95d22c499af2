#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>

void sl_log(struct sl_log *log, enum sl_log_level level, const char *format, ...)
{
    if (!log)
        return;
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log->write(log, level, text);
}
