#include "ops/state/state_runs.h"

#include "core/base/array.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "ops/key/sorted_groups.h"
#include "text/row_codec.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_FIELDS = 5, BLOCK_ROWS = 128, BLOCK_BYTES = 64 << 10, FIRST_BYTES_MAX = 512 };

static void run_done(struct sl_state_run *run)
{
    sl_dataset_unref(run->rows);
    free(run->first);
    sl_arena_done(&run->keys);
    sl_key_filter_done(&run->filter);
    *run = (struct sl_state_run){0};
}

void sl_state_runs_done(struct sl_state_runs *runs)
{
    while (runs->count)
        run_done(&runs->run[--runs->count]);
}

void sl_state_runs_share(const struct sl_state_runs *runs, struct sl_state_runs *ret)
{
    *ret = (struct sl_state_runs){.spill = runs->spill, .seed = runs->seed, .is_unsearched = true};
    for (; ret->count < runs->count; ret->count++)
        ret->run[ret->count] = (struct sl_state_run){.rows = sl_dataset_ref(runs->run[ret->count].rows),
                                                     .passed = runs->run[ret->count].passed};
}

/* ---- rows ---- */

static void to_row(const struct sl_stored_cell *cell, struct sl_field row[ROW_FIELDS])
{
    row[0] = cell->key;
    row[1] = cell->value;
    row[2] = sl_integer(cell->seen_ms);
    row[3] = sl_integer(cell->changed_ms);
    row[4] = sl_boolean(cell->exists);
}

struct sl_stored_cell sl_stored_cell_of(const struct sl_field *row)
{
    return (struct sl_stored_cell){row[0], row[1], row[2].integer, row[3].integer, row[4].boolean};
}

static uint64_t rows_left(const struct sl_state_run *run)
{
    return run->rows->count - run->passed;
}

/* ---- making a run ---- */

struct sl_state_run_writer {
    struct sl_state_runs *runs;
    struct sl_spill_file *file;
    struct sl_state_run run;
    size_t capacity; /* of run.first */
    struct sl_buf block;
    uint32_t rows; /* of the block */
};

void sl_state_run_give_up(struct sl_state_run_writer *writer)
{
    if (!writer)
        return;
    if (writer->file)
        writer->runs->spill->ops->close(writer->file);
    sl_buf_done(&writer->block);
    run_done(&writer->run);
    free(writer);
}

int sl_state_run_begin(struct sl_state_runs *runs, uint64_t keys, struct sl_state_run_writer **ret,
                       struct sl_error *err)
{
    struct sl_state_run_writer *writer = calloc(1, sizeof *writer);
    sl_assert(runs->count < SL_STATE_RUNS_MAX);
    if (!writer)
        return sl_error_nomem(err);
    writer->runs = runs;
    writer->run.changed_ms = INT64_MIN;
    int r = runs->is_unsearched ? 0 : sl_key_filter_init(&writer->run.filter, keys);
    r = r < 0 ? sl_error_nomem(err) : runs->spill->ops->open(runs->spill, &writer->file, err);
    if (r < 0)
        sl_state_run_give_up(writer);
    else
        *ret = writer;
    return r;
}

static int end_block(struct sl_state_run_writer *writer, struct sl_error *err)
{
    int r = writer->rows ? writer->runs->spill->ops->block(writer->file, writer->block.bytes,
                                                           writer->block.len, writer->rows, err)
                         : 0;
    writer->rows = 0;
    writer->block.len = 0;
    return r;
}

/* The key, or what there is of it in memory where it is long. */
static int cut_key(const struct sl_field *key, struct sl_field *ret)
{
    struct sl_buf code SL_CLEANUP(sl_buf_done) = {0};
    if (!sl_row_codec_append(&code, key, 1))
        return SL_ENOMEM;
    *ret = *key;
    ret->flags = 0;
    if (code.len <= FIRST_BYTES_MAX)
        return 0;
    *ret = key->tag == SL_STR ? sl_string(key->str, FIRST_BYTES_MAX / 2) : sl_nil();
    ret->flags = SL_STATE_KEY_IS_CUT;
    return 0;
}

/* The key begins a block. */
static int keep_first(struct sl_state_run_writer *writer, const struct sl_field *key)
{
    struct sl_state_run *run = &writer->run;
    struct sl_field *first = sl_array_grow(run->first, run->blocks, &writer->capacity, sizeof *first), cut;
    if (!first)
        return SL_ENOMEM;
    run->first = first;
    if (cut_key(key, &cut) < 0 || !sl_field_copy(&run->keys, &cut, &first[run->blocks]))
        return SL_ENOMEM;
    run->blocks++;
    return 0;
}

/* What finds the key later. */
static int keep_key(struct sl_state_run_writer *writer, const struct sl_field *key)
{
    if (writer->runs->is_unsearched)
        return 0;
    sl_key_filter_add(&writer->run.filter, sl_field_hash(key, writer->runs->seed));
    return writer->rows ? 0 : keep_first(writer, key);
}

