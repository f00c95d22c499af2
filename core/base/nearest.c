#include "core/base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64, DISTANCE_MAX = 3 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* One row of the distance matrix from the two before it (Damerau: neighbours may be swapped). */
static void fill_row(const char *a, size_t i, const char *b, size_t b_len, const unsigned *before2,
                     const unsigned *before, unsigned *row)
{
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= b_len; j++) {
        bool same = same_letter(a[i - 1], b[j - 1]);
        row[j] = least(least(before[j], row[j - 1]) + 1, before[j - 1] + !same);
        bool swapped = i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]);
        if (swapped)
            row[j] = least(row[j], before2[j - 2] + 1);
    }
}

unsigned sl_name_distance(const char *a, const char *b)
{
    size_t a_len = strnlen(a, NAME_MAX_BYTES), b_len = strnlen(b, NAME_MAX_BYTES);
    unsigned rows[3][NAME_MAX_BYTES + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++)
        fill_row(a, i, b, b_len, rows[(i + 1) % 3], rows[(i + 2) % 3], rows[i % 3]);
    return rows[a_len % 3][b_len];
}

const char *sl_name_nearest(const char *name, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    unsigned distance_max = least((unsigned)(strnlen(name, NAME_MAX_BYTES) + 2) / 3, DISTANCE_MAX);
    unsigned distance = distance_max + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned d = sl_name_distance(name, names[i]);
        if (d < distance) {
            distance = d;
            nearest = names[i];
        }
    }
    return nearest;
}
