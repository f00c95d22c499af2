/* The canonical form: the table's name with its NUL, then each column: integers as eight bytes, lowest first;
 * text as its length (eight bytes) and its bytes. */
#include "state/catalog/rows.h"

#include <string.h>
#include <xxhash.h>

enum { ROW_BYTES = 512 };

/* The form of one row. Nearly all rows fit into its bytes, which are hashed in one call; of longer ones `hash` is the state
 * of a stream. Both give the same. */
struct row {
    XXH3_state_t *hash;
    size_t len;
    bool is_stream;
    uint8_t bytes[ROW_BYTES];
};

static void to_stream(struct row *row)
{
    if (!row->is_stream)
        XXH3_64bits_reset(row->hash);
    row->is_stream = true;
    XXH3_64bits_update(row->hash, row->bytes, row->len);
    row->len = 0;
}

static void add(struct row *row, const void *bytes, size_t len)
{
    if (len > ROW_BYTES - row->len)
        to_stream(row);
    if (len > ROW_BYTES) {
        XXH3_64bits_update(row->hash, bytes, len);
        return;
    }
    if (len)
        memcpy(row->bytes + row->len, bytes, len);
    row->len += len;
}

static void add_integer(struct row *row, int64_t integer)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((uint64_t)integer >> (8 * i));
    add(row, bytes, sizeof bytes);
}

static void add_bytes(struct row *row, const void *bytes, size_t len)
{
    add_integer(row, (int64_t)len);
    add(row, bytes, len);
}

static void add_text(struct row *row, const char *text)
{
    add_bytes(row, text, strlen(text));
}

static void begin(struct row *row, XXH3_state_t *hash, const char *table)
{
    row->hash = hash;
    row->len = 0;
    row->is_stream = false;
    add(row, table, strlen(table) + 1);
}

static int64_t end(struct row *row)
{
    if (!row->is_stream)
        return (int64_t)XXH3_64bits(row->bytes, row->len);
    to_stream(row);
    return (int64_t)XXH3_64bits_digest(row->hash);
}

static void add_file(struct row *row, const struct sl_file *file)
{
    add_text(row, file->path);
    add_integer(row, (int64_t)file->inode);
    add_integer(row, file->born_ns);
    add_integer(row, file->mtime_ns);
    add_integer(row, file->size);
}

int64_t sl_row_progress(XXH3_state_t *hash, int64_t serial, int64_t batches, int64_t last_ms, int64_t planned,
                        int64_t taken, int64_t taken_digest, const char *segments)
{
    struct row row;
    const int64_t column[] = {serial, batches, last_ms, planned, taken, taken_digest};
    begin(&row, hash, "progress");
    for (size_t i = 0; i < sizeof column / sizeof *column; i++)
        add_integer(&row, column[i]);
    add_text(&row, segments);
    return end(&row);
}

int64_t sl_row_identity(XXH3_state_t *hash, const char *checkpoint)
{
    struct row row;
    begin(&row, hash, "identity");
    add_text(&row, checkpoint);
    return end(&row);
}

int64_t sl_row_source(XXH3_state_t *hash, int64_t id, const char *key, int64_t occurrence)
{
    struct row row;
    begin(&row, hash, "source");
    add_integer(&row, id);
    add_text(&row, key);
    add_integer(&row, occurrence);
    return end(&row);
}

int64_t sl_row_batch(XXH3_state_t *hash, int64_t number, int64_t time_ms, int64_t committed, int64_t files,
                     int64_t digest)
{
    struct row row;
    const int64_t column[] = {number, time_ms, committed, files, digest};
    begin(&row, hash, "batch");
    for (size_t i = 0; i < sizeof column / sizeof *column; i++)
        add_integer(&row, column[i]);
    return end(&row);
}

int64_t sl_row_file(XXH3_state_t *hash, int64_t batch, int64_t source, int64_t position,
                    const struct sl_file *file)
{
    struct row row;
    begin(&row, hash, "file");
    add_integer(&row, batch);
    add_integer(&row, source);
    add_integer(&row, position);
    add_file(&row, file);
    return end(&row);
}

int64_t sl_row_place(XXH3_state_t *hash, int64_t batch, int64_t source, int64_t place)
{
    struct row row;
    begin(&row, hash, "place");
    add_integer(&row, batch);
    add_integer(&row, source);
    add_integer(&row, place);
    return end(&row);
}

int64_t sl_row_watermark(XXH3_state_t *hash, int64_t batch, const char *op_key, int64_t watermark_ms)
{
    struct row row;
    begin(&row, hash, "watermark");
    add_integer(&row, batch);
    add_text(&row, op_key);
    add_integer(&row, watermark_ms);
    return end(&row);
}

int64_t sl_row_range(XXH3_state_t *hash, int64_t batch, int64_t source, const void *document, size_t len)
{
    struct row row;
    begin(&row, hash, "input_range");
    add_integer(&row, batch);
    add_integer(&row, source);
    add_bytes(&row, document, len);
    return end(&row);
}

int64_t sl_row_reached(XXH3_state_t *hash, int64_t source, const void *document, size_t len)
{
    struct row row;
    begin(&row, hash, "reached");
    add_integer(&row, source);
    add_bytes(&row, document, len);
    return end(&row);
}

int64_t sl_row_plan_job(XXH3_state_t *hash, const char *text)
{
    struct row row;
    begin(&row, hash, "plan_job");
    add_text(&row, text);
    return end(&row);
}

int64_t sl_row_code(XXH3_state_t *hash, const char *op_key, int64_t digest)
{
    struct row row;
    begin(&row, hash, "code");
    add_text(&row, op_key);
    add_integer(&row, digest);
    return end(&row);
}

int64_t sl_row_counter(XXH3_state_t *hash, const char *name, bool is_float, int64_t bits)
{
    struct row row;
    begin(&row, hash, "counter");
    add_text(&row, name);
    add_integer(&row, is_float);
    add_integer(&row, bits);
    return end(&row);
}

int64_t sl_row_quarantined(XXH3_state_t *hash, int64_t batch, int64_t source, int64_t position,
                           const char *reason)
{
    struct row row;
    begin(&row, hash, "aside"); /* what the table was called when the checksums were decided on */
    add_integer(&row, batch);
    add_integer(&row, source);
    add_integer(&row, position);
    add_text(&row, reason);
    return end(&row);
}

int64_t sl_row_taken(XXH3_state_t *hash, int64_t source, const struct sl_file *file)
{
    struct row row;
    begin(&row, hash, "taken");
    add_integer(&row, source);
    add_file(&row, file);
    return end(&row);
}

int64_t sl_row_output_file(XXH3_state_t *hash, int64_t batch, int64_t output, const char *path,
                           const char *name, uint64_t bytes, uint64_t hash_of_file)
{
    struct row row;
    begin(&row, hash, "output_file");
    add_integer(&row, batch);
    add_integer(&row, output);
    add_text(&row, path);
    add_text(&row, name);
    add_integer(&row, (int64_t)bytes);
    add_integer(&row, (int64_t)hash_of_file);
    return end(&row);
}
