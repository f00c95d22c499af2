/* Sizes as users write them: "512MB", "1GiB", or a number of bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False if the text is no size, or is not positive. */
bool sl_size_parse(const char *text, size_t len, int64_t *ret);
