/* ISO 8601 for typed input. */
#include "core/base/error.h"
#include "text/typed.h"

struct cursor {
    const uint8_t *at, *end;
    bool failed;
};

static int64_t digits(struct cursor *c, int count)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++) {
        unsigned digit = c->at < c->end ? (unsigned)*c->at - '0' : 10;
        if (digit > 9) {
            c->failed = true;
            return 0;
        }
        value = value * 10 + digit;
        c->at++;
    }
    return value;
}

static bool take(struct cursor *c, uint8_t byte)
{
    bool is_next = c->at < c->end && *c->at == byte;
    c->at += is_next;
    return is_next;
}

static void expect(struct cursor *c, uint8_t byte)
{
    c->failed = !take(c, byte) || c->failed;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t month_days(int64_t year, int64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since the epoch of a date of the Gregorian calendar; years begin in March. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year % 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t take_date(struct cursor *c)
{
    int64_t year = digits(c, 4);
    expect(c, '-');
    int64_t month = digits(c, 2);
    expect(c, '-');
    int64_t day = digits(c, 2);
    c->failed = c->failed || year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month);
    return c->failed ? 0 : days_of(year, month, day);
}

/* Milliseconds; what is finer is cut. */
static int64_t take_fraction(struct cursor *c)
{
    int64_t ms = 0, unit = 100;
    digits(c, 1);
    if (c->failed)
        return 0;
    for (c->at--; c->at < c->end && (unsigned)*c->at - '0' <= 9; c->at++, unit /= 10)
        ms += unit * (*c->at - '0');
    return ms;
}

static int64_t take_time(struct cursor *c)
{
    int64_t hour = digits(c, 2), second = 0, ms = 0;
    expect(c, ':');
    int64_t minute = digits(c, 2);
    if (take(c, ':')) {
        second = digits(c, 2);
        ms = take(c, '.') || take(c, ',') ? take_fraction(c) : 0;
    }
    c->failed = c->failed || hour > 23 || minute > 59 || second > 59;
    return ((hour * 60 + minute) * 60 + second) * 1000 + ms;
}

/* The zone's offset in ms, at the end of the text. */
static int64_t take_zone(struct cursor *c)
{
    bool negative = c->at < c->end && *c->at == '-';
    if (c->at == c->end || take(c, 'Z') || take(c, 'z'))
        return 0;
    c->failed = (!negative && *c->at != '+') || c->failed;
    c->at++;
    int64_t hour = digits(c, 2), minute = 0;
    if (c->at < c->end) {
        (void)take(c, ':'); /* it may be missing */
        minute = digits(c, 2);
    }
    c->failed = c->failed || hour > 23 || minute > 59;
    int64_t offset = (hour * 60 + minute) * 60000;
    return negative ? -offset : offset;
}

bool sl_typed_timestamp(const uint8_t *text, size_t len, int64_t *ret_ms)
{
    struct cursor c = {text, text + len, false};
    int64_t ms = take_date(&c) * 86400000;
    if (!c.failed && c.at < c.end) {
        c.failed = !take(&c, 'T') && !take(&c, 't') && !take(&c, ' ');
        ms += take_time(&c);
        ms -= take_zone(&c);
    }
    if (c.failed || c.at != c.end)
        return false;
    *ret_ms = ms;
    return true;
}
