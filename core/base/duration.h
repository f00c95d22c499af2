/* Durations as users write them: "250ms", "1.5s", "5m", "1h", "2d"; a bare number is seconds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What messages say of the limits. */
#define SL_DURATION_LIMITS "1ms to 10000d, in whole milliseconds"

/* False if the text is no duration, is not positive, not a whole number of milliseconds, or
 * over 10,000 days. */
bool sl_duration_parse(const char *text, size_t len, int64_t *ret_ms);
bool sl_duration_from_seconds(double seconds, int64_t *ret_ms);

/* The shortest text that parses back: "1s", "250ms", "5m". Writes at most 32 bytes with the NUL. */
void sl_duration_format(int64_t ms, char *text);
