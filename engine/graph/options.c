#include "engine/graph/options.h"

#include "core/base/arena.h"
#include "core/base/limits.h"
#include "core/base/nearest.h"
#include "core/rows/field.h"
#include "engine/graph/uri.h"
#include "http/server.h"
#include "ops/args.h"

#include <stdio.h>
#include <string.h>

enum option {
    INTERVAL,
    CHECKPOINT,
    MOUNT,
    WORKERS,
    FILES_MAX,
    BYTES_MAX,
    RECORD_BYTES_MAX,
    ON_RECORD_ERROR,
    ERROR_RATE_MAX,
    ON_FILE_ERROR,
    EMPTY_BATCHES,
    CATCH_UP,
    MEMORY_LIMIT,
    KEEP_HISTORY,
    KEEP_RECEIVED,
    FUNCTION_TIMEOUT,
    METRICS,
    OPTIONS
};

const struct sl_param sl_option_params[] = {
    [INTERVAL] = {"interval", SL_WANT_DURATION, false, "time between batches: \"1s\", \"250ms\", \"5m\""},
    [CHECKPOINT] = {"checkpoint", SL_WANT_STRING | SL_WANT_BOOLEAN, true,
                    "directory of the durable state; .sluice/<job name> beside the job; false: keep nothing"},
    [MOUNT] = {"mount", SL_WANT_STRING | SL_WANT_VALUE, true,
               "where views are mounted; mnt beside the job; {dir=, kind=\"dir\"} for plain files, "
               "{allowOther=true} for every user to read"},
    [WORKERS] = {"workers", SL_WANT_COUNT, true, "threads that handle rows; online CPUs"},
    [FILES_MAX] = {"maxFilesPerBatch", SL_WANT_COUNT, true, "files a batch takes at most; no limit"},
    [BYTES_MAX] = {"maxBytesPerBatch", SL_WANT_SIZE, true,
                   "bytes a batch takes at most, or \"1GB\"; no limit"},
    [RECORD_BYTES_MAX] = {"maxRecordBytes", SL_WANT_SIZE, true, "longest record; 16MiB"},
    [ON_RECORD_ERROR] = {"onRecordError", SL_WANT_STRING, true, "\"deadletter\", \"stop\" or \"skip\""},
    [ERROR_RATE_MAX] = {"maxErrorRate", SL_WANT_NUMBER, true,
                        "share of failing records that fails a batch; 0.5"},
    [ON_FILE_ERROR] = {"onFileError", SL_WANT_STRING, true, "\"quarantine\" or \"stop\""},
    [EMPTY_BATCHES] = {"emptyBatches", SL_WANT_BOOLEAN, true, "run every batch, as Spark does; false"},
    [CATCH_UP] = {"catchUp", SL_WANT_STRING, true, "missed times: \"windows\", \"all\" or \"none\""},
    [MEMORY_LIMIT] = {"memoryLimit", SL_WANT_SIZE, true,
                      "bytes, or \"1GB\": grouping, joining and sorting go to disk beyond it"},
    [KEEP_HISTORY] = {"keepHistory", SL_WANT_DURATION, true, "how long provenance is kept; 7d"},
    [KEEP_RECEIVED] = {"keepReceived", SL_WANT_DURATION, true,
                       "how long received data is kept after a batch has used it; it is removed"},
    [FUNCTION_TIMEOUT] = {"functionTimeout", SL_WANT_DURATION, true,
                          "a function that runs longer fails the batch; 30s"},
    [METRICS] = {"metrics", SL_WANT_STRING | SL_WANT_INTEGER, true,
                 "serves the metrics over HTTP: \"127.0.0.1:9464\", or a port of the loopback interface"},
    [OPTIONS] = {0},
};

void sl_options_init(struct sl_options *options)
{
    *options = (struct sl_options){
        .record_bytes_max = SL_RECORD_BYTES_DEFAULT,
        .error_rate_max = 0.5,
        .catch_up = "windows",
        .keep_history_ms = 7LL * 86400000,
        .function_timeout_ms = 30000,
        .run_ms = -1,
    };
}

