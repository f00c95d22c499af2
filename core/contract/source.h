/* Sources: where records come from. One struct sl_source per source node and run.
 *
 * A batch of a source is planned, read in partitions on any worker, and settled. There are two kinds:
 *
 *   of files    take appends what arrived to the plan's list of files; the catalog remembers each of them.
 *   of ranges   received logs, Kafka, lists: take decides a range of what can be read again, and `range` gives it
 *               as a document: a JSON text of the source's own, for example {"from":10,"to":25}, or offsets per
 *               partition. The engine does not look into it.
 *
 * A document is durable before anything of its range is read, is given back when the batch is redone, and is
 * kept with the commit: the next start gives the newest committed one to go_on, also when the source was not in
 * the job for a time. So a source of ranges keeps no position of its own. Its document must be enough to read
 * the same records again, in any number of processes, and to know what follows them.
 *
 * A source of ranges over a service is about 300 lines. The order of calls, all from the main thread but read:
 *
 *   open        checks what can be checked without waiting (SL_EUSAGE names option and value); connects to
 *               nothing yet
 *   go_on       at a start with a checkpoint that knows a committed range of it
 *   resume      (resume_range) where the last process planned a batch and did not commit it: redo
 *   start       everything else is open, what was planned is redone: connect, start threads. Never waits for
 *               the other side: what cannot be reached is logged once and shown by report
 *   then for each batch:
 *   refresh     only in runs that end (services->until_end): waits until there is all that belongs to this run,
 *               or until services->stop; SL_EFAIL where that cannot be reached
 *   take        decides the range; an empty one, and *ret_any false, where there is nothing. It may wait a
 *               bounded time for the other side (as for watermarks), never for data
 *   range       the document. From here the plan is durable, and services->durable says whether at all
 *   partitions  how the range is cut: by its own contents only, never by the number of workers
 *   read        any worker, any order, again after redo: the same rows. Damage, or data that was removed although it
 *               was planned: SL_EDAMAGED, which ends the run with exit status 4
 *   settle      the range is committed: what is not needed any more may be removed; acknowledge it to the sender
 *   close       from any of these states
 *
 * Failures of threads of its own are kept and returned by the next refresh or take; what they see change (a connection,
 * a limit that is reached) they tell services->changed, so that status shows it although a batch runs. Rows get a
 * sl_origin with path NULL, the source's name and numbers, and `place` where those are not numbers of records.
 *
 * In a trial (services->trial; sluice test, sluice try) a source connects to nothing and has neither go_on nor start:
 * take reads what services->open_arrivals gives for its name, files of lines or of rows (SL_GIVEN_ROWS).
 *
 * What the job has lost: a batch that was planned with a range of a source that the job does not have is refused when
 * the catalog is loaded. receive/received.h has all of this for sources that keep a received log. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/arrivals.h"
#include "core/contract/operator.h"

struct sl_source {
    const struct sl_source_ops *ops;
    const struct sl_node *node;
    const char *key; /* by which the catalog and dead letters know it; set by the engine */
};

struct sl_limits {
    uint64_t files_max, bytes_max; /* per batch; UINT64_MAX: none */
    uint64_t record_bytes_max;     /* maxRecordBytes */
    bool has_rates;                /* limits of records per second hold: not with --once */
    bool needs_files;              /* without a file no batch is run, whatever windows and state hold */
};

/* For status and metrics, as it is now. Texts are the source's and live until the next call. */
struct sl_source_report {
    const char *connection; /* "connected", "waiting", "listening", "ended" ... */
    const char *detail;     /* why it waits, how many senders; "" */
    const char *position;   /* the last position of the sender, position_len bytes */
    size_t position_len;
    const char *partitions; /* JSON object of lags by partition, or NULL */
    uint64_t received;      /* records over the life of the source */
    uint64_t lag;           /* of these: in no committed batch */
    uint64_t dropped;       /* half records, closed connections, records over a limit */
    uint64_t log_bytes;     /* of the received log */
    double rate;            /* records per second of the last seconds */
};

/* The same of a table. */
struct sl_table_report {
    const char *version; /* the hash of its rows; "" before the first */
    const char *trouble; /* why a version that is there is not used; "": none */
    uint64_t rows, keys, bytes;
    int64_t since_ms; /* the batch that used the version first in this run */
};

