#include "cli/query_tables.h"

#include "core/base/array.h"
#include "core/base/buf.h"
#include "core/contract/view.h"
#include "engine/graph/graph.h"
#include "text/json.h"
#include "text/number.h"
#include "text/utf8.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_BYTES_MAX = 1 << 30 };

/* ---- what a table holds ---- */

static uint32_t widest(const struct sl_dataset *rows)
{
    uint32_t width = 0;
    for (size_t p = 0; rows && p < rows->partitions; p++)
        for (size_t s = 0; s < rows->partition[p].slices; s++) {
            const struct sl_rows *run = rows->partition[p].slice[s].rows;
            for (size_t c = 0; c < run->chunks; c++)
                width = run->chunk[c]->width > width ? run->chunk[c]->width : width;
        }
    return width;
}

/* The job's, or without one those that the checkpoint has beside the rows. */
static const char *name_of(const struct sl_query_table *table, uint32_t i)
{
    if (table->columns)
        return i < table->columns->count ? table->columns->column[i].name : NULL;
    return i < table->shown.names ? table->shown.name[i] : NULL;
}

static void name_columns(struct sl_query_table *table)
{
    uint32_t named = table->columns ? table->columns->count : (uint32_t)table->shown.names;
    uint32_t width = widest(table->rows);
    table->sql.columns = width ? width : named;
    for (uint32_t i = 0; i < table->sql.columns; i++) {
        snprintf(table->number[i], sizeof table->number[i], "_%u", i + 1);
        const char *name = name_of(table, i);
        table->column[i] = name ? name : table->number[i];
    }
    table->sql.names = table->column;
    table->sql.rows = table->rows;
}

static int read_view(struct sl_query_table *table, struct sl_error *err)
{
    int r = table->of ? sl_kept_version(table->snapshot, table->of->name, table->t, &table->shown, err)
                      : sl_kept_view(table->snapshot, table->name, &table->shown, err);
    if (r < 0) {
        table->shown = (struct sl_shown){0}; /* it is released */
        return r;
    }
    table->rows = table->shown.rows ? sl_dataset_ref(table->shown.rows) : NULL;
    name_columns(table);
    return 0;
}

static int read_state(struct sl_query_table *table, struct sl_error *err)
{
    int r = sl_kept_state(table->snapshot, table->name, &table->rows, err);
    if (r < 0)
        return r;
    table->column[0] = "key";
    table->column[1] = "value";
    table->sql.names = table->column;
    table->sql.columns = 2;
    table->sql.rows = table->rows;
    return 0;
}

/* A line of data.json: the only field of a row, or the list of its fields. */
static int add_line(struct sl_rows *rows, const char *line, size_t len)
{
    struct sl_field record, copy[SL_WIDTH_MAX];
    const char *message;
    size_t at;
    char *text = sl_arena_alloc(&rows->arena, len + 1);
    if (!text)
        return SL_ENOMEM;
    memcpy(text, line, len);
    if (sl_json_parse(&rows->arena, text, len, &record, &message, &at) < 0)
        return SL_EDAMAGED;
    bool is_row = record.tag == SL_LIST && record.len >= 1 && record.len <= SL_WIDTH_MAX;
    for (uint32_t i = 0; is_row && i < record.len; i++)
        copy[i] = record.items[i];
    if (!is_row)
        copy[0] = record;
    return sl_rows_append_row(rows, copy, is_row ? record.len : 1);
}

static int add_lines(struct sl_rows *rows, const char *text, size_t len, const char *path,
                     struct sl_error *err)
{
    int r = 0;
    for (size_t at = 0; r == 0 && at < len;) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t end = newline ? (size_t)(newline - text) : len;
        r = add_line(rows, text + at, end - at);
        at = end + 1;
    }
    if (r == SL_EDAMAGED)
        return sl_error_set(err, SL_EFAIL, "%s holds what is no JSON", path);
    return r < 0 ? sl_error_nomem(err) : 0;
}

