#include "ops/window/check.h"

#include "core/base/duration.h"
#include "core/base/error.h"
#include "core/contract/row_buffer.h"

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
    struct sl_row_buffers piles;
    struct sl_row_buffer kept;
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

static int keep_row(struct filter *filter, const struct sl_field *row, uint32_t width)
{
    struct sl_rows *rows = filter->kept.rows;
    struct sl_field copy[SL_WIDTH_MAX];
    for (uint32_t c = 0; c < width; c++)
        if (!sl_field_copy(&rows->arena, &row[c], &copy[c]))
            return SL_ENOMEM;
    int r = sl_rows_append_row(rows, copy, width);
    return r < 0 ? r : sl_row_buffer_make_room(&filter->piles, &filter->kept, &filter->stage->tasks[0]);
}

static int filter_rows(struct filter *filter, const struct sl_dataset *dataset)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_arena block = {0};
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_pass(&cursor, dataset, &block);
    while (r == 0 && sl_cursor_next(&cursor, row, &width)) {
        int keep = judge(filter, row, width);
        r = keep > 0 ? keep_row(filter, row, width) : keep;
    }
    sl_arena_done(&block);
    return r < 0 ? r : sl_row_buffer_end(&filter->piles, &filter->kept, &filter->stage->tasks[0]);
}

static int filter_all(struct filter *filter, const struct sl_dataset *dataset, struct sl_dataset *to)
{
    int r = sl_row_buffers_init(&filter->piles, filter->stage);
    r = r < 0 ? r : sl_row_buffer_init(&filter->kept, NULL);
    if (r == 0) {
        r = filter_rows(filter, dataset);
        r = r < 0 ? r : sl_row_buffer_show(&filter->kept, to, 0);
        sl_row_buffer_done(&filter->kept);
    }
    sl_row_buffers_done(&filter->piles);
    return r;
}

int sl_window_filter(struct sl_stage *stage, const struct sl_function *fn, struct sl_dataset **dataset)
{
    struct filter filter = {.stage = stage, .fn = fn};
    struct sl_dataset *kept = sl_dataset_new(1);
    int r = kept ? filter_all(&filter, *dataset, kept) : SL_ENOMEM;
    if (r < 0) {
        sl_dataset_unref(kept);
        return r;
    }
    sl_dataset_unref(*dataset);
    *dataset = kept;
    return 0;
}
