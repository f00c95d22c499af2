#include "http/server.h"

#include "http/address.h"

int sl_http_check(const char *address, struct sl_error *err)
{
    struct sl_http_place place;
    return sl_http_place_parse(address, &place, err);
}

int sl_http_open_local(const char *address, sl_http_handler *handler, void *arg, struct sl_http **ret,
                       struct sl_error *err)
{
    struct sl_http_place place;
    int r = sl_http_place_parse(address, &place, err);
    if (r == 0 && !place.is_loopback)
        return sl_error_set(
            err, SL_EUSAGE,
            "%s is not an address of the loopback interface; listen at 127.0.0.1 and forward the "
            "port, as with ssh -L",
            address);
    return r < 0 ? r : sl_http_open(address, handler, arg, ret, err);
}

#ifdef SLUICE_HAS_MICROHTTPD

#include "http/library.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 32,
    OPEN_MAX = 2 * CONNECTIONS_MAX, /* with those that were shut down and not closed yet */
    TIMEOUT_S = 10,                 /* of a connection on which nothing moves */
    MEMORY_BYTES_MAX = 32 << 10,    /* of a connection: its request */
    BACKLOG = 128,
};

/* Of a connection; used by the thread of the server alone. */
struct client {
    int fd; /* -1: the place is free */
    bool is_shut;
    uint64_t used; /* when it last asked: greater than that of all that asked or came before */
};

struct sl_http {
    const struct sl_mhd *lib;
    struct MHD_Daemon *daemon;
    struct client client[OPEN_MAX];
    uint64_t uses;
    sl_http_handler *handler;
    void *arg;
    bool is_loopback;
    char address[80];
};

/* ---- connections ----
 *
 * A user of this machine could hold all of them, idle or sending a request byte by byte. So the one that has asked for
 * nothing for the longest time makes room for a new one. */

static void shut_oldest(struct sl_http *http)
{
    struct client *oldest = NULL;
    size_t count = 0;
    for (struct client *client = http->client; client < http->client + OPEN_MAX; client++) {
        if (client->fd < 0 || client->is_shut)
            continue;
        count++;
        if (!oldest || client->used < oldest->used)
            oldest = client;
    }
    if (count <= CONNECTIONS_MAX)
        return;
    oldest->is_shut = true;
    (void)shutdown(oldest->fd, SHUT_RDWR); /* the library reads its end and closes it */
}

static void note_client(struct sl_http *http, int fd, struct client **ret)
{
    for (struct client *client = http->client; client < http->client + OPEN_MAX && !*ret; client++)
        if (client->fd < 0) {
            *client = (struct client){.fd = fd, .used = ++http->uses};
            *ret = client;
        }
}

static void notice_connection(void *arg, struct MHD_Connection *connection, void **state,
                              enum MHD_ConnectionNotificationCode code)
{
    struct sl_http *http = arg;
    struct client **client = (struct client **)state;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        note_client(
            http,
            http->lib->MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
            client);
        shut_oldest(http);
    } else if (*client) {
        (*client)->fd = -1;
    }
}

static void note_request(struct sl_http *http, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        http->lib->MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct client *client = info->socket_context;
    if (client)
        client->used = ++http->uses;
}

/* ---- requests ---- */

