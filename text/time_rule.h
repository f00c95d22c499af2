/* The rule by which a zone continues after its last transition, as POSIX's TZ writes it: "CET-1CEST,M3.5.0,M10.5.0/3". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SL_ABBREVIATION_MAX = 15 };

/* A day of the year and a time of it. */
struct sl_time_rule_day {
    char kind; /* 'M': month, week, weekday; 'J': day 1..365 without leap days; 'D': day 0..365 */
    unsigned month, week, day; /* 'M' uses all of them, the others day */
    int32_t time;              /* seconds from the day's begin, may be negative or beyond a day */
};

struct sl_time_rule {
    char name[2][SL_ABBREVIATION_MAX + 1]; /* standard time, daylight saving time */
    int32_t offset[2];                     /* seconds east of UTC */
    bool saves;                            /* there is daylight saving time */
    struct sl_time_rule_day start, end;    /* of it */
};

/* False: the text is no such rule. */
bool sl_time_rule_parse(const char *text, size_t len, struct sl_time_rule *ret);

/* When the day begins plus its time, as local seconds. */
int64_t sl_time_rule_local(const struct sl_time_rule_day *day, int64_t year);
