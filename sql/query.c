/* sql(query [, streams, names]): one SQL query over the records of each batch, or of a window; its rows are the result.
 *
 * The query is compiled while the job is loaded, over tables without rows, so that what is wrong with it is said with the
 * job's line; and once more for each batch, over its rows. */
#include "sql/list.h"

#include "core/base/buf.h"
#include "core/contract/collect.h"
#include "core/contract/services.h"
#include "core/rows/lookup.h"
#include "core/rows/spill.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A thousand rows are looked at together, but not of megabytes each. */
enum { INPUTS_MAX = 64, ROWS_BETWEEN_LOOKS = 1024, BYTES_BETWEEN_LOOKS = 1 << 20 };

struct query {
    struct sl_collect collect; /* first: core/contract/collect.h */
    struct sl_dataset *taken[INPUTS_MAX];
    uint64_t unlooked; /* bytes of the result since it was looked at whether it is too large */
};

/* The tables of a node, and what their names are made of. */
struct tables {
    unsigned count;
    struct sl_sql_table table[INPUTS_MAX];
    struct sl_dataset *rows[INPUTS_MAX]; /* references, or NULL */
    /* Of tables beside the streams the version of the batch; else NULL. */
    const struct sl_lookup *lookup[INPUTS_MAX];
    char name[INPUTS_MAX][64];
    const char *column[INPUTS_MAX][SL_WIDTH_MAX];
};

/* ---- tables ---- */

static int name_table(const struct sl_node *node, struct tables *tables, unsigned i, struct sl_error *err)
{
    static const char schema[] = "sqlite_"; /* which would be read in the place of the stream */
    struct sl_field names = sl_node_value(node, 2), name = sl_text("this");
    if (names.tag == SL_LIST)
        name = i < names.len ? names.items[i] : sl_nil();
    if (name.tag != SL_STR)
        return sl_error_set(err, SL_EUSAGE, "each stream needs a name: %u streams, %u names", node->inputs,
                            names.tag == SL_LIST ? names.len : 1);
    if (name.len >= strlen(schema) && strncasecmp((const char *)name.str, schema, strlen(schema)) == 0)
        return sl_error_set(err, SL_EUSAGE, "names that begin with %s are tables of SQLite; rename %.*s",
                            schema, (int)name.len, (const char *)name.str);
    if (name.len < 1 || name.len >= sizeof tables->name[i] || memchr(name.str, 0, name.len))
        return sl_error_set(err, SL_EUSAGE, "the name of a table has 1 to %zu bytes",
                            sizeof tables->name[i] - 1);
    snprintf(tables->name[i], sizeof tables->name[i], "%.*s", (int)name.len, (const char *)name.str);
    return 0;
}

static void describe_table(const struct sl_node *node, struct tables *tables, unsigned i)
{
    const struct sl_columns *columns = sl_node_columns(node->input[i]);
    struct sl_sql_table *table = &tables->table[i];
    *table = (struct sl_sql_table){.name = tables->name[i], .rows = tables->rows[i]};
    table->columns = columns ? columns->count : 0;
    for (uint32_t c = 0; c < table->columns; c++)
        tables->column[i][c] = columns->column[c].name;
    table->names = columns ? tables->column[i] : NULL;
    if (tables->lookup[i] && !columns && tables->lookup[i]->columns) {
        table->columns = tables->lookup[i]->columns;
        table->names = tables->lookup[i]->name;
    }
    table->is_sorted =
        table->rows && !tables->lookup[i] && !table->rows->deferred && sl_sql_is_sorted(table->rows);
}

/* The name of table i is that of no earlier one: SQL ignores the case of ASCII letters, and would find either. */
static int check_name(const struct tables *tables, unsigned i, struct sl_error *err)
{
    for (unsigned other = 0; other < i; other++)
        if (strcasecmp(tables->name[i], tables->name[other]) == 0)
            return sl_error_set(err, SL_EUSAGE,
                                "two tables have the name %s, for which SQL ignores case; rename one",
                                tables->name[i]);
    return 0;
}

static int make_tables(const struct sl_node *node, struct tables *tables, struct sl_error *err)
{
    int r = 0;
    tables->count = node->inputs;
    if (node->inputs > INPUTS_MAX)
        return sl_error_set(err, SL_EUSAGE, "a query has at most %d streams", INPUTS_MAX);
    for (unsigned i = 0; r == 0 && i < node->inputs; i++) {
        r = name_table(node, tables, i, err);
        r = r < 0 ? r : check_name(tables, i, err);
        describe_table(node, tables, i);
    }
    return r;
}

/* The text of a query that names no table of ours ends with those that there are. */
static int hint_tables(const struct tables *tables, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf names = {0};
    for (unsigned i = 0; i < tables->count; i++)
        sl_buf_printf(&names, "%s%s", i ? ", " : "", tables->table[i].name);
    return names.failed ? sl_error_nomem(err)
                        : sl_error_hint(err, "the query has %.*s", (int)names.len, (const char *)names.bytes);
}

