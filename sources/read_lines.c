/* "lines": what textFileStream gives. */
#include "sources/readers.h"
#include "sources/stream.h"

const struct sl_reader sl_reader_lines = {
    .name = "lines",
    .summary = "a record per line",
    .cuts = true,
    .read = sl_part_lines,
};
