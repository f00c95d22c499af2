/* The catalog as others read it while its process runs or does not: a read-only connection, no lock, nothing
 * is changed and no batch is delayed. For the commands that look inside.
 *
 * Each call sees the newest commit; what belongs together is asked in one call. */
#pragma once

#include "core/base/io.h"
#include "core/contract/arrivals.h"

#include <errno.h>

struct sl_reading;

/* dir: the checkpoint. SL_EUSAGE: there is no catalog in it, which sl_reading_is_none tells; the checkpoint was moved; or
 * another user's link leads to it. */
int sl_reading_open(const char *dir, struct sl_reading **ret, struct sl_error *err);
/* The failure to open says that there is no catalog yet. */
static inline bool sl_reading_is_none(const struct sl_error *err)
{
    return err->code == SL_EUSAGE && err->sys == ENOENT;
}
/* Whether there is one that this user may read. */
int sl_reading_check(const char *dir, struct sl_error *err);
/* No process had the catalog open when it was looked at last: nothing is made beside it. */
bool sl_reading_is_still(const struct sl_reading *reading);
void sl_reading_close(struct sl_reading *reading);

/* The committed list of segments (state/store/snapshot.h); caller frees. */
int sl_reading_segments(struct sl_reading *reading, char **ret, struct sl_error *err);

/* The state of the run. Times in ms. */
struct sl_reading_progress {
    bool any; /* some batch was committed; below: of the newest */
    int64_t last_ms, started_ms, finished_ms;
    uint64_t batches;   /* committed over the life of the checkpoint */
    bool planned;       /* a batch is planned and not committed */
    int64_t planned_ms; /* its time */
    /* What the history knows (keepHistory). */
    uint64_t known, files, quarantined, rejected;
    uint64_t owed; /* files that could not be archived or deleted yet */
};
int sl_reading_progress(struct sl_reading *reading, struct sl_reading_progress *ret, struct sl_error *err);

/* A batch that the history knows. Times in ms; output_records: over all its outputs. */
struct sl_reading_batch {
    int64_t time_ms, started_ms, finished_ms;
    bool committed; /* else it is planned: started, finished, rejected and output_records are 0 */
    uint64_t files, rejected, output_records;
};
typedef int sl_reading_visit_batch(void *arg, const struct sl_reading_batch *batch);
/* The newest batches, at most `max`, newest first. */
int sl_reading_batches(struct sl_reading *reading, size_t batches_max, sl_reading_visit_batch *visit,
                       void *arg, struct sl_error *err);

/* A file of a batch. Texts are borrowed until the visit returns. */
struct sl_reading_file {
    int64_t batch_ms;
    bool committed;
    int64_t source_id;
    const char *source; /* its key, "textFileStream:in" */
    struct sl_file file;
    const char *quarantined; /* why it was not read; NULL: it was */
};
/* Visits end when one returns other than 0, which is then returned. */
typedef int sl_reading_visit_file(void *arg, const struct sl_reading_file *file);
/* Those of this path, or in the directory of this path (NULL: any), in batches from..to, in the order of
 * batches and of files. */
int sl_reading_files(struct sl_reading *reading, const char *path, int64_t from_ms, int64_t to_ms,
                     sl_reading_visit_file *visit, void *arg, struct sl_error *err);
/* What must not be taken again: the file of this path, or those in the directory of this path. was_there: before
 * the first start, and newFilesOnly is set. Borrowed until the visit returns. */
typedef int sl_reading_visit_taken(void *arg, const struct sl_file *file, bool was_there);
int sl_reading_taken(struct sl_reading *reading, const char *path, sl_reading_visit_taken *visit, void *arg,
                     struct sl_error *err);

/* What is quarantined until it is replayed or forgotten; of a batch that was planned and skipped, too. */
int sl_reading_quarantined(struct sl_reading *reading, sl_reading_visit_file *visit, void *arg,
                           struct sl_error *err);

/* What could not be archived or deleted yet (after), oldest first, at most that many. */
int sl_reading_owed(struct sl_reading *reading, size_t files_max, sl_reading_visit_file *visit, void *arg,
                    struct sl_error *err);

struct sl_reading_output {
    int64_t batch_ms, number; /* number, position: which output it is, for sl_reading_inputs */
    int64_t position;
    const char *path; /* of the directory, as the job names it; borrowed until the visit returns */
    uint64_t records;
};
typedef int sl_reading_visit_output(void *arg, const struct sl_reading_output *output);
int sl_reading_outputs(struct sl_reading *reading, const char *path, int64_t from_ms, int64_t to_ms,
                       sl_reading_visit_output *visit, void *arg, struct sl_error *err);

/* The files that this output was made of: those of its own sources, in all batches of its windows. Of an output that
 * an older version made: all files of its batch. */
int sl_reading_inputs(struct sl_reading *reading, int64_t number, int64_t position,
                      sl_reading_visit_file *visit, void *arg, struct sl_error *err);
/* The outputs that were made of what the source of this key and number took in batch_ms. */
int sl_reading_made_of(struct sl_reading *reading, int64_t source, int64_t batch_ms,
                       sl_reading_visit_output *visit, void *arg, struct sl_error *err);

/* What a batch has read of a source that is not files: the source's document (core/contract/source.h), as text. Borrowed
 * until the visit returns. */
struct sl_reading_range {
    int64_t batch_ms;
    int64_t source_id;
    const char *source; /* its key, "socketTextStream:socket:localhost:9999" */
    const char *range;
};
typedef int sl_reading_visit_range(void *arg, const struct sl_reading_range *range);
/* Those that this output was made of, as sl_reading_inputs. */
int sl_reading_input_ranges(struct sl_reading *reading, int64_t number, int64_t position,
                            sl_reading_visit_range *visit, void *arg, struct sl_error *err);
int sl_reading_ranges(struct sl_reading *reading, int64_t from_ms, int64_t to_ms,
                      sl_reading_visit_range *visit, void *arg, struct sl_error *err);

/* The sources by their keys, in the order of their numbers; equal keys in the order of their occurrence. */
typedef int sl_reading_visit_source(void *arg, const char *key);
/* Whether it is decided which files were there before the first start of the source of this key: 1, 0. */
int sl_reading_is_decided(struct sl_reading *reading, const char *key, struct sl_error *err);
int sl_reading_sources(struct sl_reading *reading, sl_reading_visit_source *visit, void *arg,
                       struct sl_error *err);
