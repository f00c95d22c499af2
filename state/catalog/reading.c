#include "state/catalog/reading.h"

#include "core/base/trust.h"
#include "state/catalog/reading_internal.h"
#include "state/catalog/schema.h"
#include "state/moved.h"
#include "state/store/seal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- opening ---- */

static int check_exists(const char *path, const char *dir, struct sl_error *err)
{
    if (access(path, R_OK) == 0)
        return 0;
    int sys = errno;
    if (sys == ENOTDIR && sl_moved_check(&sl_io_system, AT_FDCWD, dir, err) < 0)
        return SL_EUSAGE;
    if (sys == ENOENT || sys == ENOTDIR) {
        (void)sl_error_set(err, SL_EUSAGE,
                           "%s is no checkpoint: it holds no catalog; a job makes its own with its first run",
                           dir);
        return sl_error_errno(err, ENOENT);
    }
    int r = sl_error_sys(err, sys, "reading %s", path);
    return sys == EACCES ? sl_error_hint(err, "a checkpoint is for the user who runs the job only") : r;
}

/* 0: it proves nothing. */
static int64_t read_seal(const char *dir)
{
    int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t serial = dirfd < 0 ? 0 : sl_seal_read(&sl_io_system, dirfd);
    if (dirfd >= 0)
        close(dirfd);
    return serial;
}

/* A catalog that knows less than the seal that was there before it was looked at, and still is: a reset begins with the
 * seal. `r` is what opening has said: a catalog that is missing or empty knows nothing. */
static int check_seal(const char *dir, int64_t sealed, int64_t serial, int r, struct sl_error *err)
{
    if (sealed <= serial || (r < 0 && r != SL_EUSAGE) || read_seal(dir) < sealed)
        return r;
    return sl_error_set(
        err, SL_EDAMAGED,
        "catalog %s/catalog.db is damaged: its last %" PRId64
        " transactions are lost; restore it from a backup or start over with sluice reset --yes",
        dir, sealed - serial);
}

int sl_reading_check(const char *dir, struct sl_error *err)
{
    int64_t sealed = read_seal(dir);
    char *path;
    if (asprintf(&path, "%s/catalog.db", dir) < 0)
        return sl_error_nomem(err);
    int r = check_exists(path, dir, err);
    free(path);
    return r < 0 ? check_seal(dir, sealed, 0, r, err) : 0;
}

/* A process that has the catalog open has a log beside it. */
static bool has_log(const struct sl_reading *reading)
{
    return access(reading->log_path, F_OK) == 0;
}

/* A connection to a catalog with a log makes files beside it, which only a process that writes removes: where there is no
 * log, none is made. */
static int connect(struct sl_reading *reading, struct sl_error *err)
{
    reading->is_still = !has_log(reading) && stat(reading->path, &reading->seen) == 0;
    int r = reading->is_still
                ? sl_database_open_immutable(&reading->database, reading->path, reading->shown, err)
                : sl_database_open_reader(&reading->database, reading->path, reading->shown, err);
    return r < 0 ? r : sl_schema_check(&reading->database, err);
}

static bool is_changed(const struct sl_reading *reading)
{
    struct stat now;
    const struct stat *seen = &reading->seen;
    return has_log(reading) || stat(reading->path, &now) < 0 || now.st_ino != seen->st_ino ||
           now.st_size != seen->st_size || now.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec;
}

/* A run may have begun since, or even have ended. */
static int renew(struct sl_reading *reading, struct sl_error *err)
{
    if (!reading->is_still || !is_changed(reading))
        return 0;
    sl_database_close(&reading->database);
    return connect(reading, err);
}

/* Own links are followed, and those of another user to what belongs to that user only. */
static int name_files(struct sl_reading *reading, const char *dir, struct sl_error *err)
{
    char whole[PATH_MAX];
    struct sl_error why = {0};
    int r = sl_trust_target(&sl_io_system, AT_FDCWD, dir, whole, &why);
    if (r == SL_EUSAGE && err)
        *err = why;
    if (r == SL_EUSAGE)
        return r;
    bool ok = asprintf(&reading->shown, "%s/catalog.db", dir) >= 0 &&
              asprintf(&reading->path, "%s/catalog.db", r < 0 ? dir : whole) >= 0 &&
              asprintf(&reading->log_path, "%s-wal", reading->path) >= 0;
    return ok ? 0 : sl_error_nomem(err);
}

