/* The state of a run, for other processes: the files of <mount>/.sluice (docs/manual.md, "The live view"), and
 * <checkpoint>/status.json for `sluice status`.
 *
 * sl_status_open when the run is about to begin, sl_status_batch after every batch, sl_status_idle where
 * none was needed, sl_status_close when it ends. status.json is written at
 * most once a second, and when the run begins and ends; a batch pays for formatting a few kilobytes where it is
 * written or shown, or where a source reports what it receives. What cannot be written is reported in the log,
 * and the run continues. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"
#include "engine/run/resources.h"
#include "engine/run/totals.h"

#include <pthread.h>

struct sl_batch;
struct sl_run;

enum { SL_STATUS_BATCHES = 10 }; /* shown under batches/ */
enum {
    SL_STATUS_RECENT = 60, /* in status.json */
    SL_STATUS_RECENT_BYTES = 252
};

/* What one batch did. Times in ms. */
struct sl_status_batch {
    int64_t t, finished_ms;
    uint64_t rows, rejected, files, quarantined, replaced;
    int64_t scheduling_ms, processing_ms, total_ms;
};

/* Its object in "recent" of status.json: made once, written with every status for as long as it is there. */
struct sl_status_recent {
    uint32_t len;
    char text[SL_STATUS_RECENT_BYTES];
};

/* What the watched directories hold, all of them together. */
struct sl_status_intake {
    uint64_t waiting, held_back, irregular, changed, missing;
    uint64_t mounts_lost;
    uint64_t received; /* changes with what received sources report */
};

struct sl_status {
    pthread_mutex_t lock; /* guards is_open, written and what sources report */
    bool is_open;
    struct sl_buf written;             /* status.json as it was written last, */
    size_t received_from, received_to; /* in it: what received sources report, */
    const char *received_separator;    /* after this */
    int64_t kept_ns, told_ns;          /* when status.json and STATUS= were written last; 0: never */
    uint64_t rows, rejected, files, quarantined, replaced; /* of this run */
    struct sl_status_batch last;
    struct sl_status_recent recent[SL_STATUS_RECENT]; /* a ring */
    size_t recent_first, recent_count;
    struct sl_totals totals;
    struct sl_disk_use disk; /* as it was at disk_ns; 0: not looked at yet */
    int64_t disk_ns;
    int64_t began_ms;                    /* the run */
    struct sl_metrics_server *server;    /* NULL: no metrics over HTTP */
    struct sl_buf metrics;               /* as they were made last */
    struct sl_status_intake kept_intake; /* as status.json has it */
    bool is_newer;                       /* than what was kept: a batch came too soon after the one before */
    struct sl_buf head;                  /* what stays the same of status.json */
    struct sl_buf text;                  /* of the document that is being made */
    struct sl_buf errors;                /* the newest lines of .sluice/errors */
    int64_t shown[SL_STATUS_BATCHES];
    size_t shown_count;
};

/* Listens where the job wants its metrics served, before the run begins. Ended by sl_status_close. */
int sl_status_serve(struct sl_run *run, struct sl_error *err);
void sl_status_open(struct sl_run *run);
/* Any thread. arg: the run. What a received source reports has changed: status.json shows it although a batch runs. */
void sl_status_changed(void *arg);
/* The same: a batch waits for a server, and why. The end of the batch ends that. */
void sl_status_waits(void *arg, const char *why);
void sl_status_batch(struct sl_batch *batch);
/* It cannot go on for now, and why; the next batch ends that. Opens the status if need be. */
void sl_status_waiting(struct sl_run *run, const char *why);
/* No batch was needed: tells what changed in the watched directories, if anything did. */
void sl_status_idle(struct sl_run *run);
/* error: why it ends, NULL where nothing failed. */
void sl_status_close(struct sl_run *run, const char *error);

/* Records that came out of the sources in this batch. */
uint64_t sl_batch_rows_in(const struct sl_batch *batch);
