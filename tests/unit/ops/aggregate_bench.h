/* Rows cut into lanes and combined by key on the workers of a pool: the groups, and what was refused, as text. */
#pragma once

#include "ops/group/aggregate_internal.h"
#include "tests/unit/ops/harness.h"
#include "text/format.h"

#include <pthread.h>

static const unsigned worker_counts[] = {1, 2, 7, 12};
enum { LANES = 23, WORKERS_MAX = 12 };

/* ---- a stage of its own: rows cut into lanes, pushed by a pool ---- */

/* What was set aside, sorted: messages and records. */
struct refused {
    struct sl_reject_sink sink;
    pthread_mutex_t lock;
    char **text;
    size_t count;
};

static inline int note_refused(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                               const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                               uint32_t line)
{
    struct refused *refused = (struct refused *)sink;
    struct sl_buf text;
    sl_buf_init(&text);
    bool ok = sl_buf_text(&text, task->message);
    for (uint32_t i = 0; i < width; i++)
        ok = ok && sl_buf_text(&text, i ? "," : " ") && sl_tsv_field(&text, &fields[i], NULL);
    if (!ok || !sl_buf_byte(&text, 0))
        return SL_ENOMEM;
    pthread_mutex_lock(&refused->lock);
    refused->text = realloc(refused->text, (refused->count + 1) * sizeof *refused->text);
    refused->text[refused->count++] = (char *)text.bytes;
    pthread_mutex_unlock(&refused->lock);
    return 0;
}

static inline int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct job {
    struct sl_aggregate aggregate;
    uint32_t rows, width;
    void (*row)(uint32_t number, struct sl_field *fields); /* fields of a row; bytes are static */
    bool has_shared; /* some worker's groups were moved to tables that all share */
};

/* Rows [lane * N / LANES, ...) in chunks of up to 100. */
static inline int push_lane(void *arg, size_t number, unsigned worker, struct sl_error *err)
{
    struct job *job = arg;
    struct sl_lane lane = {.position = {.partition = (uint32_t)number},
                           .task = &job->aggregate.stage->tasks[worker]};
    uint32_t at = (uint32_t)(number * job->rows / LANES), end = (uint32_t)((number + 1) * job->rows / LANES);
    lane.task->err = err;
    lane.task->ordinal = (uint32_t)number;
    int r = sl_aggregate_lane_open(&job->aggregate, &lane);
    while (at < end && r == 0) {
        struct sl_field column[3][100], fields[3];
        struct sl_chunk chunk = {.width = job->width, .column = {column[0], column[1], column[2]}};
        for (; at < end && chunk.rows < 100; at++, chunk.rows++) {
            job->row(at, fields);
            for (uint32_t c = 0; c < job->width; c++)
                column[c][chunk.rows] = fields[c];
        }
        r = sl_aggregate_push(&job->aggregate, &lane, &chunk);
        sl_arena_reset(lane.task->scratch);
    }
    return r < 0 ? r : sl_aggregate_lane_close(&job->aggregate, &lane);
}

struct bench {
    struct sl_pool *pool;
    struct sl_arena scratch[WORKERS_MAX];
    struct sl_task task[WORKERS_MAX];
    struct sl_node node;
    struct sl_error err;
    struct sl_stage stage;
    struct refused refused;
};

static const struct sl_op nothing = {.name = "reduceByKey"};
static const _Atomic int no_stop = 0;

static inline void bench_init(struct bench *bench, unsigned workers, uint64_t seed)
{
    *bench = (struct bench){.refused = {.sink = {.reject = note_refused}}, .node = {.op = &nothing}};
    pthread_mutex_init(&bench->refused.lock, NULL);
    bench->pool = sl_pool_new(workers, &bench->err);
    assert_non_null(bench->pool);
    for (unsigned w = 0; w < workers; w++)
        bench->task[w] = (struct sl_task){.worker = w,
                                          .seed = seed,
                                          .scratch = &bench->scratch[w],
                                          .sink = &bench->refused.sink,
                                          .stop = &no_stop};
    bench->stage = (struct sl_stage){
        .node = &bench->node, .pool = bench->pool, .tasks = bench->task, .err = &bench->err};
}

