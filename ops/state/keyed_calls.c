#include "ops/state/keyed_calls.h"

#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"
#include "core/rows/spill.h"
#include "core/rows/stored_dataset.h"
#include "ops/state/state_map.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUND_ITEMS = 128 << 10, /* what ends a round is little beside them */
    FIRST_ITEMS = 1 << 10,   /* where there is a limit, until it is known what they take */
    GROWTH_MAX = 4,
    ROUND_BYTES_MIN = 1 << 20, /* with less, what ends a round is much beside it */
    SPREAD_MIN = 512,          /* fewer are done before other workers are awake */
    PIECE_ITEMS = 8 * SL_CHUNK_ROWS,
};

/* ---- memory ---- */

int sl_keyed_calls_init(struct sl_keyed_calls *rounds, struct sl_stage *stage)
{
    *rounds = (struct sl_keyed_calls){.stage = stage, .kept = sl_memory_new(), .rows = sl_dataset_new(1)};
    rounds->memory = calloc(sl_pool_workers(stage->pool), sizeof *rounds->memory);
    return rounds->kept && rounds->rows && rounds->memory ? 0 : SL_ENOMEM;
}

/* NULL: there is no limit, everything stays in memory. */
static struct sl_spill *spill_of(const struct sl_keyed_calls *rounds)
{
    const struct sl_stage *stage = rounds->stage;
    return stage && stage->services && stage->node->op->wide->bounded ? stage->services->spill : NULL;
}

/* What is there of the results goes into the memory that the rows refer to. */
static void keep_results(struct sl_keyed_calls *rounds)
{
    for (unsigned w = 0; rounds->memory && w < sl_pool_workers(rounds->stage->pool); w++) {
        sl_arena_done(&rounds->memory[w].round);
        if (rounds->kept)
            sl_arena_adopt(&rounds->kept->arena, &rounds->memory[w].result);
    }
}

void sl_keyed_calls_done(struct sl_keyed_calls *rounds)
{
    keep_results(rounds);
    free(rounds->memory);
    sl_memory_unref(rounds->kept);
    sl_dataset_unref(rounds->rows);
    sl_dataset_unref(rounds->stored);
    if (rounds->file)
        spill_of(rounds)->ops->close(rounds->file);
    *rounds = (struct sl_keyed_calls){0};
}

/* ---- what exceeds memoryLimit ---- */

static bool are_too_many(const struct sl_keyed_calls *rounds)
{
    unsigned workers = sl_pool_workers(rounds->stage->pool);
    size_t bytes = spill_of(rounds) ? sl_dataset_bytes(rounds->rows) : 0;
    for (unsigned w = 0; w < workers; w++)
        bytes += rounds->memory[w].result.bytes;
    return spill_of(rounds) && bytes > spill_of(rounds)->bytes * workers;
}

struct held {
    size_t cells;
    size_t arenas; /* of the round, and results that are not on disk yet */
};

static struct held held_by(const struct sl_keyed_calls *rounds)
{
    struct held held = {.cells = rounds->cells ? sl_state_map_held(rounds->cells) : 0};
    for (unsigned w = 0; w < sl_pool_workers(rounds->stage->pool); w++)
        held.arenas += rounds->memory[w].round.bytes + rounds->memory[w].result.bytes;
    return held;
}

static size_t growth(size_t before, size_t after)
{
    return after > before ? after - before : 0;
}

/* Of an item of a round of `count`. Tables of cells grow by leaps, which a round may have seen or not. */
static size_t bytes_each(const struct sl_keyed_calls *rounds, size_t count, struct held before)
{
    struct held after = held_by(rounds);
    size_t cell = rounds->cells ? sl_state_map_cell_bytes(rounds->cells) : 0;
    size_t grown = growth(before.cells, after.cells) / count;
    return (grown > cell ? grown : cell) + growth(before.arenas, after.arenas) / count +
           sizeof(struct sl_keyed_call) + sizeof(uint32_t);
}

/* Of the next round, after one of `count` items. */
static size_t next_count(const struct sl_keyed_calls *rounds, size_t count, struct held before)
{
    size_t share = spill_of(rounds)->bytes * sl_pool_workers(rounds->stage->pool) / 2;
    share = share > ROUND_BYTES_MIN ? share : ROUND_BYTES_MIN;
    size_t fitting = share / bytes_each(rounds, count, before) + 1;
    size_t most = count * GROWTH_MAX < ROUND_ITEMS ? count * GROWTH_MAX : ROUND_ITEMS;
    return fitting < most ? fitting : most;
}

static int append_slices(struct sl_dataset *to, const struct sl_dataset *from)
{
    return sl_dataset_add_range(to, 0, from, 0, from->count);
}

