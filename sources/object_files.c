/* objectFileStream(dir [, options]): the records that saveAsObjectFiles wrote. */
#include "sources/readers.h"

static const struct sl_source_ops ops;

static int open_source(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                       struct sl_error *err)
{
    int r = sl_file_source_open(node, services, &sl_reader_object, ret, err);
    if (r == 0)
        (*ret)->ops = &ops;
    return r;
}

static int check(struct sl_node *node, struct sl_error *err)
{
    return sl_file_options_check(node, err);
}

static const struct sl_source_ops ops = {.open = open_source, SL_FILE_SOURCE_OPS};

static const struct sl_param params[] = {
    {"directory", SL_WANT_STRING, false, "the watched directory, relative to the job"},
    {0},
};

static const struct sl_param options[] = {SL_FILE_OPTIONS, {0}};

const struct sl_op sl_op_object_file_stream = {
    .name = "objectFileStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "The records of files of saveAsObjectFiles that arrive in a directory, with their types",
    .example = "ssc:objectFileStream(\"in\")",
    .params = params,
    .options = options,
    .source = &ops,
    .check = check,
};
