#include "sources/files.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/contract/site.h"
#include "sources/after.h"
#include "sources/identity.h"
#include "sources/letters_part.h"
#include "sources/many_dirs.h"
#include "sources/objects/arrivals.h"
#include "sources/planned_file.h"
#include "sources/readers.h"
#include "text/decompress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static struct sl_file_source *own(struct sl_source *source)
{
    return (struct sl_file_source *)source;
}

/* ---- opening ---- */

/* A trial is given the files of a URL, too. */
static bool is_of_objects(const struct sl_file_source *source)
{
    struct sl_field dir = sl_node_value(source->source.node, 0);
    return sl_bucket_is_url(&dir) && !source->services->trial;
}

static int open_arrivals(struct sl_file_source *source, struct sl_error *err)
{
    const struct sl_services *services = source->services;
    if (!is_of_objects(source))
        return sl_many_dirs_or_one(services, &source->options, &source->arrivals, err);
    int r = sl_objects_open(source->source.node, services, &source->objects, err);
    r = r < 0 ? sl_site_wrap(&source->source.node->site, err)
              : sl_object_arrivals_open(source->objects, services, &source->options, &source->arrivals, err);
    if (r < 0)
        sl_objects_close(source->objects);
    return r;
}

int sl_file_source_open(const struct sl_node *node, const struct sl_services *services,
                        const struct sl_reader *reader, struct sl_source **ret, struct sl_error *err)
{
    struct sl_file_source *source = calloc(1, sizeof *source);
    if (!source)
        return sl_error_nomem(err);
    source->source.node = node;
    source->services = services;
    source->reader = reader;
    int r = sl_file_options_init(&source->options, node, services, err);
    if (r == 0)
        r = open_arrivals(source, err);
    if (r < 0) {
        free(source);
        return r;
    }
    pthread_mutex_init(&source->lock, NULL);
    *ret = &source->source;
    return 0;
}

int sl_file_source_probe(const struct sl_node *node, const struct sl_services *services, struct sl_buf *found,
                         struct sl_error *err)
{
    struct sl_field dir = sl_node_value(node, 0);
    struct sl_bucket_settings settings = sl_bucket_settings_of(node, dir);
    return sl_bucket_is_url(&dir) ? sl_bucket_check(services, &settings, true, found, err) : 0;
}

int sl_file_source_start(struct sl_source *base, struct sl_error *err)
{
    struct sl_file_source *source = own(base);
    bool goes_on = source->objects && !source->services->until_end;
    return goes_on ? sl_object_arrivals_start(source->arrivals, err) : 0;
}

static void forget_errors(struct sl_file_source *source)
{
    for (size_t p = 0; p < source->parts; p++) {
        free(source->part[p].error_message);
        source->part[p].error_message = NULL;
    }
}

static void forget_batch(struct sl_file_source *source)
{
    forget_errors(source);
    for (size_t f = 0; f < source->states; f++) { /* the plan may have been freed already */
        free(source->state[f].reason);
        free(source->state[f].header);
        if (source->state[f].letters)
            sl_letters_done(source->state[f].letters);
        free(source->state[f].letters);
    }
    free(source->state);
    free(source->part);
    source->state = NULL;
    source->states = 0;
    source->part = NULL;
    source->parts = 0;
    source->files = NULL;
}

void sl_file_source_close(struct sl_source *source)
{
    struct sl_file_source *files = own(source);
    files->arrivals->ops->close(files->arrivals);
    sl_objects_close(files->objects);
    forget_batch(files);
    sl_files_done(&files->once_more);
    sl_owed_done(&files->owed);
    pthread_mutex_destroy(&files->lock);
    free(files);
}

/* ---- the files of a batch ---- */

/* Neighbours of one branch are a partition. */
static size_t letter_parts(const struct sl_letters *letters)
{
    size_t parts = 0;
    for (size_t i = 0; i < letters->count; i += sl_letters_part_len(letters, i))
        parts++;
    return parts;
}

static size_t parts_of(const struct sl_file_source *source, size_t f)
{
    const struct sl_file *file = &source->files->file[f];
    if (source->state[f].is_hollow || !source->reader->cuts || sl_name_is_compressed(file->path))
        return 1;
    return (size_t)((file->size + SL_SPLIT_BYTES - 1) / SL_SPLIT_BYTES);
}

