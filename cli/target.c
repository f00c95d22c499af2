#include "cli/target.h"

#include "cli/report.h"
#include "cli/status_bytes.h"
#include "core/base/io.h"
#include "core/contract/source.h"
#include "engine/graph/graph.h"
#include "engine/graph/paths.h"
#include "state/lock.h"
#include "text/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { STATUS_BYTES_MAX = 16 << 20, SOURCES_MAX = 1024 };

static const char *arena_print(struct sl_arena *arena, const char *format, const char *a, const char *b)
{
    char *text;
    if (asprintf(&text, format, a, b) < 0)
        return NULL;
    const char *copy = sl_arena_text(arena, text, strlen(text));
    free(text);
    return copy;
}

/* ---- which checkpoint ---- */

static bool names_job(const struct sl_line *line)
{
    size_t len = line->operand_count ? strlen(line->operands[0]) : 0;
    return len > 4 && strcmp(line->operands[0] + len - 4, ".lua") == 0;
}

/* Also of a checkpoint that belongs to another user and may not be read: opening it reports that. */
static bool holds(const char *checkpoint, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", checkpoint, name) < 0)
        return false;
    bool there = access(path, F_OK) == 0 || errno == EACCES;
    free(path);
    return there;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* How many directories with a file of this name there are under ./.sluice, by name; the first of them in *ret, all of them in
 * `names`, which is for a message only. */
static size_t find_with(const char *name, char **ret, struct sl_buf *names)
{
    struct dirent **entry = NULL;
    int entries = scandir(".sluice", &entry, is_shown, alphasort);
    size_t count = 0;
    *ret = NULL;
    for (int i = 0; i < entries; i++) {
        char *path = NULL;
        bool is_one = asprintf(&path, ".sluice/%s", entry[i]->d_name) >= 0 && holds(path, name);
        if (is_one)
            sl_buf_printf(names, "%s--checkpoint %s", count ? ", " : "", path);
        if (is_one && count++ == 0)
            *ret = path;
        else
            free(path);
        free(entry[i]);
    }
    free(entry);
    return count;
}

/* A first start that failed, for its input was missing, say, leaves a catalog without seal, of which there is nothing to
 * tell: it counts only where there is no other. */
static size_t find_checkpoints(char **ret, struct sl_buf *names)
{
    size_t count = find_with("seal", ret, names);
    return count ? count : find_with("catalog.db", ret, names);
}

static int only_checkpoint(struct sl_target *target, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf names;
    sl_buf_init(&names);
    size_t count = find_checkpoints(&target->checkpoint, &names);
    if (count == 1)
        return 0;
    free(target->checkpoint);
    target->checkpoint = NULL;
    if (count == 0)
        return sl_error_set(err, SL_EUSAGE,
                            "there is no checkpoint under ./.sluice; give JOB.lua or --checkpoint DIR");
    return sl_error_set(err, SL_EUSAGE,
                        "there are %zu checkpoints under ./.sluice; give JOB.lua or one of these: %.*s",
                        count, (int)names.len, (const char *)names.bytes);
}

static int job_checkpoint(struct sl_target *target, struct sl_error *err)
{
    const struct sl_context *context = sl_job_context(target->job_line.job);
    if (context->options.no_checkpoint)
        return sl_error_set(err, SL_EUSAGE, "the job keeps no checkpoint, so nothing is known of its past");
    target->checkpoint = sl_checkpoint_path(context);
    target->dir = context->dir;
    return target->checkpoint ? 0 : sl_error_nomem(err);
}

/* Beside the job is .sluice/<its name>. */
static const char *dir_beside(struct sl_target *target)
{
    char *absolute = realpath(target->checkpoint, NULL), *slash = absolute ? strrchr(absolute, '/') : NULL;
    const char *dir = NULL;
    static const char folder[] = "/.sluice";
    size_t len = slash ? (size_t)(slash - absolute) : 0;
    if (len >= sizeof folder - 1 && memcmp(slash - (sizeof folder - 1), folder, sizeof folder - 1) == 0) {
        len -= sizeof folder - 1;
        dir = sl_arena_text(&target->arena, len ? absolute : "/", len ? len : 1);
    }
    free(absolute);
    return dir;
}

static int given_checkpoint(struct sl_target *target, const char *path, struct sl_error *err)
{
    if (!path)
        return only_checkpoint(target, err);
    target->checkpoint = strdup(path);
    return target->checkpoint ? 0 : sl_error_nomem(err);
}

static int open_target(struct sl_target *target, const struct sl_line *line, const char *const **ret_operands,
                       size_t *ret_count, struct sl_error *err)
{
    int r;
    *ret_operands = line->operands;
    *ret_count = line->operand_count;
    if (names_job(line)) {
        r = sl_job_line_open_files(line, &target->job_line, ret_operands, ret_count, err);
        r = r < 0 ? r : job_checkpoint(target, err);
    } else {
        target->job_line.options.argv = line->rest; /* of sl_target_need_job */
        target->job_line.options.argc = line->rest_count;
        r = given_checkpoint(target, sl_line_text(line, "checkpoint"), err);
    }
    return r < 0 ? r : sl_target_read_status(target, err);
}

bool sl_target_is_named(const struct sl_line *line)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf names = {0};
    char *first = NULL;
    bool is_named =
        names_job(line) || sl_line_text(line, "checkpoint") || find_checkpoints(&first, &names) > 0;
    free(first);
    return is_named;
}

