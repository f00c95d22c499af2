#include "ops/key/ordered_part.h"

#include "core/base/array.h"
#include "core/base/error.h"

#include <stdlib.h>

struct sl_ordered_part_sequence {
    size_t writer, block,
        end; /* blocks [block, end) of the writer, as far as they are of the partition, come next */
    struct sl_arena arena;
    struct sl_chunk *chunk; /* NULL: not begun, or there are no more rows */
    uint32_t row;
    struct sl_position position; /* of the row's lane */
};

static int compare_sequences(const void *a, const void *b)
{
    const struct sl_ordered_part_sequence *left = a, *right = b;
    int order = sl_position_compare(&left->position, &right->position);
    if (order || left->writer != right->writer)
        return order ? order : left->writer < right->writer ? -1 : 1;
    return (left->block > right->block) -
           (left->block < right->block); /* rows of one lane: as they were written */
}

/* ---- which sequences there are ---- */

static int add_sequence(struct sl_ordered_part *ordered, size_t writer, size_t block,
                        const struct sl_position *first)
{
    struct sl_ordered_part_sequence *sequence =
        sl_array_grow(ordered->sequence, ordered->sequences, &ordered->capacity, sizeof *sequence);
    if (!sequence)
        return SL_ENOMEM;
    ordered->sequence = sequence;
    sequence[ordered->sequences++] =
        (struct sl_ordered_part_sequence){.writer = writer, .block = block, .end = block, .position = *first};
    return 0;
}

static bool is_wanted(const struct sl_ordered_part *ordered, const struct sl_spilled_parts_block *block)
{
    return block->part == ordered->part && block->path_min <= ordered->path &&
           ordered->path <= block->path_max;
}

static int list_sequences(struct sl_ordered_part *ordered, size_t writer)
{
    size_t blocks;
    const struct sl_spilled_parts_block *block = sl_spilled_parts_blocks(ordered->parts, writer, &blocks);
    const struct sl_position *last = NULL;
    int r = 0;
    for (size_t b = 0; b < blocks && r == 0; b++) {
        if (block[b].part == ordered->part && block[b].path_max >= ordered->paths)
            ordered->paths = block[b].path_max + 1;
        if (!is_wanted(ordered, &block[b]))
            continue;
        if (!last || sl_position_compare(last, &block[b].first) > 0)
            r = add_sequence(ordered, writer, b, &block[b].first);
        if (r == 0)
            ordered->sequence[ordered->sequences - 1].end = b + 1;
        last = &block[b].last;
    }
    return r;
}

/* ---- rows ---- */

/* The position of the next row of the path; false: the chunk has no more of them. */
static bool find_row(const struct sl_ordered_part *ordered, struct sl_ordered_part_sequence *sequence)
{
    for (; sequence->row < sequence->chunk->rows; sequence->row++) {
        struct sl_position position = ordered->position(ordered->arg, sequence->chunk, sequence->row);
        sequence->position = sl_position_in_path(&position);
        if (position.path == ordered->path)
            return true;
    }
    return false;
}

/* The sequence's next block with rows of the path, or the end of it: chunk is NULL. */
static int load_next(const struct sl_ordered_part *ordered, struct sl_ordered_part_sequence *sequence,
                     struct sl_error *err)
{
    size_t blocks;
    const struct sl_spilled_parts_block *block =
        sl_spilled_parts_blocks(ordered->parts, sequence->writer, &blocks);
    while (sequence->block < sequence->end) {
        size_t number = sequence->block++;
        if (!is_wanted(ordered, &block[number]))
            continue;
        sl_arena_reset(&sequence->arena);
        sequence->row = 0;
        int r = sl_spilled_parts_load_block(ordered->parts, sequence->writer, number, &sequence->arena,
                                            &sequence->chunk, err);
        if (r < 0 || find_row(ordered, sequence))
            return r;
    }
    sl_arena_done(&sequence->arena);
    sequence->chunk = NULL;
    return 0;
}

