/* The tables, and how those of older versions become these.
 *
 * Internal, may change with every version; times in ms since the epoch:
 *     progress     one row: the state of the run. serial grows with every transaction; planned is the
 *                  number of the batch that is planned and not committed, or -1; segments is the list of
 *                  state/store/store.h
 *     source       the inputs of the job by their key; equal keys are distinguished by occurrence
 *     batch        a row per planned or committed batch; `files` and `digest` say how many rows of file it
 *                  has and the sum of their checksums
 *     file         the files of a batch, in the order in which they are read
 *     input_range  what a batch reads of sources that are not files, as a document of the source
 *                  (core/contract/source.h); part of the digest of the batch. Up to version 4 the table was called
 *                  place and held integers
 *     reached      the newest committed document of each such source, also of those the job does not have now
 *     watermark    how far event time had come in a batch, for each operator that gives event times; part of the
 *                  digest of the batch
 *     quarantined  the files of a batch that are not read, and why; there before the batch shows anything. Up to
 *                  version 11 the table was called aside
 *     taken        the files that are still in their directory and must not be taken again; progress has
 *                  their number and the sum of their checksums
 *     spoilt       one row: how many batches in a row had nothing but files with too many errors
 *     output       a directory per row that a batch made
 *                  series and ordinal number those that its output keeps: retention asks for the oldest only
 *     output_source  the sources that an output was made of, and from which batch on: later than from_ms;
 *                  an output without rows was made of its own batch, of all sources
 *     output_file  its part files
 *     error        records that were set aside
 *     code         of each operator that keeps something, what its functions and it were like:
 *                  engine/batch/fingerprint.h; the row without a name is the sum of the others' checksums
 *     identity     one row: by what other programs tell this checkpoint from all others
 *
 *     plan_job     one row: what the job of the newest plan was like (engine/batch/plan_job.h)
 *     quarantine   the quarantined files that were neither replayed nor forgotten, whatever the history drops
 *     owed         the files of committed batches that could not be archived or deleted yet
 *     undecided    the sources of which it is not decided yet which files were there before their first start
 *     directory    which directories the paths of a source named last, of those on another file system than the job
 *                  and /
 *     counter      what the job's counters have counted in committed batches
 *
 * checksum is XXH3-64 over the other columns that decide results (state/catalog/rows.c); sums are modulo 2^64, so
 * that a row that is lost, doubled or changed is noticed when it is used.
 *
 * Public, documented, stable: the views batches, files, ranges, outputs, errors, counters.
 *
 * A version is the number of steps that lead to it. An older catalog goes through those it lacks, a new one through
 * those after new_tables, in one transaction; the views are made anew each time. So a change of a table is a
 * new step at the end of the list, and what is there already is never touched. */
#include "state/catalog/schema.h"

#include "core/base/limits.h"

#include <errno.h>

