#include "sources/options.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/nearest.h"
#include "core/base/pattern.h"
#include "core/contract/names.h"
#include "core/contract/site.h"
#include "sources/many_dirs.h"
#include "text/utf8.h"

#include <stdio.h>
#include <string.h>

enum { POLL_INTERVAL_MS = 5000 };

/* ---- values ---- */

/* The text, NUL-terminated, or NULL where it was not given. It fits: it was checked. */
static char *option_text(const struct sl_node *node, const char *name, char text[SL_PATH_TEXT_MAX])
{
    struct sl_field value = sl_node_option_value(node, name);
    if (value.tag != SL_STR)
        return NULL;
    sl_assert(value.len < SL_PATH_TEXT_MAX);
    memcpy(text, value.str, value.len);
    text[value.len] = 0;
    return text;
}

/* ---- checking ---- */

static int check_text(const struct sl_node *node, const char *name, struct sl_field value,
                      struct sl_error *err)
{
    if (value.tag != SL_STR)
        return 0;
    if (!value.len || value.len >= SL_PATH_TEXT_MAX || memchr(value.str, 0, value.len))
        return sl_error_set(err, SL_EUSAGE, "%s: %s must be a text of 1 to %d bytes without NUL",
                            node->op->name, name, SL_PATH_TEXT_MAX - 1);
    return 0;
}

static int check_watch(const struct sl_node *node, struct sl_error *err)
{
    static const char *const words[] = {"auto", "inotify", "poll"};
    char text[SL_PATH_TEXT_MAX];
    const char *watch = option_text(node, "watch", text);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!watch || strcmp(watch, words[i]) == 0)
            return 0;
    const char *nearest = sl_name_nearest(watch, words, sizeof words / sizeof *words);
    struct sl_field given = sl_node_option_value(node, "watch");
    sl_error_set(err, SL_EUSAGE, "%s: watch must be \"auto\", \"inotify\" or \"poll\"", node->op->name);
    sl_error_got(err, &given);
    return nearest ? sl_error_hint(err, "did you mean \"%s\"?", nearest) : SL_EUSAGE;
}

static int check_complete(const struct sl_node *node, struct sl_error *err)
{
    char text[SL_PATH_TEXT_MAX];
    const char *complete = option_text(node, "complete", text);
    if (!complete || sl_marker_valid(complete))
        return 0;
    return sl_error_set(
        err, SL_EUSAGE,
        "%s: complete = \"%s\": must be a name with one %% for the file's name, as \"%%.done\"",
        node->op->name, complete);
}

/* Any text is the name of a directory: a word that was nearly one of ours is more likely that. */
static int check_after(const struct sl_node *node, struct sl_error *err)
{
    static const char *const words[] = {"keep", "delete"};
    char text[SL_PATH_TEXT_MAX];
    const char *after = option_text(node, "after", text);
    if (after && strstr(after, "://"))
        return sl_error_set(err, SL_EUSAGE, "%s: after = \"%s\" is no directory", node->op->name, after);
    const char *nearest = after ? sl_name_nearest(after, words, sizeof words / sizeof *words) : NULL;
    if (!nearest || strcmp(after, nearest) == 0)
        return 0;
    return sl_error_set(err, SL_EUSAGE,
                        "%s: after = \"%s\": did you mean \"%s\"? A directory of that name is said with a "
                        "slash: \"./%s\"",
                        node->op->name, after, nearest, after);
}

/* Files are deleted and archived in one directory. */
static int check_many(const struct sl_node *node, struct sl_error *err)
{
    char dir[SL_PATH_TEXT_MAX] = "", after[SL_PATH_TEXT_MAX];
    struct sl_field value = sl_node_value(node, 0);
    const char *given = option_text(node, "after", after);
    if (value.tag == SL_STR)
        memcpy(dir, value.str, value.len);
    bool is_many = sl_node_option_boolean(node, "recursive", false) || sl_pattern_is(dir);
    if (!is_many || !given || strcmp(given, "keep") == 0)
        return 0;
    return sl_error_set(err, SL_EUSAGE, "%s: after = \"%s\" is for one directory; files of several are kept",
                        node->op->name, given);
}

const char *const sl_file_schemes[] = {"s3", "oss", NULL};

static int refuse(const struct sl_node *node, const char *name, const char *why, struct sl_error *err)
{
    if (sl_node_option(node, name).kind == SL_ARG_NONE)
        return 0;
    return sl_error_set(err, SL_EUSAGE, "%s: %s %s", node->op->name, name, why);
}

/* Objects are kept: a source may not have the right to delete them, and nothing moves them at once. */
static int check_objects(const struct sl_node *node, struct sl_field url, struct sl_error *err)
{
    char text[SL_PATH_TEXT_MAX];
    const struct sl_bucket_settings settings = sl_bucket_settings_of(node, url);
    int r = sl_bucket_settings_check(&settings, err);
    if (r < 0)
        return sl_error_wrap(err, "%s", node->op->name);
    if (!sl_utf8_is_plain(url.str, url.len))
        return sl_error_set(err, SL_EUSAGE, "%s: the URL must be UTF-8 without control bytes",
                            node->op->name);
    const char *after = option_text(node, "after", text);
    if (after && strcmp(after, "keep") != 0)
        return sl_error_set(
            err, SL_EUSAGE,
            "%s: after = \"%s\" is for directories; objects are kept: let a lifecycle rule of "
            "the bucket expire them",
            node->op->name, after);
    const char *watch = option_text(node, "watch", text);
    return watch && strcmp(watch, "inotify") == 0
               ? refuse(node, "watch", "is for directories; objects are listed every pollInterval", err)
               : 0;
}

