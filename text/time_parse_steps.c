#include "text/civil.h"
#include "text/time_parts.h"

#include <string.h>

static const char no_hour[] = "there is no such hour";

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* ---- numbers ---- */

/* Up to `digits` digits, after spaces; the value must be from min to max. */
static bool take_slow(struct sl_time_parts *parts, int digits, int32_t min, int32_t max, const char *trouble,
                      int32_t *ret)
{
    int32_t number = 0;
    const uint8_t *p = parts->at;
    while (p < parts->end && *p == ' ')
        p++;
    const uint8_t *from = p;
    for (; p < parts->end && p - from < digits && sl_is_digit(*p); p++)
        number = number * 10 + (*p - '0');
    if (p == from)
        return sl_parts_fail(parts, sl_no_number);
    parts->at = p;
    *ret = number;
    return (number >= min && number <= max) || sl_parts_fail(parts, trouble);
}

/* Two digits, which is what most numbers are. */
static inline bool take_two(struct sl_time_parts *parts, int32_t min, int32_t max, const char *trouble,
                            int32_t *ret)
{
    const uint8_t *p = parts->at;
    if (parts->end - p < 2 || !sl_is_digit(p[0]) || !sl_is_digit(p[1]))
        return take_slow(parts, 2, min, max, trouble, ret);
    *ret = (p[0] - '0') * 10 + (p[1] - '0');
    parts->at += 2;
    return (*ret >= min && *ret <= max) || sl_parts_fail(parts, trouble);
}

static bool take_year(struct sl_time_parts *parts)
{
    return take_slow(parts, 4, 0, 9999, sl_year_too_far, &parts->year);
}

/* Digits of a fraction: three count. */
bool sl_parts_take_fraction(struct sl_time_parts *parts)
{
    const uint8_t *from = parts->at;
    int32_t weight = 100;
    parts->ms = 0;
    for (; parts->at < parts->end && sl_is_digit(*parts->at); parts->at++, weight /= 10)
        parts->ms += (*parts->at - '0') * weight;
    return parts->at > from || sl_parts_fail(parts, sl_no_number);
}

static bool take_epoch(struct sl_time_parts *parts)
{
    const uint8_t *p = parts->at;
    bool negative = p < parts->end && *p == '-';
    p += negative;
    const uint8_t *from = p;
    parts->epoch = 0;
    for (; p < parts->end && p - from < 15 && sl_is_digit(*p); p++)
        parts->epoch = parts->epoch * 10 + (*p - '0');
    if (p == from)
        return sl_parts_fail(parts, sl_no_number);
    if (negative)
        parts->epoch = -parts->epoch;
    parts->at = p;
    return parts->has_epoch = true;
}

/* ---- names ---- */

static size_t common(const struct sl_time_parts *parts, const char *name)
{
    size_t i = 0, len = (size_t)(parts->end - parts->at);
    while (name[i] && i < len && ((parts->at[i] ^ (uint8_t)name[i]) & 0xDF) == 0)
        i++;
    return i;
}

/* A whole name or its first three letters. *ret_index from 0. */
static bool take_name(struct sl_time_parts *parts, const char *const *names, int count, int32_t *ret_index)
{
    for (int i = 0; i < count; i++) {
        size_t same = common(parts, names[i]);
        if (same < 3)
            continue;
        parts->at += names[i][same] ? 3 : same;
        *ret_index = i;
        return true;
    }
    return sl_parts_fail(parts, "the name of a month or day is missing");
}

static bool take_half(struct sl_time_parts *parts)
{
    if (common(parts, "AM") == 2)
        parts->half = 1;
    else if (common(parts, "PM") == 2)
        parts->half = 2;
    else
        return sl_parts_fail(parts, "AM or PM is missing");
    parts->at += 2;
    return true;
}

/* ---- zones ---- */

static bool set_offset(struct sl_time_parts *parts, int32_t offset)
{
    parts->offset = offset;
    return parts->has_offset = true;
}

