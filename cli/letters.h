/* Dead letters for `sluice replay`: which input lines they are about, one file
 * <checkpoint>/deadletter/<t>.jsonl at a time, sorted by file and line, each line once. */
#pragma once

#include "cli/target.h"

struct sl_letter {
    const char *path; /* of the input, as the job names it */
    int64_t line;     /* from 1 */
    struct sl_field record;
};

struct sl_letters {
    struct sl_arena arena;
    char *text;
    size_t count;
    struct sl_letter *letter;
    uint64_t others; /* that are about no line of a file, or only about a part of one */
};

/* checkpoint: its path; name: of the file below deadletter/. */
int sl_letters_read(const char *checkpoint, const char *name, struct sl_letters *ret, struct sl_error *err);
void sl_letters_done(struct sl_letters *letters);

/* Whether the record was the whole line, so that nothing else was made of it before. */
bool sl_letter_is_line(const struct sl_letter *letter, const char *line, size_t len);
