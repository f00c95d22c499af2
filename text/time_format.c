#include "text/time_format.h"

#include "text/time_format_internal.h"

#include <stdlib.h>
#include <string.h>

const char *const sl_month_names[12] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
const char *const sl_weekday_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};

static const struct {
    char letter;
    uint8_t kind;
} conversions[] = {
    {'Y', SL_STEP_YEAR},
    {'C', SL_STEP_CENTURY},
    {'y', SL_STEP_YEAR_SHORT},
    {'m', SL_STEP_MONTH},
    {'b', SL_STEP_MONTH_NAME},
    {'h', SL_STEP_MONTH_NAME},
    {'B', SL_STEP_MONTH_WHOLE_NAME},
    {'d', SL_STEP_DAY},
    {'e', SL_STEP_DAY_SPACE},
    {'j', SL_STEP_DAY_OF_YEAR},
    {'a', SL_STEP_WEEKDAY_NAME},
    {'A', SL_STEP_WEEKDAY_WHOLE_NAME},
    {'u', SL_STEP_WEEKDAY_FROM_1},
    {'w', SL_STEP_WEEKDAY_FROM_0},
    {'H', SL_STEP_HOUR},
    {'k', SL_STEP_HOUR_SPACE},
    {'I', SL_STEP_HOUR_12},
    {'l', SL_STEP_HOUR_12_SPACE},
    {'p', SL_STEP_HALF},
    {'P', SL_STEP_HALF_LOWER},
    {'M', SL_STEP_MINUTE},
    {'S', SL_STEP_SECOND},
    {'f', SL_STEP_FRACTION},
    {'z', SL_STEP_OFFSET},
    {'Z', SL_STEP_ZONE},
    {'s', SL_STEP_EPOCH},
    {'n', SL_STEP_SPACE},
    {'t', SL_STEP_SPACE},
};

static const struct {
    char letter;
    const char *text;
} compounds[] = {
    {'D', "%m/%d/%y"}, {'x', "%m/%d/%y"}, {'F', "%Y-%m-%d"},    {'T', "%H:%M:%S"},
    {'X', "%H:%M:%S"}, {'R', "%H:%M"},    {'r', "%I:%M:%S %p"}, {'c', "%a %b %e %H:%M:%S %Y"},
};

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool add(struct sl_time_format *format, uint8_t kind, uint8_t byte)
{
    if (format->count == SL_TIME_STEPS_MAX)
        return false;
    format->step[format->count++] = (struct sl_time_step){kind, byte};
    return true;
}

/* Returns a message, or NULL. */
static const char *add_steps(struct sl_time_format *format, const uint8_t *text, size_t len, bool nested);

static const char *add_conversion(struct sl_time_format *format, uint8_t letter, bool nested)
{
    if (letter == '%')
        return add(format, SL_STEP_BYTE, '%') ? NULL : "is too long";
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++)
        if ((uint8_t)conversions[i].letter == letter)
            return add(format, conversions[i].kind,
                       letter == 'n'   ? '\n'
                       : letter == 't' ? '\t'
                                       : 0)
                       ? NULL
                       : "is too long";
    for (size_t i = 0; !nested && i < sizeof compounds / sizeof *compounds; i++)
        if ((uint8_t)compounds[i].letter == letter)
            return add_steps(format, (const uint8_t *)compounds[i].text, strlen(compounds[i].text), true);
    return "has a conversion that is not known";
}

static const char *add_steps(struct sl_time_format *format, const uint8_t *text, size_t len, bool nested)
{
    const char *trouble = NULL;
    for (size_t i = 0; !trouble && i < len; i++) {
        if (text[i] == '%' && i + 1 == len)
            return "ends in a lone %";
        if (text[i] == '%')
            trouble = add_conversion(format, text[++i], nested);
        else if (!add(format, is_space(text[i]) ? SL_STEP_SPACE : SL_STEP_BYTE, text[i]))
            trouble = "is too long";
    }
    return trouble;
}

static bool is_of_date(uint8_t kind)
{
    return kind >= SL_STEP_YEAR && kind <= SL_STEP_WEEKDAY_FROM_0;
}

/* A byte that cannot continue a number or name. */
static bool ends_date(const struct sl_time_step *step)
{
    uint8_t byte = step->byte | 0x20;
    bool goes_on = (step->byte >= '0' && step->byte <= '9') || (byte >= 'a' && byte <= 'z');
    return step->kind == SL_STEP_SPACE || (step->kind == SL_STEP_BYTE && !goes_on);
}

/* How many steps are the date, where it comes first and something ends it. */
static uint16_t find_date(const struct sl_time_format *format)
{
    uint16_t last = 0, others = 0;
    for (uint16_t i = 0; i < format->count; i++) {
        const struct sl_time_step *step = &format->step[i];
        if (is_of_date(step->kind))
            last = i + 1;
        else if (step->kind > SL_STEP_SPACE && !last)
            others++;
    }
    for (uint16_t i = 0; i < last; i++)
        others += format->step[i].kind > SL_STEP_WEEKDAY_FROM_0;
    return last && !others && last < format->count && ends_date(&format->step[last]) ? last + 1 : 0;
}

static bool is_word(const void *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

static int fill(struct sl_time_format *format, const void *text, size_t len, struct sl_error *err)
{
    static const char *const words[] = {
        [SL_TIME_ISO8601] = "iso8601", [SL_TIME_S] = "s", [SL_TIME_MS] = "ms", [SL_TIME_US] = "us"};
    for (unsigned kind = SL_TIME_ISO8601; kind <= SL_TIME_US; kind++)
        if (is_word(text, len, words[kind])) {
            format->kind = (enum sl_time_kind)kind;
            return 0;
        }
    const char *trouble = len ? add_steps(format, text, len, false) : "is empty";
    bool converts = false;
    for (uint16_t i = 0; i < format->count; i++)
        converts = converts || format->step[i].kind > SL_STEP_SPACE;
    if (!trouble && !converts)
        trouble = "has no conversion";
    if (trouble)
        return sl_error_set(
            err, SL_EUSAGE,
            "the time format \"%.*s\" %s; say \"iso8601\", \"s\", \"ms\", \"us\" or strptime's "
            "conversions, as in \"%%d/%%b/%%Y:%%H:%%M:%%S %%z\"",
            (int)(len < 80 ? len : 80), (const char *)text, trouble);
    format->date_steps = find_date(format);
    return 0;
}

int sl_time_format_new(const void *text, size_t len, const char *zone, size_t zone_len,
                       struct sl_time_format **ret, struct sl_error *err)
{
    struct sl_time_format *format = calloc(1, sizeof *format);
    if (!format)
        return sl_error_nomem(err);
    format->is_utc = zone_len == 0 || is_word(zone, zone_len, "UTC");
    int r = fill(format, text, len, err);
    if (r == 0)
        r = format->is_utc ? sl_time_zone_open("UTC", 3, &format->zone, err)
                           : sl_time_zone_open(zone, zone_len, &format->zone, err);
    if (r < 0) {
        sl_time_format_free(format);
        return r;
    }
    *ret = format;
    return 0;
}

void sl_time_format_free(struct sl_time_format *format)
{
    if (!format)
        return;
    sl_time_zone_free(format->zone);
    free(format);
}