/* What failed of the records of a file before they reached anything but narrow operators. */
struct sl_file_errors {
    uint64_t records, failed; /* a record counts once, however many of what was made of it failed */
    size_t first_partition;   /* of the file */
    size_t partition;         /* of the first that failed, and its line there; SL_NO_LINE: unknown */
    uint32_t line;
    unsigned node;       /* the operator it failed at */
    const char *message; /* until the sources are read again */
};

/* Where partition p lies: what a task of another process needs to read it. Borrowed until the batch is settled. */
struct sl_split_place {
    size_t number; /* of the file in the plan */
    const struct sl_file *file;
    size_t part; /* of the file, from 0 */
    const struct sl_origin *origin;
    struct sl_field range; /* of ranges: what adopt takes, until place is called again; without a file */
};

/* What was found where it was read. Borrowed. */
struct sl_split_found {
    uint64_t records, errors;
    uint32_t error_line; /* of the first record that failed, its operator and message */
    unsigned error_node;
    const char *error_message;     /* NULL: none failed */
    int64_t lines;                 /* as struct sl_split of sources/files.h has it */
    const char *reason;            /* the file is damaged; NULL: it is not */
    const struct sl_field *header; /* of the file's origin; NULL: it has none */
    struct sl_field learned;       /* of a range: a string of the source's own */
};

struct sl_source_ops {
    /* By what checkpoint, tests and status know the source, from its arguments alone, into text[size]; NULL: it is
     * too long. Sources of files are known by their parameter "directory": NULL in the table. */
    const char *(*name)(const struct sl_node *node, char *text, size_t size);
    int (*open)(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                struct sl_error *err);
    /* Optional, for `sluice check`, without a source that is open: looks whether what it reads outside can be reached, and
     * appends lines that say what it found. SL_EUSAGE: it cannot work. */
    int (*probe)(const struct sl_node *node, const struct sl_services *services, struct sl_buf *found,
                 struct sl_error *err);
    void (*close)(struct sl_source *source);
    int (*start)(struct sl_source *source, struct sl_error *err); /* optional */

    /* Decides the inputs of batch t. Batches are numbered from 0 over the life of the checkpoint. *ret_any:
     * whether there is anything. For files, appends to `plan` what was taken. */
    int (*take)(struct sl_source *source, int64_t t, uint64_t batch_number, const struct sl_limits *limits,
                struct sl_files *plan, bool *ret_any, struct sl_error *err);
    /* Of files. The inputs are these (owned by the caller until settle). */
    int (*resume)(struct sl_source *source, int64_t t, const struct sl_files *plan, struct sl_error *err);

    /* Of ranges, all three or none. The document of what was taken, appended to `ret`: not empty. */
    int (*range)(struct sl_source *source, struct sl_buf *ret, struct sl_error *err);
    /* The batch reads this range. An empty document: it was planned when the source was not in the job, and
     * reads nothing of it. */
    int (*resume_range)(struct sl_source *source, const struct sl_buf *range, bool *ret_any,
                        struct sl_error *err);
    /* The next take begins after this range, the newest that was committed. SL_EDAMAGED where that cannot be:
     * what follows it was removed. */
    int (*go_on)(struct sl_source *source, const struct sl_buf *range, struct sl_error *err);

    /* Whether something waits to be taken that can be used up. Cheap; no system call. */
    bool (*pending)(struct sl_source *source);
    /* Brings the view of the outside up to date (a scan; receiving to the end): before the batches of --once,
     * --available-now and the virtual clock. */
    int (*refresh)(struct sl_source *source, struct sl_error *err);

    /* Partitions of what was taken. */
    size_t (*partitions)(struct sl_source *source);
    /* Optional: which of the outside's partitions (of a topic, of a set of connections) partition p is of. Event
     * time is followed for each on its own; without it, for the source as a whole. */
    uint32_t (*channel)(struct sl_source *source, size_t p);
    /* Pushes the rows of partition p in order. Many threads, each its own p. *ret_lines: newline-ended lines
     * seen, for line numbers in the partitions that follow (0 where rows carry numbers of their own:
     * sl_origin). Resets task->scratch between pushes. SL_EREJECT: what was pushed does not count, redo
     * reports it. */
    int (*read)(struct sl_source *source, size_t p, struct sl_task *task, struct sl_outlet *out,
                uint64_t *ret_lines);

