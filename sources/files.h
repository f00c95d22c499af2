/* Files of a watched directory as a source: what textFileStream and fileStream share. Arrivals decide which
 * files (core/contract/arrivals.h); this module cuts them into partitions (splits of SL_SPLIT_BYTES; what cannot be
 * cut is one) and opens them; a reader (sources/readers.h) makes rows of one partition; sources/after.h does
 * with the files what the job wants once their batch is committed.
 *
 * A file that cannot be read, or that turns out damaged while it is read, is quarantined: its reason is kept,
 * and the batch has to be run again as if the file had not been there (redo). */
#pragma once

#include "core/contract/services.h"
#include "core/contract/source.h"
#include "sources/options.h"

#include <pthread.h>

struct sl_reader;
struct sl_objects;

/* What is known of a file of this batch. */
struct sl_file_state {
    struct sl_origin origin;
    size_t first_part;
    char *header;               /* csv: of origin; owned */
    struct sl_letters *letters; /* it is a file of dead letters; owned */
    char *reason;               /* it is quarantined; guarded by the source's lock; owned */
    bool is_excluded;           /* and left out */
    bool is_hollow; /* it has nearly no bytes of its own: it is not read (sl_planned_file_is_hollow) */
};

/* One partition of a file. */
struct sl_split {
    size_t file;
    size_t letter;            /* of dead letters: the first */
    int64_t from, to;         /* bytes; the whole file where it cannot be cut */
    uint64_t records, errors; /* read, and how many of them failed */
    uint32_t error_line;      /* of the first, its operator and message */
    unsigned error_node;
    char *error_message;   /* owned; NULL: none failed */
    _Atomic int64_t lines; /* that begin in it, where they were counted; -1: not counted */
};

struct sl_file_source {
    struct sl_source source; /* first */
    const struct sl_services *services;
    const struct sl_reader *reader;
    struct sl_file_options options;
    struct sl_arrivals *arrivals;
    struct sl_objects *objects;   /* its files are objects; NULL: they are files */
    struct sl_owed owed;          /* sources/after.h */
    bool is_resumed;              /* the batch: an earlier process may have done what follows its commit */
    struct sl_files once_more;    /* what the next take takes besides what arrives */
    const struct sl_files *files; /* of this batch: the plan's */
    struct sl_file_state *state;  /* [states], one per file */
    size_t states;
    size_t parts;
    struct sl_split *part; /* [parts] */
    int64_t batch_ms;
    pthread_mutex_t lock;           /* guards the reasons */
    uint64_t failures;              /* quarantined and not counted by the engine yet */
    _Atomic bool encoding_reported; /* that files are in UTF-16 */
};

/* One partition, opened: what a reader gets. */
struct sl_file_part {
    struct sl_file_source *source;
    struct sl_io *io; /* what fd is read with */
    int fd;           /* -1 where the reader opens nothing, and of an object */
    const struct sl_file *file;
    const struct sl_origin *origin;
    int64_t from, to;
    const struct sl_buf *bytes; /* they are these, in memory, not compressed; NULL: of the file */
};

/* Opens the directory of parameter 0 with the node's file options. */
int sl_file_source_open(const struct sl_node *node, const struct sl_services *services,
                        const struct sl_reader *reader, struct sl_source **ret, struct sl_error *err);
int sl_file_source_start(struct sl_source *source, struct sl_error *err);
/* sources/elsewhere.c */
bool sl_file_source_place(struct sl_source *source, size_t p, struct sl_split_place *ret);
void sl_file_source_found(struct sl_source *source, size_t p, struct sl_split_found *ret);
int sl_file_source_note(struct sl_source *source, size_t p, const struct sl_split_found *found,
                        struct sl_error *err);
/* As when file number f is read and damaged. err has the reason. */
int sl_file_source_quarantine_for(struct sl_file_source *source, size_t f, struct sl_error *err);
/* The operations of all sources of files but open, which sets ops: for the initialiser of their tables. */
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
int sl_file_source_remember_homes(struct sl_source *source, const struct sl_watched_homes *homes,
                                  bool accepts, struct sl_error *err);
int sl_file_source_homes(struct sl_source *source, struct sl_watched_homes *ret, struct sl_error *err);
bool sl_file_source_awaits_home(const struct sl_source *source, const struct sl_file *file);
bool sl_file_source_only_new(const struct sl_source *source);
int sl_file_source_decide(struct sl_source *source, bool is_decided, struct sl_files *ret,
                          struct sl_error *err);
int sl_file_source_gone(struct sl_source *source, struct sl_files *ret, struct sl_error *err);
uint64_t sl_file_source_failures(struct sl_source *source);
int sl_file_source_settle(struct sl_source *source, struct sl_error *err);
bool sl_file_source_settles(const struct sl_source *source);
bool sl_file_source_redo(struct sl_source *source);
const char *sl_file_source_quarantine_reason(struct sl_source *source, size_t file);
bool sl_file_source_errors(struct sl_source *source, size_t file, struct sl_file_errors *ret);
int sl_file_source_quarantine(struct sl_source *source, size_t file, const char *reason,
                              struct sl_error *err);
int sl_file_source_exclude(struct sl_source *source, size_t file, const char *reason, struct sl_error *err);
int sl_file_source_again(struct sl_source *source, const struct sl_file *file, struct sl_error *err);
struct sl_owed *sl_file_source_owed(struct sl_source *source);
int sl_file_source_owe(struct sl_source *source, const struct sl_file *file, int64_t batch_ms,
                       struct sl_error *err);
const struct sl_node *sl_file_source_aim(struct sl_source *source, size_t p);
int sl_file_source_probe(const struct sl_node *node, const struct sl_services *services, struct sl_buf *found,
                         struct sl_error *err);

#define SL_FILE_SOURCE_OPS                                                                                   \
    .start = sl_file_source_start, .place = sl_file_source_place, .found = sl_file_source_found,             \
    .note = sl_file_source_note, .close = sl_file_source_close, .take = sl_file_source_take,                 \
    .resume = sl_file_source_resume, .pending = sl_file_source_pending, .refresh = sl_file_source_refresh,   \
    .partitions = sl_file_source_partitions, .read = sl_file_source_read,                                    \
    .remember = sl_file_source_remember, .gone = sl_file_source_gone, .failures = sl_file_source_failures,   \
    .settle = sl_file_source_settle, .settles = sl_file_source_settles, .redo = sl_file_source_redo,         \
    .quarantine_reason = sl_file_source_quarantine_reason, .exclude = sl_file_source_exclude,                \
    .errors = sl_file_source_errors, .quarantine = sl_file_source_quarantine, .again = sl_file_source_again, \
    .aim = sl_file_source_aim, .only_new = sl_file_source_only_new, .decide = sl_file_source_decide,         \
    .owed = sl_file_source_owed, .owe = sl_file_source_owe, .probe = sl_file_source_probe,                   \
    .remember_homes = sl_file_source_remember_homes, .homes = sl_file_source_homes,                          \
    .awaits_home = sl_file_source_awaits_home
