#include "receive/address.h"

#include "core/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path of the job's directory begins with BEFORE and a descriptor. */
#define BEFORE "/proc/self/fd/"
enum {
    BACKLOG = 1024,
    PORT_MAX = 65535,
    PATH_BYTES_MAX = sizeof((struct sockaddr_un *)0)->sun_path - 1,
    RELATIVE_BYTES_MAX = PATH_BYTES_MAX - (sizeof BEFORE - 1) - sizeof "1048576",
};

/* ---- arguments ---- */

static int bad_port(const struct sl_node *node, struct sl_error *err)
{
    return sl_error_set(err, SL_EUSAGE,
                        "%s: port must be an integer from 1 to %d, or with the host \"unix\" a path",
                        node->op->name, PORT_MAX);
}

static int read_path(const struct sl_node *node, struct sl_field path, struct sl_address *ret,
                     struct sl_error *err)
{
    if (path.tag != SL_STR || path.len == 0 || memchr(path.str, 0, path.len))
        return bad_port(node, err);
    size_t most = path.str[0] == '/' ? PATH_BYTES_MAX : RELATIVE_BYTES_MAX;
    if (path.len > most)
        return sl_error_set(
            err, SL_EUSAGE,
            "%s: the path of a Unix socket has at most %zu bytes, or %d relative to the job; this has "
            "%u: choose a shorter one",
            node->op->name, (size_t)PATH_BYTES_MAX, (int)RELATIVE_BYTES_MAX, path.len);
    snprintf(ret->port, sizeof ret->port, "%.*s", (int)path.len, (const char *)path.str);
    return 0;
}

int sl_address_read(const struct sl_node *node, bool listens, struct sl_address *ret, struct sl_error *err)
{
    struct sl_field host = sl_node_value(node, 0), port = sl_node_value(node, 1);
    if (host.tag == SL_NIL && !listens)
        return sl_error_set(err, SL_EUSAGE, "%s: the host is missing; with listen = true it is 127.0.0.1",
                            node->op->name);
    if (host.tag == SL_STR &&
        (host.len == 0 || host.len >= sizeof ret->host || memchr(host.str, 0, host.len)))
        return sl_error_set(err, SL_EUSAGE, "%s: the host is no name or address", node->op->name);
    snprintf(ret->host, sizeof ret->host, "%.*s", host.tag == SL_STR ? (int)host.len : 9,
             host.tag == SL_STR ? (const char *)host.str : "127.0.0.1");
    ret->is_unix = strcmp(ret->host, "unix") == 0;
    if (ret->is_unix)
        return read_path(node, port, ret, err);
    if (port.tag != SL_INT || port.integer < (listens ? 0 : 1) || port.integer > PORT_MAX)
        return bad_port(node, err);
    snprintf(ret->port, sizeof ret->port, "%d", (int)port.integer);
    return 0;
}

/* ---- Unix sockets ---- */

/* Through the job's directory, so that its own path may be of any length. */
static int unix_address(const struct sl_address *address, struct sockaddr_un *ret, struct sl_error *err)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = address->port[0] == '/' ? snprintf(ret->sun_path, sizeof ret->sun_path, "%s", address->port)
                                      : snprintf(ret->sun_path, sizeof ret->sun_path, BEFORE "%d/%s",
                                                 address->services->job_dirfd, address->port);
    if (len >= (int)sizeof ret->sun_path)
        return sl_error_set(err, SL_EFAIL, "unix:%s: the path is too long for a socket", address->port);
    return 0;
}

/* The directory in which the socket is made, and the socket's address by way of it, so that no link of another user is
 * followed. A name that is too long for that has the path as the job gives it. */
static int open_parent(const struct sl_address *address, struct sockaddr_un *ret, const char **ret_name,
                       struct sl_error *err)
{
    struct sl_io *io = address->services->io;
    char parent[SL_RECEIVED_NAME_MAX + 1];
    const char *slash = strrchr(address->port, '/'), *name = slash ? slash + 1 : address->port;
    snprintf(parent, sizeof parent, "%.*s", slash ? (int)(name - address->port) : 1,
             slash ? address->port : ".");
    int dirfd = sl_trust_open_dir(io, address->services->job_dirfd, parent, err);
    if (dirfd < 0)
        return sl_error_wrap(err, "unix:%s", address->port);
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = snprintf(ret->sun_path, sizeof ret->sun_path, BEFORE "%d/%s", dirfd, name);
    int r = len < (int)sizeof ret->sun_path ? 0 : unix_address(address, ret, err);
    if (r < 0)
        sl_io_close(io, dirfd);
    *ret_name = name;
    return r < 0 ? r : dirfd;
}

static int failed(const struct sl_address *address, int sys, struct sl_error *err)
{
    return sl_error_sys(err, sys, "%s:%s", address->host, address->port);
}

