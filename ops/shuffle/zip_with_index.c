/* zipWithIndex(): each record, as one field, with its number in the batch, over all partitions in order;
 * zipWithUniqueId(): record i of partition k of n with i * n + k, as in Spark.
 *
 * Lanes number their rows from 0 while they come; when all are there, these numbers become those of the result. So
 * rows are copied once, by the worker that has them. With a memoryLimit rows may be on disk by then, where they cannot
 * be written to: lanes keep the records as they are, and the finish makes the rows, partition by partition. Rows keep the
 * event times of the records; since what is on disk has none, a stream with event times stays in memory. */
#include "core/base/error.h"
#include "core/contract/collect.h"
#include "core/contract/stage.h"

#include <stdlib.h>

/* The numbers of a partition's rows: first, first + step ... */
struct numbers {
    int64_t first, step;
};

/* [dataset->partitions]; NULL: out of memory. The caller frees it. */
static struct numbers *number_partitions(const struct sl_dataset *dataset, bool unique)
{
    struct numbers *numbers = calloc(dataset->partitions + 1, sizeof *numbers);
    int64_t before = 0;
    for (size_t p = 0; numbers && p < dataset->partitions; p++) {
        numbers[p] =
            unique ? (struct numbers){(int64_t)p, (int64_t)dataset->partitions} : (struct numbers){before, 1};
        before += (int64_t)dataset->partition[p].count;
    }
    return numbers;
}

static int append_numbered(struct sl_rows *rows, const struct sl_chunk *in, uint32_t i, int64_t number)
{
    struct sl_field items[SL_WIDTH_MAX], row[2];
    const struct sl_field record = sl_chunk_record(in, i, items);
    if (!sl_field_copy(&rows->arena, &record, &row[0]))
        return SL_ENOMEM;
    row[0].flags = 0;
    row[1] = sl_integer(number);
    return in->time ? sl_rows_append_timed(rows, row, 2, in->time[i]) : sl_rows_append_row(rows, row, 2);
}

static int begin(struct sl_stage *stage)
{
    struct sl_collect *collect = stage->state;
    int r = sl_collect_begin(stage);
    if (r < 0 || !stage->node->timed)
        return r;
    sl_row_buffers_done(&collect->piles);
    return sl_row_buffers_open(&collect->piles, NULL, 0);
}

static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    const struct sl_collect *collect = stage->state;
    struct sl_rows *rows = sl_collect_rows(lane);
    int r = 0;
    if (collect->piles.spill)
        return sl_collect_push(stage, lane, in);
    for (uint32_t i = 0; i < in->rows && r == 0; i++)
        r = append_numbered(rows, in, i, (int64_t)rows->count);
    return r;
}

/* ---- rows in memory: no other operator has read them yet, so they may still be changed ---- */

static void renumber_rows(struct sl_rows *rows, struct numbers numbers)
{
    for (size_t i = 0; i < rows->chunks; i++) {
        struct sl_field *number = (struct sl_field *)rows->chunk[i]->column[1];
        for (uint32_t row = 0; row < rows->chunk[i]->rows; row++)
            number[row].integer = numbers.first + number[row].integer * numbers.step;
    }
}

static void renumber(struct sl_dataset *dataset, struct numbers *numbers)
{
    for (size_t p = 0; p < dataset->partitions; p++)
        for (size_t i = 0; i < dataset->partition[p].slices; i++) {
            struct sl_rows *rows = dataset->partition[p].slice[i].rows;
            renumber_rows(rows, numbers[p]);
            numbers[p].first += (int64_t)rows->count * numbers[p].step;
        }
}

/* ---- records that may be on disk ---- */

struct numbering {
    const struct sl_dataset *records;
    const struct numbers *numbers; /* [records->partitions] */
    struct sl_row_buffers piles;
    struct sl_row_buffer *pile; /* [records->partitions]: the result */
};

struct numbered {
    struct sl_outlet outlet; /* first */
    struct numbering *numbering;
    struct sl_task *task;
    struct sl_row_buffer *pile;
    struct numbers next;
};

