/* The catalog's internals, shared by catalog*.c only. */
#pragma once

#include "state/catalog/catalog.h"
#include "state/catalog/statements.h"

struct XXH3_state_s;

/* The row of table progress. */
struct sl_catalog_progress {
    int64_t serial, batches, last_ms;
    int64_t planned; /* number of the planned batch, -1: none */
    int64_t taken, taken_digest;
};

/* A directory that its output no longer retains; written with the next transaction. */
struct sl_released_output {
    int64_t time_ms;
    char *path;
};

struct sl_catalog {
    struct sl_history history; /* history.c; first: a history is its catalog */
    struct sl_io *io;
    char *shown; /* <checkpoint>/catalog.db, for messages */
    int dirfd, lock_fd;
    int seal_fd; /* -1: nothing was committed yet */
    struct sl_database database;
    sqlite3_stmt *sql[SL_SQL_COUNT];
    struct XXH3_state_s *hash;           /* memory for checksums */
    struct sl_catalog_progress progress; /* as committed */
    int64_t spoilt;                      /* as committed */
    char identity[33];                   /* of the checkpoint: state/catalog/identity.h */
    char *segments;                      /* the list of progress; NULL: none */
    char *plan_job;                      /* as the table has it; NULL: no row */
    int64_t quarantined;                 /* rows of quarantine: 0 none, -1 not known */
    size_t sources;
    int64_t *source_id;                  /* [sources]: of the job's sources, in their order; set by load */
    struct sl_released_output *released; /* [released_count] */
    size_t released_count, released_capacity;
    int wal_pages, wal_pages_before; /* in the log after the last commits */
    int checkpoint_at;               /* pages at which the log is copied into the database next */
};

static inline int sl_catalog_step(const struct sl_catalog *catalog, enum sl_statement which,
                                  struct sl_error *err)
{
    return sl_database_step(&catalog->database, catalog->sql[which], err);
}

/* Another connection, of another thread, that only reads; while it is open nothing is written. */
int sl_catalog_open_second(const struct sl_catalog *catalog, struct sl_database *ret, struct sl_error *err);

/* Names the table and the row. Returns SL_EDAMAGED. */
int sl_catalog_damaged(const struct sl_catalog *catalog, struct sl_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One transaction at a time. End writes `progress` with the next serial number, commits and, on success,
 * makes it the catalog's; durable when it returns. Abort takes everything back. */
int sl_catalog_begin(struct sl_catalog *catalog, struct sl_error *err);
int sl_catalog_end(struct sl_catalog *catalog, const struct sl_catalog_progress *progress,
                   struct sl_error *err);
void sl_catalog_abort(struct sl_catalog *catalog);

/* ranges.c: what a batch reads of sources that are not files. Adds to the digest, not to the count of rows:
 * catalogs of versions before 4 have none. */
int sl_catalog_put_ranges(const struct sl_catalog *catalog, const struct sl_batch_plan *plan, int64_t *digest,
                          struct sl_error *err);
/* watermarks.c; adds to the digest in the same way. */
int sl_catalog_put_watermarks(const struct sl_catalog *catalog, const struct sl_batch_plan *plan,
                              int64_t *digest, struct sl_error *err);
int sl_catalog_put_reached(const struct sl_catalog *catalog, const struct sl_batch_plan *plan,
                           struct sl_error *err);
/* code.c; NULL: they stay as they were. */
int sl_catalog_put_codes(const struct sl_catalog *catalog, const struct sl_codes *codes,
                         struct sl_error *err);

/* history.c: inside the transaction that ends, and when it has ended. */
int sl_catalog_put_released(struct sl_catalog *catalog, struct sl_error *err);
void sl_catalog_clear_released(struct sl_catalog *catalog);
int sl_catalog_drop_old(const struct sl_catalog *catalog, int64_t from_ms, struct sl_error *err);
extern const struct sl_history_ops sl_catalog_history_ops;

/* quarantine.c: within the commit of the plan's batch. Its files were read, or are quarantined (again). */
int sl_catalog_update_quarantine(struct sl_catalog *catalog, const struct sl_batch_plan *plan,
                                 struct sl_error *err);

/* Columns 3..7 of a row of `file` or `taken`: path (borrowed until the next step) and identity. */
struct sl_file sl_catalog_column_file(sqlite3_stmt *statement);
/* Binds the same five from parameter `first` on. */
void sl_catalog_bind_file(sqlite3_stmt *statement, int first, const struct sl_file *file);
