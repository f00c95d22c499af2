#include "text/time_rule.h"

#include "text/civil.h"

#include <string.h>

struct scan {
    const char *at, *end;
};

static bool take(struct scan *scan, char byte)
{
    if (scan->at == scan->end || *scan->at != byte)
        return false;
    scan->at++;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_number(struct scan *scan, unsigned max, unsigned *ret)
{
    unsigned number = 0;
    const char *from = scan->at;
    for (; scan->at < scan->end && is_digit(*scan->at) && scan->at - from < 4; scan->at++)
        number = number * 10 + (unsigned)(*scan->at - '0');
    *ret = number;
    return scan->at > from && number <= max;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters, or anything in angle brackets. */
static bool take_name(struct scan *scan, char name[SL_ABBREVIATION_MAX + 1])
{
    bool quoted = take(scan, '<');
    const char *from = scan->at;
    while (scan->at < scan->end && (quoted ? *scan->at != '>' : is_letter(*scan->at)))
        scan->at++;
    size_t len = (size_t)(scan->at - from);
    if (len < 3 || len > SL_ABBREVIATION_MAX || (quoted && !take(scan, '>')))
        return false;
    memcpy(name, from, len);
    name[len] = 0;
    return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(struct scan *scan, int32_t *ret)
{
    bool negative = take(scan, '-');
    unsigned part[3] = {0};
    if (!negative)
        (void)take(scan, '+');
    if (!take_number(scan, 167, &part[0]))
        return false;
    for (int i = 1; i < 3 && take(scan, ':'); i++)
        if (!take_number(scan, 59, &part[i]))
            return false;
    int32_t seconds = (int32_t)(part[0] * 3600 + part[1] * 60 + part[2]);
    *ret = negative ? -seconds : seconds;
    return true;
}

static bool take_month_day(struct scan *scan, struct sl_time_rule_day *day)
{
    return take_number(scan, 12, &day->month) && day->month && take(scan, '.') &&
           take_number(scan, 5, &day->week) && day->week && take(scan, '.') &&
           take_number(scan, 6, &day->day);
}

static bool take_day(struct scan *scan, struct sl_time_rule_day *day)
{
    bool ok;
    *day = (struct sl_time_rule_day){.kind = 'D', .time = 7200};
    if (!take(scan, ','))
        return false;
    if (take(scan, 'M')) {
        day->kind = 'M';
        ok = take_month_day(scan, day);
    } else if (take(scan, 'J')) {
        day->kind = 'J';
        ok = take_number(scan, 365, &day->day) && day->day;
    } else {
        ok = take_number(scan, 365, &day->day);
    }
    return ok && (!take(scan, '/') || take_time(scan, &day->time));
}

bool sl_time_rule_parse(const char *text, size_t len, struct sl_time_rule *ret)
{
    struct scan scan = {text, text + len};
    *ret = (struct sl_time_rule){0};
    if (!take_name(&scan, ret->name[0]) || !take_time(&scan, &ret->offset[0]))
        return false;
    ret->offset[0] = -ret->offset[0]; /* POSIX counts to the west */
    if (scan.at == scan.end)
        return true;
    ret->saves = true;
    ret->offset[1] = ret->offset[0] + 3600;
    if (!take_name(&scan, ret->name[1]))
        return false;
    if (scan.at < scan.end && *scan.at != ',') {
        if (!take_time(&scan, &ret->offset[1]))
            return false;
        ret->offset[1] = -ret->offset[1];
    }
    return take_day(&scan, &ret->start) && take_day(&scan, &ret->end) && scan.at == scan.end;
}

/* The week-th weekday of the month; 5: the last. */
static int64_t month_day(const struct sl_time_rule_day *day, int64_t year)
{
    int64_t first = sl_days_of_date(year, day->month, 1);
    unsigned at = (day->day + 7 - sl_weekday_of_days(first)) % 7 + 7 * (day->week - 1);
    if (at >= sl_days_in_month(year, day->month))
        at -= 7;
    return first + at;
}

int64_t sl_time_rule_local(const struct sl_time_rule_day *day, int64_t year)
{
    int64_t days;
    if (day->kind == 'M')
        days = month_day(day, year);
    else
        days = sl_days_of_date(year, 1, 1) + day->day;
    if (day->kind == 'J')
        days -= !(sl_is_leap_year(year) && day->day > 59);
    return days * 86400 + day->time;
}
