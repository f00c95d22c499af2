/* Readers in processes of their own read while versions are swapped as fast as they can read: nobody ever
 * sees a file that is torn, empty or of another size than it says, nor a name that is gone.
 *
 * Rows of version t: as many as t mod 97 + 3, each with the value t. So a version proves itself. */
#include "mounted.h"

#include <inttypes.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { READERS = 4 };

/* Shared with the readers. */
struct board {
    sem_t read[1]; /* posted after every look */
    sem_t go[1];
    atomic_bool stop, failed;
    atomic_ulong looks;
    char complaint[512];
};

static unsigned rows_of(int64_t t)
{
    return (unsigned)(t % 97 + 3);
}

static bool complain(struct board *board, const char *what, int64_t t)
{
    if (!atomic_exchange(&board->failed, true))
        snprintf(board->complaint, sizeof board->complaint, "%s (errno %d, version %" PRId64 ")", what, errno,
                 t);
    return false;
}

/* Whether the bytes are a whole version; its time. */
static bool check_rows(struct board *board, const char *text, size_t len, int64_t *ret_t)
{
    unsigned rows = 0;
    *ret_t = -1;
    for (const char *at = text, *end = text + len; at < end; rows++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        unsigned key;
        int64_t value;
        if (!newline || sscanf(at, "k%u\t%" SCNd64 "\n", &key, &value) != 2 || key != rows)
            return complain(board, "a line is damaged", *ret_t);
        if (*ret_t >= 0 && value != *ret_t)
            return complain(board, "lines of two versions in one file", value);
        *ret_t = value;
        at = newline + 1;
    }
    if (rows == 0 || rows != rows_of(*ret_t))
        return complain(board, "lines are missing", *ret_t);
    return true;
}

static bool check_read(struct board *board, int fd, int64_t *ret_t)
{
    char text[8192];
    size_t len = 0;
    ssize_t n;
    struct stat st;
    if (fd < 0)
        return complain(board, "open", 0);
    if (fstat(fd, &st) < 0)
        return complain(board, "fstat", 0);
    while ((n = read(fd, text + len, len ? 700 : 13)) > 0) /* in odd pieces */
        len += (size_t)n;
    close(fd);
    if (n < 0 || (off_t)len != st.st_size)
        return complain(board, "the size is not true", n);
    return check_rows(board, text, len, ret_t);
}

static bool look_by_read(struct board *board)
{
    int64_t t;
    return check_read(board, open("counts/current", O_RDONLY), &t);
}

static bool look_by_mmap(struct board *board)
{
    struct stat st;
    int64_t t;
    int fd = open("counts/current", O_RDONLY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return complain(board, "open or fstat", 0);
    char *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (text == MAP_FAILED)
        return complain(board, "mmap", 0);
    bool whole = check_rows(board, text, (size_t)st.st_size, &t);
    munmap(text, (size_t)st.st_size);
    return whole;
}

/* meta.json and data through one `now` belong together. */
static bool look_through_now(struct board *board)
{
    char meta[512];
    int64_t t = -1, time, from, to;
    unsigned records;
    int now = open("counts/now", O_RDONLY | O_DIRECTORY);
    if (now < 0)
        return complain(board, "open now", 0);
    int fd = openat(now, "meta.json", O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, meta, sizeof meta - 1);
    close(fd);
    bool whole = len > 0 && check_read(board, openat(now, "data", O_RDONLY), &t);
    close(now);
    if (len <= 0)
        return complain(board, "meta.json", 0);
    meta[len] = 0;
    if (sscanf(meta,
               "{\"time\": %" SCNd64 ", \"window\": {\"from\": %" SCNd64 ", \"to\": %" SCNd64
               "}, \"records\": %u",
               &time, &from, &to, &records) != 4)
        return complain(board, "meta.json is damaged", t);
    if (time != t || records != rows_of(t))
        return complain(board, "meta.json and data are of two versions", t);
    return whole;
}

/* Every version that is listed is whole, unless it goes while we look. */
static bool look_by_listing(struct board *board)
{
    DIR *dir = opendir("counts/at");
    struct stat st;
    int64_t t = 0, before = -1;
    bool whole = dir != NULL;
    for (struct dirent *entry; whole && (entry = readdir(dir));) {
        char path[64];
        if (entry->d_name[0] == '.')
            continue;
        int64_t name = strtoll(entry->d_name, NULL, 10);
        snprintf(path, sizeof path, "counts/at/%.20s/data", entry->d_name);
        int fd = open(path, O_RDONLY);
        if (fd < 0 && errno != ENOENT)
            whole = complain(board, "a listed version", name);
        if (fd >= 0)
            whole = fstat(fd, &st) == 0 && check_read(board, fd, &t) && t == name;
        if (name <= before)
            whole = complain(board, "versions are listed out of order or twice", name);
        before = name;
    }
    if (dir)
        closedir(dir);
    return whole || complain(board, "listing", t);
}

static _Noreturn void read_until_stopped(struct board *board, int reader)
{
    static bool (*const looks[READERS])(struct board *) = {look_by_read, look_by_mmap, look_through_now,
                                                           look_by_listing};
    while (sem_wait(board->go) < 0)
        ;
    while (!board->stop && looks[reader](board)) {
        atomic_fetch_add(&board->looks, 1);
        sem_post(board->read);
    }
    sem_post(board->read);
    _exit(0);
}

/* The readers are made before the mount's threads are; they find it under their working directory. */
static void fork_readers(struct board *board, const char *dir, pid_t *pids)
{
    for (int i = 0; i < READERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] > 0)
            continue;
        while (sem_wait(board->go) < 0)
            ;
        if (chdir(dir) < 0)
            complain(board, "chdir", 0);
        read_until_stopped(board, i);
    }
}

static void wait_for_a_look(struct board *board)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    while (sem_timedwait(board->read, &until) < 0)
        assert_int_equal(errno, EINTR);
}

static void test_readers_never_see_a_torn_or_missing_version(void **state)
{
    (void)state;
    const char *wanted = getenv("SLUICE_STRESS_SWAPS");
    int64_t swaps = wanted ? strtoll(wanted, NULL, 10) : 3000;
    struct board *board =
        mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(board != MAP_FAILED);
    sem_init(board->read, 1, 0);
    sem_init(board->go, 1, 0);
    struct mounted mounted;
    struct sl_error err = {0};
    pid_t pids[READERS];
    mounted_name(&mounted);
    fork_readers(board, mounted.dir, pids);
    assert_int_equal(mounted_try(&mounted, 10, &err), 0);
    mounted_publish(&mounted, shown_keys(1, rows_of(1), 1));
    for (int i = 0; i < 2 * READERS; i++)
        sem_post(board->go);
    int64_t t = 2;
    for (; t <= swaps && !board->failed; t++) {
        struct sl_version *version = shown_keys(t, rows_of(t), t);
        assert_int_equal(mounted.viewer->ops->publish(mounted.viewer, 0, version, &err), 0);
        sl_version_unref(version);
        wait_for_a_look(board);
    }
    board->stop = true;
    for (int i = 0; i < READERS; i++)
        waitpid(pids[i], NULL, 0);
    if (board->failed)
        fail_msg("%s", board->complaint);
    print_message("%" PRId64 " swaps, %lu looks, none torn\n", t - 1, board->looks);
    mounted_close(&mounted);
    munmap(board, sizeof *board);
}

int main(void)
{
    mounted_skip_without_fuse();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_never_see_a_torn_or_missing_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
