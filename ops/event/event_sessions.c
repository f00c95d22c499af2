/* Sessions: records of one key with no gap between them.
 *
 * A key's open sessions are one cell of a timed map: a list of {start, last, state}, in order; one that has failed stays open,
 * and is left out. A batch first gives out
 * the sessions that the watermark has passed; then the records it brought, in the order of their times, join what they
 * reach: a record within the gap of a session, or of another record, belongs to it, and sessions that a record joins
 * become one. Records that are so old that a session of their own would be closed already, and that reach no open one,
 * are late. */
#include "core/base/array.h"
#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"
#include "ops/event/event_reduce.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>

struct row {
    int64_t start, stop;
    struct sl_field key;
    struct sl_field value; /* as finished */
    bool final;
};

/* Records of a key with times in [from, to] are late. */
struct late_span {
    struct sl_field key;
    int64_t from, to;
};

/* What one part of the map gives in a batch. */
struct part {
    struct sl_arena arena;
    struct row *row;
    size_t rows, rows_capacity;
    struct sl_rows *left_out;
    struct late_span *late;
    size_t lates, lates_capacity;
    const struct sl_group_entry **group; /* of the batch, in the order of keys */
    size_t groups, groups_capacity;
};

struct batch {
    struct sl_stage *stage;
    struct part *part; /* [SL_PARTS] */
};

struct session {
    int64_t start, last;
    struct sl_group_entry group; /* its key has no more than flags */
    bool has_state;
    bool was_open; /* before this batch */
};

static struct sl_event_reduce *reduce_of(const struct batch *batch)
{
    return batch->stage->state;
}

static int64_t gap_of(const struct batch *batch)
{
    return reduce_of(batch)->windows.gap;
}

/* ---- what comes out ---- */

static int leave_out(const struct batch *batch, struct part *part, const struct sl_field *key,
                     const struct session *session)
{
    return sl_event_leave_out(&part->left_out, session->start, session->last + gap_of(batch), key);
}

/* maxErrorRate judges the batch that brought what failed. */
static int reject_session(const struct batch *batch, struct sl_task *task, const struct sl_field *key,
                          const struct session *session, bool final)
{
    const struct sl_reducer *reducer = reduce_of(batch)->reducer;
    bool failed = sl_entry_has_failed(&session->group);
    task->is_counted_elsewhere = final || failed;
    int r = failed ? sl_failed_group_report(batch->stage, task, key, &session->group.state)
                   : sl_task_reject_group(task, batch->stage->node->number, key, NULL,
                                          sl_reducer_records(reducer, &session->group.state));
    task->is_counted_elsewhere = false;
    return r;
}

static int add_row(const struct batch *batch, struct sl_task *task, struct part *part,
                   const struct sl_field *key, const struct session *session, bool final)
{
    const struct sl_event_reduce *reduce = reduce_of(batch);
    struct row *grown = sl_array_grow(part->row, part->rows, &part->rows_capacity, sizeof *grown);
    struct sl_field value = sl_nil();
    if (!grown)
        return SL_ENOMEM;
    part->row = grown;
    int r = sl_entry_has_failed(&session->group)
                ? SL_EGROUP
                : reduce->reducer->ops->finish(reduce->reducer, task, &session->group.state, &value);
    if (r == SL_EREJECT || r == SL_EGROUP) {
        r = leave_out(batch, part, key, session);
        return r < 0 ? r : reject_session(batch, task, key, session, final);
    }
    struct row *row = &grown[part->rows];
    *row = (struct row){.start = session->start, .stop = session->last + gap_of(batch), .final = final};
    if (r < 0 || !sl_field_copy(&part->arena, key, &row->key) ||
        !sl_field_copy(&part->arena, &value, &row->value))
        return r < 0 ? r : SL_ENOMEM;
    part->rows++;
    return 0;
}

