/* The rows of one batch on their way into a table.
 *
 * Lanes append rows to their items of a sequence (text/framed_rows.h); the sequence hands them on in order to
 * sl_table_writer_rows, in one thread at a time. There they are gathered into pieces, which a thread fits to the table's
 * columns and writes (sinks/table/piece.h) while the next is gathered; a record that does not fit, or that the
 * database refuses, is rejected and the piece is written without it. Between pieces, and before and after all of them,
 * the connection belongs to the caller. sl_table_writer_finish writes what is left; sl_table_writer_commit makes it
 * visible; sl_table_writer_done without it takes everything back. */
#pragma once

#include "core/contract/sequence.h"
#include "sinks/table/database.h"

#include <pthread.h>

/* What an output keeps from batch to batch. */
struct sl_table_memory {
    struct sl_table_settings settings;
    struct sl_table_database *database; /* NULL: not connected */
};

struct sl_table_writer {
    const struct sl_stage *stage;
    struct sl_table_memory *memory;
    struct sl_arena arena; /* of the batch: the shape */
    struct sl_table_shape shape;
    uint32_t count; /* columns that rows are written to; the batch's time is the last of them */
    struct sl_table_column column[SL_WIDTH_MAX];
    uint32_t width; /* fields of a record */
    bool is_begun;  /* the database was asked for the batch */
    bool is_there;  /* the batch was committed before */
    bool is_creating;
    uint64_t records;
    struct sl_task task; /* for rejected records: the writer's own */
    struct sl_arena scratch;

    struct sl_buf piece; /* rows that are gathered */
    uint32_t piece_rows;

    bool has_thread, ends;
    pthread_t thread;
    pthread_mutex_t lock;   /* guards ends, and what is handed over */
    pthread_cond_t changed; /* a piece was handed over, or written */
    struct sl_buf handed;   /* the thread's while handed_rows is not 0 */
    uint32_t handed_rows;
    int result; /* of the piece that was handed over last */
    struct sl_error error;
};

void sl_table_writer_init(struct sl_table_writer *writer, const struct sl_stage *stage,
                          struct sl_table_memory *memory);
/* For struct sl_sequence: arg is the writer. */
int sl_table_writer_rows(void *arg, const void *bytes, size_t len, struct sl_error *err);
/* said: the stream had something to say, so that an empty result empties a table that is replaced. */
int sl_table_writer_finish(struct sl_table_writer *writer, bool said, struct sl_error *err);
int sl_table_writer_commit(struct sl_table_writer *writer, struct sl_error *err);
void sl_table_writer_done(struct sl_table_writer *writer);

/* Whether the table of the settings is such that the job can write to it: SL_EUSAGE says what is missing. Fills
 * column[], *ret_count and *ret_width as in the writer. */
int sl_table_match(const struct sl_table_settings *settings, const struct sl_table_shape *shape,
                   struct sl_table_column column[SL_WIDTH_MAX], uint32_t *ret_count, uint32_t *ret_width,
                   struct sl_error *err);
