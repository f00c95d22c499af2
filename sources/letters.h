/* Dead letters as input: a file <checkpoint>/deadletter/T.replay holds letters that a batch takes once more, each
 * a record of its source with its own file, line and time. What a letter must say for that is written by
 * engine/batch/rejects: `source` (the key of the source), `branch` (the operators between the source and the one
 * that refused the record, which is as its source gave it), and the record itself, exactly.
 *
 * A letter is replayed where it was refused: it is passed from its source only down the branch that ends in the
 * operator that refused it, since all other branches have processed it already. A record that the source itself
 * refused is read once more by the source's own format; another is the row that the source gave.
 *
 * In plans such a file is called "deadletter:T.replay": without a slash no watched file has such a path. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/io.h"
#include "core/rows/field.h"

#define SL_LETTERS_PREFIX "deadletter:"

struct sl_origin;

struct sl_letter {
    const char *source; /* its key; "" where it is not known */
    const char *path;   /* of the input, as the job named it; "" where it is not known */
    int64_t line;       /* from 1 */
    int64_t mtime_ms;
    const char *branch;           /* "filter/map"; "": the source itself refused it */
    struct sl_field header;       /* csv: of its file, as it is there; nil */
    const struct sl_field *field; /* [width] */
    uint32_t width;
    const struct sl_origin *origin; /* sources/letters_part.h */
    size_t at, len;                 /* its line in the file, newline included */
    const char *left;               /* why it cannot be replayed; NULL: it can */
    uint64_t count;                 /* letters that it represents: 1, of "N more records" N */
};

struct sl_letters {
    struct sl_arena arena;
    char *text; /* owned */
    size_t len;
    size_t count, capacity;
    struct sl_letter *letter;
};

/* The name of the letters' file where the path of a plan is one; else NULL. */
const char *sl_letters_name(const char *path);

/* deadletter_fd: the directory. */
int sl_letters_read(struct sl_io *io, int deadletter_fd, const char *name, struct sl_letters *ret,
                    struct sl_error *err);
void sl_letters_done(struct sl_letters *letters);
