#include "text/integer.h"

#include <string.h>

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* Writes backwards, ending before `end`; returns where the text begins. */
static char *digits_before(char *end, uint64_t rest)
{
    while (rest >= 100) {
        end -= 2;
        memcpy(end, pairs + 2 * (rest % 100), 2);
        rest /= 100;
    }
    if (rest < 10) {
        *--end = (char)('0' + rest);
        return end;
    }
    end -= 2;
    memcpy(end, pairs + 2 * rest, 2);
    return end;
}

size_t sl_integer_format(int64_t integer, char *text)
{
    if (integer >= 0 && integer < 10) {
        *text = (char)('0' + integer);
        return 1;
    }
    char digits[SL_INTEGER_TEXT_MAX], *end = digits + sizeof digits;
    char *from = digits_before(end, integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer);
    if (integer < 0)
        *--from = '-';
    memcpy(text, from, (size_t)(end - from));
    return (size_t)(end - from);
}