static int new_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* A socket without a listener is removed. */
static int remove_stale(const struct sl_address *address, int dirfd, const char *entry,
                        const struct sockaddr_un *name, struct sl_error *err)
{
    struct stat st;
    if (fstatat(dirfd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : failed(address, errno, err);
    if (!S_ISSOCK(st.st_mode))
        return sl_error_set(err, SL_EFAIL,
                            "unix:%s: there is a file of that name, and it is no socket; remove it",
                            address->port);
    int fd = new_socket(AF_UNIX);
    if (fd < 0)
        return failed(address, errno, err);
    int r = connect(fd, (const struct sockaddr *)name, sizeof *name), sys = errno;
    close(fd);
    if (r == 0 || sys != ECONNREFUSED)
        return failed(address, EADDRINUSE, err);
    return unlinkat(dirfd, entry, 0) < 0 && errno != ENOENT ? failed(address, errno, err) : 0;
}

/* The mode of the socket is that of the file bind makes. */
static int bind_unix(const struct sl_address *address, const struct sockaddr_un *name, struct sl_error *err)
{
    int fd = new_socket(AF_UNIX);
    if (fd >= 0 && fchmod(fd, 0600) == 0 && bind(fd, (const struct sockaddr *)name, sizeof *name) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    int r = failed(address, errno, err);
    if (fd >= 0)
        close(fd);
    return r;
}

static int listen_unix(const struct sl_address *address, struct sl_error *err)
{
    struct sockaddr_un name;
    const char *entry;
    int dirfd = open_parent(address, &name, &entry, err);
    if (dirfd < 0)
        return dirfd;
    int r = remove_stale(address, dirfd, entry, &name, err);
    r = r < 0 ? r : bind_unix(address, &name, err);
    sl_io_close(address->services->io, dirfd);
    return r;
}

void sl_address_unlisten(const struct sl_address *address)
{
    struct sockaddr_un name;
    struct sl_error ignored;
    const char *entry;
    int dirfd = address->is_unix ? open_parent(address, &name, &entry, &ignored) : -1;
    if (dirfd < 0)
        return;
    (void)unlinkat(dirfd, entry, 0); /* what is left is replaced by the next run */
    sl_io_close(address->services->io, dirfd);
}

/* ---- hosts ---- */

static int resolve(const struct sl_address *address, bool listens, struct addrinfo **ret,
                   struct sl_error *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV | (listens ? AI_PASSIVE : 0)};
    int code = getaddrinfo(address->host, address->port, &hints, ret);
    if (code == EAI_SYSTEM)
        return failed(address, errno, err);
    return code ? sl_error_set(err, SL_EFAIL, "%s:%s: %s", address->host, address->port, gai_strerror(code))
                : 0;
}

static int listen_at(const struct addrinfo *info)
{
    int one = 1, fd = new_socket(info->ai_family);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int sys = errno;
    close(fd);
    errno = sys;
    return -1;
}

int sl_address_listen(const struct sl_address *address, struct sl_error *err)
{
    struct addrinfo *list;
    if (address->is_unix)
        return listen_unix(address, err);
    int r = resolve(address, true, &list, err);
    if (r < 0)
        return r;
    int fd = -1;
    for (const struct addrinfo *info = list; info && fd < 0; info = info->ai_next)
        fd = listen_at(info);
    int sys = errno;
    freeaddrinfo(list);
    return fd < 0 ? failed(address, sys, err) : fd;
}

void sl_address_shown(const struct sl_address *address, int fd, char text[static 512])
{
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    char port[16];
    if (address->is_unix || getsockname(fd, (struct sockaddr *)&name, &len) < 0 ||
        getnameinfo((struct sockaddr *)&name, len, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0) {
        snprintf(text, 512, "%s:%.250s", address->host, address->port);
        return;
    }
    snprintf(text, 512, "%s:%s", address->host, port);
}

/* Until the connection is made or refused. */
static int finish_connect(struct sl_received *received, int fd, int64_t timeout_ms)
{
    struct pollfd ready = {fd, POLLOUT, 0};
    int sys = 0, n = sl_received_wait(received, &ready, 1, timeout_ms);
    socklen_t len = sizeof sys;
    if (n < 0)
        return n;
    if (n == 0)
        sys = ETIMEDOUT;
    else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &len) < 0)
        sys = errno;
    errno = sys;
    return sys ? SL_EFAIL : 0;
}

/* Where no server listens at a port of the range for clients, the kernel may give that port to this socket, which is then
 * connected to itself: for ever, and the server cannot listen any more. */
static bool is_connected_to_itself(int fd)
{
    struct sockaddr_storage own = {0}, peer = {0};
    socklen_t own_len = sizeof own, peer_len = sizeof peer;
    return getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 && own_len == peer_len &&
           memcmp(&own, &peer, own_len) == 0;
}

/* The fd, SL_ESTOP, or SL_EFAIL with errno. */
static int connect_to(struct sl_received *received, int family, const struct sockaddr *name, socklen_t len,
                      int64_t timeout_ms)
{
    int one = 1, fd = new_socket(family);
    if (fd < 0)
        return SL_EFAIL;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one,
                     sizeof one); /* a server that has ended is noticed later */
    int r = connect(fd, name, len) == 0 ? 0
            : errno == EINPROGRESS      ? finish_connect(received, fd, timeout_ms)
                                        : SL_EFAIL;
    if (r == 0 && !is_connected_to_itself(fd))
        return fd;
    int sys = r == 0 ? ECONNREFUSED : errno;
    close(fd);
    errno = sys;
    return r == 0 ? SL_EFAIL : r;
}

int sl_address_connect(const struct sl_address *address, struct sl_received *received, int64_t timeout_ms,
                       struct sl_error *err)
{
    struct addrinfo *list;
    struct sockaddr_un name;
    int fd = SL_EFAIL;
    if (address->is_unix) {
        int r = unix_address(address, &name, err);
        fd = r < 0 ? r
                   : connect_to(received, AF_UNIX, (const struct sockaddr *)&name, sizeof name, timeout_ms);
        return r < 0 || fd >= 0 || fd == SL_ESTOP ? fd : failed(address, errno, err);
    }
    int r = resolve(address, false, &list, err);
    if (r < 0)
        return r;
    for (const struct addrinfo *info = list; info && fd == SL_EFAIL; info = info->ai_next)
        fd = connect_to(received, info->ai_family, info->ai_addr, info->ai_addrlen, timeout_ms);
    int sys = errno;
    freeaddrinfo(list);
    return fd >= 0 || fd == SL_ESTOP ? fd : failed(address, sys, err);
}