    /* Of files. At start, before the first take: these were taken in earlier runs. */
    int (*remember)(struct sl_source *source, const struct sl_files *files, struct sl_error *err);
    /* Of files, optional, all three: as struct sl_arrivals_ops. */
    int (*remember_homes)(struct sl_source *source, const struct sl_watched_homes *homes, bool accepts,
                          struct sl_error *err);
    int (*homes)(struct sl_source *source, struct sl_watched_homes *ret, struct sl_error *err);
    bool (*awaits_home)(const struct sl_source *source, const struct sl_file *file);
    /* Of files, optional: takes only new ones (newFilesOnly). */
    bool (*only_new)(const struct sl_source *source);
    /* With only_new, at a start with a checkpoint, after remember: as struct sl_arrivals_ops. */
    int (*decide)(struct sl_source *source, bool is_decided, struct sl_files *ret, struct sl_error *err);
    /* Of files. Appends what need not be remembered any more. */
    int (*gone)(struct sl_source *source, struct sl_files *ret, struct sl_error *err);

    /* Files that could not be read since the last call: quarantined, each reported in the log. */
    uint64_t (*failures)(struct sl_source *source);
    /* All or none: partitions that are read in another process. place, before they are read: false, this one can be
     * read here only. There a file is the only one of resume, and a range the only partition, by adopt, of a source that was
     * opened and not started. found: what read() saw there; note: as if read() had seen it here. */
    bool (*place)(struct sl_source *source, size_t p, struct sl_split_place *ret);
    int (*adopt)(struct sl_source *source, const struct sl_field *range, struct sl_error *err);
    void (*found)(struct sl_source *source, size_t p, struct sl_split_found *ret);
    int (*note)(struct sl_source *source, size_t p, const struct sl_split_found *found, struct sl_error *err);
    bool plain_rows; /* its rows have neither origin nor lines nor event times */

    /* Of files. After read: whether files could not be read, or turned out damaged while they were; the
     * batch has to be run again, and they are left out then. */
    bool (*redo)(struct sl_source *source);
    /* Of files. Why file number `file` of the plan is not read; NULL: it is. Valid until the next batch. */
    const char *(*quarantine_reason)(struct sl_source *source, size_t file);
    /* Of files. Leaves it out, after resume: an earlier process has decided so. Copies the reason. */
    int (*exclude)(struct sl_source *source, size_t file, const char *reason, struct sl_error *err);
    /* Of files, both or none. After read: what failed of file number `file`; false: nothing did. */
    bool (*errors)(struct sl_source *source, size_t file, struct sl_file_errors *ret);
    /* Of files. After read: it is left out for this reason, as redo reports. Copies the reason. */
    int (*quarantine)(struct sl_source *source, size_t file, const char *reason, struct sl_error *err);

    /* Of files. The next take takes this one once more, besides what arrives: a file that was quarantined, if
     * what has its path is still it (as it is now: it may have been mended), or a file of dead letters
     * (sources/letters.h). 1: it does; 0: it is not there any more. */
    int (*again)(struct sl_source *source, const struct sl_file *file, struct sl_error *err);
    /* Of files. The operator that the rows of partition p go to and no other branch; NULL: to all. */
    const struct sl_node *(*aim)(struct sl_source *source, size_t p);

    /* The batch that was taken or resumed last is committed: what the job wants with its files (done again
     * after a crash: may be called for a batch that was settled already, and before any was taken). */
    int (*settle)(struct sl_source *source, struct sl_error *err);
    /* Of files. What settle could not do, which is tried again by later calls; the caller empties added and done. owe:
     * at a start, what an earlier process could not do. */
    struct sl_owed *(*owed)(struct sl_source *source);
    int (*owe)(struct sl_source *source, const struct sl_file *file, int64_t batch_ms, struct sl_error *err);
    /* Whether settle may have something to do with files. With settle, of files. */
    bool (*settles)(const struct sl_source *source);

    /* Optional: fills the report. */
    void (*report)(struct sl_source *source, struct sl_source_report *ret);

    /* Of tables. The version that was taken or resumed last: borrowed until the next. NULL: none was. */
    struct sl_lookup *(*lookup)(struct sl_source *source);
    void (*report_table)(struct sl_source *source, struct sl_table_report *ret);
};
