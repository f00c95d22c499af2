/* A clock that a test can set: loaded into a program with LD_PRELOAD, it adds to the real-time clock what
 * stands in the file $SLUICE_TEST_CLOCK, a number of milliseconds in the machine's own form, whenever it is
 * read. The monotonic clock and poll go on as they do when somebody sets a machine's clock, or wakes it; a second
 * number in the file is added to the monotonic clock, for what happens after a minute: poll does not see it. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *ret);

static const _Atomic int64_t none[2];

static const _Atomic int64_t *map_offset(void)
{
    const char *path = getenv("SLUICE_TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return mapped == MAP_FAILED ? none : mapped;
}

/* Of the real-time and of the monotonic clock; what is after the file's end counts as zero. Set once; two threads that come
 * first at once map it twice, to the same effect. */
static const _Atomic int64_t *_Atomic offset_ms;

int clock_gettime(clockid_t id, struct timespec *ret)
{
    int r = (int)syscall(SYS_clock_gettime, id, ret);
    if (r < 0 || (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC))
        return r;
    int saved = errno;
    if (!atomic_load(&offset_ms))
        atomic_store(&offset_ms, map_offset());
    errno = saved;
    int64_t ns = (int64_t)ret->tv_sec * 1000000000 + ret->tv_nsec +
                 atomic_load(atomic_load(&offset_ms) + (id == CLOCK_MONOTONIC)) * 1000000;
    ret->tv_sec = ns / 1000000000;
    ret->tv_nsec = ns % 1000000000;
    return 0;
}