static int write_rows(struct sl_keyed_calls *rounds)
{
    struct sl_spill *spill = spill_of(rounds);
    struct sl_error *err = rounds->stage->err;
    struct sl_dataset *stored;
    int r = rounds->file ? 0 : spill->ops->open(spill, &rounds->file, err);
    r = r < 0 ? r : sl_dataset_store(rounds->rows, spill, rounds->file, &stored, err);
    if (r < 0)
        return r;
    if (!rounds->stored)
        rounds->stored = sl_dataset_new(1);
    r = rounds->stored ? append_slices(rounds->stored, stored) : SL_ENOMEM;
    sl_dataset_unref(stored);
    return r;
}

/* The rows so far go to disk, and their memory is given back. */
static int store_rows(struct sl_keyed_calls *rounds)
{
    struct sl_dataset *rows = sl_dataset_new(1);
    struct sl_memory *kept = sl_memory_new();
    int r = rows && kept ? write_rows(rounds) : SL_ENOMEM;
    if (r < 0) {
        sl_dataset_unref(rows);
        sl_memory_unref(kept);
        return r;
    }
    keep_results(rounds);
    sl_dataset_unref(rounds->rows);
    sl_memory_unref(rounds->kept);
    rounds->rows = rows;
    rounds->kept = kept;
    return 0;
}

struct sl_dataset *sl_keyed_calls_take(struct sl_keyed_calls *rounds)
{
    struct sl_dataset *rows = rounds->rows;
    keep_results(rounds);
    if (rounds->stored && append_slices(rounds->stored, rows) < 0)
        return NULL;
    if (rounds->stored) {
        sl_dataset_unref(rows);
        rows = rounds->stored;
    }
    rounds->rows = rounds->stored = NULL;
    return rows;
}

/* ---- a round ---- */

struct round {
    struct sl_keyed_calls *rounds;
    const struct sl_keyed_calls_work *work;
    uint64_t from; /* of all items */
    size_t count;
    struct sl_keyed_call *item; /* [count] */
    uint32_t *order; /* [count]: items part by part; NULL: all of them in their order, by one worker */
    size_t begin[SL_PARTS + 1]; /* of the parts in order */
    _Atomic size_t failed_item; /* the first so far; `count`: none */
    pthread_mutex_t failing;    /* guards the next two */
    int failure;
    struct sl_error error;
};

static size_t pieces_of(const struct round *round)
{
    return (round->count + PIECE_ITEMS - 1) / PIECE_ITEMS;
}

static size_t piece_end(const struct round *round, size_t piece)
{
    size_t end = (piece + 1) * PIECE_ITEMS;
    return end < round->count ? end : round->count;
}

static int fill_piece(void *arg, size_t piece, unsigned worker, struct sl_error *err)
{
    const struct round *round = arg;
    const struct sl_keyed_calls_work *work = round->work;
    size_t from = piece * PIECE_ITEMS, count = piece_end(round, piece) - from;
    memset(&round->item[from], 0, count * sizeof *round->item);
    return work->fill(work->arg, round->from + from, count, &round->rounds->memory[worker],
                      &round->item[from]);
}

/* Items by part, in each in their order. */
static void deal(struct round *round)
{
    size_t next[SL_PARTS];
    for (size_t i = 0; i < round->count; i++)
        round->begin[sl_state_map_number(round->item[i].hash) + 1]++;
    for (unsigned p = 0; p < SL_PARTS; p++) {
        next[p] = round->begin[p];
        round->begin[p + 1] += round->begin[p];
    }
    for (size_t i = 0; i < round->count; i++)
        round->order[next[sl_state_map_number(round->item[i].hash)]++] = (uint32_t)i;
}

/* ---- calling ---- */

/* A failure that is not an item's own ends all work at once: it is as if the first had failed. */
static void note_failure(struct round *round, size_t item, int failure, const struct sl_error *err)
{
    size_t place = round->item[item].is_refused ? item : 0;
    pthread_mutex_lock(&round->failing);
    if (place < atomic_load(&round->failed_item)) {
        round->failure = failure;
        round->error = *err;
        if (!err->text[0])
            sl_error_set(&round->error, failure, failure == SL_ENOMEM ? "out of memory" : "stopped");
        atomic_store(&round->failed_item, place);
    }
    pthread_mutex_unlock(&round->failing);
}

static uint64_t number_of(const struct sl_keyed_calls *rounds, uint64_t call)
{
    return call < rounds->numbers ? rounds->number[call] : call;
}