int sl_state_run_add(struct sl_state_run_writer *writer, const struct sl_stored_cell *cell,
                     struct sl_error *err)
{
    struct sl_field row[ROW_FIELDS];
    to_row(cell, row);
    if (keep_key(writer, &cell->key) < 0 || !sl_row_codec_append(&writer->block, row, ROW_FIELDS))
        return sl_error_nomem(err);
    if (cell->changed_ms > writer->run.changed_ms)
        writer->run.changed_ms = cell->changed_ms;
    bool is_full = ++writer->rows == BLOCK_ROWS || writer->block.len >= BLOCK_BYTES;
    return is_full ? end_block(writer, err) : 0;
}

/* The run is complete but not in the list. */
static int finish_run(struct sl_state_run_writer *writer, struct sl_error *err)
{
    struct sl_stored *stored;
    int r = end_block(writer, err);
    r = r < 0 ? r : writer->runs->spill->ops->end(writer->file, &stored, err);
    if (r < 0)
        return r;
    struct sl_rows *rows = sl_rows_stored(stored);
    writer->run.rows = sl_dataset_of(rows);
    return writer->run.rows ? 0 : sl_error_nomem(err);
}

int sl_state_run_end(struct sl_state_run_writer *writer, struct sl_error *err)
{
    struct sl_state_runs *runs = writer->runs;
    int r = finish_run(writer, err);
    if (r == 0) {
        runs->run[runs->count++] = writer->run;
        writer->run = (struct sl_state_run){0};
    }
    sl_state_run_give_up(writer);
    return r;
}

/* ---- reading in order ---- */

int sl_state_runs_cannot_be_read(struct sl_error *err)
{
    return sl_error_set(err, SL_EFAIL, "state that exceeds memoryLimit cannot be read");
}

struct source {
    struct sl_cursor cursor;
    struct sl_arena block;
    struct sl_stored_cell cell;
    uint64_t left;       /* rows that were not read yet */
    bool has, was_given; /* its cell is the one that the reader gave: the next one comes after it */
};

struct sl_state_reader {
    bool failed;
    size_t from, count;     /* of the list of runs */
    struct source source[]; /* the oldest first */
};

static void next_cell(struct sl_state_reader *reader, struct source *source)
{
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t width;
    source->was_given = false;
    source->has = sl_cursor_next(&source->cursor, row, &width);
    reader->failed = reader->failed || (!source->has && source->left);
    source->left -= source->has;
    if (source->has)
        source->cell = sl_stored_cell_of(row);
}

/* key: NULL, or where to begin. */
static void open_source(struct sl_state_reader *reader, struct source *source, const struct sl_state_run *run,
                        const struct sl_field *key)
{
    uint64_t first = key ? sl_first_record(run->rows, key) : 0;
    first = first > run->passed ? first : run->passed;
    source->left = run->rows->count - first;
    sl_cursor_pass(&source->cursor, run->rows, &source->block);
    sl_cursor_seek(&source->cursor, first);
    next_cell(reader, source);
}

static int open_reader(const struct sl_state_runs *runs, size_t from, size_t count,
                       const struct sl_field *key, struct sl_state_reader **ret)
{
    struct sl_state_reader *reader = calloc(1, sizeof *reader + count * sizeof reader->source[0]);
    if (!reader)
        return SL_ENOMEM;
    reader->from = from;
    reader->count = count;
    for (size_t i = 0; i < count; i++)
        open_source(reader, &reader->source[i], &runs->run[from + i], key);
    *ret = reader;
    return 0;
}

int sl_state_reader_open(const struct sl_state_runs *runs, size_t from, size_t count,
                         struct sl_state_reader **ret)
{
    return open_reader(runs, from, count, NULL, ret);
}

int sl_state_reader_open_at(const struct sl_state_runs *runs, const struct sl_field *key,
                            struct sl_state_reader **ret)
{
    return open_reader(runs, 0, runs->count, key, ret);
}

void sl_state_reader_close(struct sl_state_reader *reader)
{
    for (size_t i = 0; reader && i < reader->count; i++)
        sl_arena_done(&reader->source[i].block);
    free(reader);
}

int sl_state_reader_failure(const struct sl_state_reader *reader, struct sl_error *err)
{
    return reader->failed ? sl_state_runs_cannot_be_read(err) : 0;
}

/* The newest of those with the smallest key; the others with it are passed over. */
static struct source *choose(struct sl_state_reader *reader)
{
    struct source *first = NULL;
    for (size_t i = reader->count; i-- > 0;) {
        struct source *source = &reader->source[i];
        int order = !source->has ? 1 : !first ? -1 : sl_field_compare(&source->cell.key, &first->cell.key);
        if (order == 0)
            source->was_given = true;
        if (order < 0)
            first = source;
    }
    return first;
}