/* Version 1. */
static const char first_tables[] =
    "CREATE TABLE progress (id INTEGER PRIMARY KEY CHECK (id = 1), serial INTEGER NOT NULL,"
    " batches INTEGER NOT NULL, last_ms INTEGER NOT NULL, planned INTEGER NOT NULL,"
    " taken INTEGER NOT NULL, taken_digest INTEGER NOT NULL, segments TEXT NOT NULL,"
    " checksum INTEGER NOT NULL);"
    "CREATE TABLE source (id INTEGER PRIMARY KEY, key TEXT NOT NULL, occurrence INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, UNIQUE (key, occurrence));"
    "CREATE TABLE batch (number INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, committed INTEGER NOT NULL,"
    " files INTEGER NOT NULL, digest INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " rejected INTEGER, started_ms INTEGER, finished_ms INTEGER);"
    "CREATE UNIQUE INDEX batch_time ON batch (time_ms);"
    "CREATE TABLE file (batch INTEGER NOT NULL, source INTEGER NOT NULL, position INTEGER NOT NULL,"
    " path TEXT NOT NULL, inode INTEGER NOT NULL, born_ns INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
    " size INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (batch, source, position)) WITHOUT ROWID;"
    "CREATE TABLE taken (source INTEGER NOT NULL, path TEXT NOT NULL, inode INTEGER NOT NULL,"
    " born_ns INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " PRIMARY KEY (source, path)) WITHOUT ROWID;"
    "CREATE TABLE output (batch INTEGER NOT NULL, position INTEGER NOT NULL, time_ms INTEGER NOT NULL,"
    " path TEXT NOT NULL, records INTEGER NOT NULL, retained INTEGER NOT NULL,"
    " PRIMARY KEY (batch, position)) WITHOUT ROWID;"
    "CREATE INDEX output_retained ON output (time_ms) WHERE retained = 1;"
    "CREATE TABLE output_file (batch INTEGER NOT NULL, output INTEGER NOT NULL, name TEXT NOT NULL,"
    " bytes INTEGER NOT NULL, hash INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " PRIMARY KEY (batch, output, name)) WITHOUT ROWID;"
    "CREATE TABLE error (batch INTEGER NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL, path TEXT,"
    " count INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY (batch, position)) WITHOUT ROWID;";

/* Version 2. Some catalogs of version 1 have the table: it came without a version of its own. */
static const char add_aside[] =
    "CREATE TABLE IF NOT EXISTS aside (batch INTEGER NOT NULL, source INTEGER NOT NULL,"
    " position INTEGER NOT NULL, reason TEXT NOT NULL, checksum INTEGER NOT NULL,"
    " PRIMARY KEY (batch, source, position)) WITHOUT ROWID;";

/* Version 3. */
static const char add_code[] =
    "CREATE TABLE code (operator TEXT PRIMARY KEY, digest INTEGER NOT NULL) WITHOUT ROWID;";

/* Version 4. */
static const char add_place[] =
    "CREATE TABLE place (batch INTEGER NOT NULL, source INTEGER NOT NULL, place INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, PRIMARY KEY (batch, source)) WITHOUT ROWID;";

/* Version 5. Rows of older versions keep their integers, and their checksums with them. */
static const char add_ranges[] =
    "ALTER TABLE place RENAME TO input_range; ALTER TABLE input_range RENAME COLUMN place TO document;"
    "CREATE TABLE reached (source INTEGER PRIMARY KEY, document BLOB NOT NULL, checksum INTEGER NOT NULL);";

/* Version 6. */
static const char add_trust[] =
    "CREATE TABLE plan_job (id INTEGER PRIMARY KEY CHECK (id = 1), text TEXT NOT NULL,"
    " checksum INTEGER NOT NULL);"
    "CREATE TABLE quarantine (source INTEGER NOT NULL, path TEXT NOT NULL, inode INTEGER NOT NULL,"
    " born_ns INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, batch_ms INTEGER NOT NULL,"
    " reason TEXT NOT NULL, PRIMARY KEY (source, path)) WITHOUT ROWID;"
    "CREATE TABLE owed (source INTEGER NOT NULL, path TEXT NOT NULL, inode INTEGER NOT NULL,"
    " born_ns INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, batch_ms INTEGER NOT NULL,"
    " PRIMARY KEY (source, path, inode)) WITHOUT ROWID;"
    "CREATE TABLE directory (source INTEGER PRIMARY KEY, inode INTEGER NOT NULL, born_ns INTEGER NOT NULL,"
    " file_system INTEGER NOT NULL);"
    "INSERT OR REPLACE INTO quarantine SELECT file.source, file.path, file.inode, file.born_ns, file.mtime_ns,"
    " file.size, batch.time_ms, aside.reason FROM aside JOIN batch ON batch.number = aside.batch"
    " JOIN file ON file.batch = aside.batch AND file.source = aside.source AND file.position = aside.position"
    " JOIN taken ON taken.source = file.source AND taken.path = file.path AND taken.inode = file.inode"
    " WHERE batch.committed = 1 ORDER BY batch.number;";

