#include "cli/commands.h"
#include "cli/report.h"
#include "cli/status_value.h"
#include "cli/target.h"

#include "core/base/io.h"
#include "core/base/trust.h"
#include "engine/batch/plan_job.h"
#include "output/output_dir.h"
#include "receive/skip.h"
#include "state/catalog/catalog.h"
#include "state/lock.h"
#include "state/moved.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sl_flag reset_flags[] = {
    SL_TARGET_FLAGS,
    {"yes", SL_FLAG_SWITCH, NULL, NULL, "forget everything that the checkpoint knows"},
    {"skip", SL_FLAG_NUMBER, "T", NULL,
     "leave out what the batch that is planned for T reads: its files are quarantined, received records dropped"},
    {0},
};

/* ---- forgetting ---- */

/* In this order: a catalog that knows less than its seal would count as damaged. The lock stays: a process
 * that has it open must have the same file as others find. */
static int remove_all(int dirfd, struct sl_error *err)
{
    static const char *const names[] = {"seal",   "catalog.db", "catalog.db-wal", "catalog.db-shm", "tick",
                                        "state",  "deadletter", "status.json",    "replay",         "forget",
                                        "tables", "received",   "late",           "metrics",        "spill"};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof names / sizeof *names; i++)
        r = sl_io_remove_tree(&sl_io_system, dirfd, names[i], err);
    return r < 0 ? r : sl_io_sync(&sl_io_system, dirfd, "the checkpoint", err);
}

static int forget_in(int dirfd, const char *shown, struct sl_error *err)
{
    struct statx info;
    if (sl_io_system.ops->statx(&sl_io_system, dirfd, "lock", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) < 0)
        return sl_error_set(err, SL_EUSAGE, "%s is no checkpoint: it holds no lock", shown);
    int lock = sl_lock_take(&sl_io_system, dirfd, shown, err);
    if (lock < 0)
        return lock;
    int r = remove_all(dirfd, err);
    sl_io_close(&sl_io_system, lock);
    return r;
}

static int forget(const struct sl_target *target, struct sl_error *err)
{
    int dirfd = sl_trust_open_dir(&sl_io_system, AT_FDCWD, target->checkpoint, err);
    if (dirfd < 0 && err->sys == ENOENT && target->job_line.job)
        return 0; /* nothing is known, as was wanted */
    if (dirfd < 0 && err->sys == ENOTDIR &&
        sl_moved_check(&sl_io_system, AT_FDCWD, target->checkpoint, NULL) < 0)
        return sl_moved_remove(&sl_io_system, AT_FDCWD, target->checkpoint, err);
    if (dirfd < 0 && (err->sys == ENOENT || err->sys == ENOTDIR))
        return sl_error_set(err, SL_EUSAGE, "%s is no checkpoint: it is no directory", target->checkpoint);
    if (dirfd < 0)
        return dirfd;
    int r = forget_in(dirfd, target->checkpoint, err);
    sl_io_close(&sl_io_system, dirfd);
    return r;
}

/* ---- skipping a batch ---- */

struct keys {
    size_t count;
    char **key;
};

static int add_key(void *arg, const char *key)
{
    struct keys *keys = arg;
    char **grown = reallocarray(keys->key, keys->count + 1, sizeof(char *));
    if (!grown)
        return SL_ENOMEM;
    keys->key = grown;
    keys->key[keys->count] = strdup(key);
    return keys->key[keys->count++] ? 0 : SL_ENOMEM;
}

static void keys_done(struct keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->key[i]);
    free(keys->key);
}

/* The batch must be the planned one; *keys: the sources of the catalog, so that no job is needed. */
static int read_planned(const struct sl_target *target, int64_t t, struct keys *keys, struct sl_error *err)
{
    struct sl_reading *reading;
    struct sl_reading_progress progress;
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    r = sl_reading_progress(reading, &progress, err);
    if (r == 0 && !progress.planned)
        r = sl_error_set(err, SL_EUSAGE, "no batch is planned, so there is none to skip");
    else if (r == 0 && progress.planned_ms != t)
        r = sl_error_set(err, SL_EUSAGE, "batch %" PRId64 " is not planned; the one that is: %" PRId64, t,
                         progress.planned_ms);
    if (r == 0 && sl_reading_sources(reading, add_key, keys, err) == SL_ENOMEM)
        r = sl_error_nomem(err);
    sl_reading_close(reading);
    return r;
}

static bool is_quarantined(const struct sl_batch_plan *plan, size_t count, size_t source, size_t file)
{
    for (size_t i = 0; i < count; i++)
        if (plan->quarantined[i].source == source && plan->quarantined[i].file == file)
            return true;
    return false;
}

static int quarantine_all(struct sl_catalog *catalog, struct sl_batch_plan *plan, size_t *ret,
                          struct sl_error *err)
{
    size_t before = plan->quarantined_count;
    for (size_t s = 0; s < plan->sources; s++)
        for (size_t f = 0; f < plan->files[s].count; f++)
            if (!is_quarantined(plan, before, s, f) &&
                sl_batch_plan_add_quarantined(plan, s, f, "skipped by sluice reset --skip") < 0)
                return sl_error_nomem(err);
    *ret = plan->quarantined_count - before;
    return sl_catalog_quarantine(catalog, plan, before, err);
}