static int find_option(const char *name, struct sl_error *err)
{
    const char *names[OPTIONS];
    for (int i = 0; i < OPTIONS; i++) {
        if (strcmp(sl_option_params[i].name, name) == 0)
            return i;
        names[i] = sl_option_params[i].name;
    }
    const char *nearest = sl_name_nearest(name, names, OPTIONS);
    sl_error_set(err, SL_EUSAGE, "unknown option %s", name);
    return nearest ? sl_error_hint(err, "did you mean %s?", nearest) : SL_EUSAGE;
}

/* The index of the word the value is; an error that lists them otherwise. */
static int choose(const char *name, const struct sl_field *value, const char *const *words, int count,
                  struct sl_error *err)
{
    for (int i = 0; i < count; i++)
        if (sl_field_is_text(value, words[i]))
            return i;
    char list[256] = "";
    for (int i = 0; i < count; i++) {
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s\"%s\"",
                 i == 0          ? ""
                 : i + 1 < count ? ", "
                                 : " or ",
                 words[i]);
    }
    if (value->tag == SL_STR)
        return sl_error_set(err, SL_EUSAGE, "%s must be %s, got \"%.*s\"", name, list,
                            (int)(value->len < 100 ? value->len : 100), (const char *)value->str);
    return sl_error_set(err, SL_EUSAGE, "%s must be %s, got %s", name, list,
                        sl_tag_phrase((enum sl_tag)value->tag));
}

static int keep_text(struct sl_arena *arena, const struct sl_field *value, const char *name, const char **ret,
                     struct sl_error *err)
{
    if (value->tag != SL_STR || !value->len || memchr(value->str, 0, value->len))
        return sl_error_set(err, SL_EUSAGE, "%s must be a path", name);
    *ret = sl_arena_text(arena, (const char *)value->str, value->len);
    return *ret ? 0 : sl_error_nomem(err);
}

/* Also as a URI of a file. */
static int keep_path(struct sl_arena *arena, const struct sl_field *value, const char *name, const char **ret,
                     struct sl_error *err)
{
    struct sl_field path = *value;
    int r = path.tag == SL_STR ? sl_uri_take_path(name, &path, err) : 0;
    return r < 0 ? r : keep_text(arena, &path, name, ret, err);
}

static int set_checkpoint(struct sl_options *options, struct sl_arena *arena, const struct sl_field *value,
                          struct sl_error *err)
{
    options->no_checkpoint = value->tag == SL_BOOL && !value->boolean;
    if (options->no_checkpoint)
        return 0;
    if (value->tag == SL_BOOL)
        return sl_error_set(err, SL_EUSAGE, "checkpoint must be a directory, or false to keep nothing");
    return keep_path(arena, value, "checkpoint", &options->checkpoint, err);
}

/* A path, or {dir=, kind="dir", allowOther=true}. */
static int set_mount(struct sl_options *options, struct sl_arena *arena, const struct sl_field *value,
                     struct sl_error *err)
{
    static const char *const kinds[] = {"fuse", "dir"};
    if (value->tag != SL_MAP)
        return keep_path(arena, value, "mount", &options->mount, err);
    const struct sl_field *dir = sl_map_get(value, "dir", 3), *kind = sl_map_get(value, "kind", 4);
    const struct sl_field *others = sl_map_get(value, "allowOther", 10),
                          *again = sl_map_get(value, "remount", 7);
    if ((dir != NULL) + (kind != NULL) + (others != NULL) + (again != NULL) != (int)value->len)
        return sl_error_set(err, SL_EUSAGE, "mount knows dir, kind, allowOther and remount only");
    if (again && again->tag != SL_BOOL)
        return sl_error_set(err, SL_EUSAGE, "mount.remount must be true or false");
    if (others && others->tag != SL_BOOL)
        return sl_error_set(err, SL_EUSAGE, "mount.allowOther must be true or false");
    int chosen = kind ? choose("mount.kind", kind, kinds, 2, err) : 0;
    if (chosen < 0)
        return chosen;
    options->mount_for_others = others && others->boolean;
    options->mount_once = again && !again->boolean;
    options->mount_kind = chosen ? SL_MOUNT_DIR : SL_MOUNT_FUSE;
    return dir ? keep_path(arena, dir, "mount.dir", &options->mount, err) : 0;
}

