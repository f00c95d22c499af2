/* Sources: where records come from. One struct sl_source per source node and run.
 *
 * Per batch the engine calls, in this order and from the main thread: take (what belongs to this batch; it is
 * written to the plan and durable before anything is read), partitions, then read for each partition on any
 * worker, and after the commit: settle. After a crash, resume replaces take: the inputs are those of the
 * plan. */
#pragma once

#include "core/contract/arrivals.h"
#include "core/contract/operator.h"

struct sl_source {
    const struct sl_source_ops *ops;
    const struct sl_node *node;
};

struct sl_limits {
    uint64_t files_max, bytes_max; /* per batch; UINT64_MAX: none */
    uint64_t record_bytes_max;     /* maxRecordBytes */
};

struct sl_source_ops {
    /* Checks that the source can be read and begins to listen. services outlive the source. */
    int (*open)(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                struct sl_error *err);
    void (*close)(struct sl_source *source);

    /* Decides the inputs of batch t. Batches are numbered from 0 over the life of the source. *ret_any:
     * whether there is anything. For files, appends to `plan` what was taken. */
    int (*take)(struct sl_source *source, int64_t t, uint64_t batch_number, const struct sl_limits *limits,
                struct sl_files *plan, bool *ret_any, struct sl_error *err);
    /* The inputs are these (owned by the caller until settle). Files only. */
    int (*resume)(struct sl_source *source, int64_t t, const struct sl_files *plan, struct sl_error *err);
    /* Not of files, optional, both or none: where the next take begins, in numbers of the source's own, and
     * to begin there. What a batch takes depends on its place alone, which is kept with its plan. */
    int64_t (*place)(struct sl_source *source);
    void (*seek)(struct sl_source *source, int64_t place);
    /* Whether something waits to be taken that can be used up. Cheap; no system call. */
    bool (*pending)(struct sl_source *source);
    /* Brings the view of the outside up to date (a scan): before the batches of --once and the virtual clock.
     */
    int (*refresh)(struct sl_source *source, struct sl_error *err);

    /* Partitions of what was taken. */
    size_t (*partitions)(struct sl_source *source);
    /* Pushes the rows of partition p in order. Many threads, each its own p. *ret_lines: newline-ended lines
     * seen, for line numbers in the partitions behind it. Resets task->scratch between pushes. SL_EREJECT:
     * what was pushed does not count, redo will say so. */
    int (*read)(struct sl_source *source, size_t p, struct sl_task *task, struct sl_outlet *out,
                uint64_t *ret_lines);

    /* Files only. At start, before the first take: these were taken in earlier runs. */
    int (*remember)(struct sl_source *source, const struct sl_files *files, struct sl_error *err);
    /* Files only. Appends what need not be remembered any more. */
    int (*gone)(struct sl_source *source, struct sl_files *ret, struct sl_error *err);

    /* Files that could not be read since the last call: set aside, each said in the log. */
    uint64_t (*failures)(struct sl_source *source);
    /* Files only. After read: whether files could not be read, or turned out damaged while they were; the
     * batch has to be run again, and they are left out then. */
    bool (*redo)(struct sl_source *source);
    /* Files only. Why file number `file` of the plan is not read; NULL: it is. Valid until the next batch. */
    const char *(*aside)(struct sl_source *source, size_t file);
    /* Files only. Leaves it out, after resume: an earlier process has decided so. Copies the reason. */
    int (*exclude)(struct sl_source *source, size_t file, const char *reason, struct sl_error *err);

    /* The batch that was taken or resumed last is committed: what the job wants with its files (done again
     * after a crash: may be called for a batch that was settled already). */
    int (*settle)(struct sl_source *source, struct sl_error *err);
    /* Whether settle may have something to do. With settle. */
    bool (*settles)(const struct sl_source *source);
};