static void cut_file(struct sl_file_source *source, size_t f)
{
    const struct sl_file *file = &source->files->file[f];
    struct sl_file_state *state = &source->state[f];
    size_t parts = parts_of(source, f);
    state->first_part = source->parts;
    state->origin = (struct sl_origin){.path = file->path,
                                       .mtime_ms = file->mtime_ns / 1000000,
                                       .first_task = (uint32_t)source->parts,
                                       .node = source->source.node};
    for (size_t i = 0; i < parts; i++) {
        struct sl_split *part = &source->part[source->parts++];
        part->file = f;
        part->from = (int64_t)i * SL_SPLIT_BYTES;
        part->to = i + 1 == parts ? file->size : part->from + SL_SPLIT_BYTES;
        part->records = part->errors = 0;
        atomic_init(&part->lines, -1);
    }
}

static void cut_letters(struct sl_file_source *source, size_t f)
{
    const struct sl_letters *letters = source->state[f].letters;
    source->state[f].first_part = source->parts;
    for (size_t i = 0; i < letters->count; i += sl_letters_part_len(letters, i)) {
        struct sl_split *part = &source->part[source->parts++];
        part->file = f;
        part->letter = i;
        atomic_init(&part->lines, 0);
    }
}

/* Quarantined files have no part, as if they had not been there. */
size_t sl_file_source_partitions(struct sl_source *base)
{
    struct sl_file_source *source = own(base);
    forget_errors(source);
    source->parts = 0;
    for (size_t f = 0; f < source->states; f++)
        if (source->state[f].letters && !source->state[f].is_excluded)
            cut_letters(source, f);
        else if (!source->state[f].is_excluded)
            cut_file(source, f);
    return source->parts;
}

/* A file of dead letters is ours: where it is not as it was planned, the checkpoint is damaged. */
static int load_letters(struct sl_file_source *source, size_t f, const char *name, struct sl_error *err)
{
    const struct sl_services *services = source->services;
    const struct sl_file *file = &source->files->file[f];
    struct statx st;
    struct sl_letters *letters = calloc(1, sizeof *letters);
    if (!letters)
        return sl_error_nomem(err);
    source->state[f].letters = letters;
    if (services->io->ops->statx(services->io, services->deadletter_fd, name, AT_SYMLINK_NOFOLLOW,
                                 STATX_BASIC_STATS | STATX_BTIME, &st) < 0 ||
        !sl_identity_is(&st, file) || (int64_t)st.stx_size != file->size)
        return sl_error_set(
            err, SL_EDAMAGED,
            "deadletter/%s, whose dead letters a planned batch takes again, is missing or has "
            "changed; restore it from a backup",
            name);
    int r = sl_letters_read(services->io, services->deadletter_fd, name, letters, err);
    return r == 0 && sl_letters_part_prepare(source, letters) < 0 ? sl_error_nomem(err) : r;
}

static bool is_hollow(struct sl_file_source *source, const struct sl_file *file)
{
    return !source->objects && !source->reader->opens_nothing && sl_planned_file_is_hollow(source, file);
}

static int begin_batch(struct sl_file_source *source, int64_t t, const struct sl_files *files,
                       struct sl_error *err)
{
    size_t parts = 0;
    int r = 0;
    source->batch_ms = t;
    source->state = calloc(files->count + 1, sizeof *source->state);
    if (!source->state)
        return sl_error_nomem(err);
    source->states = files->count;
    source->files = files;
    for (size_t f = 0; f < files->count && r == 0; f++) {
        const char *letters = sl_letters_name(files->file[f].path);
        r = letters ? load_letters(source, f, letters, err) : 0;
        source->state[f].is_hollow = !letters && is_hollow(source, &files->file[f]);
        parts += r < 0 ? 0 : letters ? letter_parts(source->state[f].letters) : parts_of(source, f);
    }
    source->part = calloc(parts + 1, sizeof *source->part);
    return r < 0 ? r : source->part ? 0 : sl_error_nomem(err);
}

/* ---- once more ---- */

