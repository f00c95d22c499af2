// Syncs that do nothing, for test-power-cut.py: loaded into the program with LD_PRELOAD.
#include <unistd.h>

int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}
