#include "engine/batch/lost_sources.h"

#include "receive/leftover.h"

#include <inttypes.h>
#include <string.h>

/* The log of a source is found by its name: another operator of the same name continues it. */
static bool is_name_taken(const struct sl_run *run, const char *name)
{
    for (size_t s = 0; s < run->sources; s++) {
        const char *key = strchr(run->source_key[s], ':');
        if (key && strcmp(key + 1, name) == 0)
            return true;
    }
    return false;
}

static int check_one(struct sl_run *run, const struct sl_lost_source *lost, struct sl_error *err)
{
    const char *name = strchr(lost->key, ':');
    struct sl_io *io = run->services.io;
    uint64_t records = 0;
    if (!name || is_name_taken(run, ++name))
        return 0;
    int r = sl_received_leftover(io, run->checkpoint, name, &lost->reached, &records, err);
    if (r < 0 || records == 0)
        return r;
    if (!run->options->accept_changes)
        return sl_error_set(
            err, SL_EUSAGE,
            "the job has changed: the checkpoint holds %" PRIu64 " records of the source %s that no "
            "batch has used, and the job no longer has it; run the job as it was once with "
            "--once, give the source its name with name = \"...\", or run with --accept-changes to drop "
            "them",
            records, name);
    sl_log(run->services.log, SL_LOG_WARNING,
           "%" PRIu64 " records of the source %s, which the job does not have any "
           "more, are dropped",
           records, name);
    return sl_received_drop_log(io, run->checkpoint, name, err);
}

int sl_lost_sources_check(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; i < progress->lost_count && r == 0; i++)
        r = check_one(run, &progress->lost[i], err);
    return r;
}
