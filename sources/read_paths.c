/* "paths": the name only; the file is not opened. */
#include "sources/readers.h"

#include <string.h>

static int read_path(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                     uint64_t *ret_lines)
{
    static const uint32_t first_line = 0;
    struct sl_field path = sl_string(part->file->path, strlen(part->file->path));
    *ret_lines = 1;
    return sl_push(
        out, &(struct sl_chunk){
                 .rows = 1, .width = 1, .origin = part->origin, .line = &first_line, .column = {&path}});
}

const struct sl_reader sl_reader_paths = {
    .name = "paths",
    .summary = "a record per file: its path; the file is not read",
    .opens_nothing = true,
    .read = read_path,
};