static int check_place(const struct sl_node *node, struct sl_error *err)
{
    struct sl_field dir = sl_node_value(node, 0);
    int r = 0;
    if (sl_bucket_is_url(&dir))
        return check_objects(node, dir, err);
    for (const char *const *name = sl_bucket_option_names; r == 0 && *name; name++)
        r = refuse(node, *name, "is for object stores, s3:// and oss://", err);
    return r < 0 ? r : check_many(node, err);
}

int sl_file_options_check(const struct sl_node *node, struct sl_error *err)
{
    static const char *const texts[] = {"filter", "complete", "after", "watch"};
    int r = check_text(node, "the directory", sl_node_value(node, 0), err);
    for (size_t i = 0; i < sizeof texts / sizeof *texts && r == 0; i++)
        r = check_text(node, texts[i], sl_node_option_value(node, texts[i]), err);
    r = r < 0 ? r : check_watch(node, err);
    r = r < 0 ? r : check_complete(node, err);
    r = r < 0 ? r : check_after(node, err);
    return r < 0 ? r : check_place(node, err);
}

/* ---- filter = function ---- */

static int explain_filter(struct sl_file_options *options, const char *name, const char *what)
{
    const struct sl_node *node = options->node;
    return sl_error_set(&options->filter_error, SL_EFAIL, "%s:%d: %s: filter of the name %s: %s",
                        node->site.file, node->site.line, node->op->name, name,
                        sl_site_strip(&node->site, what));
}

static int judge(struct sl_file_options *options, struct sl_task *task, const char *name, bool *ret)
{
    struct sl_field values[SL_WIDTH_MAX], argument = sl_string(name, strlen(name));
    struct sl_returned returned = {.values = values};
    int r = sl_function_call(options->filter, task, &argument, 1, &returned);
    if (r == SL_EREJECT)
        return explain_filter(options, name, task->message);
    if (r < 0)
        return r;
    if (returned.count == 1 && values[0].tag == SL_BOOL)
        *ret = values[0].boolean;
    else if (returned.count == 1 && values[0].tag == SL_NIL)
        *ret = false;
    else
        return explain_filter(options, name, "it must return true or false");
    return 0;
}

/* Between batches the main thread may use what belongs to the first worker. */
static bool accept_name(void *arg, const char *name)
{
    struct sl_file_options *options = arg;
    struct sl_task *task = options->services->main_task;
    struct sl_error *before = task->err;
    bool wanted = false;
    if (options->filter_error.code != SL_OK)
        return false;
    task->err = &options->filter_error;
    int r = judge(options, task, name, &wanted);
    if (r < 0 && options->filter_error.code == SL_OK)
        sl_error_set(&options->filter_error, r, "filter of the name %s failed", name);
    task->err = before;
    sl_arena_reset(task->scratch);
    return wanted;
}

int sl_file_options_filter_error(struct sl_file_options *options, struct sl_error *err)
{
    enum sl_err code = options->filter_error.code;
    if (code == SL_OK)
        return 0;
    *err = options->filter_error;
    options->filter_error = (struct sl_error){0};
    return code;
}

/* ---- all of them ---- */

static void init_watch(struct sl_file_options *options)
{
    char text[SL_PATH_TEXT_MAX];
    const char *watch = option_text(options->node, "watch", text);
    options->arrivals.watch = SL_WATCH_AUTO;
    if (watch && strcmp(watch, "auto") != 0)
        options->arrivals.watch = strcmp(watch, "poll") == 0 ? SL_WATCH_POLL : SL_WATCH_INOTIFY;
}

static void init_after(struct sl_file_options *options)
{
    const char *after = option_text(options->node, "after", options->archive);
    if (!after || strcmp(after, "keep") == 0)
        options->after = SL_AFTER_KEEP;
    else
        options->after = strcmp(after, "delete") == 0 ? SL_AFTER_DELETE : SL_AFTER_ARCHIVE;
}

static void init_filter(struct sl_file_options *options)
{
    struct sl_arg filter = sl_node_option(options->node, "filter");
    options->arrivals.glob = option_text(options->node, "filter", options->glob);
    if (filter.kind != SL_ARG_FUNCTION)
        return;
    options->filter = filter.function;
    options->arrivals.accept = accept_name;
    options->arrivals.accept_arg = options;
}

int sl_file_options_init(struct sl_file_options *options, const struct sl_node *node,
                         const struct sl_services *services, struct sl_error *err)
{
    struct sl_field dir = sl_node_value(node, 0);
    int r = sl_file_options_check(node, err);
    if (r < 0)
        return r;
    *options = (struct sl_file_options){.node = node, .services = services};
    memcpy(options->dir, dir.str, dir.len);
    options->meta = sl_node_option_boolean(node, "meta", false);
    options->recursive = sl_node_option_boolean(node, "recursive", false);
    options->arrivals.existing = !sl_node_option_boolean(node, "newFilesOnly", false);
    options->arrivals.complete = option_text(node, "complete", options->complete);
    options->arrivals.age_min_ms = sl_node_option_integer(node, "minAge", 0);
    options->arrivals.poll_interval_ms = sl_node_option_integer(node, "pollInterval", POLL_INTERVAL_MS);
    init_watch(options);
    init_filter(options);
    init_after(options);
    return 0;
}
