/* A machine that has much else to do: loaded into the program with LD_PRELOAD, it holds up what a FUSE server
 * tells the kernel by itself, as a processor that others have would, for $SLUICE_TEST_LATE_MS milliseconds.
 * Answers to requests are not held up. */
#include <linux/fuse.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

ssize_t writev(int fd, const struct iovec *vector, int count);

/* It answers no request, so it has none's number. */
static int is_notice(const struct iovec *vector, int count)
{
    const struct fuse_out_header *header = count > 0 ? vector[0].iov_base : NULL;
    return header && vector[0].iov_len == sizeof *header && header->unique == 0;
}

static void hold_up(void)
{
    const char *text = getenv("SLUICE_TEST_LATE_MS");
    long ms = text ? strtol(text, NULL, 10) : 0;
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL); /* shorter where a signal comes: nothing depends on how long it is */
}

ssize_t writev(int fd, const struct iovec *vector, int count)
{
    if (is_notice(vector, count))
        hold_up();
    return syscall(SYS_writev, fd, vector, count);
}
