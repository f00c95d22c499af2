#include "sinks/table/writer.h"

#include "core/base/error.h"
#include "core/contract/site.h"
#include "sinks/table/connect.h"
#include "sinks/table/infer.h"
#include "sinks/table/piece.h"
#include "text/framed_rows.h"

enum {
    PIECE_ROWS = 32768,     /* written in one statement */
    PIECE_BYTES = 4 << 20,  /* or as many as come to so much */
    CREATE_BYTES = 32 << 20 /* of rows that are looked at before a table without a schema is made, at most */
};

/* ---- making the table ---- */

static void see_rows(struct sl_table_writer *writer, struct sl_table_seen *seen)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_framed_row head;
    uint32_t width = 0;
    for (size_t at = 0; at < writer->piece.len;) {
        sl_arena_reset(&writer->scratch);
        if (!sl_framed_row_read(writer->piece.bytes, writer->piece.len, &at, &writer->scratch, &head, fields,
                                &width))
            return;
        for (uint32_t c = 0; c < width && width == writer->width; c++)
            sl_table_see(&seen[c], &fields[c]);
    }
}

static bool knows_types(const struct sl_table_writer *writer)
{
    const struct sl_columns *columns = writer->memory->settings.columns;
    for (uint32_t c = 0; c < writer->width; c++)
        if (columns->column[c].type == SL_COLUMN_ANY)
            return false;
    return true;
}

static int create(struct sl_table_writer *writer, struct sl_error *err)
{
    struct sl_table_seen seen[SL_WIDTH_MAX] = {0};
    struct sl_table_database *database = writer->memory->database;
    const struct sl_columns *columns = writer->memory->settings.columns;
    if (!knows_types(writer))
        see_rows(writer, seen);
    for (uint32_t c = 0; c < writer->count; c++) {
        enum sl_table_kind kind =
            c < writer->width ? sl_table_kind_of_type(columns->column[c].type) : SL_TABLE_INT8;
        if (kind == SL_TABLE_DYNAMIC)
            kind = sl_table_kind_of_seen(&seen[c]);
        const char *name = writer->column[c].name;
        writer->column[c] = database->ops->type_of(kind);
        writer->column[c].name = name;
    }
    writer->is_creating = false;
    return database->ops->create(database, writer->column, writer->count, err);
}

/* ---- the thread that writes ---- */