int sl_reading_open(const char *dir, struct sl_reading **ret, struct sl_error *err)
{
    int64_t sealed = read_seal(dir), serial = 0;
    struct sl_reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return sl_error_nomem(err);
    int r = name_files(reading, dir, err);
    if (r < 0) {
        sl_reading_close(reading);
        return r;
    }
    r = check_exists(reading->shown, dir, err);
    r = r < 0 ? r : connect(reading, err);
    r = r < 0
            ? r
            : sl_database_integer(&reading->database,
                                  "SELECT coalesce(max(serial), 0) FROM progress WHERE id = 1", &serial, err);
    r = check_seal(dir, sealed, serial, r, err);
    if (r < 0) {
        sl_reading_close(reading);
        return r;
    }
    *ret = reading;
    return 0;
}

bool sl_reading_is_still(const struct sl_reading *reading)
{
    return reading->is_still;
}

void sl_reading_close(struct sl_reading *reading)
{
    if (!reading)
        return;
    sl_database_close(&reading->database);
    free(reading->shown);
    free(reading->path);
    free(reading->log_path);
    free(reading);
}

/* ---- rows ---- */

const char *sl_reading_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

static void bind(const struct sl_reading_query *query, sqlite3_stmt *statement)
{
    int count = sqlite3_bind_parameter_count(statement);
    int limit = sqlite3_bind_parameter_index(statement, ":limit");
    int number = sqlite3_bind_parameter_index(statement, ":number");
    if (number) {
        sl_statement_integer(statement, number, query->number);
        sl_statement_integer(statement, sqlite3_bind_parameter_index(statement, ":position"),
                             query->position);
        return;
    }
    if (limit)
        sl_statement_integer(statement, limit, query->limit);
    else if (count >= 1)
        sl_statement_text(statement, 1, query->path);
    if (count >= 3) {
        sl_statement_integer(statement, 2, query->from_ms);
        sl_statement_integer(statement, 3, query->to_ms);
    }
}

static int run_once(struct sl_reading *reading, const struct sl_reading_query *query, bool *ret_any,
                    struct sl_error *err)
{
    sqlite3_stmt *statement;
    int r = sl_database_prepare(&reading->database, query->sql, &statement, err), stop = 0;
    if (r < 0)
        return r;
    bind(query, statement);
    while (stop == 0 && (r = sl_database_step(&reading->database, statement, err)) > 0) {
        *ret_any = true;
        stop = query->row(query, statement);
    }
    (void)sqlite3_finalize(statement); /* repeats what step said */
    return r < 0 ? r : stop;
}

/* A catalog that a run began to change while it was read as it is looks damaged, perhaps: it is read anew. */
int sl_reading_run(struct sl_reading *reading, const struct sl_reading_query *query, struct sl_error *err)
{
    bool any = false;
    int r = renew(reading, err);
    if (r < 0)
        return r;
    r = run_once(reading, query, &any, err);
    if (r != SL_EDAMAGED || any || !reading->is_still || !is_changed(reading))
        return r;
    r = renew(reading, err);
    return r < 0 ? r : run_once(reading, query, &any, err);
}

/* ---- files ---- */

/* ?1, or what lies in the directory ?1: '0' is the character after '/'. */
#define PATH_OR_BELOW "(path = ?1 OR (path > ?1 || '/' AND path < ?1 || '0'))"

#define FILES                                                                                                \
    "SELECT batch.time_ms, batch.committed, source.key, file.path, file.inode, file.born_ns,"                \
    " file.mtime_ns, file.size, quarantined.reason, source.id"                                               \
    " FROM batch JOIN file ON file.batch = batch.number JOIN source ON source.id = file.source"              \
    " LEFT JOIN quarantined ON quarantined.batch = file.batch AND quarantined.source = file.source"          \
    " AND quarantined.position = file.position "

struct file_visit {
    sl_reading_visit_file *visit;
    void *arg;
};

static struct sl_file column_file(sqlite3_stmt *row, int first)
{
    return (struct sl_file){
        .inode = (uint64_t)sqlite3_column_int64(row, first),
        .born_ns = sqlite3_column_int64(row, first + 1),
        .mtime_ns = sqlite3_column_int64(row, first + 2),
        .size = sqlite3_column_int64(row, first + 3),
    };
}

static int read_file(const struct sl_reading_query *query, sqlite3_stmt *row)
{
    const struct file_visit *visit = query->arg;
    struct sl_reading_file file = {
        .batch_ms = sqlite3_column_int64(row, 0),
        .committed = sqlite3_column_int64(row, 1) == 1,
        .source = sl_reading_text(row, 2),
        .file = column_file(row, 4),
        .quarantined = (const char *)sqlite3_column_text(row, 8),
        .source_id = sqlite3_column_int64(row, 9),
    };
    file.file.path = (char *)sl_reading_text(row, 3);
    return visit->visit(visit->arg, &file);
}