static int add_late(struct part *part, const struct sl_field *key, int64_t from, int64_t to)
{
    struct late_span *grown = sl_array_grow(part->late, part->lates, &part->lates_capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    part->late = grown;
    grown[part->lates++] = (struct late_span){*key, from, to};
    return 0;
}

/* ---- a key's sessions ---- */

static int read_sessions(const struct batch *batch, struct sl_task *task, const struct sl_field *list,
                         struct session **ret, uint32_t *ret_count)
{
    const struct sl_reducer *reducer = reduce_of(batch)->reducer;
    struct session *session = sl_arena_alloc(task->scratch, (list->len + 1) * sizeof *session);
    int r = session ? 0 : SL_ENOMEM;
    for (uint32_t i = 0; r == 0 && i < list->len; i++) {
        const struct sl_field *field = list->items[i].items;
        bool has_failed = list->items[i].len == SL_FAILED_SESSION_FIELDS;
        session[i] = (struct session){
            .start = field[0].integer, .last = field[1].integer, .has_state = true, .was_open = true};
        r = sl_entry_decode(reducer, task, task->scratch, &field[2], has_failed, &session[i].group);
    }
    *ret = session;
    *ret_count = list->len;
    return r;
}

/* Puts them into the cell, due when the first of them stops; none: the cell is removed. */
static int write_sessions(const struct batch *batch, struct sl_task *task, unsigned number,
                          struct sl_state_entry *cell, const struct session *session, uint32_t count)
{
    struct sl_event_memory *memory = batch->stage->memory;
    const struct sl_reducer *reducer = reduce_of(batch)->reducer;
    struct sl_field *list = sl_arena_alloc(task->scratch, (count + 1) * sizeof *list);
    struct sl_field *field =
        sl_arena_alloc(task->scratch, SL_FAILED_SESSION_FIELDS * (size_t)(count + 1) * sizeof *field);
    int64_t due_ms = INT64_MAX;
    int r = list && field ? 0 : SL_ENOMEM;
    if (count == 0)
        return cell->exists ? sl_state_shard_remove(&memory->sessions.map.part[number], cell) : 0;
    for (uint32_t i = 0; r == 0 && i < count; i++, field += SL_FAILED_SESSION_FIELDS) {
        bool has_failed = sl_entry_has_failed(&session[i].group);
        field[0] = sl_integer(session[i].start);
        field[1] = sl_integer(session[i].last);
        field[3] = sl_boolean(true);
        list[i] = sl_list(field, has_failed ? SL_FAILED_SESSION_FIELDS : SL_SESSION_FIELDS);
        if (session[i].last + gap_of(batch) < due_ms)
            due_ms = session[i].last + gap_of(batch);
        r = sl_entry_encode(reducer, task, &session[i].group, &field[2]);
    }
    struct sl_field value = sl_list(list, count);
    return r < 0 ? r : sl_timed_map_put(&memory->sessions, number, cell, &value, due_ms);
}

static bool is_closed(const struct batch *batch, const struct session *session)
{
    return batch->stage->watermark_ms != SL_NO_TIME &&
           session->last + gap_of(batch) < batch->stage->watermark_ms;
}

/* Sessions of one cell that the watermark has passed are given out. */
static int close_cell(const struct batch *batch, struct sl_task *task, struct part *part, unsigned number,
                      struct sl_state_entry *cell)
{
    bool shows = reduce_of(batch)->windows.emit != SL_EMIT_UPDATES && !reduce_of(batch)->gives_late;
    struct session *session;
    uint32_t count, kept = 0;
    int r = read_sessions(batch, task, &cell->value, &session, &count);
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        if (!is_closed(batch, &session[i]))
            session[kept++] = session[i];
        else if (shows)
            r = add_row(batch, task, part, &cell->key, &session[i], true);
    }
    return r < 0 ? r : write_sessions(batch, task, number, cell, session, kept);
}

/* ---- records join ---- */

/* A session and records, or records alone, that reach each other. */
struct cluster {
    struct session session;
    uint32_t from, to; /* of the values */
    bool any;
};

