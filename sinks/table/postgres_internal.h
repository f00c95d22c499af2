/* A connection to PostgreSQL, shared by postgres*.c. */
#pragma once

#include "sinks/table/database.h"
#include "sinks/table/libpq.h"

struct postgres {
    struct sl_table_database base; /* first */
    struct sl_pq pq;
    struct sl_buf schema, name; /* of the table, in quotes; name has both where the job names the schema */
    size_t table_at;            /* in name: where that of the table begins */
    const char *relation;       /* its name as the server writes it; of the settings */
    bool transactions;          /* several statements in one */
    bool savepoints;            /* and parts of it can be taken back */
    bool has_batches;           /* sluice_batches is there */
    char batch_ms[24];
    struct sl_buf sql, data; /* of a statement */
};

/* Of sl_table_database_ops. */
int sl_postgres_describe(struct sl_table_database *database, struct sl_arena *arena,
                         struct sl_table_shape *ret, struct sl_error *err);
struct sl_table_column sl_postgres_type_of(enum sl_table_kind kind);
int sl_postgres_write(struct sl_table_database *database, const struct sl_table_rows *rows, uint32_t from,
                      uint32_t to, uint32_t *ret_bad, char *message, struct sl_error *err);

/* A failure of a statement that is not about rows: an SL_EREJECT becomes SL_EFAIL. */
int sl_postgres_failed(struct postgres *db, int r, struct sl_error *err);
