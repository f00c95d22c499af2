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

enum { READERS = 7, SWAPS = 10000, SWAPS_LONG = 100000, SWAPS_SANITIZED = 2000 };

/* Shared with the readers. */
struct board {
    sem_t read[1]; /* posted after every look */
    sem_t go[1];
    atomic_bool stop, failed;
    atomic_ulong looks[READERS], held_up;
    atomic_ullong swaps;
    char complaint[512];
};

/* In its process. */
struct reader {
    struct board *board;
    uint64_t began; /* swaps when its look began */
    bool held_up;
};

static unsigned rows_of(int64_t t)
{
    return (unsigned)(t % 97 + 3);
}

/* Versions of which the names can be found for a while although they are old are at most 1024. Whoever is
 * held up while more of them go by may find a name gone; only here are they swapped fast enough for that. */
enum { HELD_UP_SWAPS = 1000 };

static bool complain(struct reader *reader, const char *what, int64_t t)
{
    struct board *board = reader->board;
    reader->held_up = errno == ENOENT && board->swaps - reader->began >= HELD_UP_SWAPS;
    if (!reader->held_up && !atomic_exchange(&board->failed, true))
        snprintf(board->complaint, sizeof board->complaint, "%s (errno %d, version %" PRId64 ")", what, errno,
                 t);
    return false;
}

/* Whether the bytes are a whole version; its time. */
static bool check_rows(struct reader *reader, const char *text, size_t len, int64_t *ret_t)
{
    unsigned rows = 0;
    *ret_t = -1;
    for (const char *at = text, *end = text + len; at < end; rows++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        unsigned key;
        int64_t value;
        if (!newline || sscanf(at, "k%u\t%" SCNd64 "\n", &key, &value) != 2 || key != rows)
            return complain(reader, "a line is damaged", *ret_t);
        if (*ret_t >= 0 && value != *ret_t)
            return complain(reader, "lines of two versions in one file", value);
        *ret_t = value;
        at = newline + 1;
    }
    if (rows == 0 || rows != rows_of(*ret_t))
        return complain(reader, "lines are missing", *ret_t);
    return true;
}

static bool check_read(struct reader *reader, int fd, int64_t *ret_t)
{
    char text[8192];
    size_t len = 0;
    ssize_t n;
    struct stat st;
    if (fd < 0)
        return complain(reader, "open", 0);
    if (fstat(fd, &st) < 0)
        return complain(reader, "fstat", 0);
    while ((n = read(fd, text + len, len ? 700 : 13)) > 0) /* in odd pieces */
        len += (size_t)n;
    close(fd);
    if (n < 0 || (off_t)len != st.st_size)
        return complain(reader, "the size is not true", n);
    return check_rows(reader, text, len, ret_t);
}

/* In pieces, back to front. */
static bool look_by_pread(struct reader *reader)
{
    char text[8192];
    struct stat st;
    int64_t t = 0;
    int fd = open("counts/current", O_RDONLY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return complain(reader, "open or fstat", 0);
    bool whole = st.st_size <= (off_t)sizeof text;
    for (off_t at = st.st_size; whole && at > 0;) {
        off_t piece = at < 61 ? at : 61;
        at -= piece;
        whole = pread(fd, text + at, (size_t)piece, at) == piece;
    }
    whole = whole && pread(fd, text, 1, st.st_size) == 0;
    close(fd);
    return whole ? check_rows(reader, text, (size_t)st.st_size, &t) : complain(reader, "pread", t);
}

static bool look_by_read(struct reader *reader)
{
    int64_t t;
    return check_read(reader, open("counts/current", O_RDONLY), &t);
}

static bool look_by_mmap(struct reader *reader)
{
    struct stat st;
    int64_t t;
    int fd = open("counts/current", O_RDONLY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return complain(reader, "open or fstat", 0);
    char *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (text == MAP_FAILED)
        return complain(reader, "mmap", 0);
    bool whole = check_rows(reader, text, (size_t)st.st_size, &t);
    munmap(text, (size_t)st.st_size);
    return whole;
}

/* meta.json and data through one `now` belong together. */
static bool look_through_now(struct reader *reader)
{
    char meta[512];
    int64_t t = -1, time, from, to;
    unsigned records;
    int now = open("counts/now", O_RDONLY | O_DIRECTORY);
    if (now < 0)
        return complain(reader, "open now", 0);
    int fd = openat(now, "meta.json", O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, meta, sizeof meta - 1);
    close(fd);
    bool whole = len > 0 && check_read(reader, openat(now, "data", O_RDONLY), &t);
    close(now);
    if (len <= 0)
        return complain(reader, "meta.json", 0);
    meta[len] = 0;
    if (sscanf(meta,
               "{\"time\": %" SCNd64 ", \"window\": {\"from\": %" SCNd64 ", \"to\": %" SCNd64
               "}, \"records\": %u",
               &time, &from, &to, &records) != 4)
        return complain(reader, "meta.json is damaged", t);
    if (time != t || records != rows_of(t))
        return complain(reader, "meta.json and data are of two versions", t);
    return whole;
}

/* Every version that is listed is whole, unless it goes while we look. */
static bool look_by_listing(struct reader *reader)
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
            whole = complain(reader, "a listed version", name);
        if (fd >= 0)
            whole = fstat(fd, &st) == 0 && check_read(reader, fd, &t) && t == name;
        if (name <= before)
            whole = complain(reader, "versions are listed out of order or twice", name);
        before = name;
    }
    if (dir)
        closedir(dir);
    return whole || complain(reader, "listing", t);
}

