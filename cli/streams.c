#include "cli/streams.h"

#include "cli/report.h"
#include "core/base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void sl_streams_open(void)
{
    /* Writing to stdout still fails; stderr was closed on purpose. */
    static const int modes[] = {
        [STDIN_FILENO] = O_RDONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_WRONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", modes[fd]); /* the lowest number that is free: fd */
}

/* ---- what commands show ---- */

static int written(bool ok, struct sl_error *err)
{
    return ok ? 0 : sl_error_sys(err, errno ? errno : EIO, "writing to the standard output");
}

/* Where a piece ends within a character, its bytes are shown one by one. */
static bool make_safe(struct sl_buf *safe, const uint8_t *at, size_t len)
{
    for (const uint8_t *end = at + len, *next; at < end; at = next) {
        for (next = at; next < end && *next != '\t' && *next != '\n';)
            next++;
        if (!sl_buf_safe(safe, at, (size_t)(next - at)))
            return false;
        if (next < end && !sl_buf_byte(safe, *next++))
            return false;
    }
    return true;
}

int sl_stdout_data(const void *bytes, size_t len, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    if (!len) /* bytes may be NULL */
        return 0;
    if (!isatty(STDOUT_FILENO))
        return written(fwrite(bytes, 1, len, stdout) == len, err);
    if (!make_safe(&safe, bytes, len))
        return sl_error_nomem(err);
    return written(fwrite(safe.bytes, 1, safe.len, stdout) == safe.len, err);
}

int sl_stdout_flush(struct sl_error *err)
{
    return written(fflush(stdout) == 0, err);
}

/* ---- the end ---- */

int sl_streams_close(int status)
{
    struct sl_error err;
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (status != SL_STATUS_DONE) /* that failure was reported */
        return status;
    sl_error_sys(&err, errno ? errno : EIO, "writing to the standard output");
    return sl_report_error(&err);
}
