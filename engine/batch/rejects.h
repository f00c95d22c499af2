/* Record errors of one batch: counted per operator, kept up to a limit, written as dead letters before the
 * commit.
 *
 * Which ones are kept and how they are ordered depends on the rows only, not on the workers. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/task.h"
#include "engine/graph/pipelines.h"

#include <pthread.h>

struct sl_reject_entry;

/* Groups that failed and are reported by a later batch. */
struct sl_postponed {
    uint64_t groups;
    const char *message; /* of one of them; may be NULL */
};

struct sl_rejects {
    struct sl_reject_sink sink; /* first: what tasks call */
    const struct sl_pipelines *pipelines;
    /* The key of a source, for letters that may be replayed; NULL: they say nothing of it. */
    const char *(*key_of)(const void *arg, const struct sl_node *source);
    const void *key_arg;
    bool stop;            /* onRecordError = "stop" */
    pthread_mutex_t lock; /* guards all below */
    struct sl_arena arena;
    size_t kept, capacity;
    struct sl_reject_entry **entry;
    const struct sl_reject_entry *last; /* what comes after it need not be kept; NULL: nothing known yet */
    uint64_t total;
    uint64_t *failed;    /* [nodes] */
    uint64_t *by_file;   /* [nodes]: of them those that count for their file (engine/batch/error_rate.h) */
    uint64_t *by_source; /* [nodes], of a source of files: records that came from it */
    struct sl_postponed *postponed; /* [nodes] */
    bool is_late;                   /* these are late records */
    struct sl_rejects *late;        /* where they are kept; may be NULL where there can be none */
    const int64_t *watermark;       /* [nodes]: of the batch, for messages about late records */
};

int sl_rejects_init(struct sl_rejects *rejects, const struct sl_pipelines *pipelines, bool stop);
void sl_rejects_done(struct sl_rejects *rejects);
void sl_rejects_reset(struct sl_rejects *rejects); /* for the next batch */

/* Lines of earlier partitions, for line numbers: lines[p] of a source's partition p. */
typedef uint64_t sl_lines_before(void *arg, const struct sl_origin *origin, uint32_t partition);

/* Appends one JSON object per line, in the order of the rows. */
bool sl_rejects_format(struct sl_rejects *rejects, int64_t batch_ms, sl_lines_before *before, void *arg,
                       struct sl_buf *buf);

/* Appends the message of the first of them with its place in the job, and where its record came from. */
void sl_rejects_append_first(struct sl_rejects *rejects, sl_lines_before *before, void *arg,
                             struct sl_buf *buf);

/* The message of one of the records or groups that failed in the node; NULL: none was kept. */
const char *sl_rejects_example(const struct sl_rejects *rejects, unsigned node);
