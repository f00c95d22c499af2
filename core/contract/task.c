#include "core/contract/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int sl_task_explain(struct sl_task *task, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(task->message, sizeof task->message, format, args);
    va_end(args);
    return SL_EREJECT;
}

int sl_task_explain_pair(struct sl_task *task, const char *name, const struct sl_field *field)
{
    sl_task_explain(task, "%s: the record has one field; a pair has a key and a value", name);
    size_t len = strlen(task->message);
    if (field->tag == SL_LIST && len < sizeof task->message)
        snprintf(task->message + len, sizeof task->message - len,
                 "; the field is a list of %u: write return k, v without braces", (unsigned)field->len);
    return SL_EREJECT;
}

int sl_task_reject(struct sl_task *task, unsigned node, const struct sl_chunk *chunk, uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    sl_chunk_row(chunk, row, fields);
    uint32_t line = chunk->line ? chunk->line[row] : SL_NO_LINE;
    return task->sink->reject(task->sink, task, node, fields, chunk->width, chunk->origin, line);
}

int sl_task_reject_cut(struct sl_task *task, unsigned node, const struct sl_chunk *chunk, uint32_t row)
{
    task->is_record_cut = true;
    int r = sl_task_reject(task, node, chunk, row);
    task->is_record_cut = false;
    return r;
}

int sl_task_late(struct sl_task *task, unsigned node, const struct sl_chunk *chunk, uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    sl_chunk_row(chunk, row, fields);
    task->event_ms = sl_chunk_time(chunk, row);
    return task->sink->late(task->sink, task, node, fields, chunk->width, chunk->origin,
                            chunk->line ? chunk->line[row] : SL_NO_LINE);
}

int sl_task_reject_group(struct sl_task *task, unsigned node, const struct sl_field *key,
                         const struct sl_field *value, int64_t records)
{
    struct sl_field fields[2] = {*key, value ? *value : sl_nil()};
    task->group_records = records;
    return task->sink->reject(task->sink, task, node, fields, 2, NULL, SL_GROUP_LINE);
}

void sl_task_postpone_group(struct sl_task *task, unsigned node)
{
    if (task->sink->postpone)
        task->sink->postpone(task->sink, task, node);
}