int sl_target_open_checkpoint(const char *path, struct sl_target *ret, struct sl_error *err)
{
    *ret = (struct sl_target){0};
    sl_arena_init(&ret->arena);
    int r = given_checkpoint(ret, path, err);
    r = r < 0 ? r : sl_target_read_status(ret, err);
    if (r < 0)
        sl_target_close(ret);
    return r;
}

int sl_target_open(const struct sl_line *line, struct sl_target *ret, const char *const **ret_operands,
                   size_t *ret_count, struct sl_error *err)
{
    *ret = (struct sl_target){0};
    sl_arena_init(&ret->arena);
    int r = open_target(ret, line, ret_operands, ret_count, err);
    if (r < 0)
        sl_target_close(ret);
    return r;
}

void sl_target_close(struct sl_target *target)
{
    sl_job_line_close(&target->job_line);
    sl_arena_done(&target->arena);
    free(target->checkpoint);
    free(target->status_text);
    *target = (struct sl_target){0};
}

int sl_target_run(const struct sl_line *line,
                  int (*command)(const struct sl_line *line, struct sl_target *target, struct sl_error *err))
{
    struct sl_error err;
    struct sl_target target;
    const char *const *operands;
    size_t count;
    if (sl_target_open(line, &target, &operands, &count, &err) < 0)
        return sl_report_error(&err);
    int r = count ? sl_error_set(&err, SL_EUSAGE,
                                 "%s is one argument too many; sluice help lists what each command takes",
                                 operands[0])
                  : command(line, &target, &err);
    sl_target_close(&target);
    return r < 0 ? sl_report_error(&err) : r;
}

int sl_target_need_checkpoint(const struct sl_target *target, struct sl_error *err)
{
    return sl_reading_check(target->checkpoint, err);
}

int sl_target_need_job(struct sl_target *target, struct sl_error *err)
{
    const char *name = sl_target_status_text(target, "job");
    if (target->job_line.job)
        return 0;
    if (!name)
        return sl_error_set(err, SL_EUSAGE, "which job is it? give the path JOB.lua");
    const char *path = arena_print(&target->arena, "%s/%s.lua", target->dir, name);
    if (!path)
        return sl_error_nomem(err);
    target->job_line.options.path = path;
    int r = sl_job_load(&target->job_line.options, &target->job_line.job, err);
    return r < 0 ? sl_error_hint(
                       err,
                       "if the job is elsewhere, give its path JOB.lua; arguments of the job follow after --")
                 : 0;
}

/* ---- status.json ---- */

/* Where the job lies. */
static void find_dir(struct sl_target *target)
{
    const char *dir = sl_target_status_text(target, "dir");
    if (target->job_line.job)
        return; /* the job itself knows */
    target->dir = dir ? dir : dir_beside(target);
    if (!target->dir)
        target->dir = ".";
}

