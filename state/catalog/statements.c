#include "state/catalog/statements.h"

#define ALL_TAKEN "SELECT source, 0, checksum, path, inode, born_ns, mtime_ns, size FROM taken"

#define EIGHT(row) row "," row "," row "," row "," row "," row "," row "," row
_Static_assert(SL_SQL_ROWS == 8, "EIGHT has as many");

#define PUT_FILE                                                                                             \
    "INSERT INTO file (batch, source, position, checksum, path, inode, born_ns, mtime_ns, size) VALUES "
#define FILE_ROW "(?, ?, ?, ?, ?, ?, ?, ?, ?)"

#define PUT_TAKEN                                                                                            \
    "INSERT INTO taken (source, checksum, path, inode, born_ns, mtime_ns, size, was_there) VALUES "
#define TAKEN_ROW "(?, ?, ?, ?, ?, ?, ?, ?)"

const char sl_sql_taken_backwards[] = ALL_TAKEN " ORDER BY source DESC, path DESC";

static const char *const sql[SL_SQL_COUNT] = {
    [SL_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SL_SQL_COMMIT] = "COMMIT",
    [SL_SQL_ROLLBACK] = "ROLLBACK",
    [SL_SQL_GET_PROGRESS] =
        "SELECT serial, batches, last_ms, planned, taken, taken_digest, checksum, segments"
        " FROM progress WHERE id = 1",
    [SL_SQL_PUT_PROGRESS] = "INSERT OR REPLACE INTO progress (id, serial, batches, last_ms, planned, taken,"
                            " taken_digest, checksum, segments) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SL_SQL_GET_SOURCES] = "SELECT id, key, occurrence, checksum FROM source ORDER BY id",
    [SL_SQL_PUT_SOURCE] = "INSERT INTO source (id, key, occurrence, checksum) VALUES (?1, ?2, ?3, ?4)",
    [SL_SQL_GET_UNDECIDED] = "SELECT source FROM undecided",
    [SL_SQL_PUT_UNDECIDED] = "INSERT INTO undecided (source) VALUES (?1)",
    [SL_SQL_DROP_UNDECIDED] = "DELETE FROM undecided WHERE source = ?1",
    [SL_SQL_GET_BATCH] = "SELECT time_ms, committed, files, digest, checksum FROM batch WHERE number = ?1",
    [SL_SQL_PUT_BATCH] = "INSERT INTO batch (number, time_ms, committed, files, digest, checksum)"
                         " VALUES (?1, ?2, 0, ?3, ?4, ?5)",
    [SL_SQL_COMMIT_BATCH] = "UPDATE batch SET committed = 1, checksum = ?2, rejected = ?3, started_ms = ?4,"
                            " finished_ms = ?5 WHERE number = ?1",
    [SL_SQL_GET_FILES] = "SELECT source, position, checksum, path, inode, born_ns, mtime_ns, size"
                         " FROM file WHERE batch = ?1 ORDER BY source, position",
    [SL_SQL_PUT_FILE] = PUT_FILE FILE_ROW,
    [SL_SQL_PUT_FILES] = PUT_FILE EIGHT(FILE_ROW),
    [SL_SQL_GET_RANGES] = "SELECT source, document, checksum FROM input_range WHERE batch = ?1"
                          " ORDER BY source",
    [SL_SQL_PUT_RANGE] = "INSERT INTO input_range (batch, source, document, checksum)"
                         " VALUES (?1, ?2, ?3, ?4)",
    [SL_SQL_GET_WATERMARKS] = "SELECT operator, watermark_ms, checksum FROM watermark WHERE batch = ?1"
                              " ORDER BY operator",
    [SL_SQL_PUT_WATERMARK] = "INSERT INTO watermark (batch, operator, watermark_ms, checksum)"
                             " VALUES (?1, ?2, ?3, ?4)",
    [SL_SQL_GET_REACHED] = "SELECT source, document, checksum FROM reached ORDER BY source",
    [SL_SQL_PUT_REACHED] = "INSERT OR REPLACE INTO reached (source, document, checksum) VALUES (?1, ?2, ?3)",
    [SL_SQL_GET_QUARANTINED] = "SELECT source, position, reason, checksum FROM quarantined WHERE batch = ?1"
                               " ORDER BY source, position",
    [SL_SQL_PUT_QUARANTINED] = "INSERT OR IGNORE INTO quarantined (batch, source, position, reason, checksum)"
                               " VALUES (?1, ?2, ?3, ?4, ?5)",
    [SL_SQL_GET_SPOILT] = "SELECT batches FROM spoilt WHERE id = 1",
    [SL_SQL_PUT_SPOILT] = "INSERT OR REPLACE INTO spoilt (id, batches) VALUES (1, ?1)",
    [SL_SQL_GET_ALL_TAKEN] = ALL_TAKEN " ORDER BY source, path",
    [SL_SQL_GET_TAKEN] = "SELECT source, 0, checksum, path, inode, born_ns, mtime_ns, size FROM taken"
                         " WHERE source = ?1 AND path = ?2",
    [SL_SQL_PUT_TAKEN] = PUT_TAKEN TAKEN_ROW " ON CONFLICT DO NOTHING",
    [SL_SQL_PUT_ALL_TAKEN] = PUT_TAKEN EIGHT(TAKEN_ROW),
    [SL_SQL_DROP_TAKEN] = "DELETE FROM taken WHERE source = ?1 AND path = ?2",
    [SL_SQL_PUT_OUTPUT] =
        "INSERT INTO output (batch, position, time_ms, path, records, retained, series,"
        " ordinal) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT coalesce(max(ordinal), 0) + 1"
        " FROM output WHERE retained = 1 AND series = ?7))",
    [SL_SQL_PUT_OUTPUT_SOURCE] = "INSERT INTO output_source (batch, output, source, from_ms)"
                                 " VALUES (?1, ?2, ?3, ?4)",
    [SL_SQL_PUT_OUTPUT_FILE] = "INSERT INTO output_file (batch, output, name, bytes, hash, checksum)"
                               " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SL_SQL_PUT_ERROR] = "INSERT INTO error (batch, position, kind, path, count, message)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SL_SQL_GET_RETAINED] =
        "SELECT time_ms, path FROM output WHERE retained = 1 AND series = ?1 AND ordinal <="
        " (SELECT max(ordinal) FROM output WHERE retained = 1 AND series = ?1) - ?2"
        " ORDER BY ordinal",
    [SL_SQL_GET_OUTPUT] = "SELECT batch, position, records FROM output"
                          " WHERE retained = 1 AND time_ms = ?1 AND path = ?2",
    [SL_SQL_GET_OUTPUT_FILES] = "SELECT name, bytes, hash, checksum FROM output_file"
                                " WHERE batch = ?1 AND output = ?2 ORDER BY name",
    [SL_SQL_RELEASE] = "UPDATE output SET retained = 0 WHERE retained = 1 AND time_ms = ?1 AND path = ?2",
    /* Where the batch itself has left the history before. */
    [SL_SQL_DROP_RELEASED_FILES] = "DELETE FROM output_file WHERE (batch, output) IN (SELECT batch, position"
                                   " FROM output WHERE retained = 1 AND time_ms = ?1 AND path = ?2"
                                   " AND NOT EXISTS (SELECT 1 FROM batch WHERE number = output.batch))",
    [SL_SQL_DROP_RELEASED] = "DELETE FROM output WHERE retained = 1 AND time_ms = ?1 AND path = ?2"
                             " AND NOT EXISTS (SELECT 1 FROM batch WHERE number = output.batch)",
    [SL_SQL_GET_OLD] = "SELECT min(number), max(number) FROM (SELECT number FROM batch WHERE time_ms < ?1"
                       " AND committed = 1 ORDER BY time_ms LIMIT 16)",
    [SL_SQL_DROP_OLD_FILES] = "DELETE FROM file WHERE batch BETWEEN ?1 AND ?2",
    [SL_SQL_DROP_OLD_RANGES] = "DELETE FROM input_range WHERE batch BETWEEN ?1 AND ?2",
    [SL_SQL_DROP_OLD_WATERMARKS] = "DELETE FROM watermark WHERE batch BETWEEN ?1 AND ?2",
    [SL_SQL_DROP_OLD_QUARANTINED] = "DELETE FROM quarantined WHERE batch BETWEEN ?1 AND ?2",
    [SL_SQL_DROP_OLD_ERRORS] = "DELETE FROM error WHERE batch BETWEEN ?1 AND ?2",
    /* What an output will ask for stays until it is no longer retained. */
    [SL_SQL_DROP_OLD_OUTPUT_FILES] = "DELETE FROM output_file WHERE batch BETWEEN ?1 AND ?2 AND NOT EXISTS"
                                     " (SELECT 1 FROM output WHERE output.batch = output_file.batch"
                                     " AND output.position = output_file.output AND output.retained = 1)",
    [SL_SQL_DROP_OLD_OUTPUT_SOURCES] = "DELETE FROM output_source WHERE batch BETWEEN ?1 AND ?2",
    [SL_SQL_DROP_OLD_OUTPUTS] = "DELETE FROM output WHERE batch BETWEEN ?1 AND ?2 AND retained = 0",
    [SL_SQL_DROP_OLD_BATCHES] = "DELETE FROM batch WHERE number BETWEEN ?1 AND ?2",
    [SL_SQL_GET_MADE] = "SELECT path FROM output WHERE batch = ?1 ORDER BY position",
    [SL_SQL_GET_CODES] = "SELECT operator, digest FROM code ORDER BY operator",
    [SL_SQL_GET_COUNTERS] = "SELECT name, value, checksum FROM counter ORDER BY name",
    [SL_SQL_PUT_COUNTER] = "INSERT OR REPLACE INTO counter (name, value, checksum) VALUES (?1, ?2, ?3)",
    [SL_SQL_PUT_CODE] = "INSERT INTO code (operator, digest) VALUES (?1, ?2)",
    [SL_SQL_DROP_CODES] = "DELETE FROM code",
    [SL_SQL_GET_QUARANTINE] = "SELECT source, batch_ms, reason, path, inode, born_ns, mtime_ns, size"
                              " FROM quarantine ORDER BY source, path",
    [SL_SQL_PUT_QUARANTINE] =
        "INSERT OR REPLACE INTO quarantine (source, batch_ms, reason, path, inode, born_ns,"
        " mtime_ns, size) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SL_SQL_DROP_QUARANTINE] = "DELETE FROM quarantine WHERE source = ?1 AND path = ?2",
    [SL_SQL_FORGET_QUARANTINE] = "DELETE FROM quarantine WHERE path = ?1 OR"
                                 " (path > ?1 || '/' AND path < ?1 || '0')",
    [SL_SQL_GET_OWED] = "SELECT source, batch_ms, 0, path, inode, born_ns, mtime_ns, size FROM owed"
                        " ORDER BY source, batch_ms, path",
    [SL_SQL_PUT_OWED] = "INSERT OR REPLACE INTO owed (source, batch_ms, path, inode, born_ns, mtime_ns, size)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SL_SQL_DROP_OWED] = "DELETE FROM owed WHERE source = ?1 AND path = ?2 AND inode = ?3",
    [SL_SQL_GET_DIRECTORIES] = "SELECT path, inode, born_ns FROM directory WHERE source = ?1 ORDER BY path",
    [SL_SQL_PUT_DIRECTORY] = "INSERT OR REPLACE INTO directory (source, path, inode, born_ns)"
                             " VALUES (?1, ?2, ?3, ?4)",
    [SL_SQL_DROP_DIRECTORY] = "DELETE FROM directory WHERE source = ?1 AND path = ?2",
    [SL_SQL_DROP_IDLE_DIRECTORIES] =
        "DELETE FROM directory WHERE source = ?1 AND NOT EXISTS (SELECT 1 FROM taken WHERE source = ?1"
        " AND taken.path > directory.path || '/' AND taken.path < directory.path || '0')",
    [SL_SQL_GET_FILE_COUNTS] = "SELECT batch.time_ms, file.source, count(*) FROM batch JOIN file"
                               " ON file.batch = batch.number WHERE committed = 1 AND time_ms > ?1"
                               " GROUP BY batch.number, file.source ORDER BY batch.time_ms",
    [SL_SQL_GET_FIRST_FILES] = "SELECT batch.time_ms, file.source, file.path FROM batch JOIN file"
                               " ON file.batch = batch.number WHERE time_ms > ?1 AND time_ms <= ?2"
                               " ORDER BY batch.time_ms, file.source, file.position",
    [SL_SQL_GET_PLAN_JOB] = "SELECT text, checksum FROM plan_job WHERE id = 1",
    [SL_SQL_PUT_PLAN_JOB] = "INSERT OR REPLACE INTO plan_job (id, text, checksum) VALUES (1, ?1, ?2)",
};

int sl_statements_prepare(const struct sl_database *database, sqlite3_stmt *statement[static SL_SQL_COUNT],
                          struct sl_error *err)
{
    for (unsigned i = 0; i < SL_SQL_COUNT; i++) {
        int r = sl_database_prepare(database, sql[i], &statement[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

void sl_statements_done(sqlite3_stmt *statement[static SL_SQL_COUNT])
{
    for (unsigned i = 0; i < SL_SQL_COUNT; i++) {
        (void)sqlite3_finalize(statement[i]); /* repeats an older failure */
        statement[i] = NULL;
    }
}
