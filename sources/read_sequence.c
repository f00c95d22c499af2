/* "sequence": Hadoop's sequence files (text/sequence_file.h). A record is a pair of key and value. */
#include "core/base/error.h"
#include "sources/readers.h"
#include "sources/row_files.h"
#include "sources/stream.h"
#include "text/sequence_file.h"

#include <stdlib.h>

static uint64_t bytes_of(const struct sl_field *field)
{
    return field->tag == SL_STR ? field->len : sizeof *field;
}

static int read_record(struct sl_sequence_reader *reader, struct sl_row_files *files)
{
    struct sl_field fields[2];
    int r = sl_row_files_next(files);
    if (r < 0)
        return r;
    r = sl_sequence_read_next(reader, files->task->scratch, &fields[0], &fields[1], files->task->err);
    if (r != SL_EREJECT && r <= 0)
        return r;
    r = r > 0 ? sl_row_files_add(files, fields, 2, bytes_of(&fields[0]) + bytes_of(&fields[1]))
              : sl_row_files_too_long(files);
    return r < 0 ? r : 1;
}

static int read_records(struct sl_sequence_reader *reader, struct sl_byte_stream *stream,
                        struct sl_row_files *files)
{
    int r = sl_sequence_read_open(reader, stream, files->part->file->path,
                                  sl_row_files_bytes_max(files->part), files->task->err);
    while (r >= 0 && (r = read_record(reader, files)) > 0)
        ;
    sl_sequence_reader_done(reader);
    return r < 0 ? r : sl_row_files_flush(files);
}

static int read_sequence(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                         uint64_t *ret_lines)
{
    struct sl_byte_stream *stream;
    struct sl_row_files files;
    int r = sl_part_stream_open(part, &stream, task->err);
    if (r < 0)
        return r;
    struct sl_sequence_reader *reader = malloc(sizeof *reader);
    sl_row_files_init(&files, part, task, out);
    r = reader ? read_records(reader, stream, &files) : sl_error_nomem(task->err);
    *ret_lines = files.line;
    sl_row_files_done(&files);
    free(reader);
    sl_part_stream_close(part, stream);
    return r;
}

const struct sl_reader sl_reader_sequence = {
    .name = "sequence",
    .summary = "Hadoop's sequence files: a record per pair, of key and value",
    .read = read_sequence,
};