static int number_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct numbered *to = (struct numbered *)outlet;
    int r = sl_row_buffer_make_room(&to->numbering->piles, to->pile, to->task);
    for (uint32_t i = 0; i < chunk->rows && r == 0; i++) {
        r = append_numbered(to->pile->rows, chunk, i, to->next.first);
        to->next.first += to->next.step;
    }
    return r == 0 && atomic_load_explicit(to->task->stop, memory_order_relaxed) ? SL_ESTOP : r;
}

static int number_partition(void *arg, size_t p, struct sl_task *task)
{
    struct numbering *numbering = arg;
    struct numbered to = {.outlet = {number_chunk},
                          .numbering = numbering,
                          .task = task,
                          .pile = &numbering->pile[p],
                          .next = numbering->numbers[p]};
    int r = sl_row_buffer_init(to.pile, NULL);
    if (r == 0)
        r = sl_dataset_push(numbering->records, p, 0, UINT64_MAX, &to.outlet);
    return r < 0 ? r : sl_row_buffer_end(&numbering->piles, to.pile, task);
}

static int show_piles(const struct numbering *numbering, struct sl_dataset **ret)
{
    size_t partitions = numbering->records->partitions;
    struct sl_dataset *dataset = sl_dataset_new(partitions);
    int r = dataset ? 0 : SL_ENOMEM;
    for (size_t p = 0; p < partitions && r == 0; p++)
        r = sl_row_buffer_show(&numbering->pile[p], dataset, p);
    if (r == 0)
        *ret = dataset;
    else
        sl_dataset_unref(dataset);
    return r;
}

static int number_records(struct sl_stage *stage, const struct sl_dataset *records,
                          const struct numbers *numbers, struct sl_dataset **ret)
{
    struct numbering numbering = {.records = records, .numbers = numbers};
    numbering.pile = calloc(records->partitions + 1, sizeof *numbering.pile);
    int r = numbering.pile ? sl_row_buffers_init(&numbering.piles, stage) : SL_ENOMEM;
    if (r == 0)
        r = sl_stage_run(stage, records->partitions, number_partition, &numbering);
    if (r == 0)
        r = show_piles(&numbering, ret);
    for (size_t p = 0; numbering.pile && p < records->partitions; p++)
        sl_row_buffer_done(&numbering.pile[p]);
    free(numbering.pile);
    sl_row_buffers_done(&numbering.piles);
    return r;
}

/* ---- the result ---- */

static int finish_numbers(struct sl_stage *stage, bool unique, struct sl_dataset **ret)
{
    const struct sl_collect *collect = stage->state;
    struct sl_dataset *dataset;
    int r = sl_collect_dataset(stage->state, &dataset, stage->err);
    if (r < 0)
        return r;
    struct numbers *numbers = number_partitions(dataset, unique);
    r = numbers ? 0 : SL_ENOMEM;
    if (r == 0 && collect->piles.spill) {
        r = number_records(stage, dataset, numbers, ret);
    } else if (r == 0) {
        renumber(dataset, numbers);
        *ret = sl_dataset_ref(dataset);
    }
    free(numbers);
    sl_dataset_unref(dataset);
    return r;
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return finish_numbers(stage, false, ret);
}

static int finish_unique(struct sl_stage *stage, struct sl_dataset **ret)
{
    return finish_numbers(stage, true, ret);
}

#define NUMBERING_WIDE(finish_)                                                                              \
    {                                                                                                        \
        .state_size = sizeof(struct sl_collect), .begin = begin, .lane_open = sl_collect_lane_open,          \
        .push = push, .lane_close = sl_collect_lane_close, .finish = (finish_), .done = sl_collect_end,      \
        .bounded = 2 /* records, and rows made of them */, .keeps_time = true                                \
    }

static const struct sl_wide zip_with_index_wide = NUMBERING_WIDE(finish);

const struct sl_op sl_op_zip_with_index = {
    .name = "zipWithIndex",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Pairs each record with its number in the batch, from 0",
    .example = "s:zipWithIndex()",
    .wide = &zip_with_index_wide,
};

static const struct sl_wide zip_with_unique_id_wide = NUMBERING_WIDE(finish_unique);

const struct sl_op sl_op_zip_with_unique_id = {
    .name = "zipWithUniqueId",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "Pairs each record with a number of its own: the i-th of partition k of n with i * n + k",
    .example = "s:zipWithUniqueId()",
    .wide = &zip_with_unique_id_wide,
};
