/* The words of JSON: white space, strings, numbers, names. Private to text/json_*.c. */
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
static inline void sl_json_skip_space(struct sl_json_scan *scan)
{
    const uint8_t *p = scan->at;
    while (p < scan->end && *p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    scan->at = p;
}
/* The next byte, 0 at the end. */
static inline uint8_t sl_json_peek(const struct sl_json_scan *scan)
{
    return scan->at < scan->end ? *scan->at : 0;
}
/* A string; `at` is on its opening quote. */
bool sl_json_scan_string(struct sl_json_scan *scan, struct sl_field *ret);
/* A number without its value. *ret_whole: it has neither fraction nor exponent. */
bool sl_json_skip_number(struct sl_json_scan *scan, bool *ret_whole);
/* A string, number, true, false or null. */
bool sl_json_scan_scalar(struct sl_json_scan *scan, struct sl_field *ret);
/* A list or map in `depth` open containers; `at` is on its bracket. In text/json_parse.c. */
bool sl_json_scan_container(struct sl_json_scan *scan, uint32_t depth, struct sl_field *ret);
