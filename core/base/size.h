/* Sizes as users write them: "10KB", "1.5GB", "512MiB", or a number of bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rounded down to whole bytes. False if the text is no size, is below 1 byte, or above 2^62. */
bool sl_size_parse(const char *text, size_t len, int64_t *ret);