static int read_mounted(struct sl_query_table *table, struct sl_error *err)
{
    char *text;
    size_t len;
    int r = sl_io_read_file(&sl_io_system, AT_FDCWD, table->path, VERSION_BYTES_MAX, &text, &len, err);
    if (r < 0)
        return r;
    struct sl_rows *rows = sl_rows_new();
    r = rows ? add_lines(rows, text, len, table->path, err) : sl_error_nomem(err);
    free(text);
    if (r < 0) {
        sl_rows_unref(rows);
        return r;
    }
    table->rows = sl_dataset_of(rows);
    if (!table->rows)
        return sl_error_nomem(err);
    name_columns(table);
    return 0;
}

static int open_table(struct sl_sql_table *sql, struct sl_error *err)
{
    struct sl_query_table *table = (struct sl_query_table *)sql;
    if (sql->columns || table->rows)
        return 0;
    switch (table->kind) {
    case SL_QUERY_VIEW:
        return read_view(table, err);
    case SL_QUERY_VERSION:
        return table->path ? read_mounted(table, err) : read_view(table, err);
    case SL_QUERY_STATE:
        return read_state(table, err);
    }
    return 0;
}

/* ---- which there are ---- */

static bool is_listed(const struct sl_query_tables *tables, const char *name)
{
    for (size_t i = 0; i < tables->count; i++)
        if (strcmp(tables->table[i]->name, name) == 0)
            return true;
    return false;
}

/* The name, with bytes that are no UTF-8 as %XX. NULL: out of memory; the caller frees. */
static char *name_in_queries(const char *name)
{
    size_t len = strlen(name);
    struct sl_buf buf = {0};
    for (size_t at = 0, size; at < len; at += size) {
        uint32_t code;
        size = sl_utf8_sequence((const uint8_t *)name + at, len - at, &code);
        if (code != SL_UTF8_INVALID)
            sl_buf_append(&buf, name + at, size);
        for (size_t i = 0; code == SL_UTF8_INVALID && i < size; i++)
            sl_buf_printf(&buf, "%%%02X", (unsigned char)name[at + i]);
    }
    sl_buf_byte(&buf, 0);
    char *copy = buf.failed ? NULL : strdup((const char *)buf.bytes);
    sl_buf_done(&buf);
    return copy;
}

/* NULL: out of memory, and name is freed. */
static struct sl_query_table *add(struct sl_query_tables *tables, enum sl_query_table_kind kind, char *name)
{
    struct sl_query_table **grown =
        sl_array_grow(tables->table, tables->count, &tables->capacity, sizeof *grown);
    if (grown)
        tables->table = grown;
    struct sl_query_table *table = grown && name ? calloc(1, sizeof *table) : NULL;
    char *called = table ? name_in_queries(name) : NULL;
    if (!called) {
        free(table);
        free(name);
        return NULL;
    }
    table->sql = (struct sl_sql_table){.name = called, .open = open_table};
    table->called = called;
    table->kind = kind;
    table->name = name;
    tables->table[tables->count++] = table;
    return table;
}

static int add_view(struct sl_query_tables *tables, const struct sl_node *node, struct sl_snapshot *snapshot)
{
    struct sl_field name = sl_node_value(node, 0);
    struct sl_query_table *table = add(tables, SL_QUERY_VIEW, strndup((const char *)name.str, name.len));
    if (!table)
        return SL_ENOMEM;
    table->snapshot = snapshot;
    table->columns = sl_node_columns(node->input[0]);
    table->keep = sl_view_versions_kept(node);
    return 0;
}

static int add_state(struct sl_query_tables *tables, const char *name, struct sl_snapshot *snapshot)
{
    struct sl_query_table *table = add(tables, SL_QUERY_STATE, strdup(name));
    if (!table)
        return SL_ENOMEM;
    table->snapshot = snapshot;
    return 0;
}

/* The views and stateful operators of the job, whether or not they have kept anything yet. */
static int add_nodes(struct sl_query_tables *tables, const struct sl_context *context,
                     struct sl_snapshot *snapshot)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < context->nodes; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        if (node->op->kind == SL_OP_OUTPUT && strcmp(node->op->name, "mount") == 0)
            r = add_view(tables, node, snapshot);
        else if (node->name && node->op->wide && node->op->wide->save &&
                 strcmp(node->op->family, "state") == 0)
            r = add_state(tables, node->name, snapshot);
    }
    return r;
}

