#include "engine/batch/lost_sources.h"

#include "core/contract/bucket.h"
#include "engine/graph/lead.h"
#include "engine/graph/validate.h"
#include "receive/kafka/known.h"
#include "receive/leftover.h"
#include "receive/tail_known.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
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

/* ---- files ---- */

static bool look(const struct sl_run *run, const char *path, struct statx *ret)
{
    struct sl_io *io = run->services.io;
    return io->ops->statx(io, run->services.job_dirfd, path, 0, STATX_INO, ret) == 0;
}

/* Source s, of files, against the paths of what a lost one has taken. */
struct again {
    const struct sl_run *run;
    const struct sl_node *node;
    const char *lost_dir;
    char dir[PATH_MAX],
        watched[PATH_MAX]; /* of the source: as the job has it, and where it leads; a URL in both */
    char seen[PATH_MAX];   /* the directory that was asked about last */
    bool is_read;          /* and the answer */
};

/* Of an object that is not asked: whether it is there is for its server to say. One that lies deeper may be in a directory that is one
 * arrival, if the lost source read it as such. */
static bool would_read_object(const struct again *again, const char *path)
{
    const char *name = sl_bucket_name_below(path, again->dir);
    size_t len = sl_bucket_url_len(again->dir, strlen(again->dir));
    bool is_same = len == sl_bucket_url_len(again->lost_dir, strlen(again->lost_dir)) &&
                   strncmp(again->dir, again->lost_dir, len) == 0;
    return name && (is_same || !strchr(name, '/') || sl_node_option_boolean(again->node, "recursive", false));
}

/* `path` without its last name; it has one. */
static void cut_name(char path[PATH_MAX])
{
    char *slash = strrchr(path, '/');
    snprintf(slash ? slash : path, slash ? 1 : 2, "%s", slash ? "" : ".");
}

/* Files of the directory, also where it is one arrival of the one above it. */
static bool would_read_files_of(const struct again *again, const char *dir)
{
    char done[PATH_MAX + 16], above[PATH_MAX], resolved[PATH_MAX];
    const struct sl_services *services = &again->run->services;
    struct statx found;
    if (sl_lead_resolve(services->job_dir, dir, resolved) &&
        sl_node_reads(again->node, again->watched, resolved))
        return true;
    snprintf(done, sizeof done, "%s/_SUCCESS", dir);
    snprintf(above, sizeof above, "%s", dir);
    cut_name(above);
    return look(again->run, done, &found) && sl_lead_resolve(services->job_dir, above, resolved) &&
           sl_node_reads(again->node, again->watched, resolved);
}

static bool would_read(void *arg, const char *path)
{
    struct again *again = arg;
    struct statx found;
    char dir[PATH_MAX];
    if (sl_lead_is_url(path))
        return would_read_object(again, path);
    snprintf(dir, sizeof dir, "%s", path);
    cut_name(dir);
    if (strcmp(dir, again->seen) != 0) {
        snprintf(again->seen, sizeof again->seen, "%s", dir);
        again->is_read = would_read_files_of(again, dir);
    }
    return again->is_read && look(again->run, path, &found);
}

/* Whether source s, of files, would take again what the lost one has taken; is_undecided: it leaves out what is there. */
static int takes_again(struct sl_run *run, size_t s, const struct sl_lost_source *lost, bool is_undecided,
                       bool *ret, struct sl_error *err)
{
    const struct sl_source *source = run->source[s];
    const char *lost_dir = strchr(lost->key, ':');
    struct again again = {.run = run, .node = source->node, .lost_dir = lost_dir ? lost_dir + 1 : ""};
    *ret = false;
    bool is_of_files =
        source->ops->remember && sl_node_text(source->node, "directory", again.dir, sizeof again.dir);
    if (!is_of_files || is_undecided || !lost_dir ||
        !sl_lead_find(run->services.job_dir, again.dir, again.watched))
        return 0;
    return sl_catalog_taken_before(run->catalog, s, lost->key, would_read, &again, ret, err);
}

static int refuse_files(const struct sl_run *run, size_t s, const struct sl_lost_source *lost,
                        struct sl_error *err)
{
    const struct sl_site *site = &run->source[s]->node->site;
    return sl_error_set(
        err, SL_EUSAGE,
        "%s:%d: %s: the job has changed: files of this directory were taken by %s, which the job no longer has, "
        "and would be taken again; write the operator and the directory as they were, or run with --accept-changes to "
        "take them again",
        site->file, site->line, site->name, lost->key);
}