/* Version 7. */
static const char add_spoilt[] =
    "CREATE TABLE spoilt (id INTEGER PRIMARY KEY CHECK (id = 1), batches INTEGER NOT NULL);"
    "INSERT INTO spoilt VALUES (1, 0);";

/* Version 8. The row has no checksum until the catalog is opened for the first time. */
static const char add_identity[] =
    "CREATE TABLE identity (id INTEGER PRIMARY KEY CHECK (id = 1), checkpoint TEXT NOT NULL, checksum INTEGER);"
    "INSERT INTO identity VALUES (1, lower(hex(randomblob(16))), NULL);";

/* Version 9. */
static const char add_counters[] =
    "CREATE TABLE counter (name TEXT PRIMARY KEY, value NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;";

/* Version 10. */
static const char add_watermark[] =
    "CREATE TABLE watermark (batch INTEGER NOT NULL, operator TEXT NOT NULL, watermark_ms INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, PRIMARY KEY (batch, operator)) WITHOUT ROWID;";

/* Version 11. Of outputs of older versions the sources are not known. */
static const char add_lineage[] =
    "CREATE TABLE output_source (batch INTEGER NOT NULL, output INTEGER NOT NULL, source INTEGER NOT NULL,"
    " from_ms INTEGER NOT NULL, PRIMARY KEY (batch, output, source)) WITHOUT ROWID;"
    "CREATE TABLE undecided (source INTEGER PRIMARY KEY); INSERT INTO undecided SELECT id FROM source;"
    "ALTER TABLE taken ADD COLUMN was_there INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE output ADD COLUMN series TEXT; ALTER TABLE output ADD COLUMN ordinal INTEGER;"
    "UPDATE output SET series = substr(path, 1, instr(path, '-' || time_ms)) || '*' ||"
    " substr(path, instr(path, '-' || time_ms) + 1 + length(time_ms)) WHERE retained = 1;"
    "UPDATE output SET ordinal = numbered.ordinal FROM (SELECT batch, position, row_number() OVER"
    " (PARTITION BY series ORDER BY batch) AS ordinal FROM output WHERE retained = 1) AS numbered"
    " WHERE output.batch = numbered.batch AND output.position = numbered.position;"
    "CREATE INDEX output_series ON output (series, ordinal) WHERE retained = 1;";

/* Version 12. Rows keep their checksums. */
static const char rename_aside[] = "ALTER TABLE aside RENAME TO quarantined;";

/* Version 13. The path of a row of before was that of its source. */
static const char name_directories[] =
    "ALTER TABLE directory RENAME TO unnamed;"
    "CREATE TABLE directory (source INTEGER NOT NULL, path TEXT NOT NULL, inode INTEGER NOT NULL, born_ns INTEGER"
    " NOT NULL, PRIMARY KEY (source, path)) WITHOUT ROWID;"
    "INSERT INTO directory SELECT source, rtrim(substr(key, instr(key, ':') + 1), '/'), inode, born_ns FROM unnamed"
    " JOIN source ON source.id = unnamed.source WHERE file_system = 1;"
    "DROP TABLE unnamed;";

/* Version 14. The tables stay: views have the names of their columns beside what they show (output/shown.c). */
static const char name_columns[] = "";

/* What a new catalog begins with: the tables as version NEW_VERSION left them, without going through the steps, half of
 * whose time is renaming; tests/job/test-older-checkpoint.py compares the two. Steps that come later need not be written
 * here. */