static int compile(const struct sl_node *node, struct tables *tables, const struct sl_sql_options *options,
                   struct sl_sql **ret, struct sl_error *err)
{
    struct sl_field text = sl_node_value(node, 0);
    struct sl_sql *sql;
    int r = make_tables(node, tables, err);
    r = r < 0 ? r : sl_sql_open(options, &sql, err);
    if (r < 0)
        return r;
    for (unsigned i = 0; r == 0 && i < tables->count; i++)
        r = sl_sql_add(sql, &tables->table[i], err);
    r = r < 0 ? r : sl_sql_prepare(sql, (const char *)text.str, text.len, err);
    if (r == SL_EUSAGE && strncmp(err->text, "no such table", 13) == 0)
        r = hint_tables(tables, err);
    if (r < 0) {
        sl_sql_close(sql);
        return r;
    }
    *ret = sql;
    return 0;
}

/* ---- while the job is loaded ---- */

/* Compiles the query over tables without rows; *ret_tables must outlive *ret. */
static int compile_empty(const struct sl_node *node, struct tables **ret_tables, struct sl_sql **ret,
                         struct sl_error *err)
{
    const struct sl_sql_options options = {.repeatable = true};
    struct tables *tables = calloc(1, sizeof *tables);
    int r = tables ? compile(node, tables, &options, ret, err) : sl_error_nomem(err);
    if (r < 0)
        free(tables);
    else
        *ret_tables = tables;
    return r;
}

/* The names of a table may be those of a file that is not there yet, or, in foreachRDD, of its version. */
static bool is_named_later(const struct sl_node *table)
{
    return !sl_node_columns(table) &&
           (!table->op->options || sl_node_option(table, "header").kind != SL_ARG_NONE ||
            sl_node_option(table, "query").kind != SL_ARG_NONE);
}

/* Then the query is compiled in the first batch. */
static bool waits_for_names(const struct sl_node *node)
{
    for (unsigned i = 0; i < node->inputs; i++)
        if (node->input[i]->op->is_table && is_named_later(node->input[i]))
            return true;
    return false;
}

static int query_check(struct sl_node *node, struct sl_error *err)
{
    struct tables *tables;
    struct sl_sql *sql;
    if (waits_for_names(node))
        return 0;
    int r = compile_empty(node, &tables, &sql, err);
    if (r < 0)
        return r;
    sl_sql_close(sql);
    free(tables);
    return 0;
}

/* A name that another column has, or that is too long, becomes the column's number. */
static int name_columns(const struct sl_sql *sql, struct sl_arena *arena, const struct sl_columns **ret,
                        struct sl_error *err)
{
    uint32_t count = sl_sql_width(sql);
    struct sl_columns *columns = sl_columns_new(arena, count);
    if (!columns)
        return sl_error_nomem(err);
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        char number[16];
        struct sl_field name = sl_text(sl_sql_column_name(sql, i));
        r = sl_columns_name(columns, arena, i, &name, err);
        if (r != SL_EUSAGE)
            continue;
        snprintf(number, sizeof number, "_%u", i + 1);
        name = sl_text(number);
        r = sl_columns_name(columns, arena, i, &name, err);
        if (r == SL_EUSAGE)
            return 0; /* even that: the columns have no names */
    }
    if (r == 0)
        *ret = columns;
    return r;
}

static int query_columns(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                         struct sl_error *err)
{
    struct tables *tables;
    struct sl_sql *sql;
    if (waits_for_names(node))
        return 0;
    int r = compile_empty(node, &tables, &sql, err);
    if (r < 0)
        return r;
    r = name_columns(sql, arena, ret, err);
    sl_sql_close(sql);
    free(tables);
    return r;
}

/* ---- the batch ---- */

static int query_begin(struct sl_stage *stage)
{
    struct query *query = stage->state;
    return sl_collect_init(&query->collect, stage, UINT64_MAX);
}

static void query_done(struct sl_stage *stage)
{
    struct query *query = stage->state;
    for (unsigned i = 0; i < INPUTS_MAX; i++)
        sl_dataset_unref(query->taken[i]);
    sl_collect_done(&query->collect);
}

static int query_take(struct sl_stage *stage, unsigned input, struct sl_dataset *dataset)
{
    struct query *query = stage->state;
    sl_assert(input < INPUTS_MAX && !query->taken[input]);
    query->taken[input] = sl_dataset_ref(dataset);
    return 0;
}

static int gather(struct sl_stage *stage, struct tables *tables)
{
    struct query *query = stage->state;
    int r = 0;
    for (unsigned i = 0; r == 0 && i < stage->node->inputs; i++) {
        const struct sl_node *input = stage->node->input[i];
        tables->lookup[i] = input->op->is_table ? stage->tasks[0].table[input->table] : NULL;
        if (tables->lookup[i])
            tables->rows[i] = sl_dataset_ref(tables->lookup[i]->dataset);
        else if (query->taken[i])
            tables->rows[i] = sl_dataset_ref(query->taken[i]);
        else
            r = sl_collect_input(&query->collect, i, &tables->rows[i], stage->err);
    }
    return r;
}