static const char *header(const struct sl_http *http, struct MHD_Connection *connection, const char *name)
{
    const char *value = http->lib->MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

static bool is_foreign_origin(const char *origin)
{
    static const char scheme[] = "http://";
    return origin[0] &&
           (strncmp(origin, scheme, strlen(scheme)) != 0 || !sl_http_is_local_name(origin + strlen(scheme)));
}

/* 0: it may be answered. */
static unsigned refusal(const struct sl_http *http, struct MHD_Connection *connection, const char *method)
{
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    if (http->is_loopback && !sl_http_is_local_name(header(http, connection, "Host")))
        return MHD_HTTP_FORBIDDEN;
    bool is_foreign = is_foreign_origin(header(http, connection, "Origin")) ||
                      strcmp(header(http, connection, "Sec-Fetch-Site"), "cross-site") == 0;
    return is_foreign ? MHD_HTTP_FORBIDDEN : 0;
}

struct request {
    struct sl_http_request request; /* first */
    const struct sl_http *http;
};

static const char *parameter(const struct sl_http_request *request, const char *name)
{
    const struct request *own = (const struct request *)request;
    return own->http->lib->MHD_lookup_connection_value(own->request.connection, MHD_GET_ARGUMENT_KIND, name);
}

static void make_answer(struct sl_http *http, struct MHD_Connection *connection, const char *path,
                        struct sl_http_answer *answer)
{
    struct sl_error err = {0};
    struct request request = {{path, header(http, connection, "Accept"), parameter, connection}, http};
    int r = http->handler(http->arg, &request.request, answer, &err);
    if (r == 0)
        return;
    answer->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    answer->type = "text/plain; charset=utf-8";
    sl_buf_clear(&answer->body);
    (void)sl_buf_printf(&answer->body, "%s\n", err.text[0] ? err.text : "out of memory"); /* or nothing */
}

static enum MHD_Result send_answer(const struct sl_http *http, struct MHD_Connection *connection,
                                   const struct sl_http_answer *answer)
{
    static const char closed[] = "default-src 'none'; frame-ancestors 'none'";
    const struct sl_mhd *lib = http->lib;
    struct MHD_Response *response = lib->MHD_create_response_from_buffer(
        answer->body.len, answer->body.bytes ? answer->body.bytes : (void *)"", MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    lib->MHD_add_response_header(response, "Content-Type",
                                 answer->type ? answer->type : "text/plain; charset=utf-8");
    lib->MHD_add_response_header(response, "Content-Security-Policy",
                                 answer->policy ? answer->policy : closed);
    lib->MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    lib->MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    lib->MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    lib->MHD_add_response_header(response, "Cache-Control", "no-store");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        lib->MHD_add_response_header(response, "Allow", "GET, HEAD");
    enum MHD_Result r =
        lib->MHD_queue_response(connection, answer->status ? answer->status : MHD_HTTP_OK, response);
    lib->MHD_destroy_response(response);
    return r;
}

static enum MHD_Result answer_request(void *arg, struct MHD_Connection *connection, const char *path,
                                      const char *method, const char *version, const char *upload,
                                      size_t *upload_size, void **state)
{
    static char begun;
    struct sl_http *http = arg;
    struct sl_http_answer answer = {0};
    (void)version;
    (void)upload;
    if (!*state) { /* the headers are there; bodies are not looked at */
        *state = &begun;
        note_request(http, connection);
        return MHD_YES;
    }
    if (*upload_size) {
        *upload_size = 0;
        return MHD_YES;
    }
    answer.status = refusal(http, connection, method);
    if (!answer.status)
        make_answer(http, connection, path, &answer);
    else
        (void)sl_buf_text(&answer.body, answer.status == MHD_HTTP_FORBIDDEN
                                            ? "refused: asked by another site\n"
                                            : "only GET and HEAD\n");
    enum MHD_Result r = send_answer(http, connection, &answer);
    sl_buf_done(&answer.body);
    return r;
}

/* ---- opening ---- */

static int listen_at(const char *address, const struct sl_http_place *place, struct sl_error *err)
{
    int one = 1;
    int fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return sl_error_sys(err, errno, "making a socket for %s", address);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); /* else it waits for old connections */
    if (bind(fd, (const struct sockaddr *)&place->address, place->len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int sys = errno;
    int r = sl_error_sys(err, sys, "listening at %s", address);
    if (sys == EADDRINUSE)
        r = sl_error_hint(
            err, "another process listens there (ss -ltnp names it): stop it, or choose another port");
    else if (sys == EACCES)
        r = sl_error_hint(err,
                          "ports below 1024 need rights that this user does not have: choose a higher one");
    close(fd);
    return r;
}

/* What it has to say is about clients. */
static void drop_log(void *arg, const char *format, va_list args)
{
    (void)arg;
    (void)format;
    (void)args;
}

/* Signals are for the thread that opens it. */
static void start(struct sl_http *http, int fd)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    http->daemon = http->lib->MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        answer_request, http, MHD_OPTION_EXTERNAL_LOGGER, drop_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)OPEN_MAX, MHD_OPTION_NOTIFY_CONNECTION, notice_connection,
        http, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)MEMORY_BYTES_MAX, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int sl_http_open(const char *address, sl_http_handler *handler, void *arg, struct sl_http **ret,
                 struct sl_error *err)
{
    struct sl_http_place place;
    int r = sl_http_place_parse(address, &place, err);
    const struct sl_mhd *lib = r == 0 ? sl_mhd_load(err) : NULL;
    if (!lib)
        return SL_EUSAGE;
    int fd = listen_at(address, &place, err);
    if (fd < 0)
        return fd;
    struct sl_http *http = calloc(1, sizeof *http);
    if (!http) {
        close(fd);
        return sl_error_nomem(err);
    }
    *http = (struct sl_http){.lib = lib, .handler = handler, .arg = arg, .is_loopback = place.is_loopback};
    for (size_t i = 0; i < OPEN_MAX; i++)
        http->client[i].fd = -1;
    sl_http_place_name(fd, http->address, sizeof http->address);
    start(http, fd);
    if (!http->daemon) {
        close(fd);
        free(http);
        return sl_error_set(err, SL_EFAIL, "starting an HTTP server at %s failed", address);
    }
    *ret = http;
    return 0;
}

const char *sl_http_address(const struct sl_http *http)
{
    return http->address;
}

void sl_http_close(struct sl_http *http)
{
    if (!http)
        return;
    http->lib->MHD_stop_daemon(http->daemon);
    free(http);
}

#else

int sl_http_open(const char *address, sl_http_handler *handler, void *arg, struct sl_http **ret,
                 struct sl_error *err)
{
    (void)address;
    (void)handler;
    (void)arg;
    (void)ret;
    return sl_error_set(err, SL_EUSAGE, "HTTP is not in this build; build it with libmicrohttpd's header");
}

const char *sl_http_address(const struct sl_http *http)
{
    (void)http;
    return "";
}

void sl_http_close(struct sl_http *http)
{
    (void)http;
}

#endif
