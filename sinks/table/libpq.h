/* libpq, loaded when a job uses PostgreSQL, with calls that neither block for ever nor survive a stop.
 *
 * A struct sl_pq is one connection, used by one thread. Every call waits for the server at most timeout_ms at
 * a time without a byte, and gives up when *stop is set. Failures are classed by what is to be done about them:
 *
 *   SL_EREJECT       the data are wrong (libpq_state.c has the classes): pq->message says how, pq->line the line of a COPY
 *   SL_EUNREACHABLE  no connection, silence, the server goes down, a deadlock: try again
 *   SL_EFULL         the server's disk is full
 *   SL_EFAIL         anything else
 *
 * pq->state is the SQLSTATE of what failed last, "" where the server did not give one. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/task.h"

struct pg_conn;
struct pg_result;
struct sl_table_settings;

struct sl_pq {
    struct pg_conn *connection;
    const char *url; /* for messages; it has no credentials */
    int64_t timeout_ms;
    const _Atomic int *stop;
    bool broken;
    const char *relation; /* of the COPY that runs; NULL: none */
    uint64_t line;        /* of a COPY that was refused, from 1; 0: not known */
    char state[6];
    char message[SL_MESSAGE_MAX];
};

/* Loads the library when it is called first: SL_EUSAGE where it is not installed, and where the url cannot be read or its
 * service is not defined. SL_EUNREACHABLE with errno EACCES in *err: the server refuses user or database, and does so
 * again; the text has a remedy. */
int sl_pq_open(struct sl_pq *pq, const char *url, int64_t timeout_ms, const _Atomic int *stop,
               struct sl_error *err);
void sl_pq_close(struct sl_pq *pq);
int sl_pq_server_version(const struct sl_pq *pq); /* 150020 */

/* Rows of a query; values are text, NULL where they are SQL's NULL. */
struct sl_pq_rows {
    struct pg_result *result;
    int count;
};
/* One statement with text parameters; *ret may be NULL. The caller frees the rows. */
int sl_pq_query(struct sl_pq *pq, const char *sql, const char *const *values, int count,
                struct sl_pq_rows *ret, struct sl_error *err);
const char *sl_pq_value(const struct sl_pq_rows *rows, int row, int column);
/* How many rows a statement changed. */
uint64_t sl_pq_changed(const struct sl_pq_rows *rows);
void sl_pq_rows_free(struct sl_pq_rows *rows);
/* Several statements without parameters, as one. */
int sl_pq_run(struct sl_pq *pq, const char *sql, struct sl_error *err);
/* COPY ... FROM STDIN and its lines. relation: the table's name without its schema, by which the server's messages are read. */
int sl_pq_copy(struct sl_pq *pq, const char *relation, const char *sql, const void *bytes, size_t len,
               struct sl_error *err);
