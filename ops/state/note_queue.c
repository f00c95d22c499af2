#include "ops/state/note_queue.h"

#include "core/base/array.h"
#include "core/base/error.h"

#include <stdlib.h>

enum { BYTES_MIN = 64 << 10 };

void sl_note_queue_init(struct sl_note_queue *queue, struct sl_spill *spill, size_t bytes)
{
    *queue = (struct sl_note_queue){.runs = {.spill = spill, .is_unsearched = true},
                                    .is_sorted = true,
                                    .bytes_max = bytes > BYTES_MIN ? bytes : BYTES_MIN,
                                    .earliest = INT64_MAX};
}

void sl_note_queue_done(struct sl_note_queue *queue)
{
    sl_state_reader_close(queue->reader);
    sl_state_runs_done(&queue->runs);
    free(queue->note);
    sl_arena_done(&queue->keys);
    *queue = (struct sl_note_queue){0};
}

size_t sl_note_queue_bytes(const struct sl_note_queue *queue)
{
    return queue->keys.bytes + queue->capacity * sizeof *queue->note;
}

static int compare_notes(const void *a, const void *b)
{
    const struct sl_note *x = a, *y = b;
    return x->t != y->t ? (x->t > y->t) - (x->t < y->t) : sl_field_compare(&x->key, &y->key);
}

static void sort_notes(struct sl_note_queue *queue)
{
    if (!queue->is_sorted)
        qsort(queue->note + queue->at, queue->count - queue->at, sizeof *queue->note, compare_notes);
    queue->is_sorted = true;
}

static void forget_notes(struct sl_note_queue *queue)
{
    queue->at = queue->count = 0;
    queue->is_sorted = true;
    sl_arena_reset(&queue->keys);
}

/* ---- reading runs ---- */

static int open_reader(struct sl_note_queue *queue, struct sl_error *err)
{
    if (queue->reader || !queue->runs.count)
        return 0;
    return sl_state_reader_open(&queue->runs, 0, queue->runs.count, &queue->reader) < 0 ? sl_error_nomem(err)
                                                                                        : 0;
}

static void close_reader(struct sl_note_queue *queue)
{
    if (queue->reader)
        sl_state_reader_pass(queue->reader, &queue->runs, !queue->stored);
    sl_state_reader_close(queue->reader);
    queue->reader = NULL;
    queue->stored = NULL;
}

/* ---- rows: the key is the list {t, key} ---- */

static struct sl_note note_of(const struct sl_stored_cell *stored)
{
    return (struct sl_note){stored->key.items[0].integer, stored->key.items[1]};
}

static int write_note(struct sl_state_run_writer *writer, const struct sl_note *note, struct sl_error *err)
{
    const struct sl_field items[2] = {sl_integer(note->t), note->key};
    struct sl_stored_cell cell = {.key = sl_list(items, 2), .changed_ms = INT64_MIN, .exists = true};
    return sl_state_run_add(writer, &cell, err);
}

static int write_run(struct sl_note_queue *queue, struct sl_error *err)
{
    struct sl_state_run_writer *writer;
    int r = sl_state_run_begin(&queue->runs, queue->count - queue->at, &writer, err);
    if (r < 0)
        return r;
    for (size_t i = queue->at; i < queue->count && r == 0; i++)
        if (i == queue->at || compare_notes(&queue->note[i - 1], &queue->note[i]) < 0)
            r = write_note(writer, &queue->note[i], err);
    if (r == 0)
        return sl_state_run_end(writer, err);
    sl_state_run_give_up(writer);
    return r;
}

/* What is in memory becomes a run. */
static int make_room(struct sl_note_queue *queue, struct sl_error *err)
{
    close_reader(queue);
    sort_notes(queue);
    int r = write_run(queue, err);
    if (r < 0)
        return r;
    forget_notes(queue);
    sl_arena_done(&queue->keys); /* a reset would keep a block, which may be all that the queue may hold */
    return sl_state_runs_merge(&queue->runs, true, err);
}

/* ---- adding ---- */

static int append_note(struct sl_note_queue *queue, int64_t t, const struct sl_field *key)
{
    struct sl_note *note = sl_array_grow(queue->note, queue->count, &queue->capacity, sizeof *note);
    if (!note)
        return SL_ENOMEM;
    queue->note = note;
    note += queue->count;
    if (!sl_field_copy(&queue->keys, key, &note->key))
        return SL_ENOMEM;
    note->t = t;
    queue->is_sorted = queue->is_sorted && (queue->count == queue->at || compare_notes(note - 1, note) <= 0);
    queue->count++;
    queue->earliest = t < queue->earliest ? t : queue->earliest;
    return 0;
}

int sl_note_queue_add(struct sl_note_queue *queue, int64_t t, const struct sl_field *key,
                      struct sl_error *err)
{
    if (queue->at == queue->count)
        forget_notes(queue);
    if (append_note(queue, t, key) < 0)
        return sl_error_nomem(err);
    bool is_full = queue->keys.bytes + queue->count * sizeof *queue->note > queue->bytes_max;
    return is_full ? make_room(queue, err) : 0;
}

/* ---- taking ---- */

/* The reader's next note, if it has one, is `stored`. */
static int read_stored(struct sl_note_queue *queue, struct sl_error *err)
{
    int r = open_reader(queue, err);
    if (r < 0 || !queue->reader || queue->stored)
        return r;
    queue->stored = sl_state_reader_next(queue->reader);
    return sl_state_reader_failure(queue->reader, err);
}

int sl_note_queue_first(struct sl_note_queue *queue, struct sl_note *ret, struct sl_error *err)
{
    struct sl_note stored = {0};
    int r = read_stored(queue, err);
    if (r < 0)
        return r;
    sort_notes(queue);
    bool has_note = queue->at < queue->count, has_stored = queue->stored;
    if (has_stored)
        stored = note_of(queue->stored);
    int order = !has_stored ? -1 : !has_note ? 1 : compare_notes(&queue->note[queue->at], &stored);
    queue->is_in_memory = has_note && order <= 0;
    queue->is_on_disk = has_stored && order >= 0;
    if (!has_note && !has_stored)
        return 0;
    *ret = queue->is_in_memory ? queue->note[queue->at] : stored;
    return 1;
}

void sl_note_queue_take(struct sl_note_queue *queue)
{
    const struct sl_note *note = queue->note;
    sl_assert(queue->is_in_memory || queue->is_on_disk);
    if (queue->is_on_disk)
        queue->stored = NULL;
    if (queue->is_in_memory)
        queue->at++;
    while (queue->is_in_memory && queue->at < queue->count &&
           compare_notes(&note[queue->at - 1], &note[queue->at]) == 0)
        queue->at++;
    queue->is_in_memory = queue->is_on_disk = false;
}

int sl_note_queue_pause(struct sl_note_queue *queue, struct sl_error *err)
{
    struct sl_note first = {.t = INT64_MAX};
    int r = sl_note_queue_first(queue, &first, err);
    if (r < 0)
        return r;
    queue->earliest = first.t;
    close_reader(queue);
    if (queue->at == queue->count)
        forget_notes(queue);
    return 0;
}

bool sl_note_queue_is_empty(const struct sl_note_queue *queue)
{
    return queue->at == queue->count && !queue->runs.count;
}
