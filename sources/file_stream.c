/* fileStream(dir, {format = ...}): the files that arrive in a directory, read in one of several formats. */
#include "core/base/error.h"
#include "core/base/nearest.h"
#include "sources/input_schema.h"
#include "sources/read_text.h"

#include <stdio.h>
#include <string.h>

enum { FORMATS_MAX = 32, FORMAT_TEXT_MAX = 64 };

static struct sl_field format_of(const struct sl_node *node)
{
    struct sl_field format = sl_node_option_value(node, "format");
    return format.tag == SL_STR ? format : sl_string("lines", 5);
}

static const struct sl_source_ops ops;

static int open_source(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                       struct sl_error *err)
{
    const struct sl_reader *reader = sl_reader_find(format_of(node));
    if (reader == &sl_reader_lines && sl_text_options_given(node))
        reader = &sl_reader_text;
    int r = sl_file_source_open(node, services, reader, ret, err);
    if (r == 0)
        (*ret)->ops = &ops;
    return r;
}

static const struct sl_source_ops ops = {.open = open_source, SL_FILE_SOURCE_OPS};

/* ---- checking ---- */

static int unknown_format(const struct sl_node *node, struct sl_field format, struct sl_error *err)
{
    const char *names[FORMATS_MAX];
    char text[FORMAT_TEXT_MAX], list[256] = "";
    size_t count = 0, len = 0;
    for (; sl_readers[count]; count++) {
        names[count] = sl_readers[count]->name;
        len += (size_t)snprintf(list + len, sizeof list - len, "%s\"%s\"", count ? ", " : "", names[count]);
    }
    snprintf(text, sizeof text, "%.*s", (int)(format.len < sizeof text ? format.len : sizeof text - 1),
             (const char *)format.str);
    const char *nearest = sl_name_nearest(text, names, count);
    sl_error_set(err, SL_EUSAGE, "%s: format \"%s\" is none of %s", node->op->name, text, list);
    return nearest ? sl_error_hint(err, "did you mean \"%s\"?", nearest) : SL_EUSAGE;
}

/* Options of another format would be ignored. */
static int refuse_options(const struct sl_node *node, const char *format, struct sl_error *err)
{
    static const struct {
        const char *name, *format;
    } owned[] = {{"header", "csv"},    {"columns", "csv"},     {"delimiter", "csv"},
                 {"quote", "csv"},     {"comment", "csv"},     {"trim", "csv"},
                 {"skipLines", "csv"}, {"separator", "lines"}, {"encoding", "lines"}};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        if (strcmp(owned[i].format, format) != 0 && sl_node_option(node, owned[i].name).kind != SL_ARG_NONE)
            return sl_error_set(err, SL_EUSAGE, "%s: %s is an option of format \"%s\", the format is \"%s\"",
                                node->op->name, owned[i].name, owned[i].format, format);
    return 0;
}

static int check(struct sl_node *node, struct sl_error *err)
{
    struct sl_field format = format_of(node);
    const struct sl_reader *reader = sl_reader_find(format);
    if (!reader)
        return unknown_format(node, format, err);
    int r = sl_file_options_check(node, err);
    if (r < 0)
        return r;
    r = sl_input_schema_check(node, reader->takes_schema, reader->name, err);
    if (r < 0)
        return r;
    r = refuse_options(node, reader->name, err);
    return r < 0 || !reader->check ? r : reader->check(node, err);
}

static const struct sl_param params[] = {
    {"directory", SL_WANT_STRING, false,
     "the watched directory, relative to the job, or the URL of objects, s3://bucket/prefix"},
    {0},
};

static const struct sl_param options[] = {
    {"format", SL_WANT_STRING, true,
     "\"lines\", \"whole\" (path and bytes), \"csv\", \"tsv\", \"jsonl\", \"json\", \"paths\" or \"sequence\" (Hadoop's "
     "files); lines"},
    {"header", SL_WANT_BOOLEAN, true, "csv: the first record of each file names its columns; false"},
    {"columns", SL_WANT_STRINGS, true,
     "csv: the columns of a record, by name where files have a header, in this order"},
    {"delimiter", SL_WANT_STRING, true, "csv: the byte between fields; a comma"},
    {"quote", SL_WANT_STRING, true, "csv: the byte around fields, \"\" for none; a double quote"},
    {"comment", SL_WANT_STRING, true, "csv: lines that begin with this text are no records"},
    {"skipLines", SL_WANT_INTEGER, true,
     "csv: as many lines at the beginning of each file are no records; 0"},
    {"trim", SL_WANT_BOOLEAN, true, "csv: drop spaces and tabs around fields; false"},
    {"separator", SL_WANT_STRING, true, "lines: the bytes that end a record; a newline"},
    {"encoding", SL_WANT_STRING, true,
     "lines: \"utf-8\", \"utf-16le\", \"utf-16be\" or \"latin1\"; utf-8, and UTF-16 where there is its byte order mark"},
    {"schema", SL_WANT_LIST, true,
     "csv, tsv, jsonl, json: a list of { name, type } or { name, type, required = true }; types string, int, double, "
     "boolean, timestamp, json"},
    {"badValues", SL_WANT_STRING, true,
     "with a schema, a value of another type: \"error\" (a record error) or \"nil\"; error"},
    SL_FILE_OPTIONS,
    {0},
};

const struct sl_op sl_op_file_stream = {
    .name = "fileStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "Records of the files that arrive in a directory, in the format that is given",
    .example = "ssc:fileStream(\"in\", { format = \"csv\", header = true })",
    .params = params,
    .options = options,
    .schemes = sl_file_schemes,
    .source = &ops,
    .check = check,
    .columns = sl_input_schema_columns,
};
