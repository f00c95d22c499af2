/* Functions that Spark's users expect, beside SQLite's own: a row in the table each. NULL in gives NULL. */
#include "sql/sql_internal.h"

#include "text/civil.h"
#include "text/regex.h"
#include "text/time_format.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool has_null(int argc, sqlite3_value **argv)
{
    for (int i = 0; i < argc; i++)
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL)
            return true;
    return false;
}

/* The bytes of an argument, as text. False: out of memory, which is reported. */
static bool take_text(sqlite3_context *context, sqlite3_value *value, struct sl_field *ret)
{
    const void *text = sqlite3_value_text(value);
    *ret = sl_string(text ? text : "", (size_t)sqlite3_value_bytes(value));
    if (!text)
        sqlite3_result_error_nomem(context);
    return text != NULL;
}

static void report(sqlite3_context *context, const struct sl_error *err)
{
    if (err->code == SL_ENOMEM)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_error(context, err->text, -1);
}

/* ---- patterns ---- */

static void free_regex(void *regex)
{
    sl_regex_free(regex);
}

/* The pattern of argument 1, compiled once where it is constant. NULL: it is bad, which is reported. */
static const struct sl_regex *take_regex(sqlite3_context *context, sqlite3_value **argv)
{
    struct sl_regex *regex = sqlite3_get_auxdata(context, 1);
    struct sl_field pattern;
    struct sl_error err;
    if (regex)
        return regex;
    if (!take_text(context, argv[1], &pattern))
        return NULL;
    if (sl_regex_new(pattern.str, pattern.len, &regex, &err) < 0) {
        report(context, &err);
        return NULL;
    }
    sqlite3_set_auxdata(context, 1, regex, free_regex);
    return sqlite3_get_auxdata(context, 1);
}

/* 1: it matches; 0: it does not; -1: a failure, which is reported. */
static int match(sqlite3_context *context, const struct sl_regex *regex, sqlite3_value *subject,
                 uint32_t group, struct sl_field *ret_group)
{
    struct sl_sql *sql = sqlite3_user_data(context);
    struct sl_field text;
    if (!take_text(context, subject, &text))
        return -1;
    int r = sl_regex_match(regex, &sql->task, text.str, text.len, &group, 1, ret_group);
    if (r == SL_ENOMEM)
        sqlite3_result_error_nomem(context);
    else if (r < 0)
        sqlite3_result_error(context, sql->task.message, -1);
    return r < 0 ? -1 : r;
}

static void regexp(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct sl_field whole;
    const struct sl_regex *regex = has_null(argc, argv) ? NULL : take_regex(context, argv);
    int found = regex ? match(context, regex, argv[0], 0, &whole) : -1;
    if (found >= 0)
        sqlite3_result_int(context, found);
}

static void regexp_extract(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct sl_field part;
    const struct sl_regex *regex = has_null(argc, argv) ? NULL : take_regex(context, argv);
    sqlite3_int64 group = argc > 2 ? sqlite3_value_int64(argv[2]) : 1;
    if (!regex)
        return;
    if (group < 0 || group > sl_regex_groups(regex)) {
        char *message =
            sqlite3_mprintf("regexp_extract: the pattern has %u groups, and group %lld is asked for",
                            sl_regex_groups(regex), group);
        sqlite3_result_error(context, message ? message : "regexp_extract: no such group", -1);
        sqlite3_free(message);
        return;
    }
    int found = match(context, regex, argv[0], (uint32_t)group, &part);
    if (found < 0)
        return;
    if (found == 0 || part.tag == SL_NIL)
        part = sl_string("", 0);
    sl_sql_result(context, &part, false);
}

/* ---- split_part ---- */

