/* "tsv": reads back what saveAsTextFiles writes by default. */
#include "sources/input_schema.h"
#include "sources/readers.h"
#include "sources/stream.h"
#include "text/tsv.h"

static int split(const struct sl_typed *typed, struct sl_task *task, const struct sl_field *line,
                 struct sl_field *fields, uint32_t *ret_width)
{
    int r = sl_tsv_split(task->scratch, line->str, line->len, fields, SL_WIDTH_MAX, ret_width);
    if (r == SL_EREJECT && typed->bad_is_nil) { /* a schema has no more: the others are dropped */
        *ret_width = SL_WIDTH_MAX;
        r = 0;
    }
    if (r == SL_EREJECT)
        return sl_task_explain(task, "tsv: more than %d fields", SL_WIDTH_MAX);
    if (r < 0 || !typed->columns)
        return r;
    for (; typed->bad_is_nil && *ret_width < typed->count; ++*ret_width)
        fields[*ret_width] = sl_nil();
    if (typed->bad_is_nil)
        *ret_width = typed->count;
    if (*ret_width != typed->count)
        return sl_task_explain(task, "tsv: %u field%s where %u are expected", *ret_width,
                               *ret_width == 1 ? "" : "s", typed->count);
    return sl_typed_texts(typed, task, fields);
}

static int read_tsv(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                    uint64_t *ret_lines)
{
    struct sl_typed typed;
    sl_input_schema_typed(part->source->source.node, "tsv", &typed);
    return sl_part_split_lines(part, split, &typed, task, out, ret_lines);
}

const struct sl_reader sl_reader_tsv = {
    .name = "tsv",
    .takes_schema = true,
    .summary = "a record per line, fields between tabs, escaped as our own tsv is; \\N is nil",
    .cuts = true,
    .read = read_tsv,
};
