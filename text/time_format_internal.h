/* A format as a list of steps: shared by time_format.c, which makes it, time_parse.c and time_print.c. */
#pragma once

#include "text/time_format.h"

enum sl_time_kind { SL_TIME_STEPS, SL_TIME_ISO8601, SL_TIME_S, SL_TIME_MS, SL_TIME_US };

enum sl_time_step_kind {
    SL_STEP_BYTE, /* itself */
    SL_STEP_SPACE,
    SL_STEP_YEAR,
    SL_STEP_CENTURY,
    SL_STEP_YEAR_SHORT,
    SL_STEP_MONTH,
    SL_STEP_MONTH_NAME,
    SL_STEP_MONTH_WHOLE_NAME,
    SL_STEP_DAY,
    SL_STEP_DAY_SPACE, /* printed with a space in place of 0 */
    SL_STEP_DAY_OF_YEAR,
    SL_STEP_WEEKDAY_NAME,
    SL_STEP_WEEKDAY_WHOLE_NAME,
    SL_STEP_WEEKDAY_FROM_1,
    SL_STEP_WEEKDAY_FROM_0,
    SL_STEP_HOUR,
    SL_STEP_HOUR_SPACE,
    SL_STEP_HOUR_12,
    SL_STEP_HOUR_12_SPACE,
    SL_STEP_HALF, /* AM, PM */
    SL_STEP_HALF_LOWER,
    SL_STEP_MINUTE,
    SL_STEP_SECOND,
    SL_STEP_FRACTION,
    SL_STEP_OFFSET,
    SL_STEP_ZONE,
    SL_STEP_EPOCH,
};

struct sl_time_step {
    uint8_t kind;
    uint8_t byte; /* SL_STEP_BYTE */
};

enum { SL_TIME_STEPS_MAX = 256 };

struct sl_time_format {
    enum sl_time_kind kind;
    struct sl_time_zone *zone;
    bool is_utc;
    uint16_t count;
    uint16_t date_steps; /* the first so many hold the whole date and the byte that ends it; 0: they do not */
    struct sl_time_step step[SL_TIME_STEPS_MAX];
};

extern const char *const sl_month_names[12];
extern const char *const sl_weekday_names[7];
