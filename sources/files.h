/* Files of a watched directory as a source: what textFileStream and fileStream share. Arrivals decide which
 * files (core/arrivals.h); this module cuts them into partitions (splits of SL_SPLIT_BYTES; compressed files
 * are one) and opens them; a reader makes rows of one partition. */
#pragma once

#include "core/services.h"
#include "core/source.h"

struct sl_file_source;

/* One partition of a file, opened. */
struct sl_file_part {
    struct sl_file_source *source;
    int fd;
    const struct sl_file *file;
    const struct sl_origin *origin;
    int64_t from, to; /* bytes; the whole file where it cannot be split */
};

/* Makes rows of a part; core/source.h read has the rules. */
typedef int sl_file_reader(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                           uint64_t *ret_lines);

struct sl_file_source {
    struct sl_source source; /* first */
    const struct sl_services *services;
    struct sl_arrivals *arrivals;
    sl_file_reader *read;
    bool splits;                  /* plain files may be cut */
    const struct sl_files *files; /* of this batch: the plan's */
    struct sl_origin *origin;     /* [files] */
    size_t parts;
    struct part *part; /* [parts] */
    _Atomic uint64_t failures;
};

/* Opens the directory of parameter 0 with the node's file options. */
int sl_file_source_open(const struct sl_node *node, const struct sl_services *services, sl_file_reader *read,
                        bool splits, struct sl_source **ret, struct sl_error *err);

/* The rest of struct sl_source_ops, as it is. */
void sl_file_source_close(struct sl_source *source);
int sl_file_source_take(struct sl_source *source, int64_t t, uint64_t batch_number,
                        const struct sl_limits *limits, struct sl_files *plan, bool *ret_any,
                        struct sl_error *err);
int sl_file_source_resume(struct sl_source *source, int64_t t, const struct sl_files *plan,
                          struct sl_error *err);
bool sl_file_source_pending(struct sl_source *source);
int sl_file_source_refresh(struct sl_source *source, struct sl_error *err);
size_t sl_file_source_partitions(struct sl_source *source);
int sl_file_source_read(struct sl_source *source, size_t p, struct sl_task *task, struct sl_outlet *out,
                        uint64_t *ret_lines);
int sl_file_source_remember(struct sl_source *source, const struct sl_files *files, struct sl_error *err);
int sl_file_source_gone(struct sl_source *source, struct sl_files *ret, struct sl_error *err);
uint64_t sl_file_source_failures(struct sl_source *source);

/* For descriptors: the file options. */
#define SL_FILE_OPTIONS                                                                                      \
    {"filter", SL_WANT_STRING, true, "only names that match the glob"},                                      \
        {"newFilesOnly", SL_WANT_BOOLEAN, true, "leave files alone that are there already; false"},          \
        {"minAge", SL_WANT_DURATION, true, "take files only so long after they were last seen to change"},   \
        {"complete", SL_WANT_STRING, true, "take files only with their marker, \"%.done\""},                 \
        {"watch", SL_WANT_STRING, true, "\"auto\", \"inotify\" or \"poll\""},                                \
    {                                                                                                        \
        "pollInterval", SL_WANT_DURATION, true, "time between scans where events are not to be had; 5s"      \
    }
