/* What a database must be able to do for saveToTable: one file or a few for each, in this folder.
 *
 * A connection is used by one thread at a time. open; describe; then per batch: begin (which says whether the
 * batch is there already), create where the table is missing, clear for replace, write any number of times,
 * end, commit. rollback takes a batch back, in whatever state it is; a connection that failed is then broken
 * and is closed.
 *
 * Failures: SL_EUNREACHABLE where the server is not reached or wants the transaction tried again, SL_EFULL
 * where its disk is full, SL_EUSAGE where the job asks for what cannot be, SL_EFAIL otherwise. */
#pragma once

#include "core/contract/services.h"
#include "core/contract/task.h"
#include "sinks/table/fit.h"
#include "sinks/table/settings.h"

struct sl_table_column {
    const char *name;
    const char *type; /* as the database calls it, for messages and casts */
    enum sl_table_kind kind;
    bool is_generated; /* computed by the database: it cannot be written */
    bool is_identity;  /* numbered by the database, also where a statement has a value, unless it insists */
};

/* A table as it is. Memory from the arena that was given. */
struct sl_table_shape {
    bool exists;
    const char *refused; /* what it is instead of a table that takes rows, "a view"; NULL: it takes rows */
    uint32_t count;
    struct sl_table_column *column; /* [count], in the table's order */
    bool key_is_unique;             /* settings->key is all of a unique key that an upsert can use */
};

/* The rows of a piece, fitted; field c of row i is for column c. */
struct sl_table_rows {
    uint32_t count; /* of columns */
    const struct sl_table_column *column;
    const struct sl_field *const *row;
};

struct sl_table_database;

struct sl_table_database_ops {
    /* stop: not 0: give up with SL_ESTOP. May be NULL. Borrows settings, services and stop. */
    int (*open)(const struct sl_table_settings *settings, const struct sl_services *services,
                const _Atomic int *stop, struct sl_table_database **ret, struct sl_error *err);
    void (*close)(struct sl_table_database *database);
    /* Appends a name of the table that is the same however the job writes server, database and table; nothing where
     * the server does not tell. */
    int (*identify)(struct sl_table_database *database, struct sl_buf *ret, struct sl_error *err);
    int (*describe)(struct sl_table_database *database, struct sl_arena *arena, struct sl_table_shape *ret,
                    struct sl_error *err);
    /* The kind and the type that `create` makes of a column; kind DYNAMIC asks for that of text. */
    struct sl_table_column (*type_of)(enum sl_table_kind kind);

    /* *ret_there: the batch was committed before, with *ret_records; nothing has begun then. */
    int (*begin)(struct sl_table_database *database, int64_t batch_ms, bool *ret_there, uint64_t *ret_records,
                 struct sl_error *err);
    int (*create)(struct sl_table_database *database, const struct sl_table_column *column, uint32_t count,
                  struct sl_error *err);
    int (*clear)(struct sl_table_database *database, struct sl_error *err);
    /* Rows [from, to), all or none. SL_EREJECT: none, because of the row *ret_bad (`to` where it is not known), and
     * message[SL_MESSAGE_MAX] says why. */
    int (*write)(struct sl_table_database *database, const struct sl_table_rows *rows, uint32_t from,
                 uint32_t to, uint32_t *ret_bad, char *message, struct sl_error *err);
    int (*end)(struct sl_table_database *database, uint64_t records, struct sl_error *err);
    int (*commit)(struct sl_table_database *database, struct sl_error *err);
    void (*rollback)(struct sl_table_database *database);
};

struct sl_table_database {
    const struct sl_table_database_ops *ops;
    const struct sl_table_settings *settings;
    const struct sl_services *services;
    bool broken;   /* to be closed */
    bool in_batch; /* between begin and commit or rollback */
};

extern const struct sl_table_database_ops sl_table_sqlite;
/* NULL where it was left out when sluice was built. */
extern const struct sl_table_database_ops *const sl_table_postgres;

/* The one that the URL names. SL_EUSAGE: this sluice was built without it. */
int sl_table_database_find(const char *url, const struct sl_table_database_ops **ret, struct sl_error *err);
