/* CRC-32C (Castagnoli), as object stores take it: with the processor's instruction where there is one. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t sl_crc32c(const void *bytes, size_t len);
/* The same by tables, on any processor: what the other is tested with. */
uint32_t sl_crc32c_plain(const void *bytes, size_t len);
