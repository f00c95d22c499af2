/* Under a mount that is read in every way there is: each request is answered once, what was looked up is
 * given back, and bytes stay what they are when the kernel drops its caches. */
#include "mounted.h"

#include <fts.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sys/xattr.h>

enum { REQUESTS_MAX = 1 << 20 };

/* libfuse's log in debug form: which requests came, how often each was answered. */
struct ledger {
    struct sl_log log;
    pthread_mutex_t lock; /* guards what follows */
    uint64_t requests, answers;
    bool strange; /* an answer without its request, a second one, a number we cannot count */
    char strange_line[256];
    uint8_t open[REQUESTS_MAX]; /* by unique / 2: 1 while an answer is due */
};

static void find_strange(struct ledger *ledger, const char *text)
{
    if (!ledger->strange)
        snprintf(ledger->strange_line, sizeof ledger->strange_line, "%s", text);
    ledger->strange = true;
}

/* "unique: 2, opcode: LOOKUP (1), nodeid: ...": forgetting and interrupting are not answered. */
static void note_request(struct ledger *ledger, unsigned long long unique, const char *opcode,
                         const char *text)
{
    if (strncmp(opcode, "FORGET", 6) == 0 || strncmp(opcode, "BATCH_FORGET", 12) == 0 ||
        strncmp(opcode, "INTERRUPT", 9) == 0)
        return;
    ledger->requests++;
    if (unique / 2 >= REQUESTS_MAX || ledger->open[unique / 2])
        find_strange(ledger, text);
    else
        ledger->open[unique / 2] = 1;
}

static void note_answer(struct ledger *ledger, unsigned long long unique, const char *text)
{
    ledger->answers++;
    if (unique / 2 >= REQUESTS_MAX || !ledger->open[unique / 2])
        find_strange(ledger, text);
    else
        ledger->open[unique / 2] = 0;
}

static void write_ledger(struct sl_log *log, enum sl_log_level level, const char *text)
{
    struct ledger *ledger = (struct ledger *)log;
    const char *at = strstr(text, "unique: ");
    unsigned long long unique;
    char opcode[32];
    if (!at || sscanf(at, "unique: %llu,", &unique) != 1)
        return;
    pthread_mutex_lock(&ledger->lock);
    if (sscanf(at, "unique: %llu, opcode: %31s", &unique, opcode) == 2)
        note_request(ledger, unique, opcode, text);
    else if (strstr(at, ", success") || strstr(at, ", error"))
        note_answer(ledger, unique, text);
    pthread_mutex_unlock(&ledger->lock);
}

static struct ledger *ledger_new(void)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    assert_non_null(ledger);
    ledger->log.write = write_ledger;
    pthread_mutex_init(&ledger->lock, NULL);
    return ledger;
}

static void ledger_check(struct ledger *ledger)
{
    if (ledger->strange)
        fail_msg("answered twice, or unasked: %s", ledger->strange_line);
    assert_true(ledger->requests > 100);
    assert_int_equal(ledger->answers, ledger->requests);
}

/* ---- readers ---- */

static void read_entry(const FTSENT *entry)
{
    char names[256], target[64];
    if (entry->fts_info == FTS_F) {
        int fd = open(entry->fts_accpath, O_RDONLY);
        if (fd >= 0) /* it may just have gone */
            free(mounted_slurp(fd));
        close(fd);
    }
    if (entry->fts_info == FTS_SL)
        (void)!readlink(entry->fts_accpath, target, sizeof target);
    (void)listxattr(entry->fts_accpath, names, sizeof names);
    (void)getxattr(entry->fts_accpath, "user.batch", names, sizeof names);
}

static void read_tree(const struct mounted *mounted)
{
    char *roots[] = {(char *)(uintptr_t)mounted->dir, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    assert_non_null(walk);
    for (FTSENT *entry; (entry = fts_read(walk));)
        read_entry(entry);
    fts_close(walk);
    assert_int_equal(mounted_errno(mounted, "counts/keys/missing"), ENOENT);
    assert_int_equal(mounted_errno(mounted, "counts/at/99999"), ENOENT);
    assert_int_equal(mounted_errno(mounted, "nothing"), ENOENT);
}

static _Noreturn void wait_for_ever(const struct mounted *mounted, const char *path, int go)
{
    char buf[4096];
    ssize_t n = read(go, buf, 1);
    int fd = mounted_file(mounted, path, O_RDONLY);
    while (fd >= 0 && (n = read(fd, buf, sizeof buf)) > 0)
        ;
    _exit(0);
}

/* Children that read from next and feed; forked before the mount has threads. */
enum { WAITERS = 6 };
static void waiters_start(const struct mounted *mounted, pid_t *pids, int *ret_go)
{
    int go[2];
    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < WAITERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            wait_for_ever(mounted, i % 2 ? "counts/next" : "counts/feed", go[0]);
    }
    close(go[0]);
    *ret_go = go[1];
}

