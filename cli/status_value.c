#include "cli/status_value.h"

#include "core/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *sl_plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

void sl_status_print_count(const struct sl_field *source, const char *name, const char *what)
{
    const struct sl_field *count = sl_map_get(source, name, strlen(name));
    if (count && count->tag == SL_INT && count->integer > 0)
        printf(", %" PRId64 " %s", count->integer, what);
}

int64_t sl_status_integer_of(const struct sl_field *map, const char *name)
{
    const struct sl_field *value = sl_map_get(map, name, strlen(name));
    return value && value->tag == SL_INT ? value->integer : 0;
}

bool sl_status_add_safe(struct sl_buf *buf, const struct sl_field *map, const char *name)
{
    const struct sl_field *value = sl_map_get(map, name, strlen(name));
    return value && value->tag == SL_STR && sl_buf_safe(buf, value->str, value->len);
}

void sl_status_format_span(int64_t ms, char text[static 32])
{
    int64_t seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60;
    if (ms < 1000)
        snprintf(text, 32, "%" PRId64 " ms", ms);
    else if (seconds < 60)
        snprintf(text, 32, "%" PRId64 ".%" PRId64 " s", seconds, ms % 1000 / 100);
    else if (minutes < 60)
        snprintf(text, 32, "%" PRId64 " min %" PRId64 " s", minutes, seconds % 60);
    else if (hours < 48)
        snprintf(text, 32, "%" PRId64 " h %" PRId64 " min", hours, minutes % 60);
    else
        snprintf(text, 32, "%" PRId64 " days", hours / 24);
}

bool sl_status_has_ages(const struct sl_target *target)
{
    struct sl_field clock = sl_target_status(target, NULL, "clock");
    return sl_field_is_text(&clock, "real");
}

void sl_status_format_age(const struct sl_target *target, const char *before, int64_t time_ms,
                          const char *after, char text[static 64])
{
    char span[32];
    int64_t age_ms = sl_clock_real.now_ms(&sl_clock_real) - time_ms;
    sl_status_format_span(age_ms > 0 ? age_ms : 0, span);
    snprintf(text, 64, "%s%s%s", before, span, after);
    if (!sl_status_has_ages(target))
        text[0] = 0;
}