/* Part n of the text, counted from 1; false: it has fewer. */
static bool find_part(struct sl_field text, struct sl_field delimiter, sqlite3_int64 n, struct sl_field *ret)
{
    const uint8_t *at = text.str, *end = text.str + text.len;
    for (;; n--) {
        const uint8_t *stop =
            delimiter.len ? memmem(at, (size_t)(end - at), delimiter.str, delimiter.len) : NULL;
        if (n == 1) {
            *ret = sl_string(at, (size_t)((stop ? stop : end) - at));
            return true;
        }
        if (!stop)
            return false;
        at = stop + delimiter.len;
    }
}

static sqlite3_int64 count_parts(struct sl_field text, struct sl_field delimiter)
{
    sqlite3_int64 count = 1;
    const uint8_t *at = text.str, *end = text.str + text.len, *stop;
    while (delimiter.len && (stop = memmem(at, (size_t)(end - at), delimiter.str, delimiter.len))) {
        at = stop + delimiter.len;
        count++;
    }
    return count;
}

static void split_part(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct sl_field text, delimiter, part = sl_string("", 0);
    if (has_null(argc, argv) || !take_text(context, argv[0], &text) ||
        !take_text(context, argv[1], &delimiter))
        return;
    sqlite3_int64 n = sqlite3_value_int64(argv[2]);
    if (n == 0) {
        sqlite3_result_error(context, "split_part: parts are counted from 1, or from -1 at the end", -1);
        return;
    }
    if (n < 0)
        n += count_parts(text, delimiter) + 1;
    if (n > 0)
        (void)find_part(text, delimiter, n, &part); /* what is not there is empty */
    sl_sql_result(context, &part, false);
}

/* ---- times ---- */

static void free_format(void *format)
{
    sl_time_format_free(format);
}

static struct sl_time_format *make_format(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct sl_time_format *format;
    struct sl_field text = sl_text("iso8601"), zone = sl_string("", 0);
    struct sl_error err;
    if ((argc > 1 && !take_text(context, argv[1], &text)) ||
        (argc > 2 && !take_text(context, argv[2], &zone)))
        return NULL;
    if (sl_time_format_new(text.str, text.len, (const char *)zone.str, zone.len, &format, &err) == 0)
        return format;
    report(context, &err);
    return NULL;
}

/* What was made for constant arguments is kept with the format; a zone of its own must be constant as well, which a
 * mark beside it shows. */
static struct sl_time_format *kept_format(sqlite3_context *context, int argc)
{
    bool is_kept = argc == 2 || (argc == 3 && sqlite3_get_auxdata(context, 2));
    return is_kept ? sqlite3_get_auxdata(context, 1) : NULL;
}

static void keep_format(sqlite3_context *context, int argc, struct sl_time_format *format)
{
    static const char mark = 0;
    if (argc == 3)
        sqlite3_set_auxdata(context, 2, (void *)&mark, NULL);
    if (argc > 1)
        sqlite3_set_auxdata(context, 1, format, free_format);
    else
        sl_time_format_free(format);
}

static void to_timestamp(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct sl_time_memo memo = {0};
    struct sl_field text;
    const char *trouble;
    int64_t ms;
    if (has_null(argc, argv))
        return;
    struct sl_time_format *kept = kept_format(context, argc);
    struct sl_time_format *format = kept ? kept : make_format(context, argc, argv);
    if (!format)
        return;
    if (take_text(context, argv[0], &text) && sl_time_parse(format, &memo, text.str, text.len, &ms, &trouble))
        sqlite3_result_int64(context, ms); /* else NULL, as in Spark */
    if (!kept)
        keep_format(context, argc, format);
}

enum unit { MILLISECOND, SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR, UNITS };

static enum unit find_unit(const struct sl_field *text)
{
    static const char *const names[UNITS] = {"millisecond", "second", "minute",  "hour", "day",
                                             "week",        "month",  "quarter", "year"};
    enum unit unit = 0;
    while (unit < UNITS && (strlen(names[unit]) != text->len ||
                            strncasecmp(names[unit], (const char *)text->str, text->len) != 0))
        unit++;
    return unit;
}

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