int sl_reading_files(struct sl_reading *reading, const char *path, int64_t from_ms, int64_t to_ms,
                     sl_reading_visit_file *visit, void *arg, struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql = FILES "WHERE (?1 IS NULL OR " PATH_OR_BELOW ") AND batch.time_ms BETWEEN ?2 AND ?3"
                     " ORDER BY batch.time_ms, file.source, file.position",
        .path = path,
        .from_ms = from_ms,
        .to_ms = to_ms,
        .row = read_file,
        .arg = &(struct file_visit){visit, arg},
    };
    return sl_reading_run(reading, &query, err);
}

int sl_reading_quarantined(struct sl_reading *reading, sl_reading_visit_file *visit, void *arg,
                           struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql =
            "SELECT batch_ms, 1, source.key, path, inode, born_ns, mtime_ns, size, reason"
            " FROM quarantine JOIN source ON source.id = quarantine.source"
            " UNION ALL SELECT batch.time_ms, 0, source.key, file.path, inode, born_ns, mtime_ns, size, reason"
            " FROM quarantined JOIN batch ON batch.number = quarantined.batch AND batch.committed = 0"
            " JOIN file ON file.batch = quarantined.batch AND file.source = quarantined.source"
            " AND file.position = quarantined.position JOIN source ON source.id = file.source"
            " WHERE file.path LIKE '%/%' ORDER BY 4, 1",
        .row = read_file,
        .arg = &(struct file_visit){visit, arg},
    };
    return sl_reading_run(reading, &query, err);
}

int sl_reading_owed(struct sl_reading *reading, size_t files_max, sl_reading_visit_file *visit, void *arg,
                    struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql = "SELECT batch_ms, 1, source.key, path, inode, born_ns, mtime_ns, size, NULL"
               " FROM owed JOIN source ON source.id = owed.source ORDER BY batch_ms, path LIMIT :limit",
        .limit = (int64_t)files_max,
        .row = read_file,
        .arg = &(struct file_visit){visit, arg},
    };
    return sl_reading_run(reading, &query, err);
}

struct taken_visit {
    sl_reading_visit_taken *visit;
    void *arg;
};

static int read_taken(const struct sl_reading_query *query, sqlite3_stmt *row)
{
    const struct taken_visit *visit = query->arg;
    struct sl_file file = column_file(row, 1);
    file.path = (char *)sl_reading_text(row, 0);
    return visit->visit(visit->arg, &file, sqlite3_column_int64(row, 5) != 0);
}

int sl_reading_taken(struct sl_reading *reading, const char *path, sl_reading_visit_taken *visit, void *arg,
                     struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql = "SELECT path, inode, born_ns, mtime_ns, size, was_there FROM taken WHERE " PATH_OR_BELOW,
        .path = path,
        .row = read_taken,
        .arg = &(struct taken_visit){visit, arg},
    };
    return sl_reading_run(reading, &query, err);
}

/* ---- ranges ---- */

#define RANGES                                                                                               \
    "SELECT batch.time_ms, source.key, CAST(input_range.document AS TEXT), source.id FROM batch"             \
    " JOIN input_range ON input_range.batch = batch.number JOIN source ON source.id = input_range.source "

struct range_visit {
    sl_reading_visit_range *visit;
    void *arg;
};

static int read_range(const struct sl_reading_query *query, sqlite3_stmt *row)
{
    const struct range_visit *visit = query->arg;
    struct sl_reading_range range = {.batch_ms = sqlite3_column_int64(row, 0),
                                     .source_id = sqlite3_column_int64(row, 3),
                                     .source = sl_reading_text(row, 1),
                                     .range = sl_reading_text(row, 2)};
    return visit->visit(visit->arg, &range);
}

int sl_reading_ranges(struct sl_reading *reading, int64_t from_ms, int64_t to_ms,
                      sl_reading_visit_range *visit, void *arg, struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql =
            RANGES "WHERE ?1 IS NULL AND batch.time_ms BETWEEN ?2 AND ?3 ORDER BY batch.time_ms, source.key",
        .from_ms = from_ms,
        .to_ms = to_ms,
        .row = read_range,
        .arg = &(struct range_visit){visit, arg},
    };
    return sl_reading_run(reading, &query, err);
}

/* ---- outputs ---- */

struct output_visit {
    sl_reading_visit_output *visit;
    void *arg;
};