static int add_kept(struct sl_query_tables *tables, struct sl_snapshot *snapshot)
{
    const char *name;
    bool is_view;
    for (size_t i = 0; (name = sl_kept_name(snapshot, i, &is_view)); i++) {
        if (is_listed(tables, name))
            continue;
        struct sl_query_table *table = add(tables, is_view ? SL_QUERY_VIEW : SL_QUERY_STATE, strdup(name));
        if (!table)
            return SL_ENOMEM;
        table->snapshot = snapshot;
    }
    return 0;
}

int sl_query_tables_open(struct sl_target *target, struct sl_snapshot *snapshot, struct sl_query_tables *ret,
                         struct sl_error *err)
{
    *ret = (struct sl_query_tables){0};
    int r = target->job_line.job ? add_nodes(ret, sl_job_context(target->job_line.job), snapshot) : 0;
    if (r == 0 && add_kept(ret, snapshot) == 0)
        return 0;
    sl_query_tables_done(ret);
    return sl_error_nomem(err);
}

/* ---- earlier versions ---- */

/* at: the directory of the view's versions on the mount; NULL: the checkpoint has it. */
static int add_version(struct sl_query_tables *tables, const struct sl_query_table *view, int64_t t,
                       const char *at)
{
    char *name = NULL;
    if (asprintf(&name, "%s_at_%" PRId64, view->name, t) < 0)
        return SL_ENOMEM;
    if (is_listed(tables, name)) { /* also a view of that name, which is what the job calls so */
        free(name);
        return 0;
    }
    struct sl_query_table *table = add(tables, SL_QUERY_VERSION, name);
    if (!table)
        return SL_ENOMEM;
    table->of = view;
    table->t = t;
    table->snapshot = view->snapshot;
    table->columns = view->columns;
    return !at || asprintf(&table->path, "%s/%" PRId64 "/data.json", at, t) > 0 ? 0 : SL_ENOMEM;
}

static int add_kept_versions(struct sl_query_tables *tables, const struct sl_query_table *view,
                             struct sl_error *err)
{
    int64_t *times;
    size_t count;
    int r = sl_kept_versions(view->snapshot, view->name, &times, &count, err);
    if (r < 0)
        return r;
    size_t first = view->keep && count > view->keep ? count - view->keep : 0;
    for (size_t i = first; r == 0 && i < count; i++)
        r = add_version(tables, view, times[i], NULL);
    free(times);
    return r < 0 ? sl_error_nomem(err) : 0;
}

int sl_query_tables_add_kept(struct sl_query_tables *tables, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0, count = tables->count; r == 0 && i < count; i++)
        if (tables->table[i]->kind == SL_QUERY_VIEW)
            r = add_kept_versions(tables, tables->table[i], err);
    return r;
}

static int add_mounted_versions(struct sl_query_tables *tables, const struct sl_query_table *view,
                                const char *mount)
{
    char *at;
    int64_t t;
    int r = 0;
    if (asprintf(&at, "%s/%s/at", mount, view->name) < 0)
        return SL_ENOMEM;
    DIR *dir = opendir(at);
    for (struct dirent *entry; r == 0 && dir && (entry = readdir(dir));)
        if (sl_integer_parse(entry->d_name, strlen(entry->d_name), &t))
            r = add_version(tables, view, t, at);
    if (dir)
        closedir(dir);
    free(at);
    return r;
}

int sl_query_tables_add_mounted(struct sl_query_tables *tables, struct sl_target *target,
                                struct sl_error *err)
{
    const char *mount = sl_target_status_text(target, "mount");
    int r = 0;
    for (size_t i = 0, count = tables->count; mount && r == 0 && i < count; i++)
        if (tables->table[i]->kind == SL_QUERY_VIEW)
            r = add_mounted_versions(tables, tables->table[i], mount);
    return r < 0 ? sl_error_nomem(err) : 0;
}

void sl_query_tables_done(struct sl_query_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++) {
        sl_dataset_unref(tables->table[i]->rows);
        sl_shown_done(&tables->table[i]->shown);
        free(tables->table[i]->name);
        free(tables->table[i]->called);
        free(tables->table[i]->path);
        free(tables->table[i]);
    }
    free(tables->table);
    *tables = (struct sl_query_tables){0};
}
