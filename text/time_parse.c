#include "text/number.h"
#include "text/time_parts.h"

#include <string.h>

/* ---- from parts to a time ---- */

static int32_t hour_of(const struct sl_time_parts *parts)
{
    if (parts->hour >= 0)
        return parts->hour;
    int32_t hour = parts->hour_12 >= 0 ? parts->hour_12 : 0;
    if (parts->hour_12 >= 0 && parts->half)
        hour = hour % 12 + (parts->half == 2 ? 12 : 0);
    return hour;
}

static int32_t offset_at(const struct sl_time_format *format, struct sl_time_memo *memo, int64_t local_s)
{
    if (format->is_utc)
        return 0;
    if (local_s < memo->local.from || local_s >= memo->local.to)
        sl_time_zone_at_local(format->zone, local_s, &memo->local);
    return memo->local.offset;
}

static bool finish(const struct sl_time_format *format, struct sl_time_memo *memo,
                   struct sl_time_parts *parts, int64_t *ret_ms)
{
    if (parts->at < parts->end)
        return sl_parts_fail(parts, sl_text_after);
    if (parts->has_epoch) {
        *ret_ms = parts->epoch * 1000 + parts->ms;
        return sl_time_is_valid(*ret_ms) || sl_parts_fail(parts, sl_year_too_far);
    }
    if (!parts->has_days && !sl_parts_find_days(parts))
        return false;
    int64_t local_s = parts->days * 86400 + hour_of(parts) * 3600 + parts->minute * 60 + parts->second;
    int32_t offset = parts->has_offset ? parts->offset : offset_at(format, memo, local_s);
    *ret_ms = (local_s - offset) * 1000 + parts->ms;
    return sl_time_is_valid(*ret_ms) || sl_parts_fail(parts, sl_year_too_far);
}

/* A memo of zeros, or of another format, knows nothing. */
static void own_memo(const struct sl_time_format *format, struct sl_time_memo *memo)
{
    if (memo->format == format)
        return;
    *memo = (struct sl_time_memo){.format = format};
    memo->local.from = memo->utc.from = INT64_MAX;
}

/* ---- counts ---- */

/* How many digits after the point are whole milliseconds, or, negative, how many digits before it are less. */
static int digits_of(enum sl_time_kind kind)
{
    return kind == SL_TIME_S ? 3 : kind == SL_TIME_MS ? 0 : -3;
}

/* Towards the past. */
static int64_t floor_thousands(int64_t number)
{
    return number / 1000 - (number % 1000 < 0);
}

/* Digits, perhaps a point and more digits. */
static bool parse_count(const struct sl_time_format *format, struct sl_time_parts *parts, int64_t *ret_ms)
{
    int digits = digits_of(format->kind), behind = 0;
    bool negative = sl_parts_take_if(parts, '-'), point = false, finer = false;
    const uint8_t *from = parts->at;
    int64_t number = 0, most = digits < 0 ? INT64_MAX / 10 - 1 : INT64_MAX / 100000;
    for (; parts->at < parts->end && (sl_is_digit(*parts->at) || (*parts->at == '.' && !point));
         parts->at++) {
        if (*parts->at == '.')
            point = true;
        else if (point && behind++ >= digits)
            finer = finer || *parts->at != '0';
        else if (number > most)
            return sl_parts_fail(parts, sl_year_too_far);
        else
            number = number * 10 + (*parts->at - '0');
    }
    if (parts->at == from || !sl_is_digit(parts->at[-1]))
        return sl_parts_fail(parts, sl_no_number);
    for (; behind < digits; behind++)
        number *= 10;
    number = negative ? -number - finer : number;
    *ret_ms = digits < 0 ? floor_thousands(number) : number;
    if (parts->at < parts->end)
        return sl_parts_fail(parts, sl_text_after);
    return sl_time_is_valid(*ret_ms) || sl_parts_fail(parts, sl_year_too_far);
}

static bool count_of_integer(const struct sl_time_format *format, int64_t integer, int64_t *ret_ms)
{
    if (format->kind == SL_TIME_S && (integer > SL_TIME_MAX_MS || integer < SL_TIME_MIN_MS))
        return false;
    *ret_ms = format->kind == SL_TIME_S    ? integer * 1000
              : format->kind == SL_TIME_MS ? integer
                                           : floor_thousands(integer);
    return sl_time_is_valid(*ret_ms);
}

/* ---- entry points ---- */

bool sl_time_parse(const struct sl_time_format *format, struct sl_time_memo *memo, const void *text,
                   size_t len, int64_t *ret_ms, const char **ret_trouble)
{
    struct sl_time_parts parts = {.at = text, .end = (const uint8_t *)text + len};
    parts.year = parts.century = parts.year_short = parts.hour = parts.hour_12 = -1;
    bool ok;
    own_memo(format, memo);
    if (len == 0)
        ok = sl_parts_fail(&parts, "the text is empty");
    else if (format->kind == SL_TIME_STEPS)
        ok = sl_parts_take_steps(format, memo, &parts) && finish(format, memo, &parts, ret_ms);
    else if (format->kind == SL_TIME_ISO8601)
        ok = sl_parts_take_iso(memo, &parts) && finish(format, memo, &parts, ret_ms);
    else
        ok = parse_count(format, &parts, ret_ms);
    if (!ok)
        *ret_trouble = parts.trouble ? parts.trouble : sl_no_match;
    return ok;
}

bool sl_time_parse_field(const struct sl_time_format *format, struct sl_time_memo *memo,
                         const struct sl_field *field, int64_t *ret_ms, const char **ret_trouble)
{
    char digits[SL_FLOAT_TEXT_MAX];
    if (field->tag == SL_STR)
        return sl_time_parse(format, memo, field->str, field->len, ret_ms, ret_trouble);
    *ret_trouble = "the field is no text";
    if (format->kind < SL_TIME_S || (field->tag != SL_INT && field->tag != SL_FLOAT))
        return false;
    *ret_trouble = sl_year_too_far;
    if (field->tag == SL_INT)
        return count_of_integer(format, field->integer, ret_ms);
    if (!(field->number > -1e15 && field->number < 1e15)) { /* its text would have an exponent */
        int64_t integer;
        return sl_float_is_integer(field->number, &integer) && count_of_integer(format, integer, ret_ms);
    }
    if (field->number > -1e-4 && field->number < 1e-4) {
        *ret_ms = field->number < 0 ? -1 : 0;
        return true;
    }
    return sl_time_parse(format, memo, digits, sl_float_format(field->number, digits), ret_ms, ret_trouble);
}