static int check_files(struct sl_run *run, const struct sl_progress *progress,
                       const struct sl_lost_source *lost, struct sl_error *err)
{
    bool again = false;
    int r = 0;
    for (size_t s = 0; r == 0 && s < run->sources && !run->options->accept_changes; s++) {
        r = takes_again(run, s, lost, progress->undecided && progress->undecided[s], &again, err);
        if (r == 0 && again)
            return refuse_files(run, s, lost, err);
    }
    return r;
}

/* ---- growing files, and programs that report positions ---- */

/* Whether source s, which has never received anything, would read again what the lost one has read: files that it matches, or,
 * of programs, whatever has positions, for what they read is theirs to know. */
static int reads_again(struct sl_run *run, size_t s, const struct sl_lost_source *lost, bool *ret,
                       struct sl_error *err)
{
    const struct sl_node *node = run->source[s]->node;
    const char *op = node->op->name, *name = strchr(lost->key, ':');
    struct sl_io *io = run->services.io;
    size_t len = name ? (size_t)(name - lost->key) : 0;
    *ret = false;
    if (!name || strlen(op) != len || memcmp(op, lost->key, len) != 0)
        return 0;
    if (strcmp(op, "tailStream") == 0)
        return sl_tail_is_known(io, run->checkpoint, run->services.job_dir, node, name + 1, &lost->reached,
                                ret, err);
    return strcmp(op, "receiverStream") == 0
               ? sl_received_left_position(io, run->checkpoint, name + 1, op, &lost->reached, ret, err)
               : 0;
}

static int check_positions(struct sl_run *run, size_t s, const struct sl_progress *progress,
                           struct sl_error *err)
{
    const char *own = strchr(run->source_key[s], ':'), *name = NULL;
    const struct sl_node *node = run->source[s]->node;
    bool again = false, is_old = !own || run->options->accept_changes ||
                                 sl_received_has_log(run->services.io, run->checkpoint, own + 1);
    int r = 0;
    for (size_t i = 0; r == 0 && !again && !is_old && i < progress->lost_count; i++) {
        name = strchr(progress->lost[i].key, ':');
        r = reads_again(run, s, &progress->lost[i], &again, err);
    }
    return r < 0 || !again
               ? r
               : sl_error_set(
                     err, SL_EUSAGE,
                     "%s:%d: %s: the job has changed: what it reads was read under the name %s, which no source of the job "
                     "has any more, and reading would begin anew; go on there with name = \"%s\", or run with "
                     "--accept-changes to begin anew",
                     node->site.file, node->site.line, node->site.name, name + 1, name + 1);
}

/* ---- topics ---- */

/* Of the lost sources that have read topics of source s the one that has read most; NULL: none has. */
static int find_reader(struct sl_run *run, size_t s, const struct sl_progress *progress,
                       const struct sl_lost_source **ret, struct sl_error *err)
{
    int64_t most = -1, offsets;
    int r = 0;
    *ret = NULL;
    for (size_t i = 0; r == 0 && i < progress->lost_count; i++) {
        const struct sl_lost_source *lost = &progress->lost[i];
        r = sl_kafka_known_offsets(run->source[s]->node, &lost->reached, &offsets, err);
        if (r == 0 && offsets > most) {
            most = offsets;
            *ret = lost;
        }
    }
    return r;
}

/* A source of Kafka is known by its name, which is made of its topics where it has none of its own. */
static int check_topics(struct sl_run *run, size_t s, const struct sl_progress *progress,
                        struct sl_error *err)
{
    const struct sl_node *node = run->source[s]->node;
    const struct sl_lost_source *lost = NULL;
    bool is_new = strcmp(node->op->name, "kafkaStream") == 0 && !progress->reached[s].len &&
                  sl_node_option(node, "fromOffsets").kind == SL_ARG_NONE;
    int r = is_new && !run->options->accept_changes ? find_reader(run, s, progress, &lost, err) : 0;
    const char *name = lost ? strchr(lost->key, ':') : NULL;
    return !name
               ? r
               : sl_error_set(
                     err, SL_EUSAGE,
                     "%s:%d: %s: the job has changed: offsets of its topics are known under the name %s, which no "
                     "source of the job has any more, and reading would begin anew; go on there with "
                     "name = \"%s\", or run with --accept-changes to begin anew",
                     node->site.file, node->site.line, node->site.name, name + 1, name + 1);
}

int sl_lost_sources_check(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; i < progress->lost_count && r == 0; i++) {
        r = check_one(run, &progress->lost[i], err);
        r = r < 0 ? r : check_files(run, progress, &progress->lost[i], err);
    }
    for (size_t s = 0; s < run->sources && r == 0; s++) {
        r = check_topics(run, s, progress, err);
        r = r < 0 ? r : check_positions(run, s, progress, err);
    }
    return r;
}
