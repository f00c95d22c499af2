/* The sources of the job and those that the catalog knows. */
#pragma once

#include "state/catalog/catalog_internal.h"

/* A row of table source. */
struct sl_known_source {
    int64_t id, occurrence;
    char *key;
};

struct sl_catalog_sources {
    struct sl_catalog *catalog;
    size_t count; /* of the job */
    const char *const *key;
    const struct sl_catalog_wants *wants;
    struct sl_known_source *known;
    size_t known_count;
    struct sl_error *err;
};

/* Reads what is known, adds what is new in the job, and sets catalog->source_id. */
int sl_catalog_sources_load(struct sl_catalog_sources *sources);
void sl_catalog_sources_done(struct sl_catalog_sources *sources);

/* NULL: there is no such source. */
const struct sl_known_source *sl_catalog_sources_find(const struct sl_catalog_sources *sources, int64_t id);
/* Which of the job's sources it is; their number if the job has it no more. */
size_t sl_catalog_sources_index(const struct sl_catalog_sources *sources, int64_t id);

/* The files of the plan's batch that are not read. quarantine.c. */
int sl_catalog_read_quarantined(const struct sl_catalog_sources *job, struct sl_batch_plan *plan);

/* watermarks.c; adds to the digest. */
int sl_catalog_read_watermarks(const struct sl_catalog_sources *job, struct sl_batch_plan *plan,
                               int64_t *digest);

/* ranges.c: the documents of the plan's batch; the newest committed one of each source, and the sources that the job does
 * not have, of progress. */
int sl_catalog_read_ranges(const struct sl_catalog_sources *job, struct sl_batch_plan *plan, int64_t *digest);
int sl_catalog_read_reached(const struct sl_catalog_sources *job, struct sl_progress *progress);
