/* Rows that exceed memoryLimit are written to disk and read back as a stream: the contract between operators
 * that would grow without bound (ops/) and the files (state/spill/spill.c).
 *
 * open gives a file that one thread at a time writes to. row adds rows, end makes all rows since the last end
 * a run: immutable, loaded block by block by any thread, living until freed, whatever becomes of the file
 * that was written. A file has many runs, so that descriptors do not grow with them.
 *
 * Failures of writing are returned. Reading happens where a failure cannot be returned (sl_cursor_next), so a
 * failure is noted too, and the engine asks before anything of a batch shows: rows are never missing
 * silently. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/rows/chunk.h"

struct sl_spill;
struct sl_spill_file;

/* A run of rows on disk. */
struct sl_stored {
    struct sl_spill *spill;
    uint64_t rows;
    size_t blocks;
    const uint64_t *start; /* [blocks]: index of the first row of a block; its rows have one width */
};

struct sl_spill_ops {
    int (*open)(struct sl_spill *spill, struct sl_spill_file **ret, struct sl_error *err);
    int (*row)(struct sl_spill_file *file, const struct sl_field *fields, uint32_t width,
               struct sl_error *err);
    /* The same with an event time, which the chunk has when it is loaded. */
    int (*timed_row)(struct sl_spill_file *file, const struct sl_field *fields, uint32_t width, int64_t time,
                     struct sl_error *err);
    /* A block of its own: `rows` rows of one width, 1 to SL_CHUNK_ROWS, encoded by text/row_codec.h. */
    int (*block)(struct sl_spill_file *file, const uint8_t *bytes, size_t len, uint32_t rows,
                 struct sl_error *err);
    int (*end)(struct sl_spill_file *file, struct sl_stored **ret, struct sl_error *err);
    uint64_t (*size)(const struct sl_spill_file *file); /* bytes so far */
    void (*close)(struct sl_spill_file *file);          /* NULL is fine */
    /* A block as a chunk that lives in the arena. SL_EFAIL, SL_EDAMAGED, SL_ENOMEM; noted. */
    int (*load)(const struct sl_stored *stored, size_t block, struct sl_arena *arena, struct sl_chunk **ret,
                struct sl_error *err);
    void (*free)(struct sl_stored *stored); /* NULL is fine */
    /* A failure that the caller cannot return, as those of load are. Any thread. */
    void (*note)(struct sl_spill *spill, const struct sl_error *err);
};

struct sl_spill {
    const struct sl_spill_ops *ops;
    size_t bytes;                   /* what one worker may hold for one operator before it writes */
    _Atomic uint64_t written, held; /* bytes: over the life of it; on disk now */
};

/* Adds all rows of the chunk, with their event times. 0, or a failure. */
int sl_spill_chunk(const struct sl_spill *spill, struct sl_spill_file *file, const struct sl_chunk *chunk,
                   struct sl_error *err);