static int make_room(struct query *query, struct sl_row_buffer *pile, struct sl_task *task)
{
    if (pile->rows->count % ROWS_BETWEEN_LOOKS && query->unlooked < BYTES_BETWEEN_LOOKS)
        return 0;
    query->unlooked = 0;
    return sl_row_buffer_make_room(&query->collect.piles, pile, task);
}

static int add_row(struct query *query, struct sl_row_buffer *pile, struct sl_task *task,
                   const struct sl_field *fields, uint32_t width)
{
    struct sl_field copy[SL_WIDTH_MAX];
    int r = make_room(query, pile, task);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < width; i++) {
        query->unlooked += fields[i].tag == SL_STR ? fields[i].len : 0;
        if (!sl_field_copy(&pile->rows->arena, &fields[i], &copy[i]))
            return SL_ENOMEM;
    }
    return sl_rows_append_row(pile->rows, copy, width);
}

static int read_rows(struct sl_stage *stage, struct sl_sql *sql, struct sl_row_buffer *pile)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct query *query = stage->state;
    struct sl_task *task = &stage->tasks[0];
    uint32_t width = sl_sql_width(sql);
    int r;
    while ((r = sl_sql_next(sql, fields, stage->err)) > 0) {
        r = add_row(query, pile, task, fields, width);
        if (r < 0)
            return r == SL_ENOMEM ? sl_error_nomem(stage->err) : r;
    }
    return r < 0 ? r : sl_row_buffer_end(&query->collect.piles, pile, task);
}

static int collect_rows(struct sl_stage *stage, struct sl_sql *sql, struct sl_dataset **ret)
{
    struct sl_row_buffer pile;
    struct sl_dataset *dataset = sl_dataset_new(1);
    if (!dataset || sl_row_buffer_init(&pile, NULL) < 0) {
        sl_dataset_unref(dataset);
        return sl_error_nomem(stage->err);
    }
    int r = read_rows(stage, sql, &pile);
    if (r == 0 && sl_row_buffer_show(&pile, dataset, 0) < 0)
        r = sl_error_nomem(stage->err);
    sl_row_buffer_done(&pile);
    if (r == 0)
        *ret = dataset;
    else
        sl_dataset_unref(dataset);
    return r;
}

static int run_query(struct sl_stage *stage, struct tables *tables, struct sl_dataset **ret)
{
    const struct sl_task *task = &stage->tasks[0];
    const struct sl_spill *spill = stage->services ? stage->services->spill : NULL;
    const struct sl_sql_options options = {.repeatable = true,
                                           .batch_ms = stage->batch_ms,
                                           .timeout_ms = task->function_timeout_ms,
                                           .stop = task->stop,
                                           .memory_max = spill ? spill->bytes : 0};
    struct sl_sql *sql;
    int r = gather(stage, tables);
    r = r < 0 ? r : compile(stage->node, tables, &options, &sql, stage->err);
    if (r < 0)
        return r;
    r = collect_rows(stage, sql, ret);
    sl_sql_close(sql);
    return r;
}

static int query_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    if (!stage->has_input)
        return 0;
    struct tables *tables = calloc(1, sizeof *tables);
    int r = tables ? run_query(stage, tables, ret) : sl_error_nomem(stage->err);
    for (unsigned i = 0; tables && i < INPUTS_MAX; i++)
        sl_dataset_unref(tables->rows[i]);
    free(tables);
    if (r == SL_EFAIL || r == SL_EUSAGE)
        return sl_error_wrap(stage->err, "%s:%d: sql", stage->node->site.file, stage->node->site.line);
    return r;
}

const struct sl_param sl_sql_params[] = {
    {"query", SL_WANT_STRING, false, "a query in SQLite's dialect; the stream is the table `this`"},
    {"streams", SL_WANT_STREAM | SL_WANT_STREAMS | SL_WANT_NIL, true, "further streams of the same slide"},
    {"names", SL_WANT_STRINGS, true, "the names of all tables, the stream's first"},
    {0},
};

static const struct sl_wide wide = {
    .state_size = sizeof(struct query),
    .begin = query_begin,
    .lane_open = sl_collect_lane_open,
    .lane_close = sl_collect_lane_close,
    .push = sl_collect_push,
    .take = query_take,
    .takes_pieces = sl_collect_takes_pieces,
    .finish = query_finish,
    .done = query_done,
    .bounded = 4, /* what comes in, what SQLite sorts, what it looks rows up in, what comes out */
};

const struct sl_op sl_op_sql = {
    .name = "sql",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The rows that a SQL query over the records of each batch gives",
    .example = "s:sql(\"SELECT _1, count(*) n FROM this GROUP BY _1 ORDER BY n DESC LIMIT 10\")",
    .params = sl_sql_params,
    .wide = &wide,
    .check = query_check,
    .columns = query_columns,
    .takes_tables = true,
    .note = "sqlite",
};
