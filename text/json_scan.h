/* The words of JSON: white space, strings, numbers, names. Private to the parser in text/json_parse.c. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/rows/field.h"

struct sl_json_scan {
    struct sl_arena *arena;
    const uint8_t *at, *end;
    const char *message; /* of the first error, which is at `at`; NULL: out of memory */
};

/* Sets the message, NULL where memory is missing; returns false. */
bool sl_json_fail(struct sl_json_scan *scan, const char *message);
void sl_json_skip_space(struct sl_json_scan *scan);
/* The next byte, 0 at the end. */
uint8_t sl_json_peek(const struct sl_json_scan *scan);
/* A string; `at` is on its opening quote. */
bool sl_json_scan_string(struct sl_json_scan *scan, struct sl_field *ret);
/* A string, number, true, false or null. */
bool sl_json_scan_scalar(struct sl_json_scan *scan, struct sl_field *ret);