static const char new_tables[] =
    "CREATE TABLE progress (id INTEGER PRIMARY KEY CHECK (id = 1), serial INTEGER NOT NULL, batches"
    " INTEGER NOT NULL, last_ms INTEGER NOT NULL, planned INTEGER NOT NULL, taken INTEGER NOT NULL,"
    " taken_digest INTEGER NOT NULL, segments TEXT NOT NULL, checksum INTEGER NOT NULL);"
    "CREATE TABLE source (id INTEGER PRIMARY KEY, key TEXT NOT NULL, occurrence INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, UNIQUE (key, occurrence));"
    "CREATE TABLE batch (number INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, committed INTEGER NOT"
    " NULL, files INTEGER NOT NULL, digest INTEGER NOT NULL, checksum INTEGER NOT NULL, rejected INTEGER,"
    " started_ms INTEGER, finished_ms INTEGER);"
    "CREATE UNIQUE INDEX batch_time ON batch (time_ms);"
    "CREATE TABLE file (batch INTEGER NOT NULL, source INTEGER NOT NULL, position INTEGER NOT NULL, path"
    " TEXT NOT NULL, inode INTEGER NOT NULL, born_ns INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, size"
    " INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (batch, source, position)) WITHOUT ROWID;"
    "CREATE TABLE taken (source INTEGER NOT NULL, path TEXT NOT NULL, inode INTEGER NOT NULL, born_ns"
    " INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " was_there INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (source, path)) WITHOUT ROWID;"
    "CREATE TABLE output (batch INTEGER NOT NULL, position INTEGER NOT NULL, time_ms INTEGER NOT NULL,"
    " path TEXT NOT NULL, records INTEGER NOT NULL, retained INTEGER NOT NULL, series TEXT, ordinal"
    " INTEGER, PRIMARY KEY (batch, position)) WITHOUT ROWID;"
    "CREATE INDEX output_retained ON output (time_ms) WHERE retained = 1;"
    "CREATE TABLE output_file (batch INTEGER NOT NULL, output INTEGER NOT NULL, name TEXT NOT NULL, bytes"
    " INTEGER NOT NULL, hash INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (batch, output,"
    " name)) WITHOUT ROWID;"
    "CREATE TABLE error (batch INTEGER NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL, path"
    " TEXT, count INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY (batch, position)) WITHOUT ROWID;"
    "CREATE TABLE \"quarantined\" (batch INTEGER NOT NULL, source INTEGER NOT NULL, position INTEGER NOT NULL,"
    " reason TEXT NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (batch, source, position)) WITHOUT"
    " ROWID;"
    "CREATE TABLE code (operator TEXT PRIMARY KEY, digest INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE \"input_range\" (batch INTEGER NOT NULL, source INTEGER NOT NULL, document INTEGER NOT"
    " NULL, checksum INTEGER NOT NULL, PRIMARY KEY (batch, source)) WITHOUT ROWID;"
    "CREATE TABLE reached (source INTEGER PRIMARY KEY, document BLOB NOT NULL, checksum INTEGER NOT"
    " NULL);"
    "CREATE TABLE plan_job (id INTEGER PRIMARY KEY CHECK (id = 1), text TEXT NOT NULL, checksum INTEGER"
    " NOT NULL);"
    "CREATE TABLE quarantine (source INTEGER NOT NULL, path TEXT NOT NULL, inode INTEGER NOT NULL,"
    " born_ns INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, batch_ms INTEGER NOT"
    " NULL, reason TEXT NOT NULL, PRIMARY KEY (source, path)) WITHOUT ROWID;"
    "CREATE TABLE owed (source INTEGER NOT NULL, path TEXT NOT NULL, inode INTEGER NOT NULL, born_ns"
    " INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, batch_ms INTEGER NOT NULL,"
    " PRIMARY KEY (source, path, inode)) WITHOUT ROWID;"
    "CREATE TABLE directory (source INTEGER NOT NULL, path TEXT NOT NULL, inode INTEGER NOT NULL, born_ns"
    " INTEGER NOT NULL, PRIMARY KEY (source, path)) WITHOUT ROWID;"
    "CREATE TABLE spoilt (id INTEGER PRIMARY KEY CHECK (id = 1), batches INTEGER NOT NULL);"
    "CREATE TABLE identity (id INTEGER PRIMARY KEY CHECK (id = 1), checkpoint TEXT NOT NULL, checksum"
    " INTEGER);"
    "CREATE TABLE counter (name TEXT PRIMARY KEY, value NOT NULL, checksum INTEGER NOT NULL) WITHOUT"
    " ROWID;"
    "CREATE TABLE watermark (batch INTEGER NOT NULL, operator TEXT NOT NULL, watermark_ms INTEGER NOT"
    " NULL, checksum INTEGER NOT NULL, PRIMARY KEY (batch, operator)) WITHOUT ROWID;"
    "CREATE TABLE output_source (batch INTEGER NOT NULL, output INTEGER NOT NULL, source INTEGER NOT"
    " NULL, from_ms INTEGER NOT NULL, PRIMARY KEY (batch, output, source)) WITHOUT ROWID;"
    "CREATE TABLE undecided (source INTEGER PRIMARY KEY);"
    "CREATE INDEX output_series ON output (series, ordinal) WHERE retained = 1;"
    "INSERT INTO spoilt VALUES (1, 0);"
    "INSERT INTO identity VALUES (1, lower(hex(randomblob(16))), NULL);";

