#include "cli/streams.h"

#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void sl_streams_open(void)
{
    /* Writing to stdout still fails; stderr was closed by somebody who does not want to know. */
    static const int modes[] = {
        [STDIN_FILENO] = O_RDONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_WRONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", modes[fd]); /* the lowest number that is free: fd */
}

int sl_streams_close(int status)
{
    struct sl_error err;
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (status != SL_STATUS_DONE) /* that is what was said */
        return status;
    sl_error_sys(&err, errno ? errno : EIO, "writing to the standard output");
    return sl_report_error(&err);
}