int sl_target_read_status(struct sl_target *target, struct sl_error *err)
{
    const char *path = arena_print(&target->arena, "%s/%s", target->checkpoint, "status.json"), *message;
    size_t len = 0, at;
    free(target->status_text);
    target->status_text = NULL;
    target->status = sl_nil();
    if (!path)
        return sl_error_nomem(err);
    int r = 0;
    if (access(path, R_OK) == 0) /* else no run yet, or an older one: what it would say is left out */
        r = sl_io_read_file(&sl_io_system, AT_FDCWD, path, STATUS_BYTES_MAX, &target->status_text, &len, err);
    if (r == 0 && target->status_text &&
        sl_json_parse(&target->arena, target->status_text, len, &target->status, &message, &at) < 0)
        target->status = sl_nil(); /* a hint that cannot be read is no hint */
    if (r == 0 && sl_status_restore_bytes(&target->arena, &target->status) < 0)
        r = sl_error_nomem(err);
    find_dir(target);
    return r;
}

struct sl_field sl_target_status(const struct sl_target *target, const char *part, const char *name)
{
    const struct sl_field *object = &target->status;
    if (part)
        object = sl_map_get(object, part, strlen(part));
    const struct sl_field *value = object ? sl_map_get(object, name, strlen(name)) : NULL;
    return value ? *value : sl_nil();
}

const char *sl_target_status_text(struct sl_target *target, const char *name)
{
    struct sl_field value = sl_target_status(target, NULL, name);
    return value.tag == SL_STR ? sl_arena_text(&target->arena, (const char *)value.str, value.len) : NULL;
}

int64_t sl_target_status_integer(const struct sl_target *target, const char *part, const char *name)
{
    struct sl_field value = sl_target_status(target, part, name);
    return value.tag == SL_INT ? value.integer : 0;
}

/* ---- the rest ---- */

long sl_target_holder(const struct sl_target *target)
{
    int fd = open(target->checkpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    long pid = sl_lock_holder(&sl_io_system, fd);
    close(fd);
    return pid;
}

const char *sl_target_path(struct sl_target *target, const char *path)
{
    return path[0] == '/' ? path : arena_print(&target->arena, "%s/%s", target->dir, path);
}

struct source_list {
    struct sl_arena *arena;
    const char *dir[SOURCES_MAX + 1];
    size_t count;
    bool failed;
};

static int add_source(struct source_list *list, const char *dir, size_t len)
{
    while (len > 1 && dir[len - 1] == '/')
        len--;
    const char *copy = sl_arena_text(list->arena, dir, len);
    list->failed = list->failed || !copy;
    if (copy && list->count < SOURCES_MAX)
        list->dir[list->count++] = copy;
    return 0;
}

/* "textFileStream:in", of the second one like it "textFileStream:in#2". */
static int add_key(void *arg, const char *key)
{
    const char *dir = strchr(key, ':');
    if (!dir || !dir[1])
        return 0;
    size_t len = strlen(++dir), digits = len;
    while (digits > 0 && dir[digits - 1] >= '0' && dir[digits - 1] <= '9')
        digits--;
    bool is_numbered = digits > 1 && digits < len && dir[digits - 1] == '#';
    return add_source(arg, dir, is_numbered ? digits - 1 : len);
}

static void add_nodes(struct source_list *list, const struct sl_context *context)
{
    for (size_t i = 0; i < context->nodes; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        if (node->op->kind != SL_OP_SOURCE || !node->op->source->remember)
            continue;
        struct sl_field dir = sl_node_value(node, 0);
        (void)add_source(list, (const char *)dir.str, dir.len); /* list->failed says it */
    }
}

int sl_target_sources(struct sl_target *target, struct sl_reading *reading, const char *const **ret,
                      struct sl_error *err)
{
    struct source_list *list = sl_arena_alloc(&target->arena, sizeof *list);
    int r = 0;
    if (!list)
        return sl_error_nomem(err);
    *list = (struct source_list){.arena = &target->arena};
    if (target->job_line.job)
        add_nodes(list, sl_job_context(target->job_line.job));
    else if (reading)
        r = sl_reading_sources(reading, add_key, list, err);
    *ret = list->dir;
    return r < 0 ? r : list->failed ? sl_error_nomem(err) : 0;
}

int sl_target_watch(const struct sl_target *target)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0 && inotify_add_watch(fd, target->checkpoint, IN_MOVED_TO) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}