/* Of a count of seconds that a clock shows. */
static int64_t truncate_seconds(int64_t local_s, enum unit unit)
{
    static const int64_t steps[] = {
        [MILLISECOND] = 1, [SECOND] = 1, [MINUTE] = 60, [HOUR] = 3600, [DAY] = 86400};
    if (unit <= DAY)
        return floor_to(local_s, steps[unit]);
    int64_t day = floor_to(local_s, 86400) / 86400;
    if (unit == WEEK)
        return (floor_to(day + 3, 7) - 3) * 86400; /* 1970-01-01 was a Thursday */
    struct sl_date date = sl_date_of_days(day);
    unsigned month = unit == YEAR ? 1 : unit == QUARTER ? (date.month - 1) / 3 * 3 + 1 : date.month;
    return sl_days_of_date(date.year, month, 1) * 86400;
}

/* False: it is none, which is reported. Text that is no number, a date say, would be 0 or its year to SQLite. */
static bool take_time(sqlite3_context *context, sqlite3_value *value, int64_t *ret)
{
    int type = sqlite3_value_numeric_type(value);
    *ret = sqlite3_value_int64(value);
    bool is_time = (type == SQLITE_INTEGER || type == SQLITE_FLOAT) && sl_time_is_valid(*ret);
    if (!is_time)
        sqlite3_result_error(
            context,
            "date_trunc: a time is in ms since the epoch, of the years 1 to 9999; to_timestamp() "
            "makes one of a text",
            -1);
    return is_time;
}

static void date_trunc(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct sl_field name, zone_name = sl_text("UTC");
    struct sl_time_zone *zone;
    struct sl_zone_span span;
    struct sl_error err;
    if (has_null(argc, argv) || !take_text(context, argv[0], &name) ||
        (argc > 2 && !take_text(context, argv[2], &zone_name)))
        return;
    enum unit unit = find_unit(&name);
    int64_t ms;
    if (unit == UNITS) {
        sqlite3_result_error(context,
                             "date_trunc: the unit must be year, quarter, month, week, day, hour, minute, "
                             "second or millisecond",
                             -1);
        return;
    }
    if (!take_time(context, argv[1], &ms))
        return;
    if (unit == MILLISECOND) {
        sqlite3_result_int64(context, ms);
        return;
    }
    if (sl_time_zone_open((const char *)zone_name.str, zone_name.len, &zone, &err) < 0) {
        report(context, &err);
        return;
    }
    int64_t utc_s = floor_to(ms, 1000) / 1000;
    sl_time_zone_at(zone, utc_s, &span);
    int64_t local_s = truncate_seconds(utc_s + span.offset, unit);
    if (unit > HOUR)
        sl_time_zone_at_local(zone, local_s, &span);
    sqlite3_result_int64(context, (local_s - span.offset) * 1000);
    sl_time_zone_free(zone);
}

static void batch_time(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const struct sl_sql *sql = sqlite3_user_data(context);
    if (sql->options.repeatable)
        sqlite3_result_int64(context, sql->options.batch_ms);
}

int sl_sql_add_functions(struct sl_sql *sql)
{
    static const struct {
        const char *name;
        int arguments;
        void (*function)(sqlite3_context *context, int argc, sqlite3_value **argv);
    } functions[] = {
        {"batch_time", 0, batch_time},         {"date_trunc", 2, date_trunc},
        {"date_trunc", 3, date_trunc},         {"regexp", 2, regexp},
        {"regexp_extract", 2, regexp_extract}, {"regexp_extract", 3, regexp_extract},
        {"split_part", 3, split_part},         {"to_timestamp", 1, to_timestamp},
        {"to_timestamp", 2, to_timestamp},     {"to_timestamp", 3, to_timestamp},
    };
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < sizeof functions / sizeof *functions; i++)
        code = sqlite3_create_function_v2(sql->handle, functions[i].name, functions[i].arguments, flags, sql,
                                          functions[i].function, NULL, NULL, NULL);
    return code;
}
