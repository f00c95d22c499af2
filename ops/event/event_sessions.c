/* Sessions: records of one key with no gap between them.
 *
 * A key's open sessions are one cell of a timed map: a list of {start, last, state}, in order; one that has failed stays open,
 * and is left out. A batch first gives out
 * the sessions that the watermark has passed; then the records it brought, in the order of their times, join what they
 * reach: a record within the gap of a session, or of another record, belongs to it, and sessions that a record joins
 * become one. Records that are so old that a session of their own would be closed already, and that reach no open one,
 * are late. */
#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"
#include "ops/event/brought_keys.h"
#include "ops/event/event_reduce.h"
#include "ops/event/sorted_result.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>

struct batch {
    struct sl_stage *stage;
    struct sl_sorted_result result;
    struct sl_brought_keys brought;
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

/* maxErrorRate judges the batch that brought what failed. */
static int reject_session(const struct batch *batch, struct sl_task *task, const struct sl_field *key,
                          const struct session *session, bool final)
{
    const struct sl_reducer *reducer = reduce_of(batch)->reducer;
    bool failed = sl_entry_has_failed(&session->group);
    sl_event_report_begin(task, session->start, session->last + gap_of(batch), final || failed);
    int r = failed ? sl_failed_group_report(batch->stage, task, key, &session->group.state)
                   : sl_task_reject_group(task, batch->stage->node->number, key, NULL,
                                          sl_reducer_records(reducer, &session->group.state));
    sl_event_report_end(task);
    return r;
}

static int add_row(const struct batch *batch, struct sl_task *task, struct sl_result_part *part,
                   const struct sl_field *key, const struct session *session, bool final)
{
    const struct sl_event_reduce *reduce = reduce_of(batch);
    struct sl_field value[SL_RESULT_VALUES] = {sl_nil(), sl_nil()};
    int r = sl_entry_has_failed(&session->group)
                ? SL_EGROUP
                : reduce->reducer->ops->finish(reduce->reducer, task, &session->group.state, &value[0]);
    if (r == SL_EREJECT || r == SL_EGROUP) {
        r = sl_event_leave_out(batch->stage, task, session->start, session->last + gap_of(batch), key);
        return r < 0 ? r : reject_session(batch, task, key, session, final);
    }
    const struct sl_field by[SL_RESULT_KEYS] = {sl_integer(session->start),
                                                sl_integer(session->last + gap_of(batch)), *key};
    value[1] = sl_boolean(final);
    return r < 0 ? r : sl_result_part_add(part, by, value);
}

/* A session of their own would be closed: all of them are candidates (ops/event/late_rows.h). */
static void mark_late(const struct batch *batch, const struct sl_field *value, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        sl_assert(value[i].len == SL_CANDIDATE_VALUE_FIELDS);
        sl_late_rows_mark(&reduce_of(batch)->late, value[i].items[2].integer);
    }
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
static int close_cell(void *arg, struct sl_task *task, unsigned number, struct sl_state_entry *cell)
{
    struct batch *batch = arg;
    bool shows = reduce_of(batch)->windows.emit != SL_EMIT_UPDATES && !reduce_of(batch)->gives_late;
    struct session *session;
    uint32_t count, kept = 0;
    int r = read_sessions(batch, task, &cell->value, &session, &count);
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        if (!is_closed(batch, &session[i]))
            session[kept++] = session[i];
        else if (shows)
            r = add_row(batch, task, &batch->result.part[number], &cell->key, &session[i], true);
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
static int end_cluster(const struct batch *batch, struct sl_task *task, struct sl_result_part *part,
                       const struct sl_field *key, const struct sl_field *value,
                       const struct cluster *cluster, struct session *ret, uint32_t *count)
{
    const struct sl_event_reduce *reduce = reduce_of(batch);
    struct session session = cluster->session, fresh = {.has_state = false};
    int64_t stop = session.last + gap_of(batch);
    bool late =
        !session.was_open && batch->stage->watermark_ms != SL_NO_TIME && stop <= batch->stage->watermark_ms;
    if (late) {
        mark_late(batch, value, cluster->from, cluster->to);
        return 0;
    }
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
static int sweep(const struct batch *batch, struct sl_task *task, struct sl_result_part *part,
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

static int join_key(struct batch *batch, struct sl_task *task, unsigned number,
                    const struct sl_brought_key *brought)
{
    struct sl_event_memory *memory = batch->stage->memory;
    struct sl_state_entry *cell;
    struct session *open = NULL, *joined;
    struct sl_field list;
    const struct sl_field *value;
    uint32_t opens = 0, values, count;
    int r = sl_state_map_find(&memory->sessions.map, task, brought->key, brought->hash, &cell);
    r = r < 0 ? r : sl_brought_key_list(brought, 0, task, &list);
    r = r < 0 ? r : sl_event_values(task, &list, &value, &values);
    if (r == 0 && cell->exists)
        r = read_sessions(batch, task, &cell->value, &open, &opens);
    joined = r == 0 ? sl_arena_alloc(task->scratch, (opens + (size_t)values + 1) * sizeof *joined) : NULL;
    r = r < 0 ? r : joined ? 0 : SL_ENOMEM;
    r = r < 0 ? r
              : sweep(batch, task, &batch->result.part[number], brought->key, open, opens, value, values,
                      joined, &count);
    return r < 0 ? r : write_sessions(batch, task, number, cell, joined, count);
}

static int join_part(void *arg, size_t number, struct sl_task *task)
{
    struct batch *batch = arg;
    const struct sl_brought_part *part = &batch->brought.part[number];
    int r = 0;
    for (size_t i = 0; r == 0 && i < part->keys; i++) {
        sl_arena_reset(task->scratch);
        r = join_key(batch, task, (unsigned)number, &part->key[i]);
    }
    return r;
}

/* ---- the batch ---- */

static int append_fields(const struct sl_event_reduce *reduce, const struct sl_result_row *row,
                         struct sl_field *fields, uint32_t *count)
{
    const struct sl_field *key = &row->by[2];
    bool is_record = reduce->by_key.shape == SL_FORM_KEY && key->tag == SL_LIST && key->flags & SL_FIELD_ROW;
    if (is_record && key->len > SL_WIDTH_MAX - 3)
        return SL_EREJECT;
    for (uint32_t i = 0; is_record && i < key->len; i++)
        fields[(*count)++] = key->items[i];
    if (!is_record && reduce->by_key.shape != SL_FORM_VALUE) {
        fields[*count] = *key;
        fields[(*count)++].flags = 0;
    }
    if (reduce->by_key.shape != SL_FORM_KEY)
        fields[(*count)++] = row->value[0];
    if (reduce->windows.emit == SL_EMIT_BOTH)
        fields[(*count)++] = row->value[1];
    return 0;
}

static int make_row(struct sl_stage *stage, struct sl_task *task, const struct sl_result_row *row,
                    struct sl_field fields[SL_WIDTH_MAX], uint32_t *ret_width)
{
    uint32_t count = 2;
    fields[0] = row->by[0];
    fields[1] = row->by[1];
    int r = append_fields(stage->state, row, fields, &count);
    *ret_width = r == 0 ? count : 0;
    if (r == 0)
        return 0;
    sl_task_explain(task, "%s: with start and stop the record has %u fields; a record has at most %d",
                    stage->node->op->name, (unsigned)row->by[2].len + 2, SL_WIDTH_MAX);
    sl_event_report_begin(task, row->by[0].integer, row->by[1].integer, row->value[1].boolean);
    r = sl_task_reject_group(task, stage->node->number, &row->by[2], &row->value[0], 0);
    sl_event_report_end(task);
    return r;
}

static void batch_done(struct batch *batch)
{
    if (!batch)
        return;
    sl_brought_keys_done(&batch->brought);
    sl_sorted_result_done(&batch->result);
    free(batch);
}

static int batch_new(struct sl_stage *stage, struct batch **ret)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return SL_ENOMEM;
    batch->stage = stage;
    *ret = batch;
    return sl_sorted_result_init(&batch->result, stage);
}

static int give_room(void *arg)
{
    struct batch *batch = arg;
    return sl_sorted_result_make_room(&batch->result);
}

static int close_due(struct batch *batch)
{
    struct sl_event_memory *memory = batch->stage->memory;
    const struct sl_timed_map_work work = {close_cell, give_room, batch};
    return batch->stage->watermark_ms == SL_NO_TIME
               ? 0
               : sl_timed_map_visit_due(&memory->sessions, batch->stage, batch->stage->watermark_ms, &work);
}

/* Between rounds no cell is in use. */
static int join_brought(struct batch *batch)
{
    struct sl_event_memory *memory = batch->stage->memory;
    struct sl_aggregate *const aggregate = &reduce_of(batch)->by_key.aggregate;
    int r = sl_brought_keys_open(&batch->brought, batch->stage, &aggregate, 1);
    while (r == 0 && (r = sl_brought_keys_next(&batch->brought)) > 0) {
        r = sl_timed_map_make_room(&memory->sessions, batch->stage);
        r = r < 0 ? r : sl_stage_run(batch->stage, SL_PARTS, join_part, batch);
        r = r < 0 ? r : give_room(batch);
    }
    return r;
}

int sl_event_sessions_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_event_memory *memory = stage->memory;
    struct batch *batch = NULL;
    int r = batch_new(stage, &batch);
    r = r < 0 ? r : sl_late_rows_open_marks(&reduce->late);
    r = r < 0 ? r : sl_timed_map_bound(&memory->sessions, stage);
    if (r == 0 && !stage->services->durable)
        r = sl_timed_map_forget_changes(&memory->sessions, stage);
    r = r < 0 ? r : close_due(batch);
    r = r < 0 ? r : join_brought(batch);
    r = r < 0 ? r : sl_late_rows_settle(&reduce->late, stage, reduce->gives_late);
    r = r < 0 ? r : sl_sorted_result_show(&batch->result, make_row, ret);
    batch_done(batch);
    if (r < 0)
        return r;
    memory->due_ms = sl_timed_map_next_due(&memory->sessions);
    stage->said = stage->has_input || (*ret)->count;
    return 0;
}
