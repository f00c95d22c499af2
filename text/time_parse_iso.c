/* ISO 8601: a date, perhaps a time of day, perhaps an offset. */
#include "text/time_parts.h"

#include <string.h>

static bool take_digits(struct sl_time_parts *parts, int digits, int32_t *ret)
{
    *ret = 0;
    if (parts->end - parts->at < digits)
        return sl_parts_fail(parts, sl_no_number);
    for (int i = 0; i < digits; i++, parts->at++) {
        if (!sl_is_digit(*parts->at))
            return sl_parts_fail(parts, sl_no_number);
        *ret = *ret * 10 + (*parts->at - '0');
    }
    return true;
}

static bool take_iso_date(struct sl_time_parts *parts)
{
    if (!take_digits(parts, 4, &parts->year))
        return false;
    bool hyphens = sl_parts_take_if(parts, '-');
    if (!take_digits(parts, 2, &parts->month) || (hyphens && !sl_parts_take_if(parts, '-')))
        return sl_parts_fail(parts, sl_no_match);
    if (!take_digits(parts, 2, &parts->day))
        return false;
    if (parts->month < 1 || parts->month > 12 || parts->day < 1)
        return sl_parts_fail(parts, sl_no_day);
    return sl_parts_find_days(parts);
}

static bool take_iso_time(struct sl_time_parts *parts)
{
    if (!take_digits(parts, 2, &parts->hour))
        return false;
    bool colons = sl_parts_take_if(parts, ':');
    if (!take_digits(parts, 2, &parts->minute))
        return false;
    bool seconds = colons ? sl_parts_take_if(parts, ':') : parts->at < parts->end && sl_is_digit(*parts->at);
    if (seconds && !take_digits(parts, 2, &parts->second))
        return false;
    if (seconds && (sl_parts_take_if(parts, '.') || sl_parts_take_if(parts, ',')) &&
        !sl_parts_take_fraction(parts))
        return false;
    if (parts->hour > 23 || parts->minute > 59 || parts->second > 59)
        return sl_parts_fail(parts, parts->hour > 23     ? "there is no such hour"
                                    : parts->minute > 59 ? "there is no such minute"
                                                         : "there is no such second");
    return parts->at == parts->end || sl_parts_take_offset(parts);
}

enum { ISO_DATE_BYTES = 10 }; /* 2024-02-29 */

bool sl_parts_take_iso(struct sl_time_memo *memo, struct sl_time_parts *parts)
{
    const uint8_t *text = parts->at;
    size_t len = (size_t)(parts->end - parts->at);
    if (memo->len && len > ISO_DATE_BYTES && memcmp(text, memo->text, ISO_DATE_BYTES) == 0) {
        parts->at += ISO_DATE_BYTES;
        parts->days = memo->days;
        parts->has_days = true;
    } else if (!take_iso_date(parts)) {
        return false;
    } else if (parts->at - text == ISO_DATE_BYTES) {
        memcpy(memo->text, text, ISO_DATE_BYTES);
        memo->len = ISO_DATE_BYTES;
        memo->days = parts->days;
    }
    if (parts->at == parts->end)
        return true;
    if ((*parts->at | 0x20) != 't' && *parts->at != ' ')
        return sl_parts_fail(parts, sl_no_match);
    parts->at++;
    return take_iso_time(parts);
}
