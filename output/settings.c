#include "output/settings.h"

#include "core/base/duration.h"
#include "core/base/limits.h"
#include "core/base/nearest.h"
#include "output/container.h"
#include "output/output_dir.h"
#include "output/outputs.h"
#include "text/utf8.h"

#include <stdio.h>
#include <string.h>

const struct sl_param sl_save_params[] = {
    {"prefix", SL_WANT_STRING, false, "the results of batch t go to prefix-t.suffix"},
    {"suffix", SL_WANT_STRING | SL_WANT_NIL, true, "none by default"},
    {0},
};

/* Rows of a table: what formats them as other code would hide that. */
/* clang-format off */
#define DIRECTORY_OPTIONS \
    {"partitions", SL_WANT_COUNT, true, "part files, 1 by default"}, \
    {"latest", SL_WANT_BOOLEAN, true, "prefix.suffix links to the newest directory (default true)"}, \
    {"keep", SL_WANT_COUNT | SL_WANT_STRING, true, "the newest n directories, or those of a duration; all by default"}, \
    {"overwrite", SL_WANT_BOOLEAN, true, "move a directory that is in the way aside (default false)"}, \
    SL_BUCKET_OPTIONS
/* clang-format on */

const struct sl_param sl_save_options[] = {
    {"format", SL_WANT_STRING, true, "tsv (default), lines, csv, json, spark or python"},
    {"header", SL_WANT_STRINGS | SL_WANT_BOOLEAN, true,
     "the first line of every part: names of the columns, or true for those that the stream has"},
    {"compression", SL_WANT_STRING, true, "zstd or gzip"},
    DIRECTORY_OPTIONS,
    {0},
};

const struct sl_param sl_save_object_options[] = {DIRECTORY_OPTIONS, {0}};

const struct sl_param sl_save_hadoop_options[] = {
    {"key", SL_WANT_STRING, true,
     "class of the keys: Text, BytesWritable, IntWritable, LongWritable, FloatWritable, DoubleWritable, "
     "BooleanWritable or NullWritable; by default that of the first record's"},
    {"value", SL_WANT_STRING, true, "class of the values, the same"},
    {"compression", SL_WANT_STRING, true, "none (default), record or block"},
    {"codec", SL_WANT_STRING, true, "with a compression: zlib (default), gzip or zstd"},
    {"outputFormat", SL_WANT_STRING, true, "sequence (default) or text: lines of key, tab, value"},
    DIRECTORY_OPTIONS,
    {0},
};

const char *const sl_save_schemes[] = {"s3", "oss", NULL};

enum { NAMES_MAX = 16, NAME_BYTES_MAX = 64 };

/* "no format "tvs"; did you mean "tsv"?" */
int sl_save_unknown_name(const char *what, struct sl_field given, const char *const *names, size_t count,
                         struct sl_error *err)
{
    char name[NAME_BYTES_MAX + 1];
    size_t len = given.len < NAME_BYTES_MAX ? given.len : NAME_BYTES_MAX;
    memcpy(name, given.str, len);
    name[len] = 0;
    struct sl_buf shown SL_CLEANUP(sl_buf_done) = {0};
    if (!sl_buf_safe(&shown, given.str, len) || !sl_buf_byte(&shown, 0))
        return sl_error_nomem(err);
    const char *nearest = sl_name_nearest(name, names, count);
    if (nearest)
        return sl_error_set(err, SL_EUSAGE, "there is no %s \"%s\"; did you mean \"%s\"?", what,
                            (const char *)shown.bytes, nearest);
    sl_error_set(err, SL_EUSAGE, "there is no %s \"%s\"; known are", what, (const char *)shown.bytes);
    for (size_t i = 0; i < count; i++) {
        size_t at = strlen(err->text);
        snprintf(err->text + at, sizeof err->text - at, "%s %s", i ? "," : "", names[i]);
    }
    return SL_EUSAGE;
}

static int find_format(struct sl_field name, const struct sl_format **ret, struct sl_error *err)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    *ret = sl_format_find((const char *)name.str, name.len);
    if (*ret)
        return 0;
    for (; count < NAMES_MAX && sl_formats[count]; count++)
        names[count] = sl_formats[count]->name;
    return sl_save_unknown_name("format", name, names, count, err);
}

static int find_compression(struct sl_field name, const struct sl_compression **ret, struct sl_error *err)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    *ret = sl_compression_find((const char *)name.str, name.len);
    if (*ret)
        return 0;
    for (; count < NAMES_MAX && sl_compressions[count]; count++)
        names[count] = sl_compressions[count]->name;
    return sl_save_unknown_name("compression", name, names, count, err);
}

static int read_header(const struct sl_node *node, struct sl_save_settings *settings, struct sl_error *err)
{
    struct sl_field header = sl_node_option_value(node, "header");
    bool is_wanted = header.tag == SL_BOOL && header.boolean;
    if (is_wanted && !settings->columns)
        return sl_error_set(err, SL_EUSAGE,
                            "header = true needs a stream whose columns have names; name them with "
                            ":columns(...) before, or give a list of names");
    settings->has_header = is_wanted || header.tag == SL_LIST;
    if (settings->has_header && settings->format->named_rows)
        return sl_error_set(
            err, SL_EUSAGE,
            "format \"%s\" has no header; where the columns have names, :columns(...) before it, each "
            "record is an object with them",
            settings->format->name);
    if (is_wanted && settings->format->one_field && settings->columns->count != 1)
        return sl_error_set(err, SL_EUSAGE, "the stream has %u columns; rows of format \"%s\" have one",
                            settings->columns->count, settings->format->name);
    if (header.tag != SL_LIST)
        return 0;
    if (header.len > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "header names %u columns; records have at most %d",
                            (unsigned)header.len, SL_WIDTH_MAX);
    if (settings->format->one_field && header.len != 1)
        return sl_error_set(err, SL_EUSAGE, "header names %u columns; rows of format \"%s\" have one",
                            (unsigned)header.len, settings->format->name);
    settings->header = header.items;
    settings->header_count = header.len;
    return 0;
}

