/* sluice query: SQL over what a job shows and keeps. The checkpoint is read as it lies on disk, by this process: the job
 * is not asked, and never waits. */
#include "cli/commands.h"
#include "cli/query_tables.h"
#include "cli/report.h"
#include "cli/streams.h"

#include "core/base/duration.h"
#include "text/format.h"
#include "text/grid.h"
#include "text/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_MS = 60000, PRINT_BYTES = 64 << 10 };

static const struct sl_flag query_flags[] = {
    SL_TARGET_FLAGS,
    {"csv", SL_FLAG_SWITCH, NULL, NULL, "as CSV, with a line of names"},
    {"json", SL_FLAG_SWITCH, NULL, NULL, "as a JSON array of objects"},
    {"timeout", SL_FLAG_DURATION, "D", NULL, "gives up after this time; 1m"},
    {0},
};

struct query {
    const struct sl_line *line;
    struct sl_target *target;
    struct sl_sql *sql;
    struct sl_snapshot *snapshot;
    struct sl_query_tables tables;
    size_t added; /* tables that the query can name */
};

/* ---- showing ---- */

/* How rows become text. */
struct shape {
    bool (*begin)(struct sl_sql *sql, struct sl_buf *buf);
    bool (*row)(struct sl_sql *sql, struct sl_buf *buf, const struct sl_field *fields, uint32_t width,
                bool is_first);
    const char *end;
};

static bool add_row(struct sl_buf *buf, const char *format, const struct sl_field *fields, uint32_t width)
{
    struct sl_chunk chunk = {.rows = 1, .width = width};
    uint64_t replaced = 0;
    for (uint32_t c = 0; c < width; c++)
        chunk.column[c] = &fields[c];
    return sl_format_find(format, strlen(format))->rows(buf, &chunk, &replaced);
}

static bool tsv_row(struct sl_sql *sql, struct sl_buf *buf, const struct sl_field *fields, uint32_t width,
                    bool is_first)
{
    return add_row(buf, "tsv", fields, width);
}

static bool csv_begin(struct sl_sql *sql, struct sl_buf *buf)
{
    struct sl_field names[SL_WIDTH_MAX];
    uint32_t width = sl_sql_width(sql);
    for (uint32_t i = 0; i < width; i++)
        names[i] = sl_text(sl_sql_column_name(sql, i));
    return add_row(buf, "csv", names, width);
}

static bool csv_row(struct sl_sql *sql, struct sl_buf *buf, const struct sl_field *fields, uint32_t width,
                    bool is_first)
{
    return add_row(buf, "csv", fields, width);
}

static bool json_begin(struct sl_sql *sql, struct sl_buf *buf)
{
    return sl_buf_byte(buf, '[');
}

static bool json_row(struct sl_sql *sql, struct sl_buf *buf, const struct sl_field *fields, uint32_t width,
                     bool is_first)
{
    sl_buf_text(buf, is_first ? "{" : ",\n{");
    for (uint32_t i = 0; i < width; i++) {
        const char *name = sl_sql_column_name(sql, i);
        sl_buf_text(buf, i ? "," : "");
        sl_json_text(buf, name);
        sl_buf_byte(buf, ':');
        sl_json_field(buf, &fields[i], NULL);
    }
    sl_buf_byte(buf, '}');
    return !buf->failed;
}

static const struct shape tsv = {NULL, tsv_row, ""}, csv = {csv_begin, csv_row, ""},
                          json = {json_begin, json_row, "]\n"};

static int print(struct sl_buf *buf, struct sl_error *err)
{
    int r = sl_stdout_data(buf->bytes, buf->len, err);
    sl_buf_clear(buf);
    return r < 0 ? r : sl_stdout_flush(err);
}

