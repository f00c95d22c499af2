/* What the commands that look inside are about: a job (a first operand that ends in .lua), or --checkpoint
 * DIR, or the only checkpoint under ./.sluice.
 *
 * sl_target_open; then what is asked; sl_target_close. Without a job, status.json says where the job is. */
#pragma once

#include "cli/job_line.h"
#include "core/base/arena.h"
#include "state/catalog/reading.h"

#define SL_TARGET_FLAGS                                                                                      \
    {                                                                                                        \
        "checkpoint", SL_FLAG_PATH, "DIR", "checkpoint", "use this checkpoint in place of that of a job"     \
    }

struct sl_target {
    struct sl_job_line job_line; /* job NULL: none was given */
    struct sl_arena arena;
    char *checkpoint;
    const char *dir; /* where relative paths of the job start */
    struct sl_field status;
    char *status_text;
};

/* *ret_operands: those after the job. */
int sl_target_open(const struct sl_line *line, struct sl_target *ret, const char *const **ret_operands,
                   size_t *ret_count, struct sl_error *err);
/* The same of a checkpoint, without a job; path NULL: the only one under ./.sluice. */
int sl_target_open_checkpoint(const char *path, struct sl_target *ret, struct sl_error *err);
/* Whether the line names a job or a checkpoint, or there is one under ./.sluice: what sl_target_open would open. */
bool sl_target_is_named(const struct sl_line *line);
void sl_target_close(struct sl_target *target);

/* A command that is about a target and takes no other operands: opens it, does `command`, closes it. The exit
 * status: that of the failure, which is reported, else what `command` returns. */
int sl_target_run(const struct sl_line *line,
                  int (*command)(const struct sl_line *line, struct sl_target *target, struct sl_error *err));

/* SL_EUSAGE: there is no catalog, so no run has begun with it, or the directory is another one. */
int sl_target_need_checkpoint(const struct sl_target *target, struct sl_error *err);

/* Where no job was given: loads the one that the checkpoint is beside. SL_EUSAGE: it is not
 * to be found. */
int sl_target_need_job(struct sl_target *target, struct sl_error *err);

/* status.json as it is now; nil where there is none. */
int sl_target_read_status(struct sl_target *target, struct sl_error *err);
/* The value under `name`, or under `name` of the object `part` (NULL: at the top). */
struct sl_field sl_target_status(const struct sl_target *target, const char *part, const char *name);
const char *sl_target_status_text(struct sl_target *target, const char *name); /* NULL: none */
int64_t sl_target_status_integer(const struct sl_target *target, const char *part, const char *name);

/* The process that works with the checkpoint: its pid, -1: unknown, 0: none. */
long sl_target_holder(const struct sl_target *target);

/* An inotify descriptor, which does not block, of what is renamed into the checkpoint: after each commit its tick is. -1:
 * nothing tells of it. The caller closes it. */
int sl_target_watch(const struct sl_target *target);

/* The path as seen from here of what the job calls `path`; in the arena, NULL: out of memory. */
const char *sl_target_path(struct sl_target *target, const char *path);

/* The watched directories as the job names them, until NULL; of the job, else of the catalog.
 * In the arena. */
int sl_target_sources(struct sl_target *target, struct sl_reading *reading, const char *const **ret,
                      struct sl_error *err);