static void drop_sequences(struct sl_ordered_part *ordered)
{
    for (size_t s = 0; s < ordered->sequences; s++)
        sl_arena_done(&ordered->sequence[s].arena);
    ordered->sequences = ordered->ended = ordered->begun = 0;
}

static int open_path(struct sl_ordered_part *ordered, struct sl_error *err)
{
    int r = 0;
    drop_sequences(ordered);
    for (size_t w = 0; w < ordered->parts->writers && r == 0; w++)
        r = list_sequences(ordered, w);
    if (r < 0)
        return sl_error_nomem(err);
    if (ordered->sequences > 1)
        qsort(ordered->sequence, ordered->sequences, sizeof *ordered->sequence, compare_sequences);
    return 0;
}

int sl_ordered_part_open(struct sl_ordered_part *ordered, struct sl_error *err)
{
    return open_path(ordered, err);
}

void sl_ordered_part_close(struct sl_ordered_part *ordered)
{
    drop_sequences(ordered);
    free(ordered->sequence);
    ordered->sequence = NULL;
    ordered->capacity = 0;
}

/* Of the sequences that were begun the one whose row is due; of equal ones the first. */
static struct sl_ordered_part_sequence *find_first(struct sl_ordered_part *ordered)
{
    struct sl_ordered_part_sequence *first = NULL;
    while (ordered->ended < ordered->begun && !ordered->sequence[ordered->ended].chunk)
        ordered->ended++;
    for (size_t s = ordered->ended; s < ordered->begun; s++) {
        struct sl_ordered_part_sequence *sequence = &ordered->sequence[s];
        if (sequence->chunk && (!first || sl_position_compare(&sequence->position, &first->position) < 0))
            first = sequence;
    }
    return first;
}

/* Begins the sequences whose first row is not after all that is in memory. */
static int begin_sequences(struct sl_ordered_part *ordered, struct sl_ordered_part_sequence **ret_first,
                           struct sl_error *err)
{
    struct sl_ordered_part_sequence *first = find_first(ordered);
    while (
        ordered->begun < ordered->sequences &&
        (!first || sl_position_compare(&ordered->sequence[ordered->begun].position, &first->position) < 0)) {
        int r = load_next(ordered, &ordered->sequence[ordered->begun++], err);
        if (r < 0)
            return r;
        first = find_first(ordered);
    }
    *ret_first = first;
    return 0;
}

/* The rows that were given last belong to the caller until now: their block is left only here. */
static int leave_blocks(struct sl_ordered_part *ordered, struct sl_error *err)
{
    int r = 0;
    for (size_t s = ordered->ended; s < ordered->begun && r == 0; s++) {
        struct sl_ordered_part_sequence *sequence = &ordered->sequence[s];
        if (sequence->chunk && !find_row(ordered, sequence))
            r = load_next(ordered, sequence, err);
    }
    return r;
}

/* The sequence that has the next row, of this path or of those after it; NULL: there are no more rows. */
static int find_sequence(struct sl_ordered_part *ordered, struct sl_ordered_part_sequence **ret,
                         struct sl_error *err)
{
    int r = leave_blocks(ordered, err);
    r = r < 0 ? r : begin_sequences(ordered, ret, err);
    while (r == 0 && !*ret && ordered->path + 1 < ordered->paths) {
        ordered->path++;
        r = open_path(ordered, err);
        r = r < 0 ? r : begin_sequences(ordered, ret, err);
    }
    return r;
}

int sl_ordered_part_next(struct sl_ordered_part *ordered, struct sl_ordered_rows *ret, struct sl_error *err)
{
    struct sl_ordered_part_sequence *first = NULL;
    int r = find_sequence(ordered, &first, err);
    if (r < 0 || !first)
        return r;
    const struct sl_chunk *chunk = first->chunk;
    uint32_t from = first->row, to = from + 1;
    for (; to < chunk->rows; to++) {
        struct sl_position position = ordered->position(ordered->arg, chunk, to),
                           place = sl_position_in_path(&position);
        if (position.path != ordered->path || sl_position_compare(&place, &first->position) != 0)
            break;
    }
    first->row = to;
    *ret = (struct sl_ordered_rows){chunk, from, to};
    return 1;
}
