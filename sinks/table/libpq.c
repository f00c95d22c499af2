#ifdef SLUICE_HAS_POSTGRES

#include "sinks/table/libpq.h"

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/library.h"
#include "sinks/table/libpq_state.h"
#include "sinks/table/url.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the library ---- */

#define FUNCTIONS(F)                                                                                         \
    F(PQconninfoParse)                                                                                       \
    F(PQconninfoFree)                                                                                        \
    F(PQfreemem)                                                                                             \
    F(PQconnectStartParams)                                                                                  \
    F(PQconnectPoll)                                                                                         \
    F(PQstatus)                                                                                              \
    F(PQsocket)                                                                                              \
    F(PQfinish)                                                                                              \
    F(PQerrorMessage)                                                                                        \
    F(PQsetnonblocking)                                                                                      \
    F(PQsendQueryParams)                                                                                     \
    F(PQsendQuery)                                                                                           \
    F(PQflush)                                                                                               \
    F(PQconsumeInput)                                                                                        \
    F(PQisBusy)                                                                                              \
    F(PQgetResult)                                                                                           \
    F(PQresultStatus)                                                                                        \
    F(PQresultErrorField)                                                                                    \
    F(PQclear)                                                                                               \
    F(PQntuples)                                                                                             \
    F(PQgetvalue)                                                                                            \
    F(PQgetisnull)                                                                                           \
    F(PQcmdTuples)                                                                                           \
    F(PQputCopyData)                                                                                         \
    F(PQputCopyEnd)                                                                                          \
    F(PQserverVersion)                                                                                       \
    F(PQsetErrorVerbosity)                                                                                   \
    F(PQconnectionNeedsPassword)                                                                             \
    F(PQsetNoticeProcessor)

#define MEMBER(name) __typeof__(name) *name;
static struct functions {
    FUNCTIONS(MEMBER)
} lib; /* written once, before any connection is made */
#undef MEMBER

static pthread_once_t loaded_once = PTHREAD_ONCE_INIT;
static char load_error[256];

static void load(void)
{
#define FUNCTION(name) {#name, offsetof(struct functions, name)},
    static const struct sl_library_function functions[] = {FUNCTIONS(FUNCTION)};
#undef FUNCTION
    (void)sl_library_load("libpq.so.5", functions, sizeof functions / sizeof *functions, &lib, load_error,
                          sizeof load_error);
}

static PGconn *conn(const struct sl_pq *pq)
{
    return (PGconn *)pq->connection;
}

/* ---- waiting ---- */

/* libpq's messages end lines and may go over several, indented by a tab. */
static void one_line(const char *text, char *to, size_t size)
{
    size_t len = 0;
    bool ends_line = false;
    for (; *text && len + 1 < size; text++) {
        if (!ends_line || *text != '\t')
            to[len++] = *text == '\n' || *text == '\t' ? ' ' : *text;
        ends_line = *text == '\n';
    }
    while (len && to[len - 1] == ' ')
        len--;
    to[len] = 0;
}

static int unreachable(struct sl_pq *pq, const char *why, struct sl_error *err)
{
    char text[512];
    one_line(why, text, sizeof text);
    pq->broken = true;
    return sl_error_set(err, SL_EUNREACHABLE, "%s: %s", pq->url, text);
}

static int lost(struct sl_pq *pq, struct sl_error *err)
{
    return unreachable(pq, lib.PQerrorMessage(conn(pq)), err);
}

/* Until the socket is ready for one of the events. */
static int wait_for(struct sl_pq *pq, short events, struct sl_error *err)
{
    enum { LOOK_MS = 100 };
    int64_t end_ns = sl_monotonic_ns() + pq->timeout_ms * 1000000;
    for (;;) {
        struct pollfd socket = {lib.PQsocket(conn(pq)), events, 0};
        if (socket.fd < 0)
            return unreachable(pq, "the connection is closed", err);
        int ready = poll(&socket, 1, LOOK_MS);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return sl_error_sys(err, errno, "waiting for %s", pq->url);
        if (pq->stop && atomic_load_explicit(pq->stop, memory_order_relaxed)) {
            pq->broken = true;
            return sl_error_set(err, SL_ESTOP, "stopped while it waited for %s", pq->url);
        }
        if (sl_monotonic_ns() > end_ns)
            return unreachable(pq, "the server has not answered in time", err);
    }
}

