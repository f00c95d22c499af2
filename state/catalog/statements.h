/* The catalog's prepared statements: parsed once per run, kept in the catalog. */
#pragma once

#include "state/catalog/database.h"

enum sl_sql {
    SL_SQL_BEGIN,
    SL_SQL_COMMIT,
    SL_SQL_ROLLBACK,
    SL_SQL_GET_PROGRESS,
    SL_SQL_PUT_PROGRESS,
    SL_SQL_GET_SOURCES,
    SL_SQL_PUT_SOURCE,
    SL_SQL_GET_BATCH,
    SL_SQL_PUT_BATCH,
    SL_SQL_COMMIT_BATCH,
    SL_SQL_GET_FILES,
    SL_SQL_PUT_FILE,
    SL_SQL_GET_RANGES,
    SL_SQL_PUT_RANGE,
    SL_SQL_GET_REACHED,
    SL_SQL_PUT_REACHED,
    SL_SQL_GET_ASIDE,
    SL_SQL_PUT_ASIDE,
    SL_SQL_GET_SPOILT,
    SL_SQL_PUT_SPOILT,
    SL_SQL_GET_ALL_TAKEN,
    SL_SQL_GET_TAKEN,
    SL_SQL_PUT_TAKEN,
    SL_SQL_DROP_TAKEN,
    SL_SQL_PUT_OUTPUT,
    SL_SQL_PUT_OUTPUT_FILE,
    SL_SQL_PUT_ERROR,
    SL_SQL_GET_RETAINED,
    SL_SQL_GET_OUTPUT,
    SL_SQL_GET_OUTPUT_FILES,
    SL_SQL_LET_GO,
    SL_SQL_DROP_LET_GO_FILES,
    SL_SQL_DROP_LET_GO,
    SL_SQL_GET_OLD,
    SL_SQL_DROP_OLD_FILES,
    SL_SQL_DROP_OLD_RANGES,
    SL_SQL_DROP_OLD_ASIDE,
    SL_SQL_DROP_OLD_ERRORS,
    SL_SQL_DROP_OLD_OUTPUT_FILES,
    SL_SQL_DROP_OLD_OUTPUTS,
    SL_SQL_DROP_OLD_BATCHES,
    SL_SQL_GET_MADE,
    SL_SQL_GET_CODES,
    SL_SQL_PUT_CODE,
    SL_SQL_DROP_CODES,
    SL_SQL_GET_PLAN_JOB,
    SL_SQL_PUT_PLAN_JOB,
    SL_SQL_GET_QUARANTINE,
    SL_SQL_PUT_QUARANTINE,
    SL_SQL_DROP_QUARANTINE,
    SL_SQL_FORGET_QUARANTINE,
    SL_SQL_COUNT
};

/* On failure those prepared so far stay for sl_statements_done. */
int sl_statements_prepare(const struct sl_database *database, sqlite3_stmt *statement[static SL_SQL_COUNT],
                          struct sl_error *err);
void sl_statements_done(sqlite3_stmt *statement[static SL_SQL_COUNT]);
