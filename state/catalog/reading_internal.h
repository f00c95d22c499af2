/* A query of another process and how its rows are visited; private to state/catalog/reading*.c. */
#pragma once

#include "state/catalog/database.h"
#include "state/catalog/reading.h"

#include <sys/stat.h>

struct sl_reading {
    struct sl_database database;
    char *shown, *path, *log_path; /* the catalog as the user names it; without links, as SQLite wants it */
    bool is_still; /* no process had the catalog open: it is read as it is, and no file is made beside it */
    struct stat seen; /* the file as it was then */
};

/* Its rows become calls of `row`: 0 continues, anything else ends the query. */
struct sl_reading_query {
    const char *sql;
    const char *path; /* ?1 */
    int64_t from_ms, to_ms;
    int64_t number, position; /* :number, :position */
    int64_t limit;            /* :limit */
    int (*row)(const struct sl_reading_query *query, sqlite3_stmt *row);
    void *arg;
};

/* 0 after the last row, or what a row gave, or a failure. */
int sl_reading_run(struct sl_reading *reading, const struct sl_reading_query *query, struct sl_error *err);
/* "" where the column is NULL; borrowed until the next row. */
const char *sl_reading_text(sqlite3_stmt *row, int column);
