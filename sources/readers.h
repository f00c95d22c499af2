/* The formats of fileStream. A reader makes rows of one partition of a file; each is one file and one line in
 * readers.c. */
#pragma once

#include "sources/files.h"

struct sl_reader {
    const char *name;    /* of the format, as jobs say it */
    const char *summary; /* what a record is */
    bool cuts;           /* plain files may be cut into splits */
    bool takes_schema;   /* options schema and badValues */
    bool opens_nothing;  /* it wants no more than the file's name */
    /* Pushes the rows in order; core/contract/source.h has the rules. SL_EFAIL: the file cannot be read. */
    int (*read)(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                uint64_t *ret_lines);
    /* Checks options that are its own; may be NULL. */
    int (*check)(const struct sl_node *node, struct sl_error *err);
};

extern const struct sl_reader sl_reader_lines, sl_reader_whole, sl_reader_csv, sl_reader_tsv, sl_reader_jsonl,
    sl_reader_json, sl_reader_paths, sl_reader_text, sl_reader_sequence, sl_reader_object;

/* All of them, ends with NULL. */
extern const struct sl_reader *const sl_readers[];
const struct sl_reader *sl_reader_find(struct sl_field name);
