/* The instruction takes eight bytes in three cycles; three streams at a time, whose remainders would have to be shifted
 * together, would be faster than memory and the network are. */
#include "text/crc32c.h"

#include <stdbool.h>
#include <string.h>

enum { BITS = 8, TABLE = 256 };

static const uint32_t polynomial = 0x82f63b78; /* of reversed bits */

static void make_table(uint32_t table[TABLE])
{
    for (uint32_t i = 0; i < TABLE; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < BITS; bit++)
            crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
        table[i] = crc;
    }
}

uint32_t sl_crc32c_plain(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint32_t table[TABLE], crc = UINT32_MAX;
    make_table(table);
    for (size_t i = 0; i < len; i++)
        crc = crc >> 8 ^ table[(crc ^ at[i]) & 0xff];
    return ~crc;
}

#if defined __x86_64__

__attribute__((target("sse4.2,crc32"))) static uint32_t crc32c_by_instruction(const uint8_t *at, size_t len)
{
    uint64_t crc = UINT32_MAX;
    for (; len >= sizeof crc; at += sizeof crc, len -= sizeof crc) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    for (; len; at++, len--)
        crc = __builtin_ia32_crc32qi((uint32_t)crc, *at);
    return ~(uint32_t)crc;
}

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

#elif defined __ARM_FEATURE_CRC32

#include <arm_acle.h>

static uint32_t crc32c_by_instruction(const uint8_t *at, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (; len >= sizeof(uint64_t); at += sizeof(uint64_t), len -= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        crc = __crc32cd(crc, word);
    }
    for (; len; at++, len--)
        crc = __crc32cb(crc, *at);
    return ~crc;
}

static bool has_instruction(void)
{
    return true;
}

#else

static uint32_t crc32c_by_instruction(const uint8_t *at, size_t len)
{
    return sl_crc32c_plain(at, len);
}

static bool has_instruction(void)
{
    return false;
}

#endif

uint32_t sl_crc32c(const void *bytes, size_t len)
{
    return has_instruction() ? crc32c_by_instruction(bytes, len) : sl_crc32c_plain(bytes, len);
}