/* An address, or the number of a port. */
static int set_metrics(struct sl_options *options, struct sl_arena *arena, const struct sl_field *value,
                       struct sl_error *err)
{
    char port[32];
    struct sl_field text = *value;
    if (value->tag == SL_INT) {
        snprintf(port, sizeof port, "%lld", (long long)value->integer);
        text = sl_string(port, strlen(port));
    }
    if (text.tag == SL_STR && !text.len)
        return sl_error_set(err, SL_EUSAGE,
                            "metrics must be a port, or an address such as \"127.0.0.1:9464\"");
    int r = keep_text(arena, &text, "metrics", &options->metrics, err);
    if (r < 0)
        return r;
    r = sl_http_check(options->metrics, err);
    return r < 0 ? sl_error_wrap(err, "metrics") : 0;
}

static int set_rate(struct sl_options *options, double rate, struct sl_error *err)
{
    if (!(rate >= 0 && rate <= 1))
        return sl_error_set(err, SL_EUSAGE, "maxErrorRate must be between 0 and 1");
    options->error_rate_max = rate;
    return 0;
}

static int set_workers(struct sl_options *options, int64_t workers, struct sl_error *err)
{
    if (workers > SL_WORKERS_MAX)
        return sl_error_set(err, SL_EUSAGE, "workers must be at most %d", SL_WORKERS_MAX);
    options->workers = workers;
    return 0;
}

static int set_word(int chosen, int *ret)
{
    *ret = chosen;
    return chosen < 0 ? chosen : 0;
}

/* Where an option that is a number, a duration or a size is kept as it is; NULL: it is none of these. */
static int64_t *number_of(struct sl_options *options, enum option option)
{
    int64_t *const numbers[OPTIONS] = {
        [INTERVAL] = &options->interval_ms,
        [FILES_MAX] = &options->files_max,
        [BYTES_MAX] = &options->bytes_max,
        [RECORD_BYTES_MAX] = &options->record_bytes_max,
        [MEMORY_LIMIT] = &options->memory_limit,
        [KEEP_HISTORY] = &options->keep_history_ms,
        [KEEP_RECEIVED] = &options->keep_received_ms,
        [FUNCTION_TIMEOUT] = &options->function_timeout_ms,
    };
    return numbers[option];
}

static int set_checked(struct sl_options *options, struct sl_arena *arena, enum option option,
                       const struct sl_field *value, struct sl_error *err)
{
    static const char *const errors[] = {"deadletter", "stop", "skip"}, *const files[] = {"quarantine",
                                                                                          "stop"};
    static const char *const times[] = {"windows", "all", "none"};
    int64_t *number = number_of(options, option);
    int word = 0, r = 0;
    if (number) {
        *number = value->integer;
        return 0;
    }
    switch (option) {
    case CHECKPOINT:
        return set_checkpoint(options, arena, value, err);
    case MOUNT:
        return set_mount(options, arena, value, err);
    case WORKERS:
        return set_workers(options, value->integer, err);
    case ON_RECORD_ERROR:
        r = set_word(choose("onRecordError", value, errors, 3, err), &word);
        options->on_record_error = (enum sl_on_error)word;
        return r;
    case ERROR_RATE_MAX:
        return set_rate(options, value->number, err);
    case ON_FILE_ERROR:
        r = set_word(choose("onFileError", value, files, 2, err), &word);
        options->stop_on_file_error = word == 1;
        return r;
    case EMPTY_BATCHES:
        options->empty_batches = value->boolean;
        return 0;
    case CATCH_UP:
        r = set_word(choose("catchUp", value, times, 3, err), &word);
        options->catch_up = r == 0 ? times[word] : options->catch_up;
        return r;
    case METRICS:
        return set_metrics(options, arena, value, err);
    case INTERVAL:
    case FILES_MAX:
    case BYTES_MAX:
    case RECORD_BYTES_MAX:
    case MEMORY_LIMIT:
    case KEEP_HISTORY:
    case KEEP_RECEIVED:
    case FUNCTION_TIMEOUT:
    case OPTIONS:
        break;
    }
    sl_assert(!"the option is one of the table");
}

int sl_options_set(struct sl_options *options, struct sl_arena *arena, const char *name,
                   const struct sl_arg *value, struct sl_error *err)
{
    struct sl_arg checked;
    int option = find_option(name, err);
    int r = option < 0 ? option
                       : sl_arg_check("StreamingContext", &sl_option_params[option], value, &checked, err);
    return r < 0 ? r : set_checked(options, arena, (enum option)option, &checked.value, err);
}
