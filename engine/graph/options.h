/* The options of a StreamingContext (docs/manual.md, "Options of StreamingContext"): one table, from which
 * jobs, the command line and help read them. */
#pragma once

#include "core/base/error.h"
#include "core/contract/descriptor.h"

enum sl_on_error { SL_ON_ERROR_DEADLETTER, SL_ON_ERROR_STOP, SL_ON_ERROR_SKIP };
enum sl_mount_kind { SL_MOUNT_FUSE, SL_MOUNT_DIR };

struct sl_options {
    int64_t interval_ms;    /* 0: not set */
    const char *checkpoint; /* NULL: the default */
    bool no_checkpoint;     /* checkpoint = false */
    const char *mount;      /* NULL: the default */
    const char *metrics;    /* where they are served over HTTP; NULL: they are not */
    enum sl_mount_kind mount_kind;
    bool mount_once;              /* a mount that is taken away is not mounted again */
    bool mount_for_others;        /* every user may read the views */
    int64_t workers;              /* 0: online CPUs */
    int64_t files_max, bytes_max; /* per batch, 0: no limit */
    int64_t record_bytes_max;
    enum sl_on_error on_record_error;
    double error_rate_max;
    bool stop_on_file_error;
    bool empty_batches;
    const char *catch_up; /* "windows", "all", "none" */
    int64_t memory_limit; /* bytes, 0: none */
    int64_t keep_history_ms;
    int64_t keep_received_ms; /* 0: not kept */
    int64_t function_timeout_ms;
    int64_t run_ms; /* the job itself ends the run: after so long, 0: after one batch time; -1: it does not */
};

struct sl_arena;

void sl_options_init(struct sl_options *options);

/* Sets one option; strings are copied into the arena. SL_EUSAGE: unknown (names the nearest), or
 * a bad value. */
int sl_options_set(struct sl_options *options, struct sl_arena *arena, const char *name,
                   const struct sl_arg *value, struct sl_error *err);

/* The options, ends with a NULL name: for help. */
extern const struct sl_param sl_option_params[];
