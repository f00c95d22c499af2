/* Views of many keys on a mount of their own, without batches: what swaps and first reads cost.
 *
 * - view swap DIR KEYS CACHED TIMES: versions of KEYS keys, CACHED of which the kernel has looked up in the
 *   one before; median microseconds of CPU that publish takes, and until readers see it
 * - view render DIR KEYS: a version of KEYS keys; CPU seconds of opening data for the first time, of reading
 *   it to the end, of the first lookup of a key; bytes of data; megabytes of memory that these take, and that
 *   are given back when the next versions have come
 *
 * Linked with libsluice.so, whose inner functions it calls. */
#include "fs/mount/mount.h"

#include "core/base/clock.h"
#include "core/rows/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    TIMES_MAX = 1000,
    PATH_SIZE = 4096,
    READ_BYTES = 128 << 10,
    PATIENCE_MS = 60000,
    AFTER_A_WHILE = 1200
};

struct bench {
    struct sl_viewer *viewer;
    struct sl_dataset *rows;
    const char *dir;
    int64_t t;
};

static void die(const char *what)
{
    fprintf(stderr, "view: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Rows ("key<k>", k). */
static struct sl_dataset *make_rows(uint64_t keys)
{
    struct sl_rows *rows = sl_rows_new();
    for (uint64_t k = 0; rows && k < keys; k++) {
        char name[32];
        int len = snprintf(name, sizeof name, "key%llu", (unsigned long long)k);
        struct sl_field fields[2] = {sl_string(name, (size_t)len), sl_integer((int64_t)k)};
        struct sl_chunk chunk = {.rows = 1, .width = 2, .column = {&fields[0], &fields[1]}};
        if (sl_rows_append(rows, &chunk) < 0)
            die("making rows");
    }
    return sl_dataset_of(rows);
}

static void bench_open(struct bench *bench, const char *dir, uint64_t keys)
{
    static const char *const view[] = {"view"};
    static const unsigned keep[] = {2};
    struct sl_mount_options options = {
        .dir = dir, .view = view, .keep = keep, .views = 1, .io = &sl_io_system};
    struct sl_error err = {0};
    *bench = (struct bench){.rows = make_rows(keys), .dir = dir};
    if (!bench->rows || sl_mount_open(&options, &bench->viewer, &err) < 0) {
        fprintf(stderr, "view: %s\n", err.text);
        exit(1);
    }
}

static void bench_close(struct bench *bench)
{
    bench->viewer->ops->close(bench->viewer);
    sl_dataset_unref(bench->rows);
}

static int64_t cpu_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Nanoseconds of CPU that publishing takes, which is what a batch pays; until it is seen. */
static void swap(struct bench *bench, int64_t *ret_published, int64_t *ret_seen)
{
    bench->t += 1000;
    struct sl_version *version =
        sl_version_new(bench->t, bench->t - 1000, sl_dataset_ref(bench->rows), 0, 0, NULL);
    int64_t begin = sl_monotonic_ns(), cpu = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
    if (!version || bench->viewer->ops->publish(bench->viewer, 0, version, NULL) < 0)
        die("publishing");
    *ret_published = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    if (!bench->viewer->ops->settle(bench->viewer, PATIENCE_MS))
        die("waiting for readers to see it");
    *ret_seen = sl_monotonic_ns() - begin;
    sl_version_unref(version);
}

/* As a reader does who follows `now`: the directory, then some of its files. */
static void look_up(const struct bench *bench, uint64_t keys)
{
    char path[PATH_SIZE];
    struct stat status;
    snprintf(path, sizeof path, "%s/view/now/keys", bench->dir);
    if (stat(path, &status) < 0)
        die(path);
    for (uint64_t k = 0; k < keys; k++) {
        snprintf(path, sizeof path, "%s/view/now/keys/key%llu", bench->dir, (unsigned long long)k);
        if (stat(path, &status) < 0)
            die(path);
    }
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median_us(int64_t *ns, size_t count)
{
    qsort(ns, count, sizeof *ns, compare);
    return (double)ns[count / 2] / 1000;
}

static void measure_swap(const char *dir, uint64_t keys, uint64_t cached, size_t times)
{
    static int64_t published[TIMES_MAX], seen[TIMES_MAX];
    struct bench bench;
    bench_open(&bench, dir, keys);
    swap(&bench, &published[0], &seen[0]);
    for (size_t i = 0; i < times; i++) {
        look_up(&bench, cached);
        swap(&bench, &published[i], &seen[i]);
    }
    printf("%.3f %.3f\n", median_us(published, times), median_us(seen, times));
    bench_close(&bench);
}

static int open_file(const struct bench *bench, const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/view/now/%s", bench->dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die(path);
    return fd;
}

static double read_all(int fd)
{
    static char buffer[READ_BYTES];
    double bytes = 0;
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;)
        bytes += (double)got;
    close(fd);
    return bytes;
}

static double memory_mb(void)
{
    return (double)(mallinfo2().uordblks + mallinfo2().hblkhd) / 1e6;
}

static void measure_render(const char *dir, uint64_t keys)
{
    struct bench bench;
    int64_t ignored, at[4];
    bench_open(&bench, dir, keys);
    swap(&bench, &ignored, &ignored);
    double before = memory_mb();
    at[0] = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    int fd = open_file(&bench, "data");
    at[1] = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    double bytes = read_all(fd);
    at[2] = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    look_up(&bench, 1);
    at[3] = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    double during = memory_mb();
    for (int i = 0; i < AFTER_A_WHILE; i++)
        swap(&bench, &ignored, &ignored);
    double after = memory_mb();
    for (int64_t end = sl_monotonic_ns() + PATIENCE_MS * 1000000LL;
         after - before > (during - before) / 10 && sl_monotonic_ns() < end; after = memory_mb())
        sched_yield(); /* the housekeeper frees */
    printf("%.6f %.6f %.6f %.0f %.3f %.3f\n", (double)(at[1] - at[0]) / 1e9, (double)(at[2] - at[1]) / 1e9,
           (double)(at[3] - at[2]) / 1e9, bytes, during - before, during - after);
    bench_close(&bench);
}

int main(int argc, char **argv)
{
    if (argc == 6 && !strcmp(argv[1], "swap") && strtoull(argv[5], NULL, 10) <= TIMES_MAX)
        measure_swap(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10),
                     strtoull(argv[5], NULL, 10));
    else if (argc == 4 && !strcmp(argv[1], "render"))
        measure_render(argv[2], strtoull(argv[3], NULL, 10));
    else
        return fputs("usage: view swap DIR KEYS CACHED TIMES | render DIR KEYS\n", stderr), 2;
    return 0;
}
