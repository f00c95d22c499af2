/* "jsonl": a JSON value per line, mostly an object, which becomes a map. Blank lines are no records. */
#include "sources/input_schema.h"
#include "sources/readers.h"
#include "sources/stream.h"
#include "text/json.h"

#include <string.h>

static bool is_blank(const struct sl_field *line)
{
    for (uint32_t i = 0; i < line->len; i++)
        if (line->str[i] != ' ' && line->str[i] != '\t' && line->str[i] != '\r')
            return false;
    return true;
}

static int split(const struct sl_typed *typed, struct sl_task *task, const struct sl_field *line,
                 struct sl_field *fields, uint32_t *ret_width)
{
    const char *message;
    size_t at;
    *ret_width = 0;
    if (is_blank(line))
        return 0;
    struct sl_field value;
    int r = sl_json_parse(task->scratch, line->str, line->len, &value, &message, &at);
    if (r == SL_ENOMEM)
        return sl_error_nomem(task->err);
    if (r < 0)
        return sl_task_explain(task, "jsonl: at byte %zu: %s", at + 1, message);
    *ret_width = typed->columns ? typed->count : 1;
    if (typed->columns)
        return sl_typed_members(typed, task, &value, fields);
    fields[0] = value;
    return 0;
}

static int read_jsonl(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                      uint64_t *ret_lines)
{
    struct sl_typed typed;
    sl_input_schema_typed(part->source->source.node, "jsonl", &typed);
    return sl_part_split_lines(part, split, &typed, task, out, ret_lines);
}

const struct sl_reader sl_reader_jsonl = {
    .name = "jsonl",
    .takes_schema = true,
    .summary = "a record per line: its JSON value as one field; an object is a map",
    .cuts = true,
    .read = read_jsonl,
};
