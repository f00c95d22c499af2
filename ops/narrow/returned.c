#include "ops/narrow/returned.h"

#include "core/base/error.h"

#include <stdio.h>
#include <string.h>

/* "the function", or the built-in's call: the subject of messages. */
static const char *subject(const struct sl_function *fn)
{
    return fn->name && fn->name[0] ? fn->name : "the function";
}

/* What came back, for messages. */
static const char *described(const struct sl_returned *returned, char *text, size_t size)
{
    if (returned->count == 0)
        return "nothing";
    if (returned->count == 1)
        return returned->values[0].flags & SL_FIELD_ROW ? "a row"
                                                        : sl_tag_phrase((enum sl_tag)returned->values[0].tag);
    snprintf(text, size, "%u values", (unsigned)returned->count);
    return text;
}

static int explain(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                   const struct sl_returned *returned, const char *wanted)
{
    char text[32];
    if (returned->count == 0 && fn->gives == SL_GIVES_ROW)
        return sl_task_explain(task, "%s: %s found no match", sl_node_called(node), subject(fn));
    return sl_task_explain(task, "%s: %s returned %s; return %s", sl_node_called(node), subject(fn),
                           described(returned, text, sizeof text), wanted);
}

static int explain_width(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                         uint32_t width)
{
    return sl_task_explain(task, "%s: %s returned a record of %u fields; a record has 1 to %d",
                           sl_node_called(node), subject(fn), (unsigned)width, SL_WIDTH_MAX);
}

static bool is_row(const struct sl_field *field)
{
    return field->tag == SL_LIST && (field->flags & SL_FIELD_ROW);
}

int sl_returned_row(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                    struct sl_returned *ret)
{
    if (ret->count == 0)
        return explain(node, task, fn, ret, "nil or a value");
    if (ret->count > SL_WIDTH_MAX)
        return explain_width(node, task, fn, ret->count);
    if (ret->count > 1 || !is_row(&ret->values[0]))
        return 0;
    struct sl_field row = ret->values[0];
    if (row.len < 1 || row.len > SL_WIDTH_MAX)
        return explain_width(node, task, fn, row.len);
    memmove(ret->values, row.items, row.len * sizeof row);
    ret->count = row.len;
    return 0;
}

int sl_returned_truth(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                      const struct sl_returned *returned, bool *ret)
{
    if (returned->count != 1)
        return explain(node, task, fn, returned, "true or false");
    const struct sl_field *value = &returned->values[0];
    if (value->tag != SL_BOOL && value->tag != SL_NIL)
        return explain(node, task, fn, returned, "true or false (0 and \"\" are true in Lua)");
    *ret = value->tag == SL_BOOL && value->boolean;
    return 0;
}

int sl_returned_value(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                      const struct sl_returned *returned, struct sl_field *ret)
{
    if (returned->count == 1) {
        *ret = returned->values[0];
        ret->flags = 0;
        return 0;
    }
    if (returned->count == 0 || fn->gives == SL_GIVES_ANY)
        return explain(node, task, fn, returned, "one value");
    *ret = sl_list(returned->values, returned->count);
    return 0;
}

static int list_records(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                        const struct sl_field *list, struct sl_records *ret)
{
    for (uint32_t i = 0; i < list->len; i++) {
        const struct sl_field *item = &list->items[i];
        if (item->tag == SL_LIST && (item->len < 1 || item->len > SL_WIDTH_MAX))
            return explain_width(node, task, fn, item->len);
    }
    *ret = (struct sl_records){.count = list->len, .item = list->items};
    return 0;
}

int sl_returned_records(const struct sl_node *node, struct sl_task *task, const struct sl_function *fn,
                        const struct sl_returned *returned, struct sl_records *ret)
{
    const struct sl_field *value = returned->values;
    *ret = (struct sl_records){0};
    if (returned->count == 0)
        return 0;
    if (fn->gives == SL_GIVES_ROW) {
        *ret = (struct sl_records){.count = 1, .item = value, .width = returned->count};
        return 0;
    }
    if (returned->count == 1 && value->tag == SL_NIL)
        return 0;
    if (returned->count > 1 || value->tag != SL_LIST || is_row(value))
        return explain(node, task, fn, returned, "a list of records, {} or nil for none");
    return list_records(node, task, fn, value, ret);
}

uint32_t sl_record_of(const struct sl_records *records, uint32_t i, const struct sl_field **ret_fields)
{
    const struct sl_field *item = &records->item[i];
    if (records->width || item->tag != SL_LIST) {
        *ret_fields = item;
        return records->width ? records->width : 1;
    }
    *ret_fields = item->items;
    return item->len;
}

int sl_refuse_truth(const struct sl_node *node, struct sl_error *err)
{
    const struct sl_function *fn = sl_node_function(node, 0);
    if (fn->gives != SL_GIVES_TRUTH)
        return 0;
    return sl_error_set(err, SL_EUSAGE, "%s: %s is true or false and gives no records; use filter(%s)",
                        sl_node_called(node), subject(fn), subject(fn));
}

int sl_refuse_not_truth(const struct sl_node *node, struct sl_error *err)
{
    const struct sl_function *fn = sl_node_function(node, 0);
    if (fn->gives == SL_GIVES_TRUTH || fn->gives == SL_GIVES_ANY)
        return 0;
    return sl_error_set(err, SL_EUSAGE,
                        "%s: %s is no predicate; give a function that returns true or false, or one of "
                        "matches, contains, eq, ne, lt, le, gt, ge, notEmpty, all, any, negate",
                        sl_node_called(node), subject(fn));
}