static int call_item(struct round *round, struct sl_task *task, size_t item)
{
    struct sl_keyed_calls_memory *memory = &round->rounds->memory[task->worker];
    if (atomic_load_explicit(task->stop, memory_order_relaxed))
        return SL_ESTOP;
    sl_arena_reset(task->scratch);
    round->item[item].number = number_of(round->rounds, round->rounds->calls + item);
    task->ordinal = (uint32_t)round->item[item].number;
    return round->work->call(round->work->arg, task, memory, &round->item[item]);
}

/* Calls one part, or all of them. Failures are noted; the other parts go on up to the item that failed. */
static int call_part(void *arg, size_t part, struct sl_task *task)
{
    struct round *round = arg;
    size_t end = round->order ? round->begin[part + 1] : round->count;
    for (size_t i = round->order ? round->begin[part] : 0; i < end; i++) {
        size_t item = round->order ? round->order[i] : i;
        if (item >= atomic_load_explicit(&round->failed_item, memory_order_relaxed))
            break;
        int r = call_item(round, task, item);
        if (r < 0)
            note_failure(round, item, r, task->err);
    }
    return 0;
}

static int call_all(struct round *round)
{
    struct sl_error *err = round->rounds->stage->err;
    if (round->order)
        deal(round);
    int r = sl_stage_run(round->rounds->stage, round->order ? SL_PARTS : 1, call_part, round);
    if (r == 0 && round->failure < 0) {
        *err = round->error;
        r = round->failure;
    }
    return r;
}

/* ---- the result ---- */

static int append_row(struct sl_rows *rows, const struct sl_keyed_call *item)
{
    if (!item->width)
        return 0;
    return item->is_timed ? sl_rows_append_timed(rows, item->row, item->width, item->time)
                          : sl_rows_append_row(rows, item->row, item->width);
}

static int gather_piece(void *arg, size_t piece, struct sl_task *task, struct sl_rows *rows)
{
    const struct round *round = arg;
    int r = 0;
    for (size_t i = piece * PIECE_ITEMS; i < piece_end(round, piece) && r == 0; i++)
        r = append_row(rows, &round->item[i]);
    return r;
}

/* ---- all rounds ---- */

static void begin_round(struct round *round, uint64_t from, size_t count)
{
    const struct sl_keyed_calls *rounds = round->rounds;
    for (unsigned w = 0; w < sl_pool_workers(rounds->stage->pool); w++)
        sl_arena_reset(&rounds->memory[w].round);
    round->from = from;
    round->count = count;
    atomic_store(&round->failed_item, count);
    for (unsigned p = 0; p <= SL_PARTS; p++)
        round->begin[p] = 0;
}

static int call_round(struct round *round)
{
    struct sl_stage *stage = round->rounds->stage;
    int r = sl_pool_run(stage->pool, pieces_of(round), fill_piece, round, stage->err);
    if (r == 0)
        r = call_all(round);
    if (r == 0)
        r = sl_stage_gather(stage, pieces_of(round), gather_piece, round, round->rounds->kept,
                            &round->rounds->rows);
    round->rounds->calls += round->count;
    return r;
}

/* *size: of this round, and then of the next. */
static int run_round(struct round *round, uint64_t from, uint64_t left, size_t *size)
{
    struct sl_keyed_calls *rounds = round->rounds;
    const struct sl_keyed_calls_work *work = round->work;
    begin_round(round, from, left < *size ? (size_t)left : *size);
    int r = work->begin_round ? work->begin_round(work->arg) : 0;
    struct held before = held_by(rounds);
    r = r < 0 ? r : call_round(round);
    if (spill_of(rounds))
        *size = next_count(rounds, round->count, before);
    return r == 0 && are_too_many(rounds) ? store_rows(rounds) : r;
}

static int run_rounds(struct round *round, uint64_t count)
{
    size_t size = spill_of(round->rounds) ? FIRST_ITEMS : ROUND_ITEMS;
    int r = 0;
    for (uint64_t from = 0; from < count && r == 0; from += round->count)
        r = run_round(round, from, count - from, &size);
    return r;
}

int sl_keyed_calls_run(struct sl_keyed_calls *rounds, const struct sl_keyed_calls_work *work, uint64_t count)
{
    size_t most = count < ROUND_ITEMS ? (size_t)count : ROUND_ITEMS;
    bool spread = count >= SPREAD_MIN && sl_pool_workers(rounds->stage->pool) > 1;
    struct round round = {.rounds = rounds, .work = work};
    if (count == 0)
        return 0;
    round.item = malloc(most * sizeof *round.item);
    round.order = spread ? malloc(most * sizeof *round.order) : NULL;
    int r = round.item && (round.order || !spread) ? 0 : SL_ENOMEM;
    pthread_mutex_init(&round.failing, NULL);
    r = r < 0 ? r : run_rounds(&round, count);
    pthread_mutex_destroy(&round.failing);
    free(round.item);
    free(round.order);
    return r;
}
