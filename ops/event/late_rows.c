#include "ops/event/late_rows.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/contract/services.h"

#include <stdlib.h>

/* Rows that a worker added one after the other, of one lane and origin. Those of candidates are (number, line, time, the record
 * as a list). */
enum { CANDIDATE_FIELDS = 4, MARK_BITS = 64 };

struct sl_late_lane {
    const struct sl_origin *origin;
    struct sl_position position;
    uint32_t ordinal;
    size_t number; /* of several of one position, the order in which they were added */
    struct sl_row_buffer rows;
};

int sl_late_rows_init(struct sl_late_rows *late, const struct sl_stage *stage)
{
    late->ready = pthread_mutex_init(&late->lock, NULL) == 0;
    sl_assert(late->ready);
    late->open = calloc(sl_pool_workers(stage->pool), sizeof(struct sl_late_lane *));
    return late->open ? sl_row_buffers_init(&late->buffers, stage) : SL_ENOMEM;
}

static void lane_free(struct sl_late_lane *lane)
{
    sl_row_buffer_done(&lane->rows);
    free(lane);
}

void sl_late_rows_done(struct sl_late_rows *late)
{
    if (!late->ready)
        return;
    for (size_t i = 0; i < late->lanes; i++)
        lane_free(late->lane[i]);
    free(late->lane);
    free(late->open);
    free((void *)late->mark);
    sl_row_buffers_done(&late->buffers);
    pthread_mutex_destroy(&late->lock);
    *late = (struct sl_late_rows){0};
}

/* ---- adding ---- */

static int enter_lane(struct sl_late_rows *late, struct sl_late_lane *lane)
{
    pthread_mutex_lock(&late->lock);
    struct sl_late_lane **grown = sl_array_grow(late->lane, late->lanes, &late->capacity, sizeof *grown);
    if (grown) {
        late->lane = grown;
        lane->number = late->lanes;
        late->lane[late->lanes++] = lane;
    }
    pthread_mutex_unlock(&late->lock);
    return grown ? 0 : SL_ENOMEM;
}

static int open_lane(struct sl_late_rows *late, const struct sl_lane *of, const struct sl_origin *origin,
                     struct sl_late_lane **ret)
{
    struct sl_late_lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return SL_ENOMEM;
    lane->origin = origin;
    lane->position = of->position;
    lane->ordinal = of->task->ordinal;
    if (sl_row_buffer_init(&lane->rows, NULL) < 0 || enter_lane(late, lane) < 0) {
        lane_free(lane);
        return SL_ENOMEM;
    }
    *ret = lane;
    return 0;
}

static bool is_of(const struct sl_late_lane *lane, const struct sl_lane *of, const struct sl_origin *origin)
{
    return lane && lane->origin == origin && lane->ordinal == of->task->ordinal &&
           sl_position_compare(&lane->position, &of->position) == 0;
}

/* The rows that the record joins, where there is room. */
static int find_rows(struct sl_late_rows *late, const struct sl_lane *of, const struct sl_origin *origin,
                     struct sl_rows **ret)
{
    struct sl_late_lane **open = &late->open[of->task->worker];
    int r = 0;
    if (!is_of(*open, of, origin)) {
        r = *open ? sl_row_buffer_end(&late->buffers, &(*open)->rows, of->task) : 0;
        r = r < 0 ? r : open_lane(late, of, origin, open);
    }
    r = r < 0 ? r : sl_row_buffer_make_room(&late->buffers, &(*open)->rows, of->task);
    if (r == 0)
        *ret = (*open)->rows.rows;
    return r;
}

static int append(struct sl_rows *rows, const struct sl_field *fields, uint32_t width, int64_t time)
{
    struct sl_field copy[SL_WIDTH_MAX];
    for (uint32_t c = 0; c < width; c++)
        if (!sl_field_copy(&rows->arena, &fields[c], &copy[c]))
            return SL_ENOMEM;
    return sl_rows_append_timed(rows, copy, width, time);
}

int sl_late_rows_add(struct sl_late_rows *late, const struct sl_lane *lane, const struct sl_chunk *in,
                     uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_rows *rows;
    int r = find_rows(late, lane, in->origin, &rows);
    sl_chunk_row(in, row, fields);
    return r < 0 ? r : append(rows, fields, in->width, sl_chunk_time(in, row));
}

int sl_late_rows_add_candidate(struct sl_late_rows *late, const struct sl_lane *lane,
                               const struct sl_chunk *in, uint32_t row, int64_t *ret_number)
{
    int64_t number = (int64_t)atomic_fetch_add_explicit(&late->numbers, 1, memory_order_relaxed);
    int64_t time = sl_chunk_time(in, row);
    struct sl_field record[SL_WIDTH_MAX];
    struct sl_rows *rows;
    int r = find_rows(late, lane, in->origin, &rows);
    sl_chunk_row(in, row, record);
    const struct sl_field fields[CANDIDATE_FIELDS] = {sl_integer(number),
                                                      sl_integer(in->line ? in->line[row] : SL_NO_LINE),
                                                      sl_integer(time), sl_list(record, in->width)};
    *ret_number = number;
    return r < 0 ? r : append(rows, fields, CANDIDATE_FIELDS, time);
}

