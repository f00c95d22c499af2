/* Loaded into a program as it is (LD_PRELOAD): a disk that does not give a page.
 *
 *     SLUICE_FAIL_FILE=NAME    reads (pread) of files of this name are counted
 *     SLUICE_FAIL_READ=N       read N fails with EIO
 *
 * So an error takes the path through SQLite's own file system code, which calls it damage. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic long long reads;

static int fails(int fd)
{
    char link[64], path[4096];
    const char *name = getenv("SLUICE_FAIL_FILE"), *number = getenv("SLUICE_FAIL_READ");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = name && number ? readlink(link, path, sizeof path - 1) : -1;
    if (len < 0)
        return 0;
    path[len] = 0;
    const char *last = strrchr(path, '/');
    return last && strcmp(last + 1, name) == 0 &&
           atomic_fetch_add(&reads, 1) + 1 == strtoll(number, NULL, 10);
}

/* pread64 to the linker. */
__attribute__((visibility("default"))) ssize_t pread(int fd, void *buf, size_t size, off_t offset)
{
    int saved = errno;
    if (fails(fd)) {
        errno = EIO;
        return -1;
    }
    errno = saved;
    return syscall(SYS_pread64, fd, buf, size, offset);
}
