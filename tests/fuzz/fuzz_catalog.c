/* Values of the catalog: the rows of a checkpoint with a committed and a planned batch, of which some are changed. A start and the
 * commands that look inside then find damage, or read what is there. The first byte: with bit 0 checksums and sums are made
 * to fit, as a catalog of another program's would. Then changes, each of a table's column (a byte), of which rows (bit 0: all,
 * else one; bit 1: they are removed; bit 2: a string is a blob), and the value, a row of one field (text/row_codec.h). */
#include "core/base/error.h"
#include "state/catalog/catalog_internal.h"
#include "state/catalog/counters.h"
#include "state/catalog/reading.h"
#include "state/catalog/rows.h"
#include "text/row_codec.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SOURCES = 2, CHANGES_MAX = 16, SEALED = 1, ALL_ROWS = 1, REMOVED = 2, BLOB = 4 };

static const char *const source_key[SOURCES] = {"textFileStream:in", "socketTextStream:socket:localhost:9"};

static const struct {
    const char *table, *column;
} columns[] = {
    {"progress", "serial"},      {"progress", "batches"},
    {"progress", "last_ms"},     {"progress", "planned"},
    {"progress", "taken"},       {"progress", "segments"},
    {"progress", "checksum"},    {"source", "id"},
    {"source", "key"},           {"source", "occurrence"},
    {"batch", "number"},         {"batch", "time_ms"},
    {"batch", "committed"},      {"batch", "files"},
    {"batch", "digest"},         {"batch", "checksum"},
    {"batch", "started_ms"},     {"file", "source"},
    {"file", "position"},        {"file", "path"},
    {"file", "inode"},           {"file", "size"},
    {"file", "checksum"},        {"taken", "source"},
    {"taken", "path"},           {"taken", "size"},
    {"taken", "checksum"},       {"input_range", "batch"},
    {"input_range", "source"},   {"input_range", "document"},
    {"reached", "source"},       {"reached", "document"},
    {"watermark", "operator"},   {"watermark", "watermark_ms"},
    {"plan_job", "text"},        {"quarantined", "source"},
    {"quarantined", "position"}, {"quarantined", "reason"},
    {"code", "operator"},        {"code", "digest"},
    {"counter", "name"},         {"counter", "value"},
    {"output", "path"},          {"output", "records"},
    {"output", "position"},      {"output_file", "name"},
    {"output_file", "bytes"},    {"output_source", "from_ms"},
    {"output_source", "source"}, {"spoilt", "batches"},
    {"undecided", "source"},     {"quarantine", "path"},
    {"quarantine", "batch_ms"},  {"owed", "path"},
    {"owed", "source"},          {"directory", "inode"},
};

static const char *const tables[] = {
    "progress",      "source",   "batch",       "file",       "taken",   "input_range", "reached",
    "watermark",     "plan_job", "quarantined", "code",       "counter", "output",      "output_file",
    "output_source", "spoilt",   "undecided",   "quarantine", "owed",    "directory",
};

/* Rows first, then what they add up to. */
static const char sealing[] =
    "UPDATE source SET checksum = seal('source', id, key, occurrence);"
    "UPDATE file SET checksum = seal('file', batch, source, position, path, inode, born_ns, mtime_ns, size);"
    "UPDATE taken SET checksum = seal('taken', source, path, inode, born_ns, mtime_ns, size);"
    "UPDATE input_range SET checksum = seal('input_range', batch, source, document);"
    "UPDATE reached SET checksum = seal('reached', source, document);"
    "UPDATE watermark SET checksum = seal('watermark', batch, operator, watermark_ms);"
    "UPDATE plan_job SET checksum = seal('plan_job', text);"
    "UPDATE quarantined SET checksum = seal('quarantined', batch, source, position, reason);"
    "UPDATE batch SET files = (SELECT count(*) FROM file WHERE batch = number),"
    " digest = (SELECT wrapped_sum(checksum) FROM file WHERE batch = number);"
    "UPDATE batch SET digest = wrapped_plus(digest, (SELECT wrapped_sum(checksum) FROM input_range WHERE batch = number));"
    "UPDATE batch SET digest = wrapped_plus(digest, (SELECT wrapped_sum(checksum) FROM watermark WHERE batch = number));"
    "UPDATE batch SET checksum = seal('batch', number, time_ms, committed, files, digest);"
    "UPDATE progress SET taken = (SELECT count(*) FROM taken), taken_digest = (SELECT wrapped_sum(checksum) FROM taken);"
    "UPDATE progress SET checksum = seal('progress', serial, batches, last_ms, planned, taken, taken_digest, segments);";

