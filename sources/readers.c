#include "sources/readers.h"

#include <string.h>

const struct sl_reader *const sl_readers[] = {
    &sl_reader_lines, &sl_reader_whole, &sl_reader_csv,      &sl_reader_tsv, &sl_reader_jsonl,
    &sl_reader_json,  &sl_reader_paths, &sl_reader_sequence, NULL,
};

const struct sl_reader *sl_reader_find(struct sl_field name)
{
    for (size_t i = 0; sl_readers[i]; i++)
        if (strlen(sl_readers[i]->name) == name.len && memcmp(sl_readers[i]->name, name.str, name.len) == 0)
            return sl_readers[i];
    return NULL;
}