static int show_lines(struct sl_sql *sql, const struct shape *shape, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    struct sl_field fields[SL_WIDTH_MAX];
    bool is_first = true;
    int r;
    if (shape->begin && !shape->begin(sql, &buf))
        return sl_error_nomem(err);
    while ((r = sl_sql_next(sql, fields, err)) > 0) {
        if (!shape->row(sql, &buf, fields, sl_sql_width(sql), is_first))
            return sl_error_nomem(err);
        is_first = false;
        if (buf.len >= PRINT_BYTES && (r = print(&buf, err)) < 0)
            break;
    }
    if (r == 0 && !sl_buf_text(&buf, shape->end))
        r = sl_error_nomem(err);
    return r < 0 ? r : print(&buf, err);
}

static int fill_grid(struct sl_sql *sql, struct sl_grid *grid, struct sl_error *err)
{
    struct sl_field fields[SL_WIDTH_MAX];
    const char *names[SL_WIDTH_MAX];
    int r;
    for (uint32_t i = 0; i < sl_sql_width(sql); i++)
        names[i] = sl_sql_column_name(sql, i);
    bool ok = sl_grid_names(grid, names);
    while (ok && (r = sl_sql_next(sql, fields, err)) > 0)
        ok = sl_grid_row(grid, fields, sl_sql_width(sql));
    return ok ? r : sl_error_nomem(err);
}

static int show_grid(struct sl_sql *sql, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    struct sl_grid grid;
    sl_grid_init(&grid, sl_sql_width(sql), 0, true);
    int r = fill_grid(sql, &grid, err);
    if (r == 0 && !sl_grid_print(&grid, &buf))
        r = sl_error_nomem(err);
    sl_grid_done(&grid);
    return r < 0 ? r : print(&buf, err);
}

static int show(const struct query *query, struct sl_error *err)
{
    if (sl_line_has(query->line, "json"))
        return show_lines(query->sql, &json, err);
    if (sl_line_has(query->line, "csv"))
        return show_lines(query->sql, &csv, err);
    return isatty(STDOUT_FILENO) ? show_grid(query->sql, err) : show_lines(query->sql, &tsv, err);
}

/* ---- opening ---- */

/* The list of the catalog as the query will see it. */
static int read_list(void *arg, char **ret, struct sl_error *err)
{
    struct query *query = arg;
    int r = sl_sql_refresh(query->sql, err);
    return r < 0 ? r
                 : sl_sql_text(query->sql, "SELECT segments FROM catalog.progress WHERE id = 1", ret, err);
}

static int open_catalog(struct query *query, struct sl_error *err)
{
    struct sl_reading *reading;
    char *path;
    int r = sl_reading_open(query->target->checkpoint, &reading, err); /* checks its version */
    if (r < 0)
        return r;
    bool is_still = sl_reading_is_still(reading);
    sl_reading_close(reading);
    if (asprintf(&path, "%s/catalog.db", query->target->checkpoint) < 0)
        return sl_error_nomem(err);
    r = sl_sql_attach(query->sql, path, is_still, err);
    free(path);
    return r;
}

static int64_t timeout_of(const struct sl_line *line)
{
    const char *text = sl_line_text(line, "timeout");
    int64_t ms = TIMEOUT_MS;
    if (text)
        sl_assert(sl_duration_parse(text, strlen(text), &ms)); /* checked when the line was parsed */
    return ms;
}

/* Those that were listed since the last call. */
static int add_tables(struct query *query, struct sl_error *err)
{
    int r = 0;
    for (; r == 0 && query->added < query->tables.count; query->added++)
        r = sl_sql_add(query->sql, &query->tables.table[query->added]->sql, err);
    return r;
}

static int open_query(struct query *query, struct sl_error *err)
{
    const struct sl_sql_options options = {.timeout_ms = timeout_of(query->line)};
    int r = sl_sql_open(&options, &query->sql, err);
    r = r < 0 ? r : open_catalog(query, err);
    r = r < 0 ? r : sl_kept_open(query->target->checkpoint, read_list, query, &query->snapshot, err);
    r = r < 0 ? r : sl_query_tables_open(query->target, query->snapshot, &query->tables, err);
    return r < 0 ? r : add_tables(query, err);
}

