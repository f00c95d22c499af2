/* The canonical form: the table's name with its NUL, then each column: integers as eight bytes, lowest first;
 * text as its length (eight bytes) and its bytes. */
#include "state/catalog/rows.h"

#include <string.h>
#include <xxhash.h>

static void add_integer(XXH3_state_t *hash, int64_t integer)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((uint64_t)integer >> (8 * i));
    XXH3_64bits_update(hash, bytes, sizeof bytes);
}

static void add_text(XXH3_state_t *hash, const char *text)
{
    size_t len = strlen(text);
    add_integer(hash, (int64_t)len);
    XXH3_64bits_update(hash, text, len);
}

static void add_bytes(XXH3_state_t *hash, const void *bytes, size_t len)
{
    add_integer(hash, (int64_t)len);
    XXH3_64bits_update(hash, bytes, len);
}

static void begin(XXH3_state_t *hash, const char *table)
{
    XXH3_64bits_reset(hash);
    XXH3_64bits_update(hash, table, strlen(table) + 1);
}

static int64_t end(const XXH3_state_t *hash)
{
    return (int64_t)XXH3_64bits_digest(hash);
}

static void add_file(XXH3_state_t *hash, const struct sl_file *file)
{
    add_text(hash, file->path);
    add_integer(hash, (int64_t)file->inode);
    add_integer(hash, file->born_ns);
    add_integer(hash, file->mtime_ns);
    add_integer(hash, file->size);
}

int64_t sl_row_progress(XXH3_state_t *hash, int64_t serial, int64_t batches, int64_t last_ms, int64_t planned,
                        int64_t taken, int64_t taken_digest, const char *segments)
{
    const int64_t column[] = {serial, batches, last_ms, planned, taken, taken_digest};
    begin(hash, "progress");
    for (size_t i = 0; i < sizeof column / sizeof *column; i++)
        add_integer(hash, column[i]);
    add_text(hash, segments);
    return end(hash);
}

int64_t sl_row_identity(XXH3_state_t *hash, const char *checkpoint)
{
    begin(hash, "identity");
    add_text(hash, checkpoint);
    return end(hash);
}

int64_t sl_row_source(XXH3_state_t *hash, int64_t id, const char *key, int64_t occurrence)
{
    begin(hash, "source");
    add_integer(hash, id);
    add_text(hash, key);
    add_integer(hash, occurrence);
    return end(hash);
}

int64_t sl_row_batch(XXH3_state_t *hash, int64_t number, int64_t time_ms, int64_t committed, int64_t files,
                     int64_t digest)
{
    const int64_t column[] = {number, time_ms, committed, files, digest};
    begin(hash, "batch");
    for (size_t i = 0; i < sizeof column / sizeof *column; i++)
        add_integer(hash, column[i]);
    return end(hash);
}

int64_t sl_row_file(XXH3_state_t *hash, int64_t batch, int64_t source, int64_t position,
                    const struct sl_file *file)
{
    begin(hash, "file");
    add_integer(hash, batch);
    add_integer(hash, source);
    add_integer(hash, position);
    add_file(hash, file);
    return end(hash);
}

int64_t sl_row_place(XXH3_state_t *hash, int64_t batch, int64_t source, int64_t place)
{
    begin(hash, "place");
    add_integer(hash, batch);
    add_integer(hash, source);
    add_integer(hash, place);
    return end(hash);
}

int64_t sl_row_watermark(XXH3_state_t *hash, int64_t batch, const char *op_key, int64_t watermark_ms)
{
    begin(hash, "watermark");
    add_integer(hash, batch);
    add_text(hash, op_key);
    add_integer(hash, watermark_ms);
    return end(hash);
}

int64_t sl_row_range(XXH3_state_t *hash, int64_t batch, int64_t source, const void *document, size_t len)
{
    begin(hash, "input_range");
    add_integer(hash, batch);
    add_integer(hash, source);
    add_bytes(hash, document, len);
    return end(hash);
}

int64_t sl_row_reached(XXH3_state_t *hash, int64_t source, const void *document, size_t len)
{
    begin(hash, "reached");
    add_integer(hash, source);
    add_bytes(hash, document, len);
    return end(hash);
}

int64_t sl_row_plan_job(XXH3_state_t *hash, const char *text)
{
    begin(hash, "plan_job");
    add_text(hash, text);
    return end(hash);
}

int64_t sl_row_code(XXH3_state_t *hash, const char *op_key, int64_t digest)
{
    begin(hash, "code");
    add_text(hash, op_key);
    add_integer(hash, digest);
    return end(hash);
}

int64_t sl_row_counter(XXH3_state_t *hash, const char *name, bool is_float, int64_t bits)
{
    begin(hash, "counter");
    add_text(hash, name);
    add_integer(hash, is_float);
    add_integer(hash, bits);
    return end(hash);
}

int64_t sl_row_quarantined(XXH3_state_t *hash, int64_t batch, int64_t source, int64_t position,
                           const char *reason)
{
    begin(hash, "aside"); /* what the table was called when the checksums were decided on */
    add_integer(hash, batch);
    add_integer(hash, source);
    add_integer(hash, position);
    add_text(hash, reason);
    return end(hash);
}

int64_t sl_row_taken(XXH3_state_t *hash, int64_t source, const struct sl_file *file)
{
    begin(hash, "taken");
    add_integer(hash, source);
    add_file(hash, file);
    return end(hash);
}

int64_t sl_row_output_file(XXH3_state_t *hash, int64_t batch, int64_t output, const char *path,
                           const char *name, uint64_t bytes, uint64_t hash_of_file)
{
    begin(hash, "output_file");
    add_integer(hash, batch);
    add_integer(hash, output);
    add_text(hash, path);
    add_text(hash, name);
    add_integer(hash, (int64_t)bytes);
    add_integer(hash, (int64_t)hash_of_file);
    return end(hash);
}
