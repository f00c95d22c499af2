/* Between two steps of a batch there is time: loaded into the program with LD_PRELOAD, it holds up the program after it has
 * renamed something to a path whose last name begins with $SLUICE_TEST_HELD, and before it makes a directory whose last name
 * begins with $SLUICE_TEST_HELD_MKDIR. It makes the file "held" and continues once the file "go" is there. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);

static void hold_up(void)
{
    const struct timespec time = {0, 2000000};
    int fd = open("held", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)close(fd);
    while (access("go", F_OK) < 0)
        (void)nanosleep(&time, NULL);
}

static int is_held(const char *path, const char *variable)
{
    const char *held = getenv(variable);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return held && strncmp(name, held, strlen(held)) == 0;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    int r = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    if (r == 0 && is_held(to, "SLUICE_TEST_HELD"))
        hold_up();
    return r;
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    if (is_held(path, "SLUICE_TEST_HELD_MKDIR"))
        hold_up();
    return (int)syscall(SYS_mkdirat, dir, path, mode);
}