static struct fuzzed {
    char dir[64];
    struct sl_catalog *catalog;
    struct sl_reading *reading;
} fuzzed;

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* ---- checksums that fit, as functions of SQL ---- */

static int64_t integer_of(sqlite3_value *value)
{
    return sqlite3_value_int64(value);
}

static const char *text_of(sqlite3_value *value)
{
    const char *text = (const char *)sqlite3_value_text(value);
    return text ? text : "";
}

static struct sl_file file_of(sqlite3_value **value)
{
    return (struct sl_file){.path = (char *)(uintptr_t)text_of(value[0]),
                            .inode = (uint64_t)integer_of(value[1]),
                            .born_ns = integer_of(value[2]),
                            .mtime_ns = integer_of(value[3]),
                            .size = integer_of(value[4])};
}

static void seal(sqlite3_context *context, int count, sqlite3_value **value)
{
    struct XXH3_state_s *hash = fuzzed.catalog->hash;
    const char *table = text_of(value[0]);
    int64_t n[8] = {0}, sum = 0;
    struct sl_file file = {0};
    if (count > 5) /* the last five columns, of file and taken */
        file = file_of(value + count - 5);
    for (int i = 1; i < count && i < 8; i++)
        n[i] = integer_of(value[i]);
    if (strcmp(table, "source") == 0)
        sum = sl_row_source(hash, n[1], text_of(value[2]), n[3]);
    else if (strcmp(table, "file") == 0)
        sum = sl_row_file(hash, n[1], n[2], n[3], &file);
    else if (strcmp(table, "taken") == 0)
        sum = sl_row_taken(hash, n[1], &file);
    else if (strcmp(table, "input_range") == 0 && sqlite3_value_type(value[3]) == SQLITE_INTEGER)
        sum = sl_row_place(hash, n[1], n[2], n[3]);
    else if (strcmp(table, "input_range") == 0)
        sum = sl_row_range(hash, n[1], n[2], sqlite3_value_blob(value[3]),
                           (size_t)sqlite3_value_bytes(value[3]));
    else if (strcmp(table, "reached") == 0)
        sum = sl_row_reached(hash, n[1], sqlite3_value_blob(value[2]), (size_t)sqlite3_value_bytes(value[2]));
    else if (strcmp(table, "watermark") == 0)
        sum = sl_row_watermark(hash, n[1], text_of(value[2]), n[3]);
    else if (strcmp(table, "plan_job") == 0)
        sum = sl_row_plan_job(hash, text_of(value[1]));
    else if (strcmp(table, "quarantined") == 0)
        sum = sl_row_quarantined(hash, n[1], n[2], n[3], text_of(value[4]));
    else if (strcmp(table, "batch") == 0)
        sum = sl_row_batch(hash, n[1], n[2], n[3], n[4], n[5]);
    else if (strcmp(table, "progress") == 0)
        sum = sl_row_progress(hash, n[1], n[2], n[3], n[4], n[5], n[6], text_of(value[7]));
    sqlite3_result_int64(context, sum);
}

static void wrapped_plus(sqlite3_context *context, int count, sqlite3_value **value)
{
    sqlite3_result_int64(context, sl_digest_add(integer_of(value[0]), integer_of(value[1])));
}

static void sum_step(sqlite3_context *context, int count, sqlite3_value **value)
{
    int64_t *sum = sqlite3_aggregate_context(context, sizeof *sum);
    must(sum);
    *sum = sl_digest_add(*sum, integer_of(value[0]));
}

static void sum_final(sqlite3_context *context)
{
    const int64_t *sum = sqlite3_aggregate_context(context, 0);
    sqlite3_result_int64(context, sum ? *sum : 0);
}

/* ---- the checkpoint ---- */