static int flush(struct sl_pq *pq, struct sl_error *err)
{
    int left, r = 0;
    while (r == 0 && (left = lib.PQflush(conn(pq))) > 0) {
        r = wait_for(pq, POLLIN | POLLOUT, err);
        if (r == 0 && !lib.PQconsumeInput(conn(pq)))
            r = lost(pq, err);
    }
    return r == 0 && left < 0 ? lost(pq, err) : r;
}

/* ---- connecting ---- */

static void ignore_notice(void *arg, const char *message)
{
}

/* The server's refusal has its SQLSTATE in the text, since nothing else tells it; where in its sources it was found,
 * which comes with that, is left out. */
static int not_connected(struct sl_pq *pq, struct sl_error *err)
{
    char *text = strdup(lib.PQerrorMessage(conn(pq)));
    if (!text)
        return sl_error_nomem(err);
    char *location = strstr(text, "\nLOCATION:");
    if (location)
        *location = 0;
    const char *remedy = sl_pq_refusal(text, lib.PQconnectionNeedsPassword(conn(pq)), pq->state);
    int r = unreachable(pq, text, err);
    free(text);
    if (remedy && err) {
        sl_error_hint(err, "%s", remedy);
        err->sys = EACCES;
    }
    return r;
}

static int not_begun(struct sl_pq *pq, struct sl_error *err)
{
    char text[512];
    const char *message = lib.PQerrorMessage(conn(pq));
    if (!sl_pq_lacks_service(message))
        return lost(pq, err);
    one_line(message, text, sizeof text);
    return sl_error_set(err, SL_EUSAGE,
                        "%s: %s; define the service in the file that the variable PGSERVICEFILE names "
                        "(~/.pg_service.conf by default)",
                        pq->url, text);
}

static int finish_connecting(struct sl_pq *pq, struct sl_error *err)
{
    for (PostgresPollingStatusType state = PGRES_POLLING_WRITING;;) {
        int r = wait_for(pq, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, err);
        if (r < 0)
            return r;
        state = lib.PQconnectPoll(conn(pq));
        if (state == PGRES_POLLING_OK)
            return 0;
        if (state == PGRES_POLLING_FAILED)
            return not_connected(pq, err);
    }
}

/* What libpq cannot read as a URL no server will change. */
static int check_url(const char *url, struct sl_error *err)
{
    char *message = NULL, text[512] = "it cannot be read";
    PQconninfoOption *options = lib.PQconninfoParse(url, &message);
    if (message)
        one_line(message, text, sizeof text);
    lib.PQfreemem(message);
    if (options) {
        lib.PQconninfoFree(options);
        return 0;
    }
    return message ? sl_error_set(err, SL_EUSAGE, "%s: %s", url, text) : sl_error_nomem(err);
}

int sl_pq_open(struct sl_pq *pq, const char *url, int64_t timeout_ms, const _Atomic int *stop,
               struct sl_error *err)
{
    const char *service = sl_table_url_service(url);
    const char *const names[] = {service ? "service" : "dbname", "fallback_application_name",
                                 "client_encoding", "tcp_user_timeout", NULL};
    char user_timeout[24];
    const char *const values[] = {url, "sluice", "UTF8", user_timeout, NULL};
    pthread_once(&loaded_once, load);
    *pq = (struct sl_pq){.url = url, .timeout_ms = timeout_ms, .stop = stop};
    if (load_error[0])
        return sl_error_set(err, SL_EUSAGE,
                            "PostgreSQL's client library cannot be loaded (%s); install libpq5", load_error);
    if (!service && check_url(url, err) < 0)
        return err ? err->code : SL_EUSAGE;
    snprintf(user_timeout, sizeof user_timeout, "%lld", (long long)timeout_ms);
    pq->connection = (struct pg_conn *)lib.PQconnectStartParams(names, values, 1);
    if (!pq->connection)
        return sl_error_nomem(err);
    (void)lib.PQsetErrorVerbosity(conn(pq), PQERRORS_VERBOSE); /* for not_connected */
    int r = lib.PQstatus(conn(pq)) == CONNECTION_BAD ? not_begun(pq, err) : finish_connecting(pq, err);
    (void)lib.PQsetErrorVerbosity(conn(pq), PQERRORS_DEFAULT);
    if (r == 0 && lib.PQsetnonblocking(conn(pq), 1) != 0)
        r = lost(pq, err);
    if (r < 0) {
        sl_pq_close(pq);
        return r;
    }
    (void)lib.PQsetNoticeProcessor(conn(pq), ignore_notice, NULL); /* there was one that prints */
    return 0;
}

