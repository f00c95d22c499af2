/* Days and dates of the proleptic Gregorian calendar. Day 0 is 1970-01-01; years are astronomical (0 is 1 BC). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sl_date {
    int64_t year;
    unsigned month, day; /* 1..12, 1..31 */
};

static inline bool sl_is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline unsigned sl_days_in_month(int64_t year, unsigned month)
{
    return month == 2 ? 28u + sl_is_leap_year(year) : 30 + ((month + month / 8) & 1);
}

/* The days of a date that exists, |year| up to 10^9. Years begin in March here, so that the leap day is the last. */
static inline int64_t sl_days_of_date(int64_t year, unsigned month, unsigned day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (int64_t)(month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static inline struct sl_date sl_date_of_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    struct sl_date date = {.day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1),
                           .month = (unsigned)(month < 10 ? month + 3 : month - 9)};
    date.year = year_of_era + era * 400 + (date.month <= 2);
    return date;
}

/* 0: Sunday. */
static inline unsigned sl_weekday_of_days(int64_t days)
{
    return (unsigned)(((days + 4) % 7 + 7) % 7);
}