/* ---- which of them are late ---- */

int sl_late_rows_open_marks(struct sl_late_rows *late)
{
    uint64_t count = atomic_load_explicit(&late->numbers, memory_order_relaxed);
    late->mark = count ? calloc(count / MARK_BITS + 1, sizeof *late->mark) : NULL;
    return late->mark || !count ? 0 : SL_ENOMEM;
}

void sl_late_rows_mark(struct sl_late_rows *late, int64_t number)
{
    atomic_fetch_or_explicit(&late->mark[(uint64_t)number / MARK_BITS],
                             UINT64_C(1) << (uint64_t)number % MARK_BITS, memory_order_relaxed);
}

static bool is_marked(const struct sl_late_rows *late, int64_t number)
{
    uint64_t word = atomic_load_explicit(&late->mark[(uint64_t)number / MARK_BITS], memory_order_relaxed);
    return word >> (uint64_t)number % MARK_BITS & 1;
}

static int compare(const void *a, const void *b)
{
    const struct sl_late_lane *x = *(struct sl_late_lane *const *)a, *y = *(struct sl_late_lane *const *)b;
    int order = sl_position_compare(&x->position, &y->position);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static void sort_lanes(struct sl_late_rows *late)
{
    if (late->lanes)
        qsort(late->lane, late->lanes, sizeof(struct sl_late_lane *), compare);
}

struct settling {
    struct sl_late_rows *late;
    struct sl_stage *stage;
    struct sl_late_lane *kept; /* NULL: none stay */
};

static int report(struct sl_stage *stage, const struct sl_late_lane *lane, const struct sl_field *fields)
{
    struct sl_task *task = &stage->tasks[0];
    uint32_t ordinal = task->ordinal;
    task->ordinal = lane->ordinal;
    task->event_ms = fields[2].integer;
    int r = task->sink->late(task->sink, task, stage->node->number, fields[3].items, fields[3].len,
                             lane->origin, (uint32_t)fields[1].integer);
    task->event_ms = SL_NO_TIME;
    task->ordinal = ordinal;
    return r;
}

static int settle_row(const struct settling *settling, const struct sl_late_lane *lane,
                      const struct sl_field *fields)
{
    struct sl_row_buffer *kept = settling->kept ? &settling->kept->rows : NULL;
    struct sl_stage *stage = settling->stage;
    int r = 0;
    if (!is_marked(settling->late, fields[0].integer))
        return 0;
    if (stage->reports_late)
        r = report(stage, lane, fields);
    if (r < 0 || !kept)
        return r;
    r = sl_row_buffer_make_room(&settling->late->buffers, kept, &stage->tasks[0]);
    return r < 0 ? r : append(kept->rows, fields[3].items, fields[3].len, fields[2].integer);
}

static int settle_lane(const struct settling *settling, const struct sl_late_lane *lane)
{
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_dataset *dataset = sl_dataset_new(1);
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = dataset ? sl_row_buffer_show(&lane->rows, dataset, 0) : SL_ENOMEM;
    if (r == 0)
        sl_cursor_pass(&cursor, dataset, &block);
    while (r == 0 && sl_cursor_next(&cursor, fields, &width))
        r = settle_row(settling, lane, fields);
    sl_dataset_unref(dataset);
    return r;
}

/* The candidates are replaced by those that stay. */
static int replace_lanes(struct sl_late_rows *late, struct sl_late_lane *kept)
{
    for (size_t i = 0; i < late->lanes; i++)
        lane_free(late->lane[i]);
    late->lanes = 0;
    return kept ? enter_lane(late, kept) : 0;
}

int sl_late_rows_settle(struct sl_late_rows *late, struct sl_stage *stage, bool keeps)
{
    struct sl_late_lane *kept = keeps && late->lanes ? calloc(1, sizeof *kept) : NULL;
    const struct settling settling = {late, stage, kept};
    int r = !keeps || !late->lanes || (kept && sl_row_buffer_init(&kept->rows, NULL) == 0) ? 0 : SL_ENOMEM;
    stage->tasks[0].err = stage->err;
    sort_lanes(late);
    for (size_t i = 0; r == 0 && i < late->lanes; i++)
        r = settle_lane(&settling, late->lane[i]);
    r = r < 0 ? r : replace_lanes(late, kept);
    if (r < 0 && kept)
        lane_free(kept);
    return r;
}

int sl_late_rows_dataset(struct sl_late_rows *late, struct sl_dataset **ret)
{
    struct sl_dataset *dataset = sl_dataset_new(1);
    int r = dataset ? 0 : SL_ENOMEM;
    sort_lanes(late);
    for (size_t i = 0; r == 0 && i < late->lanes; i++)
        r = sl_row_buffer_show(&late->lane[i]->rows, dataset, 0);
    if (r < 0) {
        sl_dataset_unref(dataset);
        return r;
    }
    *ret = dataset;
    return 0;
}