static int read_output(const struct sl_reading_query *query, sqlite3_stmt *row)
{
    const struct output_visit *visit = query->arg;
    struct sl_reading_output output = {
        .batch_ms = sqlite3_column_int64(row, 0),
        .path = sl_reading_text(row, 1),
        .records = (uint64_t)sqlite3_column_int64(row, 2),
        .number = sqlite3_column_int64(row, 3),
        .position = sqlite3_column_int64(row, 4),
    };
    return visit->visit(visit->arg, &output);
}

int sl_reading_outputs(struct sl_reading *reading, const char *path, int64_t from_ms, int64_t to_ms,
                       sl_reading_visit_output *visit, void *arg, struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql = "SELECT time_ms, path, records, batch, position FROM output WHERE (?1 IS NULL OR path = ?1)"
               " AND time_ms BETWEEN ?2 AND ?3 ORDER BY time_ms, position",
        .path = path,
        .from_ms = from_ms,
        .to_ms = to_ms,
        .row = read_output,
        .arg = &(struct output_visit){visit, arg},
    };
    return sl_reading_run(reading, &query, err);
}

/* ---- lineage ---- */

/* Of the output :number, :position, joined with batches: whether it was made of what the source took in the batch. One
 * without rows in output_source: of its own batch, whatever the source. */
#define IS_MADE_OF(source)                                                                                   \
    " WHERE batch.number <= :number AND CASE WHEN EXISTS (SELECT 1 FROM output_source WHERE batch = :number" \
    " AND output = :position) THEN EXISTS (SELECT 1 FROM output_source WHERE output_source.batch = :number"  \
    " AND output_source.output = :position AND output_source.source = " source                               \
    " AND batch.time_ms > output_source.from_ms) ELSE batch.number = :number END"                            \
    " AND batch.time_ms > coalesce((SELECT min(from_ms) FROM output_source WHERE batch = :number"            \
    " AND output = :position), (SELECT time_ms - 1 FROM batch WHERE number = :number), 0) "

int sl_reading_inputs(struct sl_reading *reading, int64_t number, int64_t position,
                      sl_reading_visit_file *visit, void *arg, struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql = FILES IS_MADE_OF("file.source") "ORDER BY batch.time_ms, file.source, file.position",
        .number = number,
        .position = position,
        .row = read_file,
        .arg = &(struct file_visit){visit, arg},
    };
    return sl_reading_run(reading, &query, err);
}

int sl_reading_input_ranges(struct sl_reading *reading, int64_t number, int64_t position,
                            sl_reading_visit_range *visit, void *arg, struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql = RANGES IS_MADE_OF("input_range.source") "ORDER BY batch.time_ms, source.key",
        .number = number,
        .position = position,
        .row = read_range,
        .arg = &(struct range_visit){visit, arg},
    };
    return sl_reading_run(reading, &query, err);
}

/* :number is the source, :position the time of the batch. */
int sl_reading_made_of(struct sl_reading *reading, int64_t source, int64_t batch_ms,
                       sl_reading_visit_output *visit, void *arg, struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql = "SELECT output.time_ms, output.path, output.records, output.batch, output.position FROM output"
               " LEFT JOIN output_source ON output_source.batch = output.batch"
               " AND output_source.output = output.position AND output_source.source = :number"
               " WHERE output.batch >= (SELECT number FROM batch WHERE time_ms = :position)"
               " AND CASE WHEN EXISTS (SELECT 1 FROM output_source WHERE output_source.batch = output.batch"
               " AND output_source.output = output.position) THEN output_source.from_ms < :position"
               " ELSE output.time_ms = :position END ORDER BY output.batch, output.position",
        .number = source,
        .position = batch_ms,
        .row = read_output,
        .arg = &(struct output_visit){visit, arg},
    };
    return sl_reading_run(reading, &query, err);
}

/* ---- sources ---- */

struct source_visit {
    sl_reading_visit_source *visit;
    void *arg;
};

static int read_source(const struct sl_reading_query *query, sqlite3_stmt *row)
{
    const struct source_visit *visit = query->arg;
    return visit->visit(visit->arg, sl_reading_text(row, 0));
}

static int found(const struct sl_reading_query *query, sqlite3_stmt *row)
{
    return 1;
}

int sl_reading_is_decided(struct sl_reading *reading, const char *key, struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql = "SELECT 1 FROM source WHERE key = ?1 AND id NOT IN (SELECT source FROM undecided)",
        .path = key,
        .row = found,
    };
    return sl_reading_run(reading, &query, err);
}

int sl_reading_sources(struct sl_reading *reading, sl_reading_visit_source *visit, void *arg,
                       struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql = "SELECT key FROM source ORDER BY id",
        .row = read_source,
        .arg = &(struct source_visit){visit, arg},
    };
    return sl_reading_run(reading, &query, err);
}