bool sl_parts_take_offset(struct sl_time_parts *parts)
{
    const uint8_t *p = parts->at;
    int32_t hours, minutes = 0;
    while (p < parts->end && *p == ' ')
        p++;
    if (p < parts->end && (*p | 0x20) == 'z') {
        parts->at = p + 1;
        return set_offset(parts, 0);
    }
    if (parts->end - p < 3 || (*p != '+' && *p != '-') || !sl_is_digit(p[1]) || !sl_is_digit(p[2]))
        return sl_parts_fail(parts, "the offset from UTC is missing or wrong");
    bool west = *p == '-';
    hours = (p[1] - '0') * 10 + (p[2] - '0');
    p += 3;
    bool colon = p < parts->end && *p == ':';
    if (colon || (parts->end - p >= 2 && sl_is_digit(*p))) {
        p += colon;
        if (parts->end - p < 2 || !sl_is_digit(p[0]) || !sl_is_digit(p[1]))
            return sl_parts_fail(parts, "the offset from UTC is missing or wrong");
        minutes = (p[0] - '0') * 10 + (p[1] - '0');
        p += 2;
    }
    parts->at = p;
    if (hours > 23 || minutes > 59)
        return sl_parts_fail(parts, "the offset from UTC is missing or wrong");
    return set_offset(parts, (hours * 60 + minutes) * (west ? -60 : 60));
}

static bool take_zone(const struct sl_time_format *format, struct sl_time_parts *parts)
{
    const uint8_t *from = parts->at, *p = from;
    int32_t offset = 0;
    while (p < parts->end && !is_space(*p) && *p != ')' && *p != ']' && *p != ',' && *p != ';')
        p++;
    size_t len = (size_t)(p - from);
    bool is_utc = (len == 3 && (memcmp(from, "UTC", 3) == 0 || memcmp(from, "GMT", 3) == 0)) ||
                  (len == 1 && *from == 'Z');
    if (!is_utc && (!len || !sl_time_zone_offset_of(format->zone, from, len, &offset)))
        return sl_parts_fail(parts, "the zone is none that the format's zone uses");
    parts->at = p;
    return set_offset(parts, offset);
}

/* ---- steps ---- */

static bool take_spaces(struct sl_time_parts *parts)
{
    while (parts->at < parts->end && is_space(*parts->at))
        parts->at++;
    return true;
}

static bool take_byte(struct sl_time_parts *parts, uint8_t byte)
{
    if (parts->at == parts->end || *parts->at != byte)
        return sl_parts_fail(parts, sl_no_match);
    parts->at++;
    return true;
}

static bool take_step(const struct sl_time_format *format, const struct sl_time_step *step,
                      struct sl_time_parts *parts)
{
    int32_t ignored;
    switch ((enum sl_time_step_kind)step->kind) {
    case SL_STEP_BYTE:
        return take_byte(parts, step->byte);
    case SL_STEP_SPACE:
        return take_spaces(parts);
    case SL_STEP_YEAR:
        return take_year(parts);
    case SL_STEP_CENTURY:
        return take_two(parts, 0, 99, sl_year_too_far, &parts->century);
    case SL_STEP_YEAR_SHORT:
        return take_two(parts, 0, 99, sl_year_too_far, &parts->year_short);
    case SL_STEP_MONTH:
        return take_two(parts, 1, 12, "there is no such month", &parts->month);
    case SL_STEP_MONTH_NAME:
    case SL_STEP_MONTH_WHOLE_NAME:
        if (!take_name(parts, sl_month_names, 12, &parts->month))
            return false;
        parts->month++;
        return true;
    case SL_STEP_DAY:
    case SL_STEP_DAY_SPACE:
        return take_two(parts, 1, 31, sl_no_day, &parts->day);
    case SL_STEP_DAY_OF_YEAR:
        return take_slow(parts, 3, 1, 366, sl_no_day, &parts->day_of_year);
    case SL_STEP_WEEKDAY_NAME:
    case SL_STEP_WEEKDAY_WHOLE_NAME:
        return take_name(parts, sl_weekday_names, 7, &ignored);
    case SL_STEP_WEEKDAY_FROM_1:
        return take_slow(parts, 1, 1, 7, sl_no_day, &ignored);
    case SL_STEP_WEEKDAY_FROM_0:
        return take_slow(parts, 1, 0, 6, sl_no_day, &ignored);
    case SL_STEP_HOUR:
    case SL_STEP_HOUR_SPACE:
        return take_two(parts, 0, 23, no_hour, &parts->hour);
    case SL_STEP_HOUR_12:
    case SL_STEP_HOUR_12_SPACE:
        return take_two(parts, 1, 12, no_hour, &parts->hour_12);
    case SL_STEP_HALF:
    case SL_STEP_HALF_LOWER:
        return take_half(parts);
    case SL_STEP_MINUTE:
        return take_two(parts, 0, 59, "there is no such minute", &parts->minute);
    case SL_STEP_SECOND:
        return take_two(parts, 0, 59, "there is no such second", &parts->second);
    case SL_STEP_FRACTION:
        return sl_parts_take_fraction(parts);
    case SL_STEP_OFFSET:
        return sl_parts_take_offset(parts);
    case SL_STEP_ZONE:
        return take_zone(format, parts);
    case SL_STEP_EPOCH:
        return take_epoch(parts);
    }
    return false;
}

