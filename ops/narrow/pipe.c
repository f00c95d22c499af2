/* pipe(argv): each partition through a command: a line per record in, a record per line out.
 *
 * A record that is one string is its line as it is; any other record is its fields as tsv. The command runs
 * beside the worker; lines are taken over as they come, so nothing but what is on the way is in memory. */
#include "core/base/buf.h"
#include "core/contract/child.h"
#include "ops/narrow/each_row.h"
#include "text/format.h"

#include <string.h>

struct pipe {
    struct sl_builder builder;
    struct sl_buf input; /* lines of the current chunk */
    struct sl_child child;
    bool started;
};

static int pipe_open(struct sl_instance *self)
{
    struct pipe *pipe = self->state;
    struct sl_field argv = sl_node_value(self->node, 0);
    sl_builder_init(&pipe->builder, self->out);
    sl_buf_init(&pipe->input);
    pipe->started = true;
    return sl_child_start(&pipe->child, self->task, &argv, SL_CHILD_READ);
}

/* A newline inside would make two records of one. */
static int write_text(struct sl_instance *self, const struct sl_field *text)
{
    struct pipe *pipe = self->state;
    if (text->len && memchr(text->str, '\n', text->len))
        return sl_task_explain(self->task, "pipe: the record holds a newline and would be two lines");
    return sl_buf_append(&pipe->input, text->str, text->len) ? 0 : SL_ENOMEM;
}

static int write_fields(struct sl_instance *self, const struct sl_chunk *in, uint32_t row)
{
    struct pipe *pipe = self->state;
    bool whole = true;
    for (uint32_t c = 0; whole && c < in->width; c++)
        whole = (c == 0 || sl_buf_byte(&pipe->input, '\t')) &&
                sl_tsv_field(&pipe->input, &in->column[c][row], &self->task->replaced);
    return whole ? 0 : SL_ENOMEM;
}

static int pipe_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in, uint32_t row)
{
    struct pipe *pipe = self->state;
    const struct sl_field *first = &in->column[0][row];
    int r = in->width == 1 && first->tag == SL_STR ? write_text(self, first) : write_fields(self, in, row);
    if (r < 0)
        return r;
    return sl_buf_byte(&pipe->input, '\n') ? 0 : SL_ENOMEM;
}

/* Pushes the whole lines of the output so far; with `all` the rest too. Their bytes stay until the push
 * returned. */
static int push_lines(struct sl_instance *self, bool all)
{
    struct pipe *pipe = self->state;
    struct sl_buf *output = &pipe->child.output;
    size_t from = 0;
    int r = 0;
    while (r == 0 && from < output->len) {
        const uint8_t *newline = memchr(output->bytes + from, '\n', output->len - from);
        if (!newline && !all)
            break;
        size_t to = newline ? (size_t)(newline - output->bytes) : output->len;
        struct sl_field line = sl_string(output->bytes + from, to - from);
        r = sl_builder_add(&pipe->builder, &line, 1, SL_NO_LINE);
        from = newline ? to + 1 : to;
    }
    if (r == 0)
        r = sl_builder_flush(&pipe->builder);
    if (r == 0 && from)
        memmove(output->bytes, output->bytes + from, output->len - from);
    output->len -= r == 0 ? from : 0;
    return r;
}

static int pipe_push(struct sl_instance *self, const struct sl_chunk *in)
{
    struct pipe *pipe = self->state;
    sl_buf_clear(&pipe->input);
    int r = sl_each_row(self, in, pipe_row);
    pipe->builder.chunk.origin = NULL; /* what the command writes comes from no line of the file */
    pipe->builder.chunk.line = NULL;
    if (r == 0)
        r = sl_child_write(&pipe->child, self->task, pipe->input.bytes, pipe->input.len);
    return r < 0 ? r : push_lines(self, false);
}

static int pipe_close(struct sl_instance *self)
{
    struct pipe *pipe = self->state;
    int r = sl_child_finish(&pipe->child, self->task);
    return r < 0 ? r : push_lines(self, true);
}

static void pipe_done(struct sl_instance *self)
{
    struct pipe *pipe = self->state;
    if (!pipe->started)
        return;
    sl_child_done(&pipe->child);
    sl_buf_done(&pipe->input);
    sl_builder_done(&pipe->builder);
}

static int pipe_check(struct sl_node *node, struct sl_error *err)
{
    return sl_child_check("pipe", &node->arg[0].value, err);
}

static const struct sl_narrow pipe_narrow = {
    .loses_time = true,
    .state_size = sizeof(struct pipe),
    .open = pipe_open,
    .push = pipe_push,
    .close = pipe_close,
    .done = pipe_done,
    .whole_partitions = true,
};

static const struct sl_param pipe_params[] = {
    {"argv", SL_WANT_STRINGS, false, "the program and its arguments"},
    {0},
};

const struct sl_op sl_op_pipe = {
    .name = "pipe",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Sends each partition through a command, a line per record; a non-zero exit fails the batch",
    .example = "s:pipe({\"sort\", \"-u\"})",
    .params = pipe_params,
    .narrow = &pipe_narrow,
    .check = pipe_check,
};