/* 1: *ret is the file as it is now; 0: it is not there, or another one. */
static int find_again(const struct sl_file_source *source, const struct sl_file *file, struct sl_file *ret,
                      struct sl_error *err)
{
    const struct sl_services *services = source->services;
    const char *letters = sl_letters_name(file->path);
    struct statx st;
    if (source->objects && !letters) {
        int r = sl_objects_look_at(source->objects, file->path, ret, err);
        return r > 0 ? sl_file_same(ret, file) : r;
    }
    if (services->io->ops->statx(services->io, letters ? services->deadletter_fd : services->job_dirfd,
                                 letters ? letters : file->path, AT_SYMLINK_NOFOLLOW,
                                 STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0
                                                   : sl_error_sys(err, errno, "looking at %s", file->path);
    *ret = sl_identity_of(&st, file->path);
    return letters || sl_identity_is(&st, file);
}

int sl_file_source_again(struct sl_source *base, const struct sl_file *file, struct sl_error *err)
{
    struct sl_file_source *source = own(base);
    struct sl_file now;
    int r = find_again(source, file, &now, err);
    if (r <= 0)
        return r;
    now.path = file->path;
    for (size_t i = 0; i < source->once_more.count; i++)
        if (strcmp(source->once_more.file[i].path, file->path) == 0)
            return 1; /* it was reported already */
    return sl_files_add(&source->once_more, &now) < 0 ? sl_error_nomem(err) : 1;
}

/* What arrived under the same path since takes precedence. */
static bool has_path(const struct sl_files *files, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(files->file[i].path, path) == 0)
            return true;
    return false;
}

/* Reports watched files to the arrivals: in their present state they are taken. */
static int take_once_more(struct sl_file_source *source, struct sl_files *plan, struct sl_error *err)
{
    size_t arrived = plan->count;
    int r = 0;
    for (size_t i = 0; r == 0 && i < source->once_more.count; i++) {
        struct sl_file *file = &source->once_more.file[i];
        const struct sl_files one = {.file = file, .count = 1};
        if (has_path(plan, arrived, file->path))
            continue;
        r = sl_files_add(plan, file) < 0 ? sl_error_nomem(err) : 0;
        if (r == 0 && !sl_letters_name(file->path) && source->arrivals->ops->remember)
            r = source->arrivals->ops->remember(source->arrivals, &one, err);
    }
    if (r == 0 && plan->count > arrived)
        sl_files_sort(plan, 0);
    sl_files_done(&source->once_more);
    return r;
}

const struct sl_node *sl_file_source_aim(struct sl_source *base, size_t p)
{
    const struct sl_file_source *source = own(base);
    const struct sl_split *part = &source->part[p];
    const struct sl_letters *letters = source->state[part->file].letters;
    const struct sl_node *aim;
    if (!letters || !source->services->find_branch(source->services, source->source.node,
                                                   letters->letter[part->letter].branch, &aim))
        return NULL;
    return aim;
}

int sl_file_source_take(struct sl_source *base, int64_t t, uint64_t batch_number,
                        const struct sl_limits *limits, struct sl_files *plan, bool *ret_any,
                        struct sl_error *err)
{
    struct sl_file_source *source = own(base);
    forget_batch(source);
    source->is_resumed = false;
    int r = source->arrivals->ops->take(source->arrivals, limits->files_max, limits->bytes_max, plan, err);
    r = r < 0 ? r : sl_file_options_filter_error(&source->options, err);
    r = r < 0 ? r : take_once_more(source, plan, err);
    *ret_any = plan->count > 0;
    return r < 0 ? r : begin_batch(source, t, plan, err);
}

int sl_file_source_resume(struct sl_source *base, int64_t t, const struct sl_files *plan,
                          struct sl_error *err)
{
    forget_batch(own(base));
    own(base)->is_resumed = true;
    return begin_batch(own(base), t, plan, err);
}

int sl_file_source_settle(struct sl_source *base, struct sl_error *err)
{
    int r = sl_after_batch(own(base), err);
    forget_batch(own(base)); /* the plan is freed */
    return r;
}

bool sl_file_source_settles(const struct sl_source *base)
{
    return ((const struct sl_file_source *)base)->options.after != SL_AFTER_KEEP;
}

/* ---- what arrivals do ---- */

bool sl_file_source_pending(struct sl_source *base)
{
    struct sl_arrivals *arrivals = own(base)->arrivals;
    return arrivals->ops->pending(arrivals);
}

int sl_file_source_refresh(struct sl_source *base, struct sl_error *err)
{
    struct sl_file_source *source = own(base);
    int r = source->arrivals->ops->refresh(source->arrivals, err);
    return r < 0 ? r : sl_file_options_filter_error(&source->options, err);
}

int sl_file_source_remember(struct sl_source *base, const struct sl_files *files, struct sl_error *err)
{
    struct sl_arrivals *arrivals = own(base)->arrivals;
    return arrivals->ops->remember(arrivals, files, err);
}

int sl_file_source_remember_homes(struct sl_source *base, const struct sl_watched_homes *homes, bool accepts,
                                  struct sl_error *err)
{
    struct sl_arrivals *arrivals = own(base)->arrivals;
    return arrivals->ops->remember_homes ? arrivals->ops->remember_homes(arrivals, homes, accepts, err) : 0;
}

int sl_file_source_homes(struct sl_source *base, struct sl_watched_homes *ret, struct sl_error *err)
{
    struct sl_arrivals *arrivals = own(base)->arrivals;
    return arrivals->ops->homes ? arrivals->ops->homes(arrivals, ret, err) : 0;
}

bool sl_file_source_awaits_home(const struct sl_source *base, const struct sl_file *file)
{
    const struct sl_arrivals *arrivals = ((const struct sl_file_source *)base)->arrivals;
    return arrivals->ops->awaits_home && arrivals->ops->awaits_home(arrivals, file);
}

int sl_file_source_gone(struct sl_source *base, struct sl_files *ret, struct sl_error *err)
{
    struct sl_arrivals *arrivals = own(base)->arrivals;
    return arrivals->ops->gone(arrivals, ret, err);
}

/* ---- quarantined files ---- */

uint64_t sl_file_source_failures(struct sl_source *base)
{
    uint64_t failures = own(base)->failures;
    own(base)->failures = 0;
    return failures;
}

/* Once, however many parts fail. */
int sl_file_source_quarantine_for(struct sl_file_source *source, size_t f, struct sl_error *err)
{
    struct sl_file_state *state = &source->state[f];
    char *copy = strdup(err->text);
    if (!copy)
        return sl_error_nomem(err);
    pthread_mutex_lock(&source->lock);
    bool is_first = !state->reason;
    if (is_first) {
        state->reason = copy;
        source->failures++;
    }
    pthread_mutex_unlock(&source->lock);
    if (!is_first)
        free(copy);
    return 0;
}

bool sl_file_source_redo(struct sl_source *base)
{
    struct sl_file_source *source = own(base);
    bool any = false;
    for (size_t f = 0; f < source->states; f++) {
        struct sl_file_state *state = &source->state[f];
        any = any || (state->reason && !state->is_excluded);
        state->is_excluded = state->reason != NULL;
    }
    return any;
}

const char *sl_file_source_quarantine_reason(struct sl_source *base, size_t file)
{
    return own(base)->state[file].reason;
}

bool sl_file_source_errors(struct sl_source *base, size_t file, struct sl_file_errors *ret)
{
    struct sl_file_source *source = own(base);
    size_t first = source->state[file].first_part;
    *ret = (struct sl_file_errors){.first_partition = first};
    for (size_t p = first; p < source->parts && source->part[p].file == file; p++) {
        const struct sl_split *part = &source->part[p];
        ret->records += part->records;
        ret->failed += part->errors;
        if (!part->errors || ret->message)
            continue;
        ret->partition = p;
        ret->line = part->error_line;
        ret->node = part->error_node;
        ret->message = part->error_message;
    }
    return ret->failed > 0;
}

int sl_file_source_quarantine(struct sl_source *base, size_t file, const char *reason, struct sl_error *err)
{
    (void)sl_error_set(err, SL_EFAIL, "%s", reason);
    int r = sl_file_source_quarantine_for(own(base), file, err);
    if (r == 0)
        *err = (struct sl_error){0}; /* it was reported */
    return r;
}

int sl_file_source_exclude(struct sl_source *base, size_t file, const char *reason, struct sl_error *err)
{
    struct sl_file_source *source = own(base);
    sl_assert(file < source->states);
    free(source->state[file].reason);
    source->state[file].is_excluded = true;
    source->state[file].reason = strdup(reason);
    return source->state[file].reason ? 0 : sl_error_nomem(err);
}
