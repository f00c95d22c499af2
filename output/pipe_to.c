/* pipeTo(argv): the records of each batch on the standard input of a command, as lines of tsv; one process
 * per batch, none for a batch without records. What it prints goes where this process prints.
 *
 * It is an effect (core/contract/operator.h): it happens before anything of the batch is visible, at least once; the
 * command sees SLUICE_BATCH and SLUICE_REPLAY in its environment. */
#include "core/contract/child.h"
#include "core/contract/collect.h"
#include "core/contract/services.h"
#include "output/outputs.h"
#include "text/format.h"

#include <string.h>

/* Rows on their way to the command. */
struct feed {
    struct sl_outlet outlet;
    const struct sl_format *format;
    struct sl_child child;
    struct sl_task *task;
    struct sl_buf text;
    uint64_t *replaced; /* services->replaced, or NULL */
};

static int feed_push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct feed *feed = (struct feed *)outlet;
    uint64_t replaced = 0;
    sl_buf_clear(&feed->text);
    if (!feed->format->rows(&feed->text, chunk, &replaced))
        return SL_ENOMEM;
    if (feed->replaced)
        *feed->replaced += replaced;
    return sl_child_write(&feed->child, feed->task, feed->text.bytes, feed->text.len);
}

static int feed_dataset(struct feed *feed, const struct sl_field *argv, const struct sl_dataset *dataset)
{
    int r = sl_child_start(&feed->child, feed->task, argv, SL_CHILD_INHERIT);
    for (size_t p = 0; r == 0 && p < dataset->partitions; p++)
        r = sl_dataset_push(dataset, p, 0, UINT64_MAX, &feed->outlet);
    if (r == 0)
        r = sl_child_finish(&feed->child, feed->task);
    sl_child_done(&feed->child);
    sl_buf_done(&feed->text);
    return r;
}

static int pipe_to_effect(struct sl_stage *stage)
{
    const struct sl_collect *collect = stage->state;
    struct sl_field argv = sl_node_value(stage->node, 0);
    struct feed feed = {{feed_push},
                        .format = sl_format_find("tsv", 3),
                        .task = &stage->tasks[0],
                        .replaced = stage->services->replaced};
    bool has_records = stage->said && collect->result->count > 0;
    if (!stage->emits || !(has_records || stage->services->empty_batches))
        return 0;
    fflush(stage->services->out); /* what was printed before stands before what the command prints */
    feed.task->err = stage->err;
    return feed_dataset(&feed, &argv, collect->result);
}

static int pipe_to_check(struct sl_node *node, struct sl_error *err)
{
    return sl_child_check("pipeTo", &node->arg[0].value, err);
}

static const struct sl_param params[] = {
    {"argv", SL_WANT_STRINGS, false, "the program and its arguments"},
    {0},
};

static const struct sl_output steps = {.effect = pipe_to_effect};

const struct sl_op sl_output_pipe_to = {
    .name = "pipeTo",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary = "Gives each batch to a command, a line of tsv per record; a non-zero exit fails the batch.",
    .example = "s:pipeTo({\"sort\", \"-r\"})",
    .params = params,
    .wide = &sl_collect_wide,
    .output = &steps,
    .check = pipe_to_check,
};
