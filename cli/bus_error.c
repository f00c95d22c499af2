#include "cli/bus_error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { AGAIN_MS = 100 };

/* A signal handler has no argument. Set before there are threads. */
static struct {
    bool waits, json;
    const volatile int *stop;
} run;
static volatile sig_atomic_t is_reported;

/* ---- which file it was: only calls that a signal handler may make ---- */

struct maps {
    int fd;
    size_t at, len;
    char bytes[1024];
};

static int next_byte(struct maps *maps)
{
    if (maps->at == maps->len) {
        ssize_t got = read(maps->fd, maps->bytes, sizeof maps->bytes);
        if (got <= 0)
            return -1;
        maps->at = 0;
        maps->len = (size_t)got;
    }
    return (unsigned char)maps->bytes[maps->at++];
}

/* Returns the byte after the number. */
static int read_hex(struct maps *maps, uintptr_t *ret)
{
    int byte;
    *ret = 0;
    while ((byte = next_byte(maps)) >= 0) {
        const char *digits = "0123456789abcdef", *digit = byte ? strchr(digits, byte) : NULL;
        if (!digit)
            break;
        *ret = *ret << 4 | (uintptr_t)(digit - digits);
    }
    return byte;
}

/* The rest of a line: whether it names such a file. */
static bool names_shared_memory(struct maps *maps)
{
    static const char suffix[] = "-shm\n";
    size_t matched = 0;
    for (int byte; (byte = next_byte(maps)) >= 0;) {
        matched = byte == suffix[matched] ? matched + 1 : byte == suffix[0];
        if (byte == '\n')
            return matched == sizeof suffix - 1;
    }
    return false;
}

/* /proc/self/maps: "7f0a-7f0b rw-s 00000000 00:27 10741 /job/catalog.db-shm". */
static bool is_shared_memory(const void *address)
{
    struct maps maps = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    uintptr_t from, to;
    bool found = false, is_it = false;
    while (maps.fd >= 0 && !found && read_hex(&maps, &from) == '-' && read_hex(&maps, &to) == ' ') {
        found = (uintptr_t)address >= from && (uintptr_t)address < to;
        is_it = names_shared_memory(&maps) && found;
    }
    if (maps.fd >= 0)
        close(maps.fd);
    return is_it;
}

/* ---- the message ---- */

static void write_text(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text)); /* there is no other place to report it */
}

static void write_now(void)
{
    struct timespec now;
    char digits[24];
    size_t at = sizeof digits;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
    digits[--at] = 0;
    for (int64_t ms = now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000; ms > 0; ms /= 10)
        digits[--at] = (char)('0' + ms % 10);
    write_text(digits + at);
}

static void report(const char *what_then)
{
    if (is_reported)
        return;
    is_reported = 1;
    if (run.json) {
        write_text("{\"time\":");
        write_now();
        write_text(",\"level\":\"warning\",\"message\":\"");
    } else {
        write_text("sluice: warning: ");
    }
    write_text("the catalog's file of type -shm cannot be written: its disk is full, or fails; ");
    write_text(what_then);
    write_text(run.json ? "\"}\n" : "\n");
}

/* ---- the signal ---- */

static void handle(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    (void)context;
    if (info->si_code != BUS_ADRERR || !is_shared_memory(info->si_addr)) {
        signal(number, SIG_DFL); /* it comes again, and ends the process */
        return;
    }
    if (!run.waits) {
        report("make room, and run it again");
        _exit(1);
    }
    report("the run waits for room on this disk; remove what is not needed there, or stop the run");
    if (__atomic_load_n(run.stop, __ATOMIC_RELAXED) > 0)
        _exit(0);
    const struct timespec soon = {.tv_nsec = AGAIN_MS * 1000000L};
    (void)nanosleep(&soon, NULL); /* a signal ends it earlier */
    errno = saved;
}

void sl_bus_error_open(void)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

void sl_bus_error_of_run(bool waits, const volatile int *stop, bool json)
{
    run.waits = waits;
    run.stop = stop;
    run.json = json;
}