static void add_batch(struct sl_catalog *catalog, uint64_t number, bool commits)
{
    struct sl_error err;
    struct sl_files files[SOURCES] = {0};
    struct sl_buf range[SOURCES] = {0};
    struct sl_planned_watermark watermark = {(char *)"withWatermark-1", 5000};
    struct sl_manifest_file part = {.name = "part-00000", .bytes = 9, .hash = UINT64_MAX - 1};
    struct sl_manifest_input input = {0, 1};
    struct sl_manifest manifest = {.path = (char *)"out-1",
                                   .records = 3,
                                   .retained = true,
                                   .series = (char *)"out-*",
                                   .count = 1,
                                   .file = &part,
                                   .inputs = 1,
                                   .input = &input};
    const struct sl_counted counted = {"seen", sl_integer(3)};
    struct sl_batch_plan plan = {.batch_ms = 1000 * ((int64_t)number + 1),
                                 .number = number,
                                 .sources = SOURCES,
                                 .files = files,
                                 .range = range,
                                 .job = "{}",
                                 .watermarks = 1,
                                 .watermark = &watermark};
    const struct sl_committed batch = {.plan = &plan,
                                       .manifests = 1,
                                       .manifest = &manifest,
                                       .segments = "",
                                       .counted = &counted,
                                       .counters = 1};
    const char *path[] = {"in/a", "in/b", "in/c", "in/d"};
    for (uint64_t i = 0; i < 2; i++)
        must(sl_files_add(&files[0], &(struct sl_file){.path = (char *)(uintptr_t)path[2 * number + i],
                                                       .inode = 2 * number + i,
                                                       .size = 100}) == 0);
    must(sl_buf_text(&range[1], "{\"to\":7}") && sl_catalog_plan(catalog, &plan, &err) == 0);
    must(sl_batch_plan_add_quarantined(&plan, 0, 0, "damaged") == 0);
    must(sl_catalog_quarantine(catalog, &plan, 0, &err) == 0);
    must(!commits || sl_catalog_commit(catalog, &batch, &err) == 0);
    free(plan.quarantined[0].reason);
    free(plan.quarantined);
    sl_files_done(&files[0]);
    sl_buf_done(&range[1]);
}

