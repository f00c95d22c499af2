/* What the engine is to an output, small enough for tests: a directory of its own, a pool, a node with
 * arguments and options, and batches that run through all steps of the commit. */
#pragma once

#include "core/contract/operator.h"
#include "core/contract/services.h"
#include "tests/unit/output/fault_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>

enum { RIG_WORKERS = 3 };

struct rig_sink {
    struct sl_reject_sink sink;
    _Atomic int rejected;
    char message[SL_MESSAGE_MAX];
};

struct rig {
    char dir[256];
    int dirfd;
    struct fault_io fault;
    struct sl_services services;
    struct sl_pool *pool;
    struct rig_sink sink;
    struct sl_error err, task_err[RIG_WORKERS];
    struct sl_arena scratch[RIG_WORKERS];
    struct sl_task task[RIG_WORKERS];
    struct sl_op from_op; /* of the input */
    struct sl_node from, *input, node;
    void *memory;
    struct sl_manifest manifest; /* of the last batch */
    FILE *out;
    char *printed;
    size_t printed_len;
};

static int rig_reject(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                      const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                      uint32_t line)
{
    struct rig_sink *rig = (struct rig_sink *)sink;
    if (rig->rejected++ == 0)
        memcpy(rig->message, task->message, sizeof rig->message);
    return 0;
}

static inline void rig_open(struct rig *rig, const struct sl_op *op, enum sl_op_kind from)
{
    const char *tmp = getenv("TMPDIR");
    memset(rig, 0, sizeof *rig);
    snprintf(rig->dir, sizeof rig->dir, "%s/sluice-output-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(rig->dir));
    rig->dirfd = open(rig->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fault_io_init(&rig->fault);
    rig->out = open_memstream(&rig->printed, &rig->printed_len);
    rig->services = (struct sl_services){
        .io = &rig->fault.io, .job_dirfd = rig->dirfd, .job_dir = rig->dir, .out = rig->out, .durable = true};
    rig->pool = sl_pool_new(RIG_WORKERS, &rig->err);
    assert_non_null(rig->pool);
    rig->sink.sink.reject = rig_reject;
    for (unsigned i = 0; i < RIG_WORKERS; i++) {
        sl_arena_init(&rig->scratch[i]);
        rig->task[i] = (struct sl_task){
            .worker = i, .scratch = &rig->scratch[i], .sink = &rig->sink.sink, .err = &rig->task_err[i]};
    }
    rig->from_op = (struct sl_op){.name = "input", .kind = from};
    rig->from = (struct sl_node){.op = &rig->from_op};
    rig->input = &rig->from;
    rig->node = (struct sl_node){.op = op, .number = 1, .inputs = 1, .input = &rig->input, .slide_ms = 1000};
    if (op->wide->memory_size)
        rig->memory = calloc(1, op->wide->memory_size);
}

static inline void rig_close(struct rig *rig)
{
    sl_manifest_done(&rig->manifest);
    sl_pool_free(rig->pool);
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        sl_arena_done(&rig->scratch[i]);
    fclose(rig->out);
    free(rig->printed);
    free(rig->memory);
    fault_io_done(&rig->fault);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, AT_FDCWD, rig->dir, &rig->err), 0);
    close(rig->dirfd);
}

static inline void rig_option(struct rig *rig, const char *name, struct sl_arg arg)
{
    unsigned i = 0;
    while (strcmp(rig->node.op->options[i].name, name) != 0)
        i++;
    rig->node.option[i] = arg;
}

/* ---- batches ---- */

/* Rows ("k<p>-<i>", p, i): `rows` in each of `partitions`. */
struct rig_rows {
    uint32_t partitions, rows, width;
    bool as_dataset, backwards; /* handed over whole; lanes taken in the opposite order */
};

struct rig_run {
    struct rig *rig;
    struct sl_stage *stage;
    const struct rig_rows *rows;
};

static inline void rig_row(uint32_t partition, uint32_t i, char text[32], struct sl_field fields[3])
{
    snprintf(text, 32, "k%u-%05u", partition, i);
    fields[0] = sl_string(text, strlen(text));
    fields[1] = sl_integer(partition);
    fields[2] = sl_integer(i);
}

static inline int rig_push_row(struct sl_stage *stage, struct sl_lane *lane, uint32_t partition, uint32_t i,
                               uint32_t width)
{
    char text[32];
    struct sl_field fields[3];
    rig_row(partition, i, text, fields);
    struct sl_chunk chunk = {.rows = 1, .width = width, .column = {&fields[0], &fields[1], &fields[2]}};
    return stage->node->op->wide->push(stage, lane, &chunk);
}

