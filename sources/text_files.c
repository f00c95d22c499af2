/* textFileStream(dir [, options]): a record per line; objectFileStream(dir [, options]): the records that
 * saveAsObjectFiles wrote. */
#include "sources/readers.h"

static const struct sl_source_ops text_ops, object_ops;

static int open_files(const struct sl_node *node, const struct sl_services *services,
                      const struct sl_reader *reader, const struct sl_source_ops *ops, struct sl_source **ret,
                      struct sl_error *err)
{
    int r = sl_file_source_open(node, services, reader, ret, err);
    if (r == 0)
        (*ret)->ops = ops;
    return r;
}

static int open_text(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                     struct sl_error *err)
{
    return open_files(node, services, &sl_reader_lines, &text_ops, ret, err);
}

static int open_objects(const struct sl_node *node, const struct sl_services *services,
                        struct sl_source **ret, struct sl_error *err)
{
    return open_files(node, services, &sl_reader_object, &object_ops, ret, err);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    return sl_file_options_check(node, err);
}

static const struct sl_source_ops text_ops = {.open = open_text, SL_FILE_SOURCE_OPS};
static const struct sl_source_ops object_ops = {.open = open_objects, SL_FILE_SOURCE_OPS};

static const struct sl_param params[] = {
    {"directory", SL_WANT_STRING, false,
     "the watched directory, relative to the job, or the URL of objects, s3://bucket/prefix"},
    {0},
};

static const struct sl_param options[] = {SL_FILE_OPTIONS, {0}};

const struct sl_op sl_op_text_file_stream = {
    .name = "textFileStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "A record per line of the files that arrive in a directory",
    .example = "ssc:textFileStream(\"in\")",
    .params = params,
    .options = options,
    .schemes = sl_file_schemes,
    .source = &text_ops,
    .check = check,
};

const struct sl_op sl_op_object_file_stream = {
    .name = "objectFileStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "The records of files of saveAsObjectFiles that arrive in a directory, with their types",
    .example = "ssc:objectFileStream(\"in\")",
    .params = params,
    .options = options,
    .schemes = sl_file_schemes,
    .source = &object_ops,
    .check = check,
};
