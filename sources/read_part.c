/* Reading a partition of a source of files: a file, an object, or dead letters, opened and handed to the reader. */
#include "core/base/error.h"
#include "sources/files.h"
#include "sources/guard.h"
#include "sources/letters_part.h"
#include "sources/meta.h"
#include "sources/objects/objects.h"
#include "sources/planned_file.h"
#include "sources/readers.h"

#include <string.h>

static int read_part(struct sl_file_source *source, size_t p, const struct sl_file_part *opened,
                     struct sl_task *task, struct sl_outlet *out, uint64_t *ret_lines)
{
    struct sl_meta meta;
    if (!source->options.meta)
        return source->reader->read(opened, task, out, ret_lines);
    int r = sl_meta_init(&meta, opened, p, task, out);
    r = r < 0 ? r : source->reader->read(opened, task, &meta.outlet, ret_lines);
    if (r == 0)
        atomic_store(&source->part[p].lines, (int64_t)*ret_lines);
    return r;
}

/* The batch is run again without the file: nothing is to be made of this part. */
static int give_up(struct sl_file_source *source, size_t f, struct sl_error *err)
{
    int r = sl_file_source_quarantine_for(source, f, err);
    if (r < 0)
        return r;
    *err = (struct sl_error){0}; /* it was reported */
    return SL_EREJECT;
}

/* False: out of memory. */
static bool note_errors(struct sl_split *part, const struct sl_guard *guard)
{
    part->records = guard->records;
    part->errors = guard->errors;
    part->error_line = guard->line;
    part->error_node = guard->node;
    part->error_message = guard->errors ? strdup(guard->message) : NULL;
    return !guard->errors || part->error_message;
}

/* What the server said of a read that failed is more than readers know. */
static int read_object_part(struct sl_file_source *source, size_t p, struct sl_file_part *opened,
                            struct sl_task *task, struct sl_outlet *out, uint64_t *ret_lines)
{
    struct sl_range_reader *reader;
    int r = sl_range_reader_open(source->objects, opened->file, opened->to, task->stop, &reader, task->err);
    if (r < 0)
        return r;
    opened->io = sl_range_reader_io(reader);
    r = read_part(source, p, opened, task, out, ret_lines);
    if (r < 0 && sl_range_reader_error(reader, task->err))
        r = task->err->code;
    sl_range_reader_close(reader);
    return r;
}

static int read_file_part(struct sl_file_source *source, size_t p, struct sl_task *task,
                          struct sl_outlet *out, uint64_t *ret_lines)
{
    struct sl_split *part = &source->part[p];
    const struct sl_file *file = &source->files->file[part->file];
    struct sl_file_part opened = {.source = source,
                                  .io = source->services->io,
                                  .fd = -1,
                                  .file = file,
                                  .origin = &source->state[part->file].origin,
                                  .from = part->from,
                                  .to = part->to};
    if (source->reader->opens_nothing)
        return read_part(source, p, &opened, task, out, ret_lines);
    if (source->state[part->file].is_hollow)
        return sl_error_set(task->err, SL_EFAIL,
                            "reading %s: a sparse file of %lld bytes, of which less than one in %d is stored",
                            file->path, (long long)file->size, SL_HOLLOW_RATIO);
    if (source->objects)
        return read_object_part(source, p, &opened, task, out, ret_lines);
    opened.fd = sl_planned_file_open(source, file, task->err);
    if (opened.fd < 0)
        return opened.fd;
    int r = read_part(source, p, &opened, task, out, ret_lines);
    sl_io_close(opened.io, opened.fd);
    return r;
}

int sl_file_source_read(struct sl_source *base, size_t p, struct sl_task *task, struct sl_outlet *out,
                        uint64_t *ret_lines)
{
    struct sl_file_source *source = (struct sl_file_source *)base;
    struct sl_split *part = &source->part[p];
    struct sl_file_state *state = &source->state[part->file];
    struct sl_guard guard;
    *ret_lines = 0;
    if (state->letters)
        return sl_letters_part_read(source, state->letters, part->letter, task, out);
    sl_guard_init(&guard, task, out);
    int r = read_file_part(source, p, task, &guard.outlet, ret_lines);
    sl_guard_done(&guard, task);
    if (!note_errors(part, &guard) && r == 0)
        r = sl_error_nomem(task->err);
    if (!guard.failed && sl_is_file_failure(r, task->err))
        r = give_up(source, part->file, task->err);
    return r;
}
