#include "ops/window/check.h"

#include "core/base/duration.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

static int refuse(const struct sl_node *node, const char *what, int64_t ms, struct sl_error *err)
{
    char given[32], own[32];
    sl_duration_format(ms, given);
    sl_duration_format(node->input[0]->slide_ms, own);
    return sl_error_set(err, SL_EUSAGE, "%s: the %s of %s is not a multiple of the stream's own slide, %s",
                        node->op->name, what, given, own);
}

int sl_window_check(struct sl_node *node, unsigned window, unsigned slide, struct sl_error *err)
{
    const struct sl_node *input = node->input[0];
    int64_t window_ms = sl_node_integer(node, window, 0);
    int64_t slide_ms = sl_node_integer(node, slide, input->slide_ms);
    if (window_ms % input->slide_ms)
        return refuse(node, "window", window_ms, err);
    if (slide_ms % input->slide_ms)
        return refuse(node, "slide", slide_ms, err);
    node->slide_ms = slide_ms;
    node->window_ms = window_ms + (input->window_ms ? input->window_ms - input->slide_ms : 0);
    return 0;
}

int64_t sl_window_of(const struct sl_node *node)
{
    const struct sl_node *input = node->input[0];
    return node->window_ms - (input->window_ms ? input->window_ms - input->slide_ms : 0);
}

struct filter {
    struct sl_stage *stage;
    const struct sl_function *fn;
    struct sl_rows *rows;
};

/* 1: keep; 0: do not; or a failure of the batch. */
static int judge(const struct filter *filter, const struct sl_field *row, uint32_t width)
{
    struct sl_task *task = &filter->stage->tasks[0];
    const struct sl_node *node = filter->stage->node;
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {0, values};
    sl_arena_reset(task->scratch);
    task->err = filter->stage->err;
    int r = sl_function_call(filter->fn, task, row, width, &returned);
    if (r == 0 && returned.count == 1 && values[0].tag == SL_BOOL)
        return values[0].boolean;
    if (r == 0 && returned.count == 1 && values[0].tag == SL_NIL)
        return 0;
    if (r == 0)
        r = sl_task_explain(task, "%s: filterFunc must return true or false", node->op->name);
    if (r != SL_EREJECT)
        return r;
    r = sl_task_reject_group(task, node->number, &row[0], &row[1], 0);
    return r < 0 ? r : 0;
}

static int filter_rows(struct filter *filter, const struct sl_dataset *dataset)
{
    struct sl_cursor cursor;
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t width;
    sl_cursor_init(&cursor, dataset);
    while (sl_cursor_next(&cursor, row, &width)) {
        int keep = judge(filter, row, width);
        for (uint32_t c = 0; keep > 0 && c < width; c++)
            if (!sl_field_copy(&filter->rows->arena, &row[c], &row[c]))
                return SL_ENOMEM;
        int r = keep > 0 ? sl_rows_append_row(filter->rows, row, width) : keep;
        if (r < 0)
            return r;
    }
    return 0;
}

int sl_window_filter(struct sl_stage *stage, const struct sl_function *fn, struct sl_dataset **dataset)
{
    struct filter filter = {stage, fn, sl_rows_new()};
    int r = filter.rows ? filter_rows(&filter, *dataset) : SL_ENOMEM;
    if (r < 0) {
        sl_rows_unref(filter.rows);
        return r;
    }
    sl_dataset_unref(*dataset);
    *dataset = sl_dataset_of(filter.rows);
    return *dataset ? 0 : SL_ENOMEM;
}
