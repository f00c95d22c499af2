/* The catalog's prepared statements: parsed once per run, kept in the catalog. */
#pragma once

#include "state/catalog/database.h"

/* Rows of SL_SQL_PUT_FILES and SL_SQL_PUT_ALL_TAKEN, the parameters of one after those of another: a statement costs as
 * much as a row. */
enum { SL_SQL_ROWS = 8 };

enum sl_statement {
    SL_SQL_BEGIN,
    SL_SQL_COMMIT,
    SL_SQL_ROLLBACK,
    SL_SQL_GET_PROGRESS,
    SL_SQL_PUT_PROGRESS,
    SL_SQL_GET_SOURCES,
    SL_SQL_PUT_SOURCE,
    SL_SQL_GET_UNDECIDED,
    SL_SQL_PUT_UNDECIDED,
    SL_SQL_DROP_UNDECIDED,
    SL_SQL_GET_BATCH,
    SL_SQL_PUT_BATCH,
    SL_SQL_COMMIT_BATCH,
    SL_SQL_GET_FILES,
    SL_SQL_PUT_FILE,
    SL_SQL_PUT_FILES,
    SL_SQL_GET_RANGES,
    SL_SQL_PUT_RANGE,
    SL_SQL_GET_WATERMARKS,
    SL_SQL_PUT_WATERMARK,
    SL_SQL_GET_REACHED,
    SL_SQL_PUT_REACHED,
    SL_SQL_GET_QUARANTINED,
    SL_SQL_PUT_QUARANTINED,
    SL_SQL_GET_SPOILT,
    SL_SQL_PUT_SPOILT,
    SL_SQL_GET_ALL_TAKEN,
    SL_SQL_GET_TAKEN,
    SL_SQL_PUT_TAKEN,
    SL_SQL_PUT_ALL_TAKEN,
    SL_SQL_DROP_TAKEN,
    SL_SQL_PUT_OUTPUT,
    SL_SQL_PUT_OUTPUT_FILE,
    SL_SQL_PUT_OUTPUT_SOURCE,
    SL_SQL_PUT_ERROR,
    SL_SQL_GET_RETAINED,
    SL_SQL_GET_OUTPUT,
    SL_SQL_GET_OUTPUT_FILES,
    SL_SQL_RELEASE,
    SL_SQL_DROP_RELEASED_FILES,
    SL_SQL_DROP_RELEASED,
    SL_SQL_GET_OLD,
    SL_SQL_DROP_OLD_FILES,
    SL_SQL_DROP_OLD_RANGES,
    SL_SQL_DROP_OLD_WATERMARKS,
    SL_SQL_DROP_OLD_QUARANTINED,
    SL_SQL_DROP_OLD_ERRORS,
    SL_SQL_DROP_OLD_OUTPUT_FILES,
    SL_SQL_DROP_OLD_OUTPUT_SOURCES,
    SL_SQL_DROP_OLD_OUTPUTS,
    SL_SQL_DROP_OLD_BATCHES,
    SL_SQL_GET_MADE,
    SL_SQL_GET_CODES,
    SL_SQL_GET_COUNTERS,
    SL_SQL_PUT_COUNTER,
    SL_SQL_PUT_CODE,
    SL_SQL_DROP_CODES,
    SL_SQL_GET_PLAN_JOB,
    SL_SQL_PUT_PLAN_JOB,
    SL_SQL_GET_QUARANTINE,
    SL_SQL_PUT_QUARANTINE,
    SL_SQL_DROP_QUARANTINE,
    SL_SQL_FORGET_QUARANTINE,
    SL_SQL_GET_OWED,
    SL_SQL_PUT_OWED,
    SL_SQL_DROP_OWED,
    SL_SQL_GET_DIRECTORIES,
    SL_SQL_PUT_DIRECTORY,
    SL_SQL_DROP_DIRECTORY,
    SL_SQL_DROP_IDLE_DIRECTORIES,
    SL_SQL_GET_FILE_COUNTS,
    SL_SQL_GET_FIRST_FILES,
    SL_SQL_COUNT
};

/* On failure those prepared so far stay for sl_statements_done. */
/* As SL_SQL_GET_ALL_TAKEN, from the last row on; for another connection. */
extern const char sl_sql_taken_backwards[];

int sl_statements_prepare(const struct sl_database *database, sqlite3_stmt *statement[static SL_SQL_COUNT],
                          struct sl_error *err);
void sl_statements_done(sqlite3_stmt *statement[static SL_SQL_COUNT]);