static void *write_pieces(void *arg)
{
    struct sl_table_writer *writer = arg;
    pthread_mutex_lock(&writer->lock);
    while (!writer->ends) {
        if (!writer->handed_rows) {
            pthread_cond_wait(&writer->changed, &writer->lock);
            continue;
        }
        pthread_mutex_unlock(&writer->lock);
        int r = sl_table_piece_write(writer, &writer->handed, writer->handed_rows, &writer->error);
        pthread_mutex_lock(&writer->lock);
        writer->result = r;
        writer->handed_rows = 0;
        pthread_cond_broadcast(&writer->changed);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

static int start_thread(struct sl_table_writer *writer, struct sl_error *err)
{
    int failed = writer->has_thread ? 0 : pthread_create(&writer->thread, NULL, write_pieces, writer);
    if (failed)
        return sl_error_thread(err, failed, "starting a thread");
    writer->has_thread = true;
    return 0;
}

/* Until nothing is handed over. */
static int wait_written(struct sl_table_writer *writer, struct sl_error *err)
{
    if (!writer->has_thread)
        return 0;
    pthread_mutex_lock(&writer->lock);
    while (writer->handed_rows)
        pthread_cond_wait(&writer->changed, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
    if (writer->result < 0)
        *err = writer->error;
    return writer->result;
}

static void end_thread(struct sl_table_writer *writer)
{
    if (!writer->has_thread)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->ends = true;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    writer->has_thread = false;
}

/* Hands the piece over to the thread, so that the next one is gathered while the database has its work. */
static int hand_over(struct sl_table_writer *writer, struct sl_error *err)
{
    int r = start_thread(writer, err);
    r = r < 0 ? r : wait_written(writer, err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&writer->lock);
    struct sl_buf empty = writer->handed;
    writer->handed = writer->piece;
    writer->handed_rows = writer->piece_rows;
    writer->piece = empty;
    sl_buf_clear(&writer->piece);
    writer->piece_rows = 0;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    return 0;
}

/* ---- a batch ---- */

static int describe(struct sl_table_writer *writer, struct sl_error *err)
{
    struct sl_table_database *database = writer->memory->database;
    const struct sl_site *site = &writer->stage->node->site;
    int r = database->ops->describe(database, &writer->arena, &writer->shape, err);
    if (r < 0)
        return r;
    r = sl_table_match(&writer->memory->settings, &writer->shape, writer->column, &writer->count,
                       &writer->width, err);
    return r == SL_EUSAGE ? sl_site_wrap(site, err) : r;
}

/* Connects, unless it is connected, and begins. A connection from an earlier batch may be dead by now. */
static int begin(struct sl_table_writer *writer, struct sl_error *err)
{
    struct sl_table_memory *memory = writer->memory;
    bool is_old = memory->database != NULL;
    int r = sl_table_connect(memory, writer->stage->services, writer->task.stop, err);
    if (r < 0)
        return r;
    struct sl_table_database *database = memory->database;
    r = database->ops->begin(database, writer->stage->batch_ms, &writer->is_there, &writer->records, err);
    if (r == SL_EUNREACHABLE && is_old) {
        sl_table_disconnect(memory);
        return begin(writer, err);
    }
    writer->is_begun = r == 0;
    if (r < 0 || writer->is_there)
        return r;
    r = describe(writer, err);
    writer->is_creating = r == 0 && !writer->shape.exists;
    if (r == 0 && writer->is_creating && knows_types(writer))
        r = create(writer, err);
    if (r == 0 && memory->settings.mode == SL_TABLE_REPLACE && writer->shape.exists)
        r = database->ops->clear(database, err);
    return r;
}

static bool is_full(const struct sl_table_writer *writer)
{
    if (writer->is_creating)
        return writer->piece.len >= CREATE_BYTES;
    return writer->piece_rows >= PIECE_ROWS || writer->piece.len >= PIECE_BYTES;
}

static int take_row(struct sl_table_writer *writer, const uint8_t *row, size_t len, struct sl_error *err)
{
    if (!sl_buf_append(&writer->piece, row, len))
        return sl_error_nomem(err);
    writer->piece_rows++;
    if (!is_full(writer))
        return 0;
    int r = writer->is_creating ? create(writer, err) : 0;
    return r < 0 ? r : hand_over(writer, err);
}

/* Without a connection it is the server that was waited for. With one, the transaction is lost, and a batch that is done again
 * begins with a new one. */
static int failed(const struct sl_table_writer *writer, int r, struct sl_error *err)
{
    const struct sl_table_memory *memory = writer->memory;
    return r == SL_EUNREACHABLE && memory->database ? sl_error_redo(err, memory->settings.retry_ms) : r;
}

int sl_table_writer_rows(void *arg, const void *bytes, size_t len, struct sl_error *err)
{
    struct sl_table_writer *writer = arg;
    int r = writer->is_begun ? 0 : begin(writer, err);
    for (size_t at = 0, step; r == 0 && at < len && !writer->is_there; at += step) {
        step = sl_framed_row_size((const uint8_t *)bytes + at);
        r = take_row(writer, (const uint8_t *)bytes + at, step, err);
    }
    return failed(writer, r, err);
}

static int finish(struct sl_table_writer *writer, bool said, struct sl_error *err)
{
    bool empties = said && writer->memory->settings.mode == SL_TABLE_REPLACE;
    int r = empties && !writer->is_begun ? begin(writer, err) : 0;
    if (r < 0 || !writer->is_begun || writer->is_there)
        return r;
    r = writer->is_creating ? create(writer, err) : 0;
    r = r < 0 ? r : wait_written(writer, err);
    if (r == 0 && writer->piece_rows)
        r = sl_table_piece_write(writer, &writer->piece, writer->piece_rows, err);
    struct sl_table_database *database = writer->memory->database;
    return r < 0 ? r : database->ops->end(database, writer->records, err);
}

int sl_table_writer_finish(struct sl_table_writer *writer, bool said, struct sl_error *err)
{
    return failed(writer, finish(writer, said, err), err);
}

int sl_table_writer_commit(struct sl_table_writer *writer, struct sl_error *err)
{
    struct sl_table_database *database = writer->memory->database;
    int r = writer->is_begun && !writer->is_there ? database->ops->commit(database, err) : 0;
    return failed(writer, r, err);
}

void sl_table_writer_init(struct sl_table_writer *writer, const struct sl_stage *stage,
                          struct sl_table_memory *memory)
{
    *writer = (struct sl_table_writer){.stage = stage, .memory = memory, .task = stage->tasks[0]};
    writer->task.scratch = &writer->scratch;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->changed, NULL);
}

void sl_table_writer_done(struct sl_table_writer *writer)
{
    struct sl_table_memory *memory = writer->memory;
    end_thread(writer);
    if (memory->database && memory->database->in_batch)
        memory->database->ops->rollback(memory->database);
    if (memory->database && memory->database->broken)
        sl_table_disconnect(memory);
    sl_arena_done(&writer->arena);
    sl_arena_done(&writer->scratch);
    sl_buf_done(&writer->piece);
    sl_buf_done(&writer->handed);
    pthread_mutex_destroy(&writer->lock);
    pthread_cond_destroy(&writer->changed);
}