static bool size_and_time_are_true(int dir, const char *path, const struct stat *version)
{
    struct stat st;
    char text[8192];
    if (fstatat(dir, path, &st, 0) < 0)
        return false;
    if (!S_ISREG(st.st_mode))
        return true;
    int fd = openat(dir, path, O_RDONLY);
    ssize_t n, len = 0;
    while (fd >= 0 && (n = read(fd, text, sizeof text)) > 0)
        len += n;
    close(fd);
    return fd >= 0 && len == st.st_size && st.st_mtim.tv_sec == version->st_mtim.tv_sec &&
           st.st_mtim.tv_nsec == version->st_mtim.tv_nsec;
}

/* Every name of a version that stays open is there, and as long as it says. */
static bool look_by_stat(struct reader *reader)
{
    int now = open("counts/now", O_RDONLY | O_DIRECTORY);
    struct stat version;
    DIR *dir = now < 0 ? NULL : fdopendir(now);
    bool whole = dir && fstat(now, &version) == 0;
    for (struct dirent *entry; whole && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            whole = size_and_time_are_true(now, entry->d_name, &version);
    if (dir)
        closedir(dir);
    return whole || complain(reader, "readdir and stat", 0);
}

/* Whoever has read the next version finds it, or a newer one, as the current one. */
static bool look_by_next(struct reader *reader)
{
    char text[8192];
    int64_t next, current;
    size_t len = 0;
    ssize_t n = -1;
    int fd = open("counts/next", O_RDONLY);
    while (fd >= 0 && (n = read(fd, text + len, sizeof text - len)) > 0)
        len += (size_t)n;
    close(fd);
    if (n < 0 && (errno == ENODEV || errno == ENOTCONN) && reader->board->stop)
        return true; /* there will be none */
    if (n < 0)
        return complain(reader, "next", 0);
    if (!check_rows(reader, text, len, &next) ||
        !check_read(reader, open("counts/current", O_RDONLY), &current))
        return false;
    return current >= next || complain(reader, "current is older than next was", next);
}

static bool look(struct reader *reader, int kind)
{
    static bool (*const looks[READERS])(struct reader *) = {look_by_read,     look_by_pread,   look_by_mmap,
                                                            look_through_now, look_by_listing, look_by_stat,
                                                            look_by_next};
    reader->began = reader->board->swaps;
    reader->held_up = false;
    errno = 0;
    return looks[kind](reader);
}

static _Noreturn void read_until_stopped(struct board *board, int kind)
{
    struct reader reader = {.board = board};
    while (sem_wait(board->go) < 0)
        ;
    while (!board->stop) {
        bool whole = look(&reader, kind);
        if (!whole && !reader.held_up)
            break;
        atomic_fetch_add(whole ? &board->looks[kind] : &board->held_up, 1);
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
            _exit(1);
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

/* One of them may wait for one more version, and for another one if it was about to ask for it. */
static void end_readers(struct mounted *mounted, const pid_t *pids, int64_t t)
{
    for (int i = 0; i < READERS; i++)
        for (; waitpid(pids[i], NULL, WNOHANG) == 0; t++) {
            mounted_publish(mounted, shown_keys(t, rows_of(t), t));
            sched_yield();
        }
}

static int64_t swaps_wanted(void)
{
    const char *wanted = getenv("SLUICE_STRESS_SWAPS"), *is_long = getenv("SLUICE_LONG");
    const char *preset = getenv("SLUICE_PRESET");
    if (wanted)
        return strtoll(wanted, NULL, 10);
    if (is_long && strcmp(is_long, "1") == 0)
        return SWAPS_LONG;
    return preset && (strcmp(preset, "asan") == 0 || strcmp(preset, "tsan") == 0) ? SWAPS_SANITIZED : SWAPS;
}

static void report(struct board *board, int64_t swaps)
{
    static const char *const names[READERS] = {"read",   "pread", "mmap", "meta.json and data",
                                               "listed", "stat",  "next"};
    print_message("%" PRId64 " swaps, none torn; looks:", swaps);
    for (int i = 0; i < READERS; i++)
        print_message(" %s %lu", names[i], board->looks[i]);
    print_message(" held up %lu\n", board->held_up);
}

static void test_readers_never_see_a_torn_or_missing_version(void **state)
{
    int64_t swaps = swaps_wanted();
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
        atomic_fetch_add(&board->swaps, 1);
        wait_for_a_look(board);
    }
    board->stop = true;
    end_readers(&mounted, pids, t);
    if (board->failed)
        fail_msg("%s", board->complaint);
    report(board, t - 1);
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