/* The states of two sessions, the older first. */
static int join_states(const struct batch *batch, struct sl_task *task, struct session *to,
                       const struct session *from)
{
    const struct sl_reducer *reducer = reduce_of(batch)->reducer;
    if (!from->has_state)
        return 0;
    if (!to->has_state) {
        to->group = from->group;
        to->has_state = true;
        return 0;
    }
    return sl_entry_combine(reducer, task, task->scratch, &to->group, &from->group);
}

/* The cluster is complete: a session, or late records. */
static int end_cluster(const struct batch *batch, struct sl_task *task, struct part *part,
                       const struct sl_field *key, const struct sl_field *value,
                       const struct cluster *cluster, struct session *ret, uint32_t *count)
{
    const struct sl_event_reduce *reduce = reduce_of(batch);
    struct session session = cluster->session, fresh = {.has_state = false};
    int64_t stop = session.last + gap_of(batch);
    bool late =
        !session.was_open && batch->stage->watermark_ms != SL_NO_TIME && stop <= batch->stage->watermark_ms;
    if (late)
        return add_late(part, key, session.start, session.last);
    int r = sl_event_fold(batch->stage, task, task->scratch, key, value, cluster->from, cluster->to,
                          &fresh.group, &fresh.has_state);
    r = r < 0 ? r : join_states(batch, task, &session, &fresh);
    if (r < 0 || !session.has_state)
        return r;
    ret[(*count)++] = session;
    bool changed = cluster->to > cluster->from;
    if (changed && sl_entry_has_failed(&session.group) && !reduce->gives_late)
        sl_failed_group_postpone(batch->stage, task, &session.group.state);
    bool shows = changed && reduce->windows.emit != SL_EMIT_FINAL && !reduce->gives_late;
    return shows ? add_row(batch, task, part, key, &session, false) : 0;
}

static void enter(struct cluster *cluster, int64_t start, int64_t last, uint32_t value)
{
    if (!cluster->any)
        *cluster = (struct cluster){
            .session = {.start = start, .last = last}, .from = value, .to = value, .any = true};
    if (start < cluster->session.start)
        cluster->session.start = start;
    if (last > cluster->session.last)
        cluster->session.last = last;
}

/* Sessions and values side by side, by time. */
static int sweep(const struct batch *batch, struct sl_task *task, struct part *part,
                 const struct sl_field *key, const struct session *open, uint32_t opens,
                 const struct sl_field *value, uint32_t values, struct session *ret, uint32_t *ret_count)
{
    struct cluster cluster = {.any = false};
    uint32_t o = 0, v = 0;
    int r = 0;
    *ret_count = 0;
    while (r == 0 && (o < opens || v < values)) {
        bool takes_open = o < opens && (v == values || open[o].start <= value[v].items[0].integer);
        int64_t start = takes_open ? open[o].start : value[v].items[0].integer;
        int64_t last = takes_open ? open[o].last : start;
        if (cluster.any && start - cluster.session.last > gap_of(batch)) {
            r = end_cluster(batch, task, part, key, value, &cluster, ret, ret_count);
            cluster.any = false;
        }
        enter(&cluster, start, last, v);
        if (takes_open) {
            cluster.session.was_open = true;
            r = r < 0 ? r : join_states(batch, task, &cluster.session, &open[o++]);
        } else {
            cluster.to = ++v;
        }
    }
    return r == 0 && cluster.any ? end_cluster(batch, task, part, key, value, &cluster, ret, ret_count) : r;
}