static inline void bench_done(struct bench *bench)
{
    for (unsigned w = 0; w < WORKERS_MAX; w++)
        sl_arena_done(&bench->scratch[w]);
    for (size_t i = 0; i < bench->refused.count; i++)
        free(bench->refused.text[i]);
    free(bench->refused.text);
    pthread_mutex_destroy(&bench->refused.lock);
    sl_pool_free(bench->pool);
}

static inline void write_dataset(struct sl_buf *text, const struct sl_dataset *dataset)
{
    struct sl_cursor cursor;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    sl_cursor_init(&cursor, dataset);
    while (sl_cursor_next(&cursor, fields, &width)) {
        for (uint32_t i = 0; i < width; i++)
            assert_true(sl_buf_text(text, i ? "," : "") && sl_tsv_field(text, &fields[i], NULL));
        assert_true(sl_buf_byte(text, '\n'));
    }
}

/* Runs the job and writes its groups, then what was refused. */
static inline void run_job(struct job *job, const struct sl_reducer *reducer, enum sl_key_of key_of,
                           enum sl_result_form shape, unsigned workers, uint64_t seed, struct sl_buf *text)
{
    struct bench bench;
    struct sl_sorted_groups *groups;
    struct sl_dataset *dataset;
    bench_init(&bench, workers, seed);
    assert_int_equal(sl_aggregate_init(&job->aggregate, &bench.stage, reducer, key_of), 0);
    assert_int_equal(sl_pool_run(bench.pool, LANES, push_lane, job, &bench.err), 0);
    assert_int_equal(sl_aggregate_finish(&job->aggregate, &groups), 0);
    for (size_t i = 1; i < groups->count; i++)
        assert_true(sl_field_compare(&groups->entry[i - 1].key, &groups->entry[i].key) < 0);
    assert_int_equal(sl_sorted_groups_finish(&bench.stage, reducer, groups, shape, &dataset), 0);
    job->has_shared = job->aggregate.shared;
    sl_aggregate_done(&job->aggregate);
    sl_sorted_groups_unref(groups);
    sl_buf_init(text);
    write_dataset(text, dataset);
    sl_dataset_unref(dataset);
    if (bench.refused.count)
        qsort(bench.refused.text, bench.refused.count, sizeof(char *), compare_texts);
    for (size_t i = 0; i < bench.refused.count; i++)
        assert_true(sl_buf_printf(text, "! %s\n", bench.refused.text[i]));
    assert_true(sl_buf_byte(text, 0));
    bench_done(&bench);
}

static inline void check_seeds(struct job *job, const char *name, const struct sl_reducer *reducer,
                               enum sl_key_of key_of, enum sl_result_form shape, uint64_t seeds)
{
    struct sl_buf expected;
    run_job(job, reducer, key_of, shape, 1, 1, &expected);
    for (size_t w = 0; w < sizeof worker_counts / sizeof worker_counts[0]; w++)
        for (uint64_t seed = 2; seed < 2 + seeds; seed++) {
            struct sl_buf text;
            run_job(job, reducer, key_of, shape, worker_counts[w], seed * 0x9E3779B97F4A7C15u, &text);
            if (text.len != expected.len || memcmp(text.bytes, expected.bytes, text.len) != 0)
                fail_msg("%s with %u workers gives\n%.10000s\nnot\n%.10000s", name, worker_counts[w],
                         (char *)text.bytes, (char *)expected.bytes);
            sl_buf_done(&text);
        }
    sl_buf_done(&expected);
}

static inline void check_workers(struct job *job, const char *name, const struct sl_reducer *reducer,
                                 enum sl_key_of key_of, enum sl_result_form shape)
{
    check_seeds(job, name, reducer, key_of, shape, 3);
}