/* ---- the whole ---- */

bool sl_parts_find_days(struct sl_time_parts *parts)
{
    int32_t year = parts->year;
    if (parts->year_short >= 0) {
        int32_t century = parts->century >= 0 ? parts->century : parts->year_short >= 69 ? 19 : 20;
        year = century * 100 + parts->year_short;
    } else if (year < 0) {
        year = parts->century >= 0 ? parts->century * 100 : 1970;
    }
    int32_t month = parts->month ? parts->month : 1, day = parts->day ? parts->day : 1;
    if ((uint32_t)day > sl_days_in_month(year, (unsigned)month) ||
        parts->day_of_year > 365 + sl_is_leap_year(year))
        return sl_parts_fail(parts, sl_no_day);
    bool by_day_of_year = parts->day_of_year && !parts->month && !parts->day;
    parts->days = by_day_of_year ? sl_days_of_date(year, 1, 1) + parts->day_of_year - 1
                                 : sl_days_of_date(year, (unsigned)month, (unsigned)day);
    return parts->has_days = true;
}

/* Whether the text begins with the date of the memo. */
static bool recalls(const struct sl_time_format *format, const struct sl_time_memo *memo,
                    struct sl_time_parts *parts)
{
    size_t len = (size_t)(parts->end - parts->at);
    if (!memo->len || len < memo->len || memcmp(parts->at, memo->text, memo->len) != 0)
        return false;
    bool ends_in_space = format->step[format->date_steps - 1].kind == SL_STEP_SPACE;
    if (ends_in_space && len > memo->len && is_space(parts->at[memo->len]))
        return false;
    parts->at += memo->len;
    parts->days = memo->days;
    return parts->has_days = true;
}

static void remember(struct sl_time_memo *memo, const struct sl_time_parts *parts, const uint8_t *text)
{
    size_t len = (size_t)(parts->at - text);
    if (len > SL_TIME_MEMO_BYTES || sl_is_digit(parts->at[-1]))
        return;
    memcpy(memo->text, text, len);
    memo->len = (uint8_t)len;
    memo->days = parts->days;
}

bool sl_parts_take_steps(const struct sl_time_format *format, struct sl_time_memo *memo,
                         struct sl_time_parts *parts)
{
    const uint8_t *text = parts->at;
    uint16_t i = 0;
    if (format->date_steps && recalls(format, memo, parts)) {
        i = format->date_steps;
    } else if (format->date_steps) {
        for (; i < format->date_steps; i++)
            if (!take_step(format, &format->step[i], parts))
                return false;
        if (!sl_parts_find_days(parts))
            return false;
        remember(memo, parts, text);
    }
    for (; i < format->count; i++)
        if (!take_step(format, &format->step[i], parts))
            return false;
    return true;
}