static void run(const char *sql)
{
    must(sqlite3_exec(fuzzed.catalog->database.handle, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static void add_functions(sqlite3 *database)
{
    must(sqlite3_create_function(database, "seal", -1, SQLITE_UTF8, NULL, seal, NULL, NULL) == SQLITE_OK);
    must(sqlite3_create_function(database, "wrapped_plus", 2, SQLITE_UTF8, NULL, wrapped_plus, NULL, NULL) ==
         SQLITE_OK);
    must(sqlite3_create_function(database, "wrapped_sum", 1, SQLITE_UTF8, NULL, NULL, sum_step, sum_final) ==
         SQLITE_OK);
}

static void remove_checkpoint(void)
{
    struct sl_error err;
    sl_reading_close(fuzzed.reading);
    sl_catalog_close(fuzzed.catalog);
    (void)sl_io_remove_tree(&sl_io_system, AT_FDCWD, fuzzed.dir, &err); /* it is a temporary directory */
}

static int load(void)
{
    static const struct sl_catalog_wants wants = {.last = true};
    struct sl_progress progress;
    struct sl_error err;
    int r = sl_catalog_load(fuzzed.catalog, SOURCES, source_key, &wants, &progress, &err);
    if (r == 0)
        sl_progress_done(&progress);
    return r;
}

/* In memory where there is some; what a change is taken back from is kept beside it. */
static void make_checkpoint(void)
{
    const char *tmp = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    struct sl_error err;
    struct sl_codes codes = {0};
    char sql[128];
    snprintf(fuzzed.dir, sizeof fuzzed.dir, "%s/sluice-fuzz-XXXXXX", tmp);
    must(mkdtemp(fuzzed.dir));
    int dirfd = open(fuzzed.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(sl_catalog_open(&sl_io_system, dirfd, "checkpoint", &fuzzed.catalog, &err) == 0);
    close(dirfd);
    must(atexit(remove_checkpoint) == 0 && load() == 0);
    add_batch(fuzzed.catalog, 0, true);
    add_batch(fuzzed.catalog, 1, false);
    must(sl_codes_add(&codes, "map-1", 7) == 0 && sl_catalog_put_codes(fuzzed.catalog, &codes, &err) == 0);
    sl_codes_done(&codes);
    run("PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 1000; ATTACH ':memory:' AS kept;"
        "INSERT INTO owed VALUES (1, 'in/a', 0, 0, 0, 100, 1000); INSERT INTO directory VALUES (1, 7, 0, 0);"
        "INSERT INTO undecided VALUES (1);");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        snprintf(sql, sizeof sql, "CREATE TABLE kept.%s AS SELECT * FROM main.%s", tables[i], tables[i]);
        run(sql);
    }
    add_functions(fuzzed.catalog->database.handle);
    snprintf(sql, sizeof sql, "%s/checkpoint", fuzzed.dir);
    must(sl_reading_open(sql, &fuzzed.reading, &err) == 0);
    must(load() == 0);
}

static void restore(void)
{
    char sql[128];
    run("BEGIN");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        snprintf(sql, sizeof sql, "DELETE FROM main.%s; INSERT INTO main.%s SELECT * FROM kept.%s", tables[i],
                 tables[i], tables[i]);
        run(sql);
    }
    run("COMMIT");
    unlinkat(fuzzed.catalog->dirfd, "seal", 0);
}

/* ---- changes ---- */

static void bind(sqlite3_stmt *statement, const struct sl_field *value, bool is_blob)
{
    switch ((enum sl_tag)value->tag) {
    case SL_NIL:
    case SL_LIST:
    case SL_MAP:
        sqlite3_bind_null(statement, 1);
        return;
    case SL_BOOL:
        sqlite3_bind_int(statement, 1, value->boolean);
        return;
    case SL_INT:
        sqlite3_bind_int64(statement, 1, value->integer);
        return;
    case SL_FLOAT:
        sqlite3_bind_double(statement, 1, value->number);
        return;
    case SL_STR:
        if (is_blob)
            sqlite3_bind_blob(statement, 1, value->str, (int)value->len, SQLITE_STATIC);
        else
            sqlite3_bind_text(statement, 1, (const char *)value->str, (int)value->len, SQLITE_STATIC);
        return;
    }
}

/* A constraint may refuse it. */
static void change(const char *table, const char *column, uint8_t how, const struct sl_field *value)
{
    char sql[256];
    sqlite3_stmt *statement;
    snprintf(sql, sizeof sql,
             how & REMOVED ? "DELETE FROM %s WHERE %s IS NOT NULL" : "UPDATE %s SET %s = ?1 WHERE 1", table,
             column);
    if (!(how & ALL_ROWS))
        snprintf(sql + strlen(sql), sizeof sql - strlen(sql), " AND %s = (SELECT max(%s) FROM %s)", column,
                 column, table);
    must(sqlite3_prepare_v2(fuzzed.catalog->database.handle, sql, -1, &statement, NULL) == SQLITE_OK);
    if (!(how & REMOVED))
        bind(statement, value, how & BLOB);
    (void)sqlite3_step(statement);
    sqlite3_finalize(statement);
}

static void change_all(const uint8_t *data, size_t size, bool is_sealed)
{
    struct sl_arena arena;
    struct sl_field value[SL_ROWCODE_WIDTH_MAX];
    uint32_t width = 0;
    size_t at = 0;
    sl_arena_init(&arena);
    run("BEGIN");
    for (int i = 0; i < CHANGES_MAX && size - at > 2; i++) {
        size_t which = data[at] % (sizeof columns / sizeof *columns);
        uint8_t how = data[at + 1];
        at += 2;
        if (sl_row_codec_read(data, size, &at, &arena, value, &width) < 0 || !width)
            break;
        change(columns[which].table, columns[which].column, how, value);
    }
    if (is_sealed)
        (void)sqlite3_exec(fuzzed.catalog->database.handle, sealing, NULL, NULL,
                           NULL); /* it may be refused, too */
    run("COMMIT");
    sl_arena_done(&arena);
}

/* ---- what reads ---- */

static int see_counter(void *arg, const char *name, struct sl_field value)
{
    return strlen(name) > INT32_MAX;
}
static int see_quarantined(void *arg, const struct sl_in_quarantine *file, struct sl_error *err)
{
    must(file->source <= SOURCES && file->file.path && file->reason);
    return 0;
}
static int see_owed(void *arg, size_t source, const struct sl_file *file, int64_t batch_ms,
                    struct sl_error *err)
{
    must(source < SOURCES && file->path);
    return 0;
}
static int see_count(void *arg, int64_t batch_ms, size_t source, uint64_t count)
{
    must(source < SOURCES);
    return 0;
}
static int see_first(void *arg, int64_t batch_ms, size_t source, const char *path)
{
    must(source < SOURCES && path);
    return 0;
}
static int see_path(void *arg, const char *path)
{
    must(path);
    return 0;
}
static int see_batch(void *arg, const struct sl_reading_batch *batch)
{
    return 0;
}
static int see_file(void *arg, const struct sl_reading_file *file)
{
    must(file->source && file->file.path);
    return 0;
}
static int see_taken(void *arg, const struct sl_file *file, bool was_there)
{
    must(file->path);
    return 0;
}
static int see_output(void *arg, const struct sl_reading_output *output)
{
    must(output->path);
    return 0;
}
static int see_range(void *arg, const struct sl_reading_range *range)
{
    must(range->source && range->range);
    return 0;
}

/* Each may fail, and none needs another. */
static void read_as_owner(struct sl_catalog *catalog)
{
    struct sl_error err;
    struct sl_codes codes = {0};
    struct sl_watched_homes homes = {0};
    struct sl_manifest manifest;
    (void)sl_catalog_each_counter(catalog, see_counter, NULL, &err);
    (void)sl_catalog_each_quarantined(catalog, see_quarantined, NULL, &err);
    (void)sl_catalog_each_owed(catalog, see_owed, NULL, &err);
    (void)sl_catalog_count_files(catalog, INT64_MIN, see_count, NULL, &err);
    (void)sl_catalog_first_files(catalog, INT64_MIN, INT64_MAX, see_first, NULL, &err);
    (void)sl_catalog_each_newest(catalog, see_path, NULL, &err);
    (void)sl_catalog_get_homes(catalog, 0, &homes, &err);
    sl_watched_homes_done(&homes);
    if (sl_catalog_get_codes(catalog, &codes, &err) == 0)
        sl_codes_done(&codes);
    if (catalog->history.ops->manifest(&catalog->history, 1000, "out-1", &manifest, &err) == 0)
        sl_manifest_done(&manifest);
}

static void read_as_others(struct sl_reading *reading)
{
    struct sl_reading_progress progress;
    struct sl_error err;
    char *segments;
    (void)sl_reading_progress(reading, &progress, &err);
    (void)sl_reading_batches(reading, 100, see_batch, NULL, &err);
    (void)sl_reading_files(reading, NULL, INT64_MIN, INT64_MAX, see_file, NULL, &err);
    (void)sl_reading_taken(reading, "in", see_taken, NULL, &err);
    (void)sl_reading_quarantined(reading, see_file, NULL, &err);
    (void)sl_reading_owed(reading, 100, see_file, NULL, &err);
    (void)sl_reading_outputs(reading, "out-1", INT64_MIN, INT64_MAX, see_output, NULL, &err);
    (void)sl_reading_inputs(reading, 0, 0, see_file, NULL, &err);
    (void)sl_reading_input_ranges(reading, 0, 0, see_range, NULL, &err);
    (void)sl_reading_made_of(reading, 1, 1000, see_output, NULL, &err);
    (void)sl_reading_ranges(reading, INT64_MIN, INT64_MAX, see_range, NULL, &err);
    (void)sl_reading_is_decided(reading, source_key[0], &err);
    (void)sl_reading_sources(reading, see_path, NULL, &err);
    if (sl_reading_segments(reading, &segments, &err) == 0)
        free(segments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    if (!fuzzed.catalog)
        make_checkpoint();
    change_all(data + 1, size - 1, data[0] & SEALED);
    int r = load();
    if (r < 0 && r != SL_EDAMAGED && r != SL_EUSAGE)
        abort();
    if (r == 0)
        read_as_owner(fuzzed.catalog);
    read_as_others(fuzzed.reading);
    restore();
    return 0;
}