static const char *const steps[] = {first_tables, add_aside,    add_code,         add_place,    add_ranges,
                                    add_trust,    add_spoilt,   add_identity,     add_counters, add_watermark,
                                    add_lineage,  rename_aside, name_directories, name_columns};

enum { NEW_VERSION = 13, SCHEMA_VERSION = sizeof steps / sizeof *steps };

static const char drop_views[] = "DROP VIEW IF EXISTS batches; DROP VIEW IF EXISTS files;"
                                 "DROP VIEW IF EXISTS outputs; DROP VIEW IF EXISTS errors;"
                                 "DROP VIEW IF EXISTS ranges; DROP VIEW IF EXISTS counters;"
                                 "DROP VIEW IF EXISTS watermarks;";

static const char views[] =
    "CREATE VIEW batches AS SELECT time_ms AS batch, number,"
    " CASE committed WHEN 1 THEN 'committed' ELSE 'planned' END AS status, files, rejected,"
    " started_ms, finished_ms FROM batch;"
    "CREATE VIEW files AS SELECT batch.time_ms AS batch, source.key AS source, file.path AS path,"
    " file.size AS bytes, file.mtime_ns / 1000000 AS mtime_ms, file.inode AS inode,"
    " quarantined.reason AS quarantined"
    " FROM file JOIN batch ON batch.number = file.batch JOIN source ON source.id = file.source"
    " LEFT JOIN quarantined ON quarantined.batch = file.batch AND quarantined.source = file.source"
    " AND quarantined.position = file.position;"
    "CREATE VIEW outputs AS SELECT output.time_ms AS batch, output.path AS path, output.records AS records,"
    " output_file.name AS file, output_file.bytes AS bytes, printf('%016x', output_file.hash) AS xxh3"
    " FROM output JOIN output_file ON output_file.batch = output.batch"
    " AND output_file.output = output.position;"
    "CREATE VIEW errors AS SELECT batch.time_ms AS batch, error.kind AS kind, error.path AS path,"
    " error.count AS count, error.message AS message FROM error JOIN batch ON batch.number = error.batch"
    " UNION ALL SELECT batch.time_ms, 'file', file.path, 1, quarantined.reason FROM quarantined"
    " JOIN batch ON batch.number = quarantined.batch JOIN file ON file.batch = quarantined.batch"
    " AND file.source = quarantined.source AND file.position = quarantined.position;"
    "CREATE VIEW ranges AS SELECT batch.time_ms AS batch, source.key AS source,"
    " CAST(input_range.document AS TEXT) AS range FROM input_range"
    " JOIN batch ON batch.number = input_range.batch JOIN source ON source.id = input_range.source;"
    "CREATE VIEW counters AS SELECT name, value FROM counter;"
    "CREATE VIEW watermarks AS SELECT batch.time_ms AS batch, watermark.operator AS operator,"
    " watermark.watermark_ms AS watermark_ms FROM watermark JOIN batch ON batch.number = watermark.batch;";

