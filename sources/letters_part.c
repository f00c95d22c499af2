#include "sources/letters_part.h"

#include "core/base/error.h"
#include "sources/meta.h"
#include "sources/readers.h"

#include <stddef.h>
#include <string.h>

size_t sl_letters_part_len(const struct sl_letters *letters, size_t first)
{
    size_t count = 1;
    while (first + count < letters->count &&
           strcmp(letters->letter[first].branch, letters->letter[first + count].branch) == 0)
        count++;
    return count;
}

/* Gives the records of one letter the line that it had, on their way out and where they are refused. */
struct relabel {
    struct sl_outlet outlet; /* first */
    struct sl_reject_sink sink;
    struct sl_outlet *out;
    struct sl_reject_sink *sink_before;
    uint32_t line;
};

static int push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct relabel *relabel = (struct relabel *)outlet;
    uint32_t line[SL_CHUNK_ROWS];
    struct sl_chunk labelled = *chunk;
    for (uint32_t i = 0; i < chunk->rows; i++)
        line[i] = relabel->line;
    labelled.line = line;
    return relabel->out->push(relabel->out, &labelled);
}

static int reject(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                  const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                  uint32_t line)
{
    struct relabel *relabel = (struct relabel *)((char *)sink - offsetof(struct relabel, sink));
    return relabel->sink_before->reject(relabel->sink_before, task, node, fields, width, origin,
                                        relabel->line);
}

static int pass_late(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                     const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                     uint32_t line)
{
    struct relabel *relabel = (struct relabel *)((char *)sink - offsetof(struct relabel, sink));
    return relabel->sink_before->late(relabel->sink_before, task, node, fields, width, origin, relabel->line);
}

static uint32_t line_of(const struct sl_letter *letter)
{
    return letter->line < (int64_t)SL_GROUP_LINE ? (uint32_t)(letter->line - 1) : SL_GROUP_LINE - 1;
}

int sl_letters_part_prepare(struct sl_file_source *source, struct sl_letters *letters)
{
    for (size_t i = 0; i < letters->count; i++) {
        struct sl_letter *letter = &letters->letter[i];
        struct sl_origin *origin = sl_arena_alloc(&letters->arena, sizeof *origin);
        if (!origin)
            return SL_ENOMEM;
        *origin = (struct sl_origin){
            .path = letter->path,
            .mtime_ms = letter->mtime_ms,
            .node = source->source.node,
            .once_more = true,
            .header = letter->header,
        };
        letter->origin = origin;
    }
    return 0;
}

static int push_row(const struct sl_letter *letter, struct sl_task *task, struct sl_outlet *out,
                    const char *refused_because, const struct sl_node *node)
{
    uint32_t line = line_of(letter);
    struct sl_chunk chunk = {.rows = 1, .width = letter->width, .origin = letter->origin, .line = &line};
    for (uint32_t i = 0; i < letter->width; i++)
        chunk.column[i] = &letter->field[i];
    sl_arena_reset(task->scratch);
    if (!refused_because)
        return sl_push(out, &chunk);
    (void)sl_task_explain(task, "%s", refused_because);
    return sl_task_reject(task, node->number, &chunk, 0);
}

/* By the source's format, as if it stood in its file. */
static int read_raw(struct sl_file_source *source, const struct sl_letter *letter, struct sl_task *task,
                    struct sl_outlet *out)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf bytes = {0};
    bool has_header = letter->header.tag == SL_STR;
    if (letter->width != 1 || letter->field[0].tag != SL_STR)
        return push_row(letter, task, out, "a dead letter that is no text", source->source.node);
    if ((has_header && !sl_buf_append(&bytes, letter->header.str, letter->header.len)) ||
        (has_header && !sl_buf_byte(&bytes, '\n')) ||
        !sl_buf_append(&bytes, letter->field[0].str, letter->field[0].len) ||
        (!letter->field[0].len && !sl_buf_byte(&bytes, '\n'))) /* else there would be no record */
        return sl_error_nomem(task->err);
    struct sl_file file = {.path = (char *)letter->path, .size = (int64_t)bytes.len};
    struct sl_file_part part = {source, source->services->io, -1, &file, letter->origin, 0, file.size,
                                &bytes};
    struct sl_meta meta;
    if (source->options.meta)
        sl_meta_init_at(&meta, &part, 0, task, out);
    struct relabel relabel = {{push},
                              {.reject = reject, .late = pass_late},
                              source->options.meta ? &meta.outlet : out,
                              task->sink,
                              line_of(letter)};
    uint64_t lines;
    task->sink = &relabel.sink;
    int r = source->reader->read(&part, task, &relabel.outlet, &lines);
    task->sink = relabel.sink_before;
    return r;
}

int sl_letters_part_read(struct sl_file_source *source, const struct sl_letters *letters, size_t first,
                         struct sl_task *task, struct sl_outlet *out)
{
    const struct sl_services *services = source->services;
    const struct sl_node *node = source->source.node;
    const struct sl_letter *letter = &letters->letter[first];
    bool is_raw = !letter->branch[0];
    const struct sl_node *aim;
    const char *lost = services->find_branch(services, node, letter->branch, &aim)
                           ? NULL
                           : "a dead letter of an operator that the job no longer has";
    int r = 0;
    for (size_t i = 0, count = sl_letters_part_len(letters, first); r == 0 && i < count; i++, letter++) {
        if (task->stop && atomic_load_explicit(task->stop, memory_order_relaxed))
            return SL_ESTOP;
        if (letter->left || strcmp(letter->source, source->source.key) != 0)
            continue;
        r = is_raw && !lost ? read_raw(source, letter, task, out) : push_row(letter, task, out, lost, node);
    }
    return r;
}