const struct sl_stored_cell *sl_state_reader_next(struct sl_state_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        if (reader->source[i].was_given)
            next_cell(reader, &reader->source[i]);
    struct source *first = reader->failed ? NULL : choose(reader);
    if (!first)
        return NULL;
    first->was_given = true;
    return &first->cell;
}

static void drop_passed(struct sl_state_runs *runs)
{
    size_t kept = 0;
    for (size_t i = 0; i < runs->count; i++)
        if (rows_left(&runs->run[i]))
            runs->run[kept++] = runs->run[i];
        else
            run_done(&runs->run[i]);
    runs->count = kept;
}

void sl_state_reader_pass(const struct sl_state_reader *reader, struct sl_state_runs *runs, bool last)
{
    for (size_t i = 0; i < reader->count; i++) {
        const struct source *source = &reader->source[i];
        struct sl_state_run *run = &runs->run[reader->from + i];
        bool is_ahead = source->has && !(source->was_given && last);
        run->passed = run->rows->count - source->left - is_ahead;
    }
    drop_passed(runs);
}

/* ---- merging ---- */

static bool is_over(const struct sl_state_runs *runs, const struct sl_field *key)
{
    return runs->is_over && runs->is_over(runs->is_over_arg, key);
}

/* Runs `at`, `at` + 1 ... as one, which is not in the list yet. */
static int merge_rows(struct sl_state_runs *runs, size_t at, size_t count, struct sl_state_run_writer *writer,
                      bool drops_removed, struct sl_error *err)
{
    const struct sl_stored_cell *cell;
    struct sl_state_reader *reader = NULL;
    int r = sl_state_reader_open(runs, at, count, &reader) < 0 ? sl_error_nomem(err) : 0;
    while (r == 0 && (cell = sl_state_reader_next(reader)))
        if ((cell->exists || !drops_removed) && !is_over(runs, &cell->key))
            r = sl_state_run_add(writer, cell, err);
    r = r < 0 ? r : sl_state_reader_failure(reader, err);
    if (r == 0)
        r = finish_run(writer, err);
    sl_state_reader_close(reader);
    return r;
}

static int merge_two(struct sl_state_runs *runs, size_t at, bool settled, struct sl_error *err)
{
    struct sl_state_run *older = &runs->run[at], *newer = older + 1;
    struct sl_state_run_writer *writer;
    int r = sl_state_run_begin(runs, rows_left(older) + rows_left(newer), &writer, err);
    if (r < 0)
        return r;
    r = merge_rows(runs, at, 2, writer, settled && at == 0, err);
    if (r == 0) {
        run_done(older);
        run_done(newer);
        *older = writer->run;
        writer->run = (struct sl_state_run){0};
        memmove(newer, newer + 1, (--runs->count - at - 1) * sizeof *newer);
    }
    sl_state_run_give_up(writer);
    return r;
}

/* The last run that is not twice as large as the next; runs->count: there is none. */
static size_t find_due(const struct sl_state_runs *runs)
{
    for (size_t i = runs->count; i-- > 1;)
        if (rows_left(&runs->run[i - 1]) < 2 * rows_left(&runs->run[i]))
            return i - 1;
    return runs->count;
}

int sl_state_runs_merge(struct sl_state_runs *runs, bool settled, struct sl_error *err)
{
    size_t at;
    int r = 0;
    while (r == 0 && (at = find_due(runs)) < runs->count)
        r = merge_two(runs, at, settled, err);
    return r;
}

/* ---- what is over ---- */

/* Of a key that was cut too short nothing is known: it is as the one before it. */
static bool is_half_over(const struct sl_state_runs *runs, const struct sl_state_run *run)
{
    size_t over = 0;
    bool last = false;
    for (size_t i = 0; i < run->blocks; i++) {
        last = run->first[i].tag == SL_NIL ? last : is_over(runs, &run->first[i]);
        over += last;
    }
    return over && 2 * over >= run->blocks;
}

static int shrink_run(struct sl_state_runs *runs, size_t at, struct sl_error *err)
{
    struct sl_state_run_writer *writer;
    int r = sl_state_run_begin(runs, rows_left(&runs->run[at]), &writer, err);
    if (r < 0)
        return r;
    r = merge_rows(runs, at, 1, writer, false, err);
    if (r == 0) {
        run_done(&runs->run[at]);
        runs->run[at] = writer->run;
        writer->run = (struct sl_state_run){0};
    }
    sl_state_run_give_up(writer);
    return r;
}

int sl_state_runs_shrink(struct sl_state_runs *runs, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < runs->count; i++)
        if (is_half_over(runs, &runs->run[i]))
            r = shrink_run(runs, i, err);
    drop_passed(runs);
    return r;
}