static int join_key(const struct batch *batch, struct sl_task *task, struct part *part, unsigned number,
                    const struct sl_group_entry *group)
{
    struct sl_event_memory *memory = batch->stage->memory;
    uint64_t hash = sl_field_hash(&group->key, task->seed);
    struct sl_state_entry *cell =
        sl_state_shard_find(&memory->sessions.map.part[number], &group->key, (uint32_t)hash);
    struct session *open = NULL, *joined;
    const struct sl_field *value;
    uint32_t opens = 0, values, count;
    int r = cell ? sl_event_values(task, &group->state, &value, &values) : SL_ENOMEM;
    if (r == 0 && cell->exists)
        r = read_sessions(batch, task, &cell->value, &open, &opens);
    joined = r == 0 ? sl_arena_alloc(task->scratch, (opens + (size_t)values + 1) * sizeof *joined) : NULL;
    r = r < 0 ? r : joined ? 0 : SL_ENOMEM;
    r = r < 0 ? r : sweep(batch, task, part, &group->key, open, opens, value, values, joined, &count);
    return r < 0 ? r : write_sessions(batch, task, number, cell, joined, count);
}

static int run_part(void *arg, size_t number, struct sl_task *task)
{
    const struct batch *batch = arg;
    struct sl_event_memory *memory = batch->stage->memory;
    struct part *part = &batch->part[number];
    int64_t until = batch->stage->watermark_ms;
    struct sl_state_entry *cell;
    int r = 0;
    while (r == 0 && until != SL_NO_TIME &&
           (cell = sl_timed_map_take_due(&memory->sessions, (unsigned)number, until))) {
        sl_arena_reset(task->scratch);
        r = close_cell(batch, task, part, (unsigned)number, cell);
    }
    for (size_t i = 0; r == 0 && i < part->groups; i++) {
        sl_arena_reset(task->scratch);
        r = join_key(batch, task, part, (unsigned)number, part->group[i]);
    }
    return r;
}

/* ---- the batch ---- */

static int deal_groups(struct batch *batch, const struct sl_sorted_groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        uint64_t hash = sl_field_hash(&groups->entry[i].key, batch->stage->tasks[0].seed);
        struct part *part = &batch->part[sl_state_map_number(hash)];
        const struct sl_group_entry **grown =
            sl_array_grow(part->group, part->groups, &part->groups_capacity, sizeof *grown);
        if (!grown)
            return SL_ENOMEM;
        part->group = grown;
        part->group[part->groups++] = &groups->entry[i];
    }
    return 0;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->stop != y->stop)
        return x->stop < y->stop ? -1 : 1;
    int order = sl_field_compare(&x->key, &y->key);
    return order ? order : y->final - x->final;
}

static int append_row(struct sl_stage *stage, struct sl_rows *rows, const struct row *row)
{
    const struct sl_event_reduce *reduce = stage->state;
    struct sl_field fields[SL_WIDTH_MAX] = {sl_integer(row->start), sl_integer(row->stop)};
    uint32_t count = 2;
    bool is_record =
        reduce->by_key.shape == SL_FORM_KEY && row->key.tag == SL_LIST && row->key.flags & SL_FIELD_ROW;
    if (is_record && row->key.len > SL_WIDTH_MAX - 3) {
        sl_task_explain(&stage->tasks[0],
                        "%s: with start and stop the record has %u fields; a record has at most %d",
                        stage->node->op->name, (unsigned)row->key.len + 2, SL_WIDTH_MAX);
        stage->tasks[0].is_counted_elsewhere = row->final;
        int r = sl_task_reject_group(&stage->tasks[0], stage->node->number, &row->key, &row->value, 0);
        stage->tasks[0].is_counted_elsewhere = false;
        return r;
    }
    for (uint32_t i = 0; is_record && i < row->key.len; i++)
        fields[count++] = row->key.items[i];
    if (!is_record && reduce->by_key.shape != SL_FORM_VALUE) {
        fields[count] = row->key;
        fields[count++].flags = 0;
    }
    if (reduce->by_key.shape != SL_FORM_KEY)
        fields[count++] = row->value;
    if (reduce->windows.emit == SL_EMIT_BOTH)
        fields[count++] = sl_boolean(row->final);
    return sl_rows_append_row(rows, fields, count);
}

