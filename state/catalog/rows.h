/* The checksums of the rows that decide results: XXH3-64 over a canonical form of their columns, so that
 * damage is noticed before it is computed with. */
#pragma once

#include "core/contract/arrivals.h"

#include <stdint.h>

struct XXH3_state_s;

/* `hash` is memory to work in; see each table in state/catalog/schema.c. */
int64_t sl_row_progress(struct XXH3_state_s *hash, int64_t serial, int64_t batches, int64_t last_ms,
                        int64_t planned, int64_t taken, int64_t taken_digest, const char *segments);
int64_t sl_row_identity(struct XXH3_state_s *hash, const char *checkpoint);
int64_t sl_row_source(struct XXH3_state_s *hash, int64_t id, const char *key, int64_t occurrence);
int64_t sl_row_batch(struct XXH3_state_s *hash, int64_t number, int64_t time_ms, int64_t committed,
                     int64_t files, int64_t digest);
int64_t sl_row_file(struct XXH3_state_s *hash, int64_t batch, int64_t source, int64_t position,
                    const struct sl_file *file);
int64_t sl_row_place(struct XXH3_state_s *hash, int64_t batch, int64_t source, int64_t place);
int64_t sl_row_range(struct XXH3_state_s *hash, int64_t batch, int64_t source, const void *document,
                     size_t len);
int64_t sl_row_reached(struct XXH3_state_s *hash, int64_t source, const void *document, size_t len);
int64_t sl_row_plan_job(struct XXH3_state_s *hash, const char *text);
int64_t sl_row_watermark(struct XXH3_state_s *hash, int64_t batch, const char *op_key, int64_t watermark_ms);
int64_t sl_row_code(struct XXH3_state_s *hash, const char *op_key, int64_t digest);
int64_t sl_row_counter(struct XXH3_state_s *hash, const char *name, bool is_float, int64_t bits);
int64_t sl_row_quarantined(struct XXH3_state_s *hash, int64_t batch, int64_t source, int64_t position,
                           const char *reason);
int64_t sl_row_taken(struct XXH3_state_s *hash, int64_t source, const struct sl_file *file);
int64_t sl_row_output_file(struct XXH3_state_s *hash, int64_t batch, int64_t output, const char *path,
                           const char *name, uint64_t bytes, uint64_t hash_of_file);

/* Sums of checksums wrap around: any order gives the same, and rows can be taken out again. */
static inline int64_t sl_digest_add(int64_t digest, int64_t checksum)
{
    return (int64_t)((uint64_t)digest + (uint64_t)checksum);
}
static inline int64_t sl_digest_remove(int64_t digest, int64_t checksum)
{
    return (int64_t)((uint64_t)digest - (uint64_t)checksum);
}

/* What a set of rows adds up to. */
struct sl_row_sum {
    int64_t count, digest;
};
static inline void sl_row_sum_add(struct sl_row_sum *sum, int64_t checksum)
{
    sum->count++;
    sum->digest = sl_digest_add(sum->digest, checksum);
}