void sl_pq_close(struct sl_pq *pq)
{
    if (pq->connection)
        lib.PQfinish(conn(pq));
    pq->connection = NULL;
}

int sl_pq_server_version(const struct sl_pq *pq)
{
    return lib.PQserverVersion(conn(pq));
}

/* ---- results ---- */

static const char *field(const PGresult *result, int code)
{
    const char *text = lib.PQresultErrorField(result, code);
    return text ? text : "";
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "COPY orders, line 3, column id: ...", which may follow "JSON data, line 1: ..."; "": it is another statement. A table may have
 * any name, "a, 3" too: *ret_comma is what follows the name. */
static const char *copy_context(const struct sl_pq *pq, const char *context, const char **ret_comma)
{
    static const char copy[] = "COPY ";
    const char *relation = pq->relation ? pq->relation : "";
    *ret_comma = "";
    while (!begins_with(context, copy) || !begins_with(context + strlen(copy), relation) ||
           context[strlen(copy) + strlen(relation)] != ',') {
        const char *end = strchr(context, '\n');
        if (!end)
            return "";
        context = end + 1;
    }
    *ret_comma = context + strlen(copy) + strlen(relation);
    return context;
}

/* The number after the comma: in whatever language. */
static uint64_t copy_line(const char *comma)
{
    const char *digit = comma + strcspn(comma, "0123456789");
    return strtoull(*digit ? digit : "0", NULL, 10);
}

/* Appends it without the line, which is one of a piece and tells a user nothing. */
static void add_copy_context(char *text, size_t size, const char *copy, const char *comma)
{
    const char *digit = comma + strcspn(comma, "0123456789");
    size_t len = strlen(text);
    if (*digit)
        snprintf(text + len, size - len, "; %.*s%s", (int)(comma - copy), copy,
                 digit + strspn(digit, "0123456789"));
    else if (copy[0])
        snprintf(text + len, size - len, "; %s", copy);
}

static void explain(struct sl_pq *pq, const PGresult *result)
{
    const char *detail = field(result, PG_DIAG_MESSAGE_DETAIL), *column = field(result, PG_DIAG_COLUMN_NAME);
    const char *constraint = field(result, PG_DIAG_CONSTRAINT_NAME), *comma,
               *copy = copy_context(pq, field(result, PG_DIAG_CONTEXT), &comma);
    char text[SL_MESSAGE_MAX];
    snprintf(text, sizeof text, "%s%s%s%s%s%s%s", field(result, PG_DIAG_MESSAGE_PRIMARY),
             detail[0] ? ": " : "", detail, column[0] ? "; column " : "", column,
             constraint[0] ? "; constraint " : "", constraint);
    add_copy_context(text, sizeof text, copy, comma);
    one_line(text, pq->message, sizeof pq->message);
    pq->line = copy_line(comma);
}

static int failed(struct sl_pq *pq, const PGresult *result, struct sl_error *err)
{
    snprintf(pq->state, sizeof pq->state, "%s", field(result, PG_DIAG_SQLSTATE));
    int code = sl_pq_state_kind(pq->state);
    explain(pq, result);
    if (code == SL_EREJECT)
        return code;
    if (!pq->state[0])
        return lost(pq, err);
    pq->broken = true;
    return sl_error_set(err, code, "%s: %s", pq->url, pq->message);
}

static int next_result(struct sl_pq *pq, PGresult **ret, struct sl_error *err)
{
    int r = flush(pq, err);
    while (r == 0 && lib.PQisBusy(conn(pq))) {
        r = wait_for(pq, POLLIN, err);
        if (r == 0 && !lib.PQconsumeInput(conn(pq)))
            r = lost(pq, err);
    }
    if (r == 0)
        *ret = lib.PQgetResult(conn(pq));
    return r;
}

/* All results of what was sent: the last of them in *ret (may be NULL), the first failure. */
static int take_results(struct sl_pq *pq, struct sl_pq_rows *ret, struct sl_error *err)
{
    int result = 0;
    PGresult *got = NULL, *kept = NULL;
    for (;;) {
        int r = next_result(pq, &got, err);
        if (r < 0 || !got) {
            result = r < 0 ? r : result;
            break;
        }
        ExecStatusType status = lib.PQresultStatus(got);
        if (status == PGRES_FATAL_ERROR && result == 0)
            result = failed(pq, got, err);
        lib.PQclear(kept);
        kept = got;
        if (status == PGRES_COPY_IN || (pq->broken && result < 0 && result != SL_EREJECT))
            break;
    }
    if (result == 0 && ret)
        *ret = (struct sl_pq_rows){(struct pg_result *)kept, kept ? lib.PQntuples(kept) : 0};
    else
        lib.PQclear(kept);
    return result;
}

const char *sl_pq_value(const struct sl_pq_rows *rows, int row, int column)
{
    const PGresult *result = (const PGresult *)rows->result;
    return lib.PQgetisnull(result, row, column) ? NULL : lib.PQgetvalue(result, row, column);
}

uint64_t sl_pq_changed(const struct sl_pq_rows *rows)
{
    return strtoull(lib.PQcmdTuples((PGresult *)rows->result), NULL, 10);
}

void sl_pq_rows_free(struct sl_pq_rows *rows)
{
    if (rows->result)
        lib.PQclear((PGresult *)rows->result);
    *rows = (struct sl_pq_rows){0};
}

/* ---- statements ---- */

int sl_pq_query(struct sl_pq *pq, const char *sql, const char *const *values, int count,
                struct sl_pq_rows *ret, struct sl_error *err)
{
    if (!lib.PQsendQueryParams(conn(pq), sql, count, NULL, values, NULL, NULL, 0))
        return lost(pq, err);
    return take_results(pq, ret, err);
}

int sl_pq_run(struct sl_pq *pq, const char *sql, struct sl_error *err)
{
    return lib.PQsendQuery(conn(pq), sql) ? take_results(pq, NULL, err) : lost(pq, err);
}

static int put_data(struct sl_pq *pq, const char *bytes, size_t len, struct sl_error *err)
{
    enum { STEP_BYTES = 64 << 10 };
    while (len) {
        size_t step = len < STEP_BYTES ? len : STEP_BYTES;
        int put = lib.PQputCopyData(conn(pq), bytes, (int)step);
        int r = put < 0 ? lost(pq, err) : flush(pq, err);
        if (r < 0)
            return r;
        bytes += put ? step : 0;
        len -= put ? step : 0;
    }
    return 0;
}

static int send_copy(struct sl_pq *pq, const char *sql, const void *bytes, size_t len, struct sl_error *err)
{
    int r = sl_pq_run(pq, sql, err);
    r = r < 0 ? r : put_data(pq, bytes, len, err);
    if (r < 0)
        return r;
    int put;
    while ((put = lib.PQputCopyEnd(conn(pq), NULL)) == 0 && r == 0)
        r = flush(pq, err);
    if (put < 0)
        r = lost(pq, err);
    return r < 0 ? r : take_results(pq, NULL, err);
}

int sl_pq_copy(struct sl_pq *pq, const char *relation, const char *sql, const void *bytes, size_t len,
               struct sl_error *err)
{
    pq->relation = relation;
    int r = send_copy(pq, sql, bytes, len, err);
    pq->relation = NULL;
    return r;
}

#endif