/* All parts' rows in the order of start, stop, key. */
static int show(struct batch *batch, struct sl_dataset **ret)
{
    struct sl_rows *rows = sl_rows_new();
    size_t count = 0, at = 0;
    for (unsigned p = 0; p < SL_PARTS; p++)
        count += batch->part[p].rows;
    const struct row **list = malloc((count + 1) * sizeof *list);
    int r = rows && list ? 0 : SL_ENOMEM;
    for (unsigned p = 0; r == 0 && p < SL_PARTS; p++)
        for (size_t i = 0; i < batch->part[p].rows; i++)
            list[at++] = &batch->part[p].row[i];
    if (r == 0)
        qsort(list, count, sizeof *list, compare_rows);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = append_row(batch->stage, rows, list[i]);
    for (unsigned p = 0; r == 0 && p < SL_PARTS; p++)
        sl_arena_adopt(&rows->arena, &batch->part[p].arena);
    free(list);
    if (r < 0) {
        sl_rows_unref(rows);
        return r;
    }
    *ret = sl_dataset_of(rows);
    return *ret ? 0 : SL_ENOMEM;
}

static bool is_in_span(const struct batch *batch, const struct sl_late_row *row)
{
    const struct sl_event_reduce *reduce = reduce_of(batch);
    struct sl_field key = sl_nil();
    if (reduce->key_of == SL_KEY_RECORD && row->width > 1)
        key = sl_list(row->field, row->width);
    else if (reduce->key_of != SL_KEY_NONE && !(reduce->gives_late && row->width < 2))
        key = row->field[0];
    const struct part *part =
        &batch->part[sl_state_map_number(sl_field_hash(&key, batch->stage->tasks[0].seed))];
    for (size_t i = 0; i < part->lates; i++) {
        const struct late_span *late = &part->late[i];
        if (late->from <= row->time && row->time <= late->to && sl_field_equals(&late->key, &key))
            return true;
    }
    return false;
}

/* Of the candidates those that are late stay, in the order of the input, and are counted. */
static int settle_late(struct batch *batch)
{
    struct sl_late_rows *late = &reduce_of(batch)->late;
    size_t kept = 0;
    int r = 0;
    sl_late_rows_sort(late);
    for (size_t i = 0; r == 0 && i < late->count; i++) {
        if (!is_in_span(batch, &late->row[i]))
            continue;
        if (batch->stage->reports_late)
            r = sl_late_rows_report(late, i, batch->stage);
        late->row[kept++] = late->row[i];
    }
    late->count = kept;
    return r;
}

static void batch_done(struct batch *batch)
{
    for (unsigned p = 0; batch->part && p < SL_PARTS; p++) {
        sl_arena_done(&batch->part[p].arena);
        free(batch->part[p].row);
        free(batch->part[p].late);
        free(batch->part[p].group);
    }
    free(batch->part);
}

int sl_event_sessions_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct batch batch = {stage, calloc(SL_PARTS, sizeof *batch.part)};
    struct sl_sorted_groups *groups = NULL;
    int r = batch.part ? 0 : SL_ENOMEM;
    if (r == 0 && !stage->services->durable)
        r = sl_timed_map_forget_changes(&memory->sessions, stage);
    r = r < 0 ? r : sl_aggregate_finish(&reduce->by_key.aggregate, &groups);
    r = r < 0 ? r : deal_groups(&batch, groups);
    r = r < 0 ? r : sl_stage_run(stage, SL_PARTS, run_part, &batch);
    r = r < 0 ? r : settle_late(&batch);
    r = r < 0 ? r : show(&batch, ret);
    for (unsigned p = 0; batch.part && p < SL_PARTS; p++) {
        int noted = sl_event_left_out(memory, batch.part[p].left_out);
        r = r < 0 ? r : noted;
    }
    sl_sorted_groups_unref(groups);
    batch_done(&batch);
    if (r < 0)
        return r;
    memory->due_ms = sl_timed_map_next_due(&memory->sessions);
    stage->said = stage->has_input || (*ret)->count;
    return 0;
}
