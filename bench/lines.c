/* Senders of numbered lines, and the least that a receiver has to do with them: it appends them to a file that is synced
 * once a second, and reads them again to count them.
 *
 * usage: lines send PORT COUNT BYTES [CONNECTIONS]   COUNT lines of BYTES bytes by each connection, all open at once
 *        lines write COUNT BYTES                     the same on standard output
 *        lines receive PORT FILE                     takes one connection; prints how many lines came
 *        lines keep FILE                             the same of standard input */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 1 << 18, CONNECTIONS_MAX = 2000 };

static char piece[PIECE + 4096];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void put(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            die("write");
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static int connected(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (;;) { /* the listener may not be there yet */
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            die("socket");
        if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
            return fd;
        close(fd);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

/* Lines from `first` on, as many as a piece holds, at most `most`. */
static size_t fill(long first, long most, size_t bytes, size_t *ret_len)
{
    size_t count = 0, len = 0;
    for (; (long)count < most && len + bytes <= PIECE; count++, len += bytes) {
        int n = snprintf(piece + len, bytes, "%012ld ", first + (long)count);
        memset(piece + len + n, 'a' + (int)(count % 26), bytes - (size_t)n - 1);
        piece[len + bytes - 1] = '\n';
    }
    *ret_len = len;
    return count;
}

static void send_all(const int *fd, size_t fds, long count, size_t bytes)
{
    size_t len;
    for (long sent = 0; sent < count;) {
        size_t some = fill(sent, fds > 1 && count - sent > 100 ? 100 : count - sent, bytes, &len);
        for (size_t i = 0; i < fds; i++)
            put(fd[i], piece, len);
        sent += (long)some;
    }
}

static long count_lines(const char *bytes, size_t len)
{
    long lines = 0;
    const char *end = bytes + len;
    while ((bytes = memchr(bytes, '\n', (size_t)(end - bytes)))) {
        lines++;
        bytes++;
    }
    return lines;
}

static void keep(int from, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    time_t synced = time(NULL);
    long lines = 0;
    ssize_t n;
    if (fd < 0)
        die(path);
    while ((n = read(from, piece, PIECE)) > 0) {
        put(fd, piece, (size_t)n);
        if (time(NULL) != synced) {
            fdatasync(fd);
            synced = time(NULL);
        }
    }
    fdatasync(fd);
    lseek(fd, 0, SEEK_SET);
    while ((n = read(fd, piece, PIECE)) > 0)
        lines += count_lines(piece, (size_t)n);
    printf("%ld\n", lines);
}

static int accepted(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 8) < 0)
        die("listen");
    return accept(fd, NULL, NULL);
}

static long number(const char *text)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value < 0)
        exit(2);
    return value;
}

int main(int argc, char **argv)
{
    static int fd[CONNECTIONS_MAX];
    const char *what = argc > 2 ? argv[1] : "";
    if (!strcmp(what, "send") && argc >= 5) {
        size_t connections = argc > 5 ? (size_t)number(argv[5]) : 1;
        if (connections > CONNECTIONS_MAX)
            return 2;
        for (size_t i = 0; i < connections; i++)
            fd[i] = connected((int)number(argv[2]));
        send_all(fd, connections, number(argv[3]), (size_t)number(argv[4]));
        return 0;
    }
    if (!strcmp(what, "write") && argc == 4)
        fd[0] = 1, send_all(fd, 1, number(argv[2]), (size_t)number(argv[3]));
    else if (!strcmp(what, "receive") && argc == 4)
        keep(accepted((int)number(argv[2])), argv[3]);
    else if (!strcmp(what, "keep"))
        keep(0, argv[2]);
    else
        return 2;
    return 0;
}
