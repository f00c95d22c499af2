/* Times as text at full speed, on one core: times [FORMAT [ROWS [ZONE]]]. Texts of the format are read; prints
 * millions of times read a second. tools/build, then in the project's directory:
 *
 * cc -O3 -I. -Iinclude -D_GNU_SOURCE bench/times.c build/release/libsl_text.a build/release/libsl_core.a -lxxhash -lm */
#include "text/time_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXTS = 4096, TEXT_BYTES = 64 };

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static char text[TEXTS][TEXT_BYTES];
    static size_t len[TEXTS];
    const char *layout = argc > 1 ? argv[1] : "%d/%b/%Y:%H:%M:%S %z", *trouble = "";
    unsigned long rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 50000000;
    struct sl_time_format *format;
    struct sl_time_memo memo = {0};
    struct sl_buf buf = {0};
    struct sl_error err;
    int64_t ms = 0, sum = 0;
    if (sl_time_format_new(layout, strlen(layout), argc > 3 ? argv[3] : "", argc > 3 ? strlen(argv[3]) : 0,
                           &format, &err) < 0) {
        fprintf(stderr, "times: %s\n", err.text);
        return 2;
    }
    for (int i = 0; i < TEXTS; i++) {
        buf.len = 0;
        if (!sl_time_print(format, &memo, INT64_C(1709164800000) + i * 20137, &buf) || buf.len > TEXT_BYTES)
            return 2;
        memcpy(text[i], buf.bytes, len[i] = buf.len);
    }
    double start = now_seconds();
    for (unsigned long i = 0; i < rows; i++) {
        if (!sl_time_parse(format, &memo, text[i % TEXTS], len[i % TEXTS], &ms, &trouble))
            break;
        sum += ms;
    }
    double seconds = now_seconds() - start;
    printf("%s: %.1f M a second (%.1f ns each; sum %lld)%s\n", layout, (double)rows / seconds / 1e6,
           seconds / (double)rows * 1e9, (long long)sum, trouble);
    sl_buf_done(&buf);
    sl_time_format_free(format);
    return 0;
}
