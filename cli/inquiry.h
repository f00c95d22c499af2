/* One file that a user asks about: in which watched directory it is, and what the catalog knows of it.
 *
 * sl_inquiry_open; sl_inquiry_read as often as one likes: it looks at batches that are new since; then
 * inquiry->known and known_directory are what the newest batches know; sl_inquiry_close. */
#pragma once

#include "cli/target.h"

/* The newest batch that took a file of this path. */
struct sl_inquiry_file {
    bool any, committed;
    int64_t batch_ms;
    struct sl_file file; /* without path */
    char *quarantined;
    bool is_in_quarantine; /* it was neither replayed nor forgotten */
    bool is_requested;     /* sluice replay was called: it is taken once more */
};

/* Where what was taken is a directory: the newest batch that took it. */
struct sl_known_directory {
    bool any, committed;
    int64_t batch_ms;
    uint64_t files, quarantined;
    bool is_there; /* one of its files still is: it is the directory that was taken */
};

struct sl_inquiry {
    struct sl_target *target;
    const char *shown;  /* as the user calls it */
    const char *source; /* the watched directory, or a pattern of them, as the job names it */
    /* The file's: that, one that the pattern matches, or one below it, as the catalog names it. */
    const char *directory;
    const char *name;    /* below it: the file, or the directory that is one arrival */
    const char *path;    /* as the catalog names the file */
    const char *arrival; /* as it would name what `name` names */
    int dirfd; /* the source's directory; -1: it was removed, or is a URL, and nothing is looked at there */
    const struct sl_node *node; /* a source, where a job was loaded; NULL: its options are not known */
    struct sl_inquiry_file known;
    struct sl_known_directory known_directory;
    int64_t from_ms;  /* batches before were looked at */
    size_t next_node; /* of the job's */
};

/* SL_EUSAGE: no watched directory has it. */
int sl_inquiry_open(struct sl_target *target, struct sl_reading *reading, const char *file,
                    struct sl_inquiry *ret, struct sl_error *err);
void sl_inquiry_close(struct sl_inquiry *inquiry);
/* Several sources may watch the directory: continues with the next. False: there is no other. */
bool sl_inquiry_next_node(struct sl_inquiry *inquiry);
/* Whether this file of the source is there as the catalog knows it. */
bool sl_inquiry_is_there(const struct sl_inquiry *inquiry, const struct sl_file *file);
int sl_inquiry_read(struct sl_inquiry *inquiry, struct sl_reading *reading, struct sl_error *err);