static uint64_t waiting(struct sl_viewer_counts counts)
{
    return counts.waiting;
}

static void poll_feed(struct mounted *mounted)
{
    struct pollfd feed = {.fd = mounted_file(mounted, "counts/feed", O_RDONLY | O_NONBLOCK),
                          .events = POLLIN};
    char buf[4096];
    while (poll(&feed, 1, 0) == 1)
        if (read(feed.fd, buf, sizeof buf) <= 0)
            break;
    close(feed.fd);
}

static bool drop_caches(void)
{
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
    bool dropped = fd >= 0 && write(fd, "3", 1) == 1;
    if (fd >= 0)
        close(fd);
    return dropped;
}

static void publish_and_read(struct mounted *mounted, int64_t from, int64_t to)
{
    struct sl_error err = {0};
    for (int64_t t = from; t < to; t++) {
        mounted_publish(mounted, shown_keys(t, 20, t));
        assert_int_equal(mounted->viewer->ops->document(mounted->viewer, "status.json", "{}\n", 3, &err), 0);
        poll_feed(mounted);
        read_tree(mounted);
    }
}

static void test_every_request_is_answered_once(void **state)
{
    struct ledger *ledger = ledger_new();
    struct mounted mounted;
    struct sl_error err = {0};
    pid_t pids[WAITERS];
    int go;
    mounted_name(&mounted);
    mounted.log = &ledger->log;
    waiters_start(&mounted, pids, &go);
    assert_int_equal(mounted_try(&mounted, 3, &err), 0);
    publish_and_read(&mounted, 1, 3);
    assert_int_equal(write(go, "gggggg", WAITERS), WAITERS);
    mounted_wait(&mounted, waiting, WAITERS);
    publish_and_read(&mounted, 3, 10);
    mounted_wait(&mounted, waiting, WAITERS / 2); /* feed goes on, next has ended */
    kill(pids[0], SIGTERM);
    mounted_wait(&mounted, waiting, WAITERS / 2 - 1);
    (void)drop_caches();
    publish_and_read(&mounted, 10, 20);
    mounted_close(&mounted); /* two still wait */
    for (int i = 0; i < WAITERS; i++)
        waitpid(pids[i], NULL, 0);
    close(go);
    ledger_check(ledger);
    free(ledger);
}

static uint64_t lookups(struct sl_viewer_counts counts)
{
    return counts.lookups;
}

static void test_what_was_looked_up_is_given_back(void **state)
{
    struct mounted mounted;
    mounted_open(&mounted, 3);
    publish_and_read(&mounted, 1, 10);
    assert_true(mounted_count(&mounted).lookups > 50);
    int64_t until_ns = sl_monotonic_ns() + 30000000000;
    while (mounted_count(&mounted).lookups && sl_monotonic_ns() < until_ns)
        if (!drop_caches()) {
            mounted_close(&mounted);
            skip();
        }
    mounted_wait(&mounted, lookups, 0);
    assert_int_equal(mounted_count(&mounted).opens, 0);
    publish_and_read(&mounted, 10, 12); /* everything is found again */
    mounted_assert_text(&mounted, "counts/keys/k7", "11\n");
    mounted_close(&mounted);
}

static void test_dropped_caches_change_no_bytes(void **state)
{
    enum { KEYS = 50000 };
    struct mounted mounted;
    struct stat st;
    mounted_open(&mounted, 2);
    mounted_publish(&mounted, shown_keys(1, KEYS, 123456));
    int file = mounted_file(&mounted, "counts/current", O_RDONLY);
    assert_int_equal(fstat(file, &st), 0);
    char *mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, file, 0),
         *text = mounted_slurp(file);
    assert_true(mapped != MAP_FAILED);
    assert_int_equal(strlen(text), st.st_size);
    for (int64_t t = 2; t < 1300; t++)
        mounted_publish(&mounted, shown_keys(t, 1, t)); /* the version has no name any more */
    if (!drop_caches()) {
        print_message("caches cannot be dropped here: what is compared may come from them\n");
        (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    }
    assert_memory_equal(mapped, text, (size_t)st.st_size);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    char *again = mounted_slurp(file);
    assert_string_equal(again, text);
    munmap(mapped, (size_t)st.st_size);
    free(again);
    free(text);
    close(file);
    mounted_close(&mounted);
}

int main(void)
{
    mounted_skip_without_fuse();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_request_is_answered_once),
        cmocka_unit_test(test_what_was_looked_up_is_given_back),
        cmocka_unit_test(test_dropped_caches_change_no_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
