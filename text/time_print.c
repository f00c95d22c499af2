#include "text/civil.h"
#include "text/integer.h"
#include "text/time_format_internal.h"

#include <string.h>

/* A time taken apart. */
struct moment {
    int64_t ms, local_s;
    int32_t offset, fraction; /* seconds; ms */
    const char *abbreviation;
    struct sl_date date;
    int64_t days;
    unsigned hour, minute, second;
};

static bool digits(struct sl_buf *buf, unsigned number, unsigned width, char fill)
{
    char text[12];
    unsigned at = sizeof text;
    do
        text[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (at > sizeof text - width)
        text[--at] = fill;
    return sl_buf_append(buf, text + at, sizeof text - at);
}

static bool offset(struct sl_buf *buf, int32_t seconds, const char *colon)
{
    unsigned minutes = (unsigned)(seconds < 0 ? -seconds : seconds) / 60;
    return sl_buf_byte(buf, seconds < 0 ? '-' : '+') && digits(buf, minutes / 60, 2, '0') &&
           sl_buf_text(buf, colon) && digits(buf, minutes % 60, 2, '0');
}

static unsigned hour_12(const struct moment *moment)
{
    return moment->hour % 12 ? moment->hour % 12 : 12;
}

static int64_t floor_seconds(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

static unsigned year_of(const struct moment *moment)
{
    return (unsigned)moment->date.year;
}

static bool print_step(const struct sl_time_step *step, const struct moment *moment, struct sl_buf *buf)
{
    const struct sl_date *date = &moment->date;
    const char *half = moment->hour < 12 ? "AM" : "PM", *month = sl_month_names[date->month - 1];
    unsigned weekday = sl_weekday_of_days(moment->days);
    switch ((enum sl_time_step_kind)step->kind) {
    case SL_STEP_BYTE:
    case SL_STEP_SPACE:
        return sl_buf_byte(buf, step->byte);
    case SL_STEP_YEAR:
        return digits(buf, year_of(moment), 4, '0');
    case SL_STEP_CENTURY:
        return digits(buf, year_of(moment) / 100, 2, '0');
    case SL_STEP_YEAR_SHORT:
        return digits(buf, year_of(moment) % 100, 2, '0');
    case SL_STEP_MONTH:
        return digits(buf, date->month, 2, '0');
    case SL_STEP_MONTH_NAME:
        return sl_buf_append(buf, month, 3);
    case SL_STEP_MONTH_WHOLE_NAME:
        return sl_buf_text(buf, month);
    case SL_STEP_DAY:
    case SL_STEP_DAY_SPACE:
        return digits(buf, date->day, 2, step->kind == SL_STEP_DAY ? '0' : ' ');
    case SL_STEP_DAY_OF_YEAR:
        return digits(buf, (unsigned)(moment->days - sl_days_of_date(date->year, 1, 1) + 1), 3, '0');
    case SL_STEP_WEEKDAY_NAME:
        return sl_buf_append(buf, sl_weekday_names[weekday], 3);
    case SL_STEP_WEEKDAY_WHOLE_NAME:
        return sl_buf_text(buf, sl_weekday_names[weekday]);
    case SL_STEP_WEEKDAY_FROM_1:
        return digits(buf, weekday ? weekday : 7, 1, '0');
    case SL_STEP_WEEKDAY_FROM_0:
        return digits(buf, weekday, 1, '0');
    case SL_STEP_HOUR:
    case SL_STEP_HOUR_SPACE:
        return digits(buf, moment->hour, 2, step->kind == SL_STEP_HOUR ? '0' : ' ');
    case SL_STEP_HOUR_12:
    case SL_STEP_HOUR_12_SPACE:
        return digits(buf, hour_12(moment), 2, step->kind == SL_STEP_HOUR_12 ? '0' : ' ');
    case SL_STEP_HALF:
        return sl_buf_text(buf, half);
    case SL_STEP_HALF_LOWER:
        return sl_buf_text(buf, moment->hour < 12 ? "am" : "pm");
    case SL_STEP_MINUTE:
        return digits(buf, moment->minute, 2, '0');
    case SL_STEP_SECOND:
        return digits(buf, moment->second, 2, '0');
    case SL_STEP_FRACTION:
        return digits(buf, (unsigned)moment->fraction * 1000, 6, '0');
    case SL_STEP_OFFSET:
        return offset(buf, moment->offset, "");
    case SL_STEP_ZONE:
        return sl_buf_text(buf, moment->abbreviation);
    case SL_STEP_EPOCH:
        return sl_integer_append(buf, floor_seconds(moment->ms));
    }
    return false;
}

static bool print_iso(const struct moment *moment, struct sl_buf *buf)
{
    static const struct sl_time_step date_time[] = {
        {SL_STEP_YEAR, 0},   {SL_STEP_BYTE, '-'}, {SL_STEP_MONTH, 0},  {SL_STEP_BYTE, '-'},
        {SL_STEP_DAY, 0},    {SL_STEP_BYTE, 'T'}, {SL_STEP_HOUR, 0},   {SL_STEP_BYTE, ':'},
        {SL_STEP_MINUTE, 0}, {SL_STEP_BYTE, ':'}, {SL_STEP_SECOND, 0},
    };
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof date_time / sizeof *date_time; i++)
        ok = print_step(&date_time[i], moment, buf);
    if (ok && moment->fraction)
        ok = sl_buf_byte(buf, '.') && digits(buf, (unsigned)moment->fraction, 3, '0');
    return ok && (moment->offset ? offset(buf, moment->offset, ":") : sl_buf_byte(buf, 'Z'));
}

static void take_apart(const struct sl_time_format *format, struct sl_time_memo *memo, int64_t ms,
                       struct moment *ret)
{
    int64_t utc_s = floor_seconds(ms);
    if (memo->format != format) {
        *memo = (struct sl_time_memo){.format = format};
        memo->local.from = memo->utc.from = INT64_MAX;
    }
    if (utc_s < memo->utc.from || utc_s >= memo->utc.to)
        sl_time_zone_at(format->zone, utc_s, &memo->utc);
    ret->ms = ms;
    ret->offset = memo->utc.offset;
    ret->abbreviation = memo->utc.abbreviation;
    ret->fraction = (int32_t)(ms - utc_s * 1000);
    ret->local_s = utc_s + ret->offset;
    ret->days = ret->local_s / 86400 - (ret->local_s % 86400 < 0);
    ret->date = sl_date_of_days(ret->days);
    unsigned second = (unsigned)(ret->local_s - ret->days * 86400);
    ret->hour = second / 3600;
    ret->minute = second / 60 % 60;
    ret->second = second % 60;
}

bool sl_time_print(const struct sl_time_format *format, struct sl_time_memo *memo, int64_t ms,
                   struct sl_buf *buf)
{
    struct moment moment;
    sl_assert(sl_time_is_valid(ms));
    switch (format->kind) {
    case SL_TIME_S:
        return sl_integer_append(buf, floor_seconds(ms));
    case SL_TIME_MS:
        return sl_integer_append(buf, ms);
    case SL_TIME_US:
        return sl_integer_append(buf, ms * 1000);
    case SL_TIME_ISO8601:
    case SL_TIME_STEPS:
        break;
    }
    take_apart(format, memo, ms, &moment);
    if (format->kind == SL_TIME_ISO8601)
        return print_iso(&moment, buf);
    bool ok = true;
    for (uint16_t i = 0; ok && i < format->count; i++)
        ok = print_step(&format->step[i], &moment, buf);
    return ok;
}
