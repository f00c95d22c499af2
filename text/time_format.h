/* Times as text and back: strptime's and strftime's conversions, ISO 8601, and counts of seconds, milliseconds and
 * microseconds. Times are milliseconds since the epoch, of the years 1 to 9999; what is finer is cut off (towards
 * the past). Names of months and days are English, whatever the locale.
 *
 *     "iso8601"        2024-02-29T12:30:00.123+01:00; the zone, the fraction, the seconds and the time of day may
 *                      be missing, a space or t may replace T, z Z, a comma before the fraction; also without
 *                      hyphens and colons (20240229T123000Z)
 *     "s" "ms" "us"    a number since the epoch, a fraction may follow; fields that are numbers are read too
 *     anything else    %Y %C %y  year, century, year in it (69..99 are 19xx)    %m %b %B %h  month by number, name
 *                      %d %e  day of the month    %j  day of the year           %a %A %u %w  day of the week, ignored
 *                      %H %k  hour 0..23          %I %l  hour 1..12             %p %P  AM or PM
 *                      %M %S  minute, second 0..59                              %f  fraction of a second, any digits
 *                      %z  +hhmm, +hh:mm, +hh, Z  %Z  UTC, GMT, Z or an abbreviation that the zone uses
 *                      %s  seconds since the epoch                              %n %t  white space    %%  a percent sign
 *                      %D %F %T %R %r %c %x %X  as in the C locale
 *                      White space matches any white space or none; other bytes match themselves; numbers may have
 *                      fewer digits and leading spaces; letters of names may be of either case. Nothing may follow.
 *
 * What a text does not say is that of 1970-01-01T00:00:00 in the format's zone (text/time_zone.h), or the one that
 * the text names. A date that does not exist, hour 24 and second 60 are refused.
 *
 * A format is immutable once made and used by any number of threads; each brings a struct sl_time_memo that begins
 * as zeros. The memo makes rows of one day cheap: it holds the bytes of the last date and what they mean. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/rows/field.h"
#include "text/time_zone.h"

#define SL_TIME_MIN_MS (INT64_C(-62135596800000)) /* 0001-01-01T00:00:00.000Z */
#define SL_TIME_MAX_MS (INT64_C(253402300799999)) /* 9999-12-31T23:59:59.999Z */

struct sl_time_format;

enum { SL_TIME_MEMO_BYTES = 24 };

struct sl_time_memo {
    const struct sl_time_format *format; /* whose it is */
    uint8_t text[SL_TIME_MEMO_BYTES];    /* [len]: a date, with what ends it */
    uint8_t len;
    int64_t days;
    struct sl_zone_span local, utc;
};

/* SL_EUSAGE: an unknown conversion or zone, or a format that is too long or empty. zone_len 0: UTC. Copies both;
 * the caller frees *ret. */
int sl_time_format_new(const void *text, size_t len, const char *zone, size_t zone_len,
                       struct sl_time_format **ret, struct sl_error *err);
/* NULL is fine. */
void sl_time_format_free(struct sl_time_format *format);

/* False: *ret_trouble says why, in a text that lives for ever ("there is no such day"). */
bool sl_time_parse(const struct sl_time_format *format, struct sl_time_memo *memo, const void *text,
                   size_t len, int64_t *ret_ms, const char **ret_trouble);
/* A field: a string as above; integers and floats where the format counts ("s", "ms", "us"). */
bool sl_time_parse_field(const struct sl_time_format *format, struct sl_time_memo *memo,
                         const struct sl_field *field, int64_t *ret_ms, const char **ret_trouble);

/* Appends the time as text. "iso8601" gives milliseconds where there are some, and Z where the offset is 0; "s" and
 * its kin give whole numbers; %f gives six digits. ms must be from SL_TIME_MIN_MS to SL_TIME_MAX_MS. False: out of
 * memory. */
bool sl_time_print(const struct sl_time_format *format, struct sl_time_memo *memo, int64_t ms,
                   struct sl_buf *buf);

/* Whether ms is one that can be printed. */
static inline bool sl_time_is_valid(int64_t ms)
{
    return ms >= SL_TIME_MIN_MS && ms <= SL_TIME_MAX_MS;
}
