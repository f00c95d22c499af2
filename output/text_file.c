#include "output/text_file.h"

#include "output/container.h"
#include "output/directory.h"
#include "output/part.h"
#include "text/format.h"

#include <fcntl.h>

struct text_file {
    struct sl_outlet outlet;
    const struct sl_format *format;
    const struct sl_container *container; /* NULL: the format writes lines */
    void *contained;
    struct sl_task task; /* which explains what does not fit */
    uint64_t records;
    struct sl_part part;
    struct sl_buf text; /* of one chunk */
    uint64_t *replaced; /* services->replaced, or NULL */
    struct sl_error *err;
};

static int contain_row(struct text_file *file, const struct sl_chunk *chunk, uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    int r = 0;
    file->records++;
    if (chunk->width < 2)
        r = sl_task_explain(&file->task, "sequence files take pairs, it has one field");
    sl_chunk_row(chunk, row, fields);
    if (r == 0)
        r = file->container->row(file->contained, fields, chunk->width, &file->task, &file->text);
    if (r != SL_EREJECT)
        return r;
    return sl_error_set(file->err, SL_EFAIL, "record %llu: %s", (unsigned long long)file->records,
                        file->task.message);
}

static int contain_rows(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct text_file *file = (struct text_file *)outlet;
    int r = 0;
    sl_buf_clear(&file->text);
    for (uint32_t row = 0; r == 0 && row < chunk->rows; row++)
        r = contain_row(file, chunk, row);
    return r < 0 ? r : sl_part_write(&file->part, file->text.bytes, file->text.len, file->err);
}

static int end_container(struct text_file *file)
{
    sl_buf_clear(&file->text);
    int r = file->container->end(file->contained, &file->text, file->err);
    return r < 0 ? r : sl_part_write(&file->part, file->text.bytes, file->text.len, file->err);
}

static int push_rows(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct text_file *file = (struct text_file *)outlet;
    uint64_t replaced = 0;
    sl_buf_clear(&file->text);
    if (!file->format->rows(&file->text, chunk, &replaced))
        return sl_error_nomem(file->err);
    if (file->replaced)
        *file->replaced += replaced;
    return sl_part_write(&file->part, file->text.bytes, file->text.len, file->err);
}

static int open_container(struct text_file *file, const struct sl_save_settings *settings, const char *name)
{
    file->task.err = file->err;
    file->container = settings->container;
    file->contained = file->container->open(settings, name);
    return file->contained ? 0 : sl_error_nomem(file->err);
}

/* settings NULL: lines of tsv. */
static int write_part(const struct sl_services *services, struct sl_directory *directory,
                      const struct sl_save_settings *settings, const struct sl_dataset *dataset,
                      struct sl_error *err)
{
    struct text_file file = {{settings ? contain_rows : push_rows},
                             .format = sl_format_find("tsv", 3),
                             .replaced = services->replaced,
                             .err = err};
    int r = sl_part_open(&file.part, directory, 0, NULL, err);
    if (r == 0 && settings)
        r = open_container(&file, settings, directory->place->shown);
    for (size_t p = 0; r == 0 && p < dataset->partitions; p++)
        r = sl_dataset_push(dataset, p, 0, UINT64_MAX, &file.outlet);
    if (r == 0 && settings)
        r = end_container(&file);
    if (r == 0)
        r = sl_part_close(&file.part, err);
    if (r == 0) {
        int fd = file.part.fd;
        file.part.fd = -1;
        r = sl_directory_add(directory, &file.part.file, fd, err);
    }
    if (settings)
        settings->container->close(file.contained);
    sl_part_done(&file.part);
    sl_buf_done(&file.text);
    return r;
}

static int write_directory(const struct sl_services *services, const struct sl_output_dir *place,
                           const struct sl_save_settings *settings, const struct sl_dataset *dataset,
                           struct sl_error *err)
{
    struct sl_directory directory;
    struct sl_directory_parent known = {0};
    int r = sl_directory_open(&directory, services->io, services->job_dirfd, place, services->durable, &known,
                              err);
    if (r < 0)
        return r;
    r = write_part(services, &directory, settings, dataset, err);
    if (r == 0)
        r = sl_directory_seal(&directory, err);
    if (r == 0)
        r = sl_directory_reveal(&directory, SL_TAKEN_FAIL, err);
    sl_directory_done(&directory);
    return r;
}

/* A batch that is redone finds what it made before; whether it is the same, the directory sees. */
static int refuse_existing(const struct sl_services *services, const char *path, struct sl_error *err)
{
    struct statx info;
    if (services->replay || services->io->ops->statx(services->io, services->job_dirfd, path,
                                                     AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) < 0)
        return 0; /* what is wrong with the path will be told when it is made */
    return sl_error_set(err, SL_EFAIL, "%s exists; remove it, or put the batch's time into the name", path);
}

static int save(const struct sl_services *services, struct sl_field path,
                const struct sl_save_settings *settings, const struct sl_dataset *dataset,
                struct sl_error *err)
{
    struct sl_output_dir place;
    int r = sl_output_dir_init_plain(&place, path, services->owner, err);
    if (r < 0)
        return r;
    r = refuse_existing(services, place.shown, err);
    if (r == 0)
        r = write_directory(services, &place, settings, dataset, err);
    sl_output_dir_done(&place);
    return r;
}

int sl_text_file_save(const struct sl_services *services, struct sl_field path,
                      const struct sl_dataset *dataset, struct sl_error *err)
{
    return save(services, path, NULL, dataset, err);
}

int sl_sequence_file_save(const struct sl_services *services, struct sl_field path,
                          const struct sl_sequence_settings *settings, const struct sl_dataset *dataset,
                          struct sl_error *err)
{
    const struct sl_save_settings whole = {.container = &sl_container_sequence, .sequence = *settings};
    return save(services, path, &whole, dataset, err);
}
