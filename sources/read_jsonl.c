/* "jsonl": a JSON value per line, mostly an object, which becomes a map. Blank lines are no records. */
#include "sources/input_schema.h"
#include "sources/readers.h"
#include "sources/stream.h"
#include "text/json.h"
#include "text/json_pick.h"

#include <string.h>

static bool is_blank(const struct sl_field *line)
{
    for (uint32_t i = 0; i < line->len; i++)
        if (line->str[i] != ' ' && line->str[i] != '\t' && line->str[i] != '\r')
            return false;
    return true;
}

/* Of a file with a schema only its columns are made into values. */
struct columns {
    struct sl_typed typed; /* first */
    struct sl_arena arena;
    struct sl_json_paths paths;
};

static bool make_paths(struct columns *columns)
{
    uint32_t count = columns->typed.columns ? columns->typed.count : 0;
    struct sl_json_step *step = sl_arena_alloc(&columns->arena, (count + (size_t)1) * sizeof *step);
    bool made = step && sl_json_paths_init(&columns->paths, &columns->arena);
    for (uint32_t i = 0; i < count && made; i++) {
        const char *name = columns->typed.columns->column[i].name;
        step[i] = (struct sl_json_step){.is_key = true, .key = sl_string(name, strlen(name))};
        made = sl_json_paths_add(&columns->paths, &step[i], 1);
    }
    return made && sl_json_paths_end(&columns->paths);
}

/* Whether the line is an object of which the columns were read; what is wrong with another one is for the parser. */
static bool pick(const struct columns *columns, struct sl_task *task, const struct sl_field *line,
                 struct sl_field *values)
{
    bool is_map;
    return columns->typed.columns &&
           sl_json_pick(&columns->paths, task->scratch, line->str, line->len, values, &is_map) && is_map;
}

static int split(const struct sl_typed *typed, struct sl_task *task, const struct sl_field *line,
                 struct sl_field *fields, uint32_t *ret_width)
{
    const char *message;
    size_t at;
    *ret_width = 0;
    if (is_blank(line))
        return 0;
    struct sl_field value, values[SL_WIDTH_MAX];
    if (pick((const struct columns *)typed, task, line, values)) {
        *ret_width = typed->count;
        return sl_typed_values(typed, task, values, fields);
    }
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
    struct columns columns = {0};
    sl_input_schema_typed(part->source->source.node, "jsonl", &columns.typed);
    int r = make_paths(&columns) ? sl_part_split_lines(part, split, &columns.typed, task, out, ret_lines)
                                 : sl_error_nomem(task->err);
    sl_arena_done(&columns.arena);
    return r;
}

const struct sl_reader sl_reader_jsonl = {
    .name = "jsonl",
    .takes_schema = true,
    .summary = "a record per line: its JSON value as one field; an object is a map",
    .cuts = true,
    .read = read_jsonl,
};
