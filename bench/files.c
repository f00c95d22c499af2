/* File operations at full speed, timed inside: a script would measure itself.
 *
 * - files make DIR PREFIX COUNT: COUNT files of one line (their common prefix), hard links of a few inodes
 * - files rename FROM TO: every file of FROM into TO
 * - files stat DIR PREFIX COUNT: stat of DIR/PREFIX0, DIR/PREFIX1, ...
 * - files read FILE TIMES: open, read to the end, close, TIMES times
 * - files cold FILE TIMES: the same, and the pages are dropped from the cache each time before
 *
 * Each prints the seconds that its operations took, and the CPU seconds of this process among them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINKS_MAX = 50000, NAME_SIZE = 300, READ_BYTES = 128 << 10 };

static int fail(const char *what)
{
    fprintf(stderr, "files: %s: %s\n", what, strerror(errno));
    return 1;
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct timing {
    double wall, cpu;
};

static struct timing timing_begin(void)
{
    return (struct timing){now_seconds(), cpu_seconds()};
}

static void timing_print(struct timing begin)
{
    printf("%.6f %.6f\n", now_seconds() - begin.wall, cpu_seconds() - begin.cpu);
}

static int open_directory(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int make_file(int directory, const char *name, const char *line)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || dprintf(fd, "%s\n", line) < 0)
        return -1;
    return close(fd);
}

/* ext4 allows 65,000 links of an inode. */
static int make_files(const char *path, const char *prefix, unsigned long count)
{
    char name[NAME_SIZE], original[NAME_SIZE] = "";
    int directory = open_directory(path);
    if (directory < 0)
        return fail(path);
    for (unsigned long i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s%lu", prefix, i);
        int failed = i % LINKS_MAX ? linkat(directory, original, directory, name, 0)
                                   : make_file(directory, name, prefix);
        if (failed)
            return fail(name);
        if (i % LINKS_MAX == 0)
            memcpy(original, name, sizeof original);
    }
    close(directory);
    return 0;
}

static int rename_files(const char *from_path, const char *to_path)
{
    struct dirent **entry;
    int count = scandir(from_path, &entry, NULL, NULL);
    int from = open_directory(from_path), to = open_directory(to_path);
    if (count < 0 || from < 0 || to < 0)
        return fail(from_path);
    struct timing start = timing_begin();
    for (int i = 0; i < count; i++)
        if (entry[i]->d_name[0] != '.' && renameat(from, entry[i]->d_name, to, entry[i]->d_name))
            return fail(entry[i]->d_name);
    timing_print(start);
    return 0;
}

static int stat_files(const char *path, const char *prefix, unsigned long count)
{
    char name[NAME_SIZE];
    struct stat status;
    int directory = open_directory(path);
    if (directory < 0)
        return fail(path);
    struct timing start = timing_begin();
    for (unsigned long i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s%lu", prefix, i);
        if (fstatat(directory, name, &status, 0))
            return fail(name);
    }
    timing_print(start);
    return 0;
}

static int read_file(const char *path, unsigned long times, int cold)
{
    static char buffer[READ_BYTES];
    struct timing start = timing_begin();
    for (unsigned long i = 0; i < times; i++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = -1;
        if (cold)
            (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        while (fd >= 0 && (got = read(fd, buffer, sizeof buffer)) > 0)
            continue;
        if (got < 0)
            return fail(path);
        close(fd);
    }
    timing_print(start);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "make"))
        return make_files(argv[2], argv[3], strtoul(argv[4], NULL, 10));
    if (argc == 4 && !strcmp(argv[1], "rename"))
        return rename_files(argv[2], argv[3]);
    if (argc == 5 && !strcmp(argv[1], "stat"))
        return stat_files(argv[2], argv[3], strtoul(argv[4], NULL, 10));
    if (argc == 4 && !strcmp(argv[1], "read"))
        return read_file(argv[2], strtoul(argv[3], NULL, 10), 0);
    if (argc == 4 && !strcmp(argv[1], "cold"))
        return read_file(argv[2], strtoul(argv[3], NULL, 10), 1);
    fputs("usage: files make DIR PREFIX COUNT | rename FROM TO | stat DIR PREFIX COUNT | read FILE TIMES | "
          "cold FILE TIMES\n",
          stderr);
    return 2;
}