/* Through the steps after version `from`; 0: it is new. */
static int go_through(const struct sl_database *database, int64_t from, struct sl_error *err)
{
    char stamp[128];
    sqlite3_snprintf(sizeof stamp, stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                     SL_CATALOG_APPLICATION_ID, SCHEMA_VERSION);
    int r = sl_database_exec(database, "BEGIN IMMEDIATE", err);
    r = r < 0 ? r : sl_database_exec(database, from ? drop_views : new_tables, err);
    for (int64_t version = from ? from : NEW_VERSION; r == 0 && version < SCHEMA_VERSION; version++)
        r = sl_database_exec(database, steps[version], err);
    r = r < 0 ? r : sl_database_exec(database, views, err);
    r = r < 0 ? r : sl_database_exec(database, stamp, err);
    r = r < 0 ? r : sl_database_exec(database, "COMMIT", err);
    if (r < 0)
        (void)sl_database_exec(database, "ROLLBACK", NULL); /* the first failure is the one reported */
    return r;
}

static int check_version(const struct sl_database *database, int64_t application, int64_t version,
                         struct sl_error *err)
{
    if (application != SL_CATALOG_APPLICATION_ID)
        return sl_error_set(err, SL_EDAMAGED, "%s is a database of another program, or damaged; move it away",
                            database->shown);
    if (version > SCHEMA_VERSION)
        return sl_error_set(
            err, SL_EDAMAGED,
            "catalog %s was written by a newer sluice (schema %lld, this one knows up to %d); use "
            "that one",
            database->shown, (long long)version, SCHEMA_VERSION);
    if (version < 1)
        return sl_error_set(err, SL_EDAMAGED, "catalog %s is damaged: schema %lld does not exist",
                            database->shown, (long long)version);
    return 0;
}

static int read_version(const struct sl_database *database, int64_t *ret_application, int64_t *ret_version,
                        struct sl_error *err)
{
    int r = sl_database_integer(database, "PRAGMA application_id", ret_application, err);
    return r < 0 ? r : sl_database_integer(database, "PRAGMA user_version", ret_version, err);
}

/* Nothing was written to it yet. */
static int is_empty(const struct sl_database *database, int64_t application, int64_t version, bool *ret,
                    struct sl_error *err)
{
    int64_t objects = 0;
    int r = sl_database_integer(database, "SELECT count(*) FROM sqlite_schema", &objects, err);
    *ret = application == 0 && version == 0 && objects == 0;
    return r;
}

int sl_schema_check(const struct sl_database *database, struct sl_error *err)
{
    int64_t application = 0, version = 0;
    bool is_new = false;
    int r = read_version(database, &application, &version, err);
    r = r < 0 ? r : is_empty(database, application, version, &is_new, err);
    if (r == 0 && is_new) {
        (void)sl_error_set(
            err, SL_EUSAGE,
            "catalog %s is still empty: the first run of the job is making it, or ended before it "
            "had; ask again, or run the job",
            database->shown);
        return sl_error_errno(err, ENOENT);
    }
    r = r < 0 ? r : check_version(database, application, version, err);
    if (r == 0 && version < SCHEMA_VERSION)
        r = sl_error_set(
            err, SL_EFAIL,
            "catalog %s was written by an older sluice; the next run of the job brings it up to date",
            database->shown);
    return r;
}

int sl_schema_prepare(const struct sl_database *database, bool *ret_new, struct sl_error *err)
{
    int64_t application = 0, version = 0;
    int r = read_version(database, &application, &version, err);
    r = r < 0 ? r : is_empty(database, application, version, ret_new, err);
    if (r < 0)
        return r;
    r = *ret_new ? 0 : check_version(database, application, version, err);
    return r < 0 || version == SCHEMA_VERSION ? r : go_through(database, version, err);
}
