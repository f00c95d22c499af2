/* Errors, reported on stderr, and the exit statuses of the program (docs/manual.md, "When something is wrong"). */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>

enum {
    SL_STATUS_DONE = 0,
    SL_STATUS_FAILED = 1,  /* trying again may help */
    SL_STATUS_USAGE = 2,   /* bad usage, or a job that does not load */
    SL_STATUS_HELD = 3,    /* another process holds the checkpoint */
    SL_STATUS_DAMAGED = 4, /* durable state needs a person */
    SL_STATUS_STRICT = 5,  /* --strict */
};

/* Writes "sluice: <text>", a line each, with every byte that could disturb a terminal escaped. */
void sl_report(const char *text);

/* Reports the error and returns its exit status. */
int sl_report_error(const struct sl_error *err);
/* Of one operand among several: *status becomes its exit status where that is larger. */
void sl_report_one(const struct sl_error *err, int *status);

/* The same as a run's log has it: in JSON where --log-format asks for that. */
void sl_report_as(bool json, const char *text);
int sl_report_error_as(bool json, const struct sl_error *err);
