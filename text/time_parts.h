/* What a text has said so far, and the steps that several files take: shared by time_parse*.c. */
#pragma once

#include "text/time_format_internal.h"

struct sl_time_parts {
    const uint8_t *at, *end;
    int32_t year, century, year_short; /* -1: not said */
    int32_t month, day, day_of_year;   /* 0: not said */
    int32_t hour, hour_12;             /* -1: not said */
    int32_t minute, second, ms;
    int32_t half; /* 0: not said, 1: AM, 2: PM */
    int32_t offset;
    int64_t days, epoch;
    bool has_days, has_offset, has_epoch;
    const char *trouble;
};

static const char sl_no_number[] = "a number is missing", sl_no_day[] = "there is no such day",
                  sl_no_match[] = "the text does not fit the format",
                  sl_year_too_far[] = "the year is not from 1 to 9999",
                  sl_text_after[] = "there is text after the time";

static inline bool sl_parts_fail(struct sl_time_parts *parts, const char *trouble)
{
    parts->trouble = trouble;
    return false;
}

static inline bool sl_is_digit(uint8_t byte)
{
    return (uint8_t)(byte - '0') <= 9;
}

static inline bool sl_parts_take_if(struct sl_time_parts *parts, uint8_t byte)
{
    bool there = parts->at < parts->end && *parts->at == byte;
    parts->at += there;
    return there;
}

/* time_parse_steps.c */
bool sl_parts_take_steps(const struct sl_time_format *format, struct sl_time_memo *memo,
                         struct sl_time_parts *parts);
bool sl_parts_take_fraction(struct sl_time_parts *parts); /* digits, of which three count */
bool sl_parts_take_offset(struct sl_time_parts *parts);
bool sl_parts_find_days(struct sl_time_parts *parts); /* from the date's parts */

/* time_parse_iso.c */
bool sl_parts_take_iso(struct sl_time_memo *memo, struct sl_time_parts *parts);