/* A number of directories, or a duration as text. */
static int read_keep(const struct sl_node *node, struct sl_save_settings *settings, struct sl_error *err)
{
    struct sl_field keep = sl_node_option_value(node, "keep");
    if (keep.tag == SL_INT && keep.integer >= 1) {
        settings->keep_count = (uint64_t)keep.integer;
        return 0;
    }
    if (keep.tag == SL_NIL)
        return 0;
    if (keep.tag == SL_STR && sl_duration_parse((const char *)keep.str, keep.len, &settings->keep_ms))
        return 0;
    return sl_error_set(
        err, SL_EUSAGE,
        "keep must be a number of directories, or a duration such as \"7d\", of " SL_DURATION_LIMITS);
}

static int read_lines(const struct sl_node *node, struct sl_save_settings *settings, struct sl_error *err)
{
    struct sl_field format = sl_node_option_value(node, "format");
    struct sl_field compression = sl_node_option_value(node, "compression");
    if (format.tag != SL_STR)
        format = sl_string("tsv", 3);
    int r = find_format(format, &settings->format, err);
    if (r == 0 && compression.tag == SL_STR)
        r = find_compression(compression, &settings->compression, err);
    return r < 0 ? r : read_header(node, settings, err);
}

/* What the files are. */
static int read_contents(const struct sl_node *node, struct sl_save_settings *settings, struct sl_error *err)
{
    if (node->op == &sl_output_save_hadoop || node->op == &sl_output_save_new_hadoop)
        return sl_save_hadoop_settings(node, settings, err);
    if (node->op != &sl_output_save_objects)
        return read_lines(node, settings, err);
    settings->container = &sl_container_object;
    return 0;
}

/* The link's name is prefix.suffix: without a suffix, a prefix that ends in a slash leaves none. */
static bool has_link_name(const struct sl_save_settings *settings)
{
    bool has_suffix = settings->suffix.tag == SL_STR && settings->suffix.len > 0;
    return has_suffix || settings->prefix.str[settings->prefix.len - 1] != '/';
}

static int refuse_option(const struct sl_node *node, const char *name, const char *why, struct sl_error *err)
{
    struct sl_field value = sl_node_option_value(node, name);
    bool is_given = value.tag != SL_NIL && !(value.tag == SL_BOOL && !value.boolean);
    return is_given ? sl_error_set(err, SL_EUSAGE, "%s %s", name, why) : 0;
}

/* S3 wants UTF-8, and the XML of its lists has no place for control bytes. */
static int check_key_text(const char *what, struct sl_field text, struct sl_error *err)
{
    if (text.tag != SL_STR || sl_utf8_is_plain(text.str, text.len))
        return 0;
    return sl_error_set(err, SL_EUSAGE, "%s must be UTF-8 without control bytes in an object store", what);
}

static int read_bucket(const struct sl_node *node, struct sl_save_settings *settings, struct sl_error *err)
{
    settings->bucket = sl_bucket_settings_of(node, settings->prefix);
    int r = sl_bucket_settings_check(&settings->bucket, err);
    r = r < 0 ? r : sl_output_dir_check_suffix(settings->suffix, err);
    r = r < 0 ? r : check_key_text("the prefix", settings->prefix, err);
    r = r < 0 ? r : check_key_text("the suffix", settings->suffix, err);
    r = r < 0 ? r : refuse_option(node, "latest", "is for directories: an object store has no links", err);
    return r < 0 ? r
                 : refuse_option(node, "overwrite", "is for directories: nothing is moved in an object store",
                                 err);
}

/* Where the results go: a directory, or an object store. */
static int read_place(const struct sl_node *node, struct sl_save_settings *settings, struct sl_error *err)
{
    int r = 0;
    settings->is_bucket = sl_bucket_is_url(&settings->prefix);
    if (settings->is_bucket)
        return read_bucket(node, settings, err);
    for (const char *const *name = sl_bucket_option_names; r == 0 && *name; name++)
        r = refuse_option(node, *name, "is for object stores, s3:// and oss://", err);
    return r < 0 ? r : sl_output_dir_check(settings->prefix, settings->suffix, err);
}

int sl_save_settings_read(const struct sl_node *node, struct sl_save_settings *ret, struct sl_error *err)
{
    struct sl_save_settings settings = {.prefix = sl_node_value(node, 0), .suffix = sl_node_value(node, 1)};
    struct sl_field partitions = sl_node_option_value(node, "partitions");
    settings.columns = node->inputs ? sl_node_columns(node->input[0]) : NULL;
    int r = read_place(node, &settings, err);
    r = r < 0 ? r : read_contents(node, &settings, err);
    r = r < 0 ? r : read_keep(node, &settings, err);
    if (r < 0)
        return r;
    if (partitions.tag == SL_INT && (partitions.integer < 1 || partitions.integer > SL_PARTITIONS_MAX))
        return sl_error_set(err, SL_EUSAGE, "partitions must be from 1 to %d, got %lld", SL_PARTITIONS_MAX,
                            (long long)partitions.integer);
    settings.partitions = partitions.tag == SL_INT ? (size_t)partitions.integer : 1;
    settings.latest =
        !settings.is_bucket && sl_node_option_boolean(node, "latest", true) && has_link_name(&settings);
    settings.overwrite = sl_node_option_boolean(node, "overwrite", false);
    *ret = settings;
    return 0;
}