/* *ret: how many records the batch would have read of sources that are not files. */
static int skip_ranges(struct sl_catalog *catalog, struct sl_batch_plan *plan, uint64_t *ret,
                       struct sl_error *err)
{
    int r = 0;
    *ret = 0;
    for (size_t s = 0; s < plan->sources && r == 0; s++) {
        SL_CLEANUP(sl_buf_done) struct sl_buf left = {0};
        uint64_t count;
        r = plan->range[s].len ? sl_received_skip(&plan->range[s], &left, &count, err) : 0;
        if (r < 0 || !left.len)
            continue;
        *ret += count;
        plan->range[s].len = 0;
        r = sl_buf_append(&plan->range[s], left.bytes, left.len) ? 0 : sl_error_nomem(err);
    }
    return r < 0 || !*ret ? r : sl_catalog_plan_again(catalog, plan, err);
}

static int skip_all(struct sl_catalog *catalog, struct sl_batch_plan *plan, struct sl_error *err)
{
    size_t files;
    uint64_t records;
    int r = skip_ranges(catalog, plan, &records, err);
    r = r < 0 ? r : quarantine_all(catalog, plan, &files, err);
    if (r < 0)
        return r;
    printf("%zu file%s of batch %" PRId64 " %s quarantined", files, sl_plural((int64_t)files), plan->batch_ms,
           files == 1 ? "is" : "are");
    if (records)
        printf(", %" PRIu64 " received record%s left out", records, records == 1 ? " is" : "s are");
    printf("; the next run continues after it\n");
    return 0;
}

struct skip {
    struct sl_target *target;
    int64_t t;
};

/* Its files would come in again, and what it has shown once more. */
static int refuse_shown(void *arg, const struct sl_plan_directory *directory, struct sl_error *err)
{
    const struct skip *skip = arg;
    struct sl_output_dir place;
    struct statx st;
    int r = sl_output_dir_init(
        &place, sl_string((const uint8_t *)directory->prefix, strlen(directory->prefix)),
        sl_string((const uint8_t *)directory->suffix, strlen(directory->suffix)), skip->t, "", err);
    if (r < 0)
        return r;
    const char *path = sl_target_path(skip->target, place.shown);
    if (!path)
        r = sl_error_nomem(err);
    else if (!directory->replaces && sl_io_system.ops->statx(&sl_io_system, AT_FDCWD, path,
                                                             AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0)
        r = sl_error_set(
            err, SL_EDAMAGED,
            "batch %" PRId64 " has shown %s before it was interrupted: skipping it would bring its "
            "records a second time; the next run completes it, or move %s away if nothing has read "
            "it, and skip again",
            skip->t, place.shown, place.shown);
    sl_output_dir_done(&place);
    return r;
}

static int skip_in(struct sl_target *target, struct sl_catalog *catalog, const struct keys *keys, int64_t t,
                   struct sl_error *err)
{
    struct skip skip = {target, t};
    struct sl_progress progress = {0};
    const struct sl_catalog_wants wants = {0};
    int r = sl_catalog_load(catalog, keys->count, (const char *const *)keys->key, &wants, &progress, err);
    if (r == 0 && (!progress.planned || progress.plan.batch_ms != t))
        r = sl_error_set(err, SL_EUSAGE, "batch %" PRId64 " is not planned any more", t);
    r = r < 0 ? r : sl_plan_job_each(progress.job, refuse_shown, &skip, err);
    r = r < 0 ? r : skip_all(catalog, &progress.plan, err);
    sl_progress_done(&progress);
    return r;
}

static int skip(struct sl_target *target, int64_t t, struct sl_error *err)
{
    struct keys keys = {0};
    struct sl_catalog *catalog = NULL;
    int r = read_planned(target, t, &keys, err);
    r = r < 0 ? r : sl_catalog_open(&sl_io_system, AT_FDCWD, target->checkpoint, &catalog, err);
    r = r < 0 ? r : skip_in(target, catalog, &keys, t, err);
    sl_catalog_close(catalog);
    keys_done(&keys);
    return r;
}

/* ---- the command ---- */

static int reset(const struct sl_line *line, struct sl_target *target, struct sl_error *err)
{
    int r = sl_line_exclude(line, "yes", "skip", err);
    if (r < 0)
        return r;
    if (sl_line_has(line, "skip"))
        return skip(target, sl_line_integer(line, "skip", 0), err);
    if (sl_line_has(line, "yes"))
        return forget(target, err);
    return sl_error_set(err, SL_EUSAGE,
                        "this would forget what %s knows: state, windows and which files were taken, so that "
                        "files that lie there are taken again; say --yes if that is meant",
                        target->checkpoint);
}

static int run_reset(const struct sl_line *line)
{
    return sl_target_run(line, reset);
}

const struct sl_command sl_command_reset = {
    .name = "reset",
    .arguments = "[JOB.lua] --yes | --skip T",
    .summary = "forgets the checkpoint, or skips the batch that fails",
    .details =
        "Outputs stay. Refused with exit status 3 while a run holds the checkpoint. Files of a batch that was skipped\n"
        "are quarantined: sluice replay brings them back.",
    .flags = reset_flags,
    .run = run_reset,
};