static void add_name(struct sl_buf *buf, const char *name)
{
    sl_buf_text(buf, buf->len ? ", " : "");
    sl_buf_safe(buf, name, strlen(name));
}

/* The text of a query that names no table of ours ends with those that there are. */
static int hint_tables(const struct query *query, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf names = {0};
    for (size_t i = 0; i < query->tables.count; i++)
        if (query->tables.table[i]->kind != SL_QUERY_VERSION)
            add_name(&names, query->tables.table[i]->called);
    static const char *const catalog[] = {"batches", "files", "outputs", "errors", "ranges"};
    for (size_t i = 0; i < sizeof catalog / sizeof *catalog; i++)
        add_name(&names, catalog[i]);
    return names.failed ? sl_error_nomem(err)
                        : sl_error_hint(err, "there are %.*s", (int)names.len, (const char *)names.bytes);
}

static bool names_no_table(int r, const struct sl_error *err)
{
    return r == SL_EUSAGE && strncmp(err->text, "no such table", 13) == 0;
}

static bool names_version(int r, const struct sl_error *err)
{
    return names_no_table(r, err) && strstr(err->text, "_at_");
}

/* Earlier versions are looked for only where one is named, and on the mount, whose process may be stopped, only those
 * that the checkpoint has not. */
static int prepare(struct query *query, const char *text, struct sl_error *err)
{
    size_t len = strlen(text);
    int r = sl_sql_prepare(query->sql, text, len, err);
    for (int i = 0; i < 2 && names_version(r, err); i++) {
        struct sl_error why;
        r = i == 0 ? sl_query_tables_add_kept(&query->tables, &why)
                   : sl_query_tables_add_mounted(&query->tables, query->target, &why);
        r = r < 0 ? r : add_tables(query, &why);
        if (r < 0)
            *err = why;
        r = r < 0 ? r : sl_sql_prepare(query->sql, text, len, err);
    }
    return names_no_table(r, err) ? hint_tables(query, err) : r;
}

static int ask(struct query *query, const char *text, struct sl_error *err)
{
    int r = open_query(query, err);
    r = r < 0 ? r : prepare(query, text, err);
    r = r < 0 ? r : show(query, err);
    sl_sql_close(query->sql);
    sl_query_tables_done(&query->tables);
    sl_snapshot_close(query->snapshot);
    return r;
}

static int run_query(const struct sl_line *line)
{
    struct sl_error err;
    struct sl_target target;
    const char *const *operands;
    size_t count;
    if (sl_target_open(line, &target, &operands, &count, &err) < 0)
        return sl_report_error(&err);
    struct query query = {.line = line, .target = &target};
    int r = sl_line_exclude(line, "csv", "json", &err);
    if (r == 0 && count != 1)
        r = sl_error_set(&err, SL_EUSAGE, "give one query: sluice query JOB.lua \"SELECT * FROM batches\"");
    r = r < 0 ? r : ask(&query, operands[0], &err);
    sl_target_close(&target);
    return r < 0 ? sl_report_error(&err) : 0;
}

const struct sl_command sl_command_query = {
    .name = "query",
    .arguments = "[JOB.lua] SQL [options]",
    .summary = "queries views, state and catalog of a job in SQL",
    .details =
        "Tables are the views of the job by their names (the newest version; kept ones as VIEW_at_T, T the batch's time),\n"
        "the state of stateful operators by the names that :name(...) gave them (columns key and value), and of the\n"
        "catalog batches, files, outputs, errors and ranges. Columns without names are _1, _2 and so on.\n"
        "\n"
        "The dialect is SQLite's. On a terminal the answer is a table, elsewhere lines of columns separated by tabs.\n"
        "The job may run or not: it is not delayed, and nothing is changed.\n"
        "\n"
        "    sluice query JOB.lua \"SELECT * FROM counts ORDER BY _2 DESC LIMIT 5\"",
    .flags = query_flags,
    .takes_text = true,
    .run = run_query,
};
