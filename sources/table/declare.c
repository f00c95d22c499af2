/* sluice.table when the job is loaded: what is wrong with it, and its columns. */
#include "sources/csv_columns.h"
#include "sources/input_schema.h"
#include "sources/readers.h"
#include "sources/table/read.h"
#include "sources/table/source.h"
#include "sources/tables.h"

#include <fcntl.h>
#include <string.h>

static int check_place(const struct sl_node *node, struct sl_error *err)
{
    struct sl_field place = sl_node_value(node, 0);
    bool is_database = place.len >= 7 && memcmp(place.str, "sqlite:", 7) == 0;
    if (place.len <= (is_database ? 7u : 0u) || place.len >= SL_TABLE_PLACE_MAX ||
        memchr(place.str, 0, place.len))
        return sl_error_set(err, SL_EUSAGE, "the path of a table has 1 to %d bytes without NUL",
                            SL_TABLE_PLACE_MAX - 1);
    if (is_database && sl_node_option_value(node, "query").tag != SL_STR)
        return sl_error_set(err, SL_EUSAGE,
                            "a table of a database needs a query: {query = \"SELECT id, name FROM users\"}");
    if (!is_database && sl_node_option_value(node, "query").tag != SL_NIL)
        return sl_error_set(err, SL_EUSAGE, "query is for databases: \"sqlite:FILE\"");
    return 0;
}

static int check_format(const struct sl_node *node, struct sl_error *err)
{
    struct sl_field format = sl_node_option_value(node, "format");
    if (format.tag != SL_STR || sl_table_reader(format))
        return 0;
    return sl_error_set(
        err, SL_EUSAGE,
        "format \"%.*s\" is none of \"csv\", \"tsv\", \"jsonl\", \"json\", \"lines\", \"object\", \"sequence\"",
        (int)(format.len < 64 ? format.len : 64), (const char *)format.str);
}

/* Of the job, whose directory is known; the header is read where nothing else names the columns. */
static int names_now(const struct sl_node *node, struct sl_arena *arena, struct sl_field *ret,
                     struct sl_error *err)
{
    struct sl_services here = {
        .io = &sl_io_system, .job_dir = node->dir, .record_bytes_max = SL_RECORD_BYTES_DEFAULT};
    struct sl_table_files files;
    *ret = sl_nil();
    here.job_dirfd = sl_io_open(here.io, AT_FDCWD, node->dir, O_RDONLY | O_DIRECTORY, 0, err);
    if (here.job_dirfd < 0)
        return here.job_dirfd;
    int r = sl_table_look(here.io, here.job_dirfd, node, &files, err);
    if (r == 0) {
        r = sl_table_names(&here, node, &files, arena, ret, err);
        sl_table_files_done(&files);
    }
    sl_io_close(here.io, here.job_dirfd);
    return r;
}

int sl_table_probe(const struct sl_node *node, struct sl_error *err)
{
    struct sl_arena arena;
    struct sl_field names;
    sl_arena_init(&arena);
    int r = names_now(node, &arena, &names, err);
    sl_arena_done(&arena);
    return r;
}

static int check(struct sl_node *node, struct sl_error *err)
{
    int r = check_place(node, err);
    r = r < 0 ? r : check_format(node, err);
    r = r < 0 ? r : sl_input_schema_check(node, true, "csv", err);
    return r < 0 ? r : sl_csv_options_check(node, err);
}

/* A file that is missing now is reported at the start of the run, which may have a copy. */
static int columns(const struct sl_node *node, struct sl_arena *arena, const struct sl_columns **ret,
                   struct sl_error *err)
{
    struct sl_error ignored;
    struct sl_field names;
    int r = sl_input_schema_columns(node, arena, ret, err);
    if (r < 0 || *ret)
        return r;
    r = names_now(node, arena, &names, &ignored);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (r < 0 || names.tag != SL_LIST)
        return 0;
    return sl_columns_named(arena, &names, ret, &ignored) == SL_ENOMEM ? sl_error_nomem(err) : 0;
}

static const struct sl_param params[] = {
    {"path", SL_WANT_STRING, false,
     "a file, another job's output directory by prefix or symlink, or \"sqlite:FILE\""},
    {0},
};

static const struct sl_param options[] = {
    {"format", SL_WANT_STRING, true,
     "\"csv\", \"tsv\", \"jsonl\", \"json\", \"lines\", \"object\" or \"sequence\"; by the name, else tsv"},
    {"key", SL_WANT_STRING | SL_WANT_COUNT, true, "the column of the key, by name or number; the first"},
    {"query", SL_WANT_STRING, true, "of a database: the query whose rows are the table"},
    {"header", SL_WANT_BOOLEAN, true, "csv: the first record of each file names its columns; false"},
    {"columns", SL_WANT_STRINGS, true, "csv: the columns of a record, by name where files have a header"},
    {"delimiter", SL_WANT_STRING, true, "csv: the byte between fields; a comma"},
    {"quote", SL_WANT_STRING, true, "csv: the byte around fields, \"\" for none; a double quote"},
    {"comment", SL_WANT_STRING, true, "csv: lines that begin with this text are no records"},
    {"skipLines", SL_WANT_INTEGER, true,
     "csv: as many lines at the beginning of each file are no records; 0"},
    {"trim", SL_WANT_BOOLEAN, true, "csv: drop spaces and tabs around fields; false"},
    {"schema", SL_WANT_LIST, true,
     "a list of { name, type } or { name, type, required = true }; types string, int, double, boolean, timestamp, json"},
    {"badValues", SL_WANT_STRING, true,
     "with a schema, a value of another type: \"error\" or \"nil\"; error"},
    {0},
};

const struct sl_op sl_op_table = {
    .name = "table",
    .kind = SL_OP_SOURCE,
    .family = "table",
    .summary = "Rows beside the streams, found by a key: for joinTable, sql and table:get(key)",
    .example = "ssc:table(\"users.csv\")",
    .params = params,
    .options = options,
    .source = &sl_table_ops,
    .check = check,
    .columns = columns,
    .is_table = true,
};