static inline int rig_lane(void *arg, size_t number, unsigned worker, struct sl_error *err)
{
    struct rig_run *run = arg;
    struct rig *rig = run->rig;
    const struct sl_wide *wide = run->stage->node->op->wide;
    uint32_t partition = (uint32_t)(run->rows->backwards ? run->rows->partitions - 1 - number : number);
    struct sl_lane lane = {.position = {.partition = partition}, .task = &rig->task[worker]};
    lane.task->ordinal = partition;
    int r = wide->lane_open(run->stage, &lane);
    for (uint32_t i = 0; r == 0 && i < run->rows->rows; i++)
        r = rig_push_row(run->stage, &lane, partition, i, run->rows->width);
    if (r == 0 && wide->lane_close)
        r = wide->lane_close(run->stage, &lane);
    if (r < 0)
        *err = rig->task_err[worker];
    return r;
}

static inline struct sl_dataset *rig_dataset(const struct rig_rows *rows)
{
    struct sl_dataset *dataset = sl_dataset_new(rows->partitions);
    for (uint32_t p = 0; p < rows->partitions; p++) {
        struct sl_rows *run = sl_rows_new();
        for (uint32_t i = 0; i < rows->rows; i++) {
            char text[32];
            struct sl_field fields[3];
            rig_row(p, i, text, fields);
            struct sl_chunk chunk = {
                .rows = 1, .width = rows->width, .column = {&fields[0], &fields[1], &fields[2]}};
            assert_int_equal(sl_rows_append(run, &chunk), 0);
        }
        assert_int_equal(sl_dataset_add(dataset, p, run, 0, run->count), 0);
        sl_rows_unref(run);
    }
    return dataset;
}

static inline int rig_feed(struct rig *rig, struct sl_stage *stage, const struct rig_rows *rows)
{
    struct rig_run run = {rig, stage, rows};
    if (!rows->as_dataset)
        return sl_pool_run(rig->pool, rows->partitions, rig_lane, &run, &rig->err);
    struct sl_dataset *dataset = rig_dataset(rows);
    int r = stage->node->op->wide->take(stage, 0, dataset);
    sl_dataset_unref(dataset);
    return r;
}

static inline int rig_steps(struct rig *rig, struct sl_stage *stage)
{
    const struct sl_output *output = stage->node->op->output;
    int r = output->effect ? output->effect(stage) : 0;
    if (r == 0 && output->write)
        r = output->write(stage);
    if (r == 0 && output->reveal)
        r = output->reveal(stage);
    if (r == 0 && output->manifest)
        r = output->manifest(stage, &rig->manifest);
    if (r == 0 && output->publish)
        r = output->publish(stage);
    return r;
}

/* A whole batch at time t. What failed is in rig->err. */
static inline int rig_batch(struct rig *rig, int64_t t, const struct rig_rows *rows)
{
    const struct sl_wide *wide = rig->node.op->wide;
    struct sl_dataset *none = NULL;
    struct sl_stage stage = {
        .node = &rig->node,
        .services = &rig->services,
        .pool = rig->pool,
        .tasks = rig->task,
        .batch_ms = t,
        .emits = true,
        .has_input = rows->partitions > 0,
        .said = rows->partitions > 0,
        .state = calloc(1, wide->state_size),
        .memory = rig->memory,
        .err = &rig->err,
    };
    rig->sink.rejected = 0;
    sl_manifest_done(&rig->manifest);
    int r = wide->begin(&stage);
    r = r < 0 ? r : rig_feed(rig, &stage, rows);
    r = r < 0 ? r : wide->finish(&stage, &none);
    r = r < 0 ? r : rig_steps(rig, &stage);
    wide->done(&stage);
    free(stage.state);
    return r;
}

/* ---- looking at the result ---- */

static inline char *rig_read(struct rig *rig, const char *path)
{
    char *text;
    size_t len;
    int r = sl_io_read_file(&sl_io_system, rig->dirfd, path, 64 << 20, &text, &len, &rig->err);
    if (r < 0)
        fail_msg("%s", rig->err.text);
    return text;
}

static inline bool rig_exists(struct rig *rig, const char *path)
{
    struct statx st;
    return sl_io_system.ops->statx(&sl_io_system, rig->dirfd, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) ==
           0;
}

static inline void rig_assert_text(struct rig *rig, const char *path, const char *expected)
{
    char *text = rig_read(rig, path);
    assert_string_equal(text, expected);
    free(text);
}

/* The rows of all partitions as tsv; caller frees. */
static inline char *rig_tsv(const struct rig_rows *rows)
{
    struct sl_buf buf = {0};
    for (uint32_t p = 0; p < rows->partitions; p++)
        for (uint32_t i = 0; i < rows->rows; i++) {
            sl_buf_printf(&buf, "k%u-%05u", p, i);
            if (rows->width > 1)
                sl_buf_printf(&buf, "\t%u", p);
            if (rows->width > 2)
                sl_buf_printf(&buf, "\t%u", i);
            sl_buf_byte(&buf, '\n');
        }
    sl_buf_byte(&buf, 0);
    return (char *)buf.bytes;
}
