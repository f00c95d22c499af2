/* The file options of docs/manual.md, "Files", read from a node: what arrivals need to know, and what the
 * source does itself. */
#pragma once

#include "core/contract/bucket.h"
#include "core/contract/operator.h"
#include "core/contract/services.h"

enum { SL_PATH_TEXT_MAX = 4096 };

struct sl_file_options {
    /* Texts that arrivals borrow, NUL-terminated. */
    char dir[SL_PATH_TEXT_MAX], glob[SL_PATH_TEXT_MAX], complete[SL_PATH_TEXT_MAX];
    char archive[SL_PATH_TEXT_MAX];
    struct sl_arrivals_options arrivals;
    bool meta;
    bool recursive; /* directories below it are watched, too */
    enum { SL_AFTER_KEEP, SL_AFTER_DELETE, SL_AFTER_ARCHIVE } after;

    /* filter = function */
    const struct sl_node *node;
    const struct sl_function *filter;
    const struct sl_services *services;
    struct sl_error filter_error; /* of its first failure */
};

/* What descriptors check when the job is loaded: everything that values alone tell. */
int sl_file_options_check(const struct sl_node *node, struct sl_error *err);
/* Does not move afterwards: arrivals point into it. */
int sl_file_options_init(struct sl_file_options *options, const struct sl_node *node,
                         const struct sl_services *services, struct sl_error *err);
/* 0, or the failure of the filter since the last call: arrivals cannot report it. */
int sl_file_options_filter_error(struct sl_file_options *options, struct sl_error *err);

/* For descriptors. */
#define SL_FILE_OPTIONS                                                                                      \
    {"filter", SL_WANT_STRING | SL_WANT_FUNCTION, true,                                                      \
     "a glob, or a function that gets the name and returns true for files to take"},                         \
        {"newFilesOnly", SL_WANT_BOOLEAN, true, "leave files alone that are there already; false"},          \
        {"meta", SL_WANT_BOOLEAN, true, "records get a last field {path=, line=, mtime=}; false"},           \
        {"recursive", SL_WANT_BOOLEAN, true, "watch the directories below it, too; false"},                  \
        {"minAge", SL_WANT_DURATION, true, "take files only so long after they were last seen to change"},   \
        {"complete", SL_WANT_STRING, true, "take files only with their marker, \"%.done\""},                 \
        {"after", SL_WANT_STRING, true,                                                                      \
         "what becomes of files that were read: \"keep\", \"delete\" or a directory to move them to; keep"}, \
        {"watch", SL_WANT_STRING, true, "\"auto\", \"inotify\" or \"poll\"; auto"},                          \
        {"pollInterval", SL_WANT_DURATION, true, "time between scans where there are no events; 5s"},        \
        SL_BUCKET_OPTIONS

/* URI schemes that the directory may have. */
extern const char *const sl_file_schemes[];
