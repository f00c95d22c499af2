#include "state/store/merge.h"

#include "core/base/error.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct merging {
    const struct sl_segment_merge *merge;
    struct sl_segment **segment; /* [count] */
    struct sl_segment_writer *writer;
    bool any; /* a section was written */
};

/* ---- which sections ---- */

static bool is_dropped(const struct sl_segment_merge *merge, const char *key)
{
    for (size_t i = 0; merge->drop && merge->drop[i]; i++)
        if (strcmp(merge->drop[i], key) == 0)
            return true;
    return false;
}

static bool is_wanted(const struct merging *merging, const struct sl_segment_section *section)
{
    if (is_dropped(merging->merge, section->key))
        return false;
    return section->section.kind != SL_SECTION_BATCH || section->section.until_ms > merging->merge->last_ms;
}

static bool same_state(const struct sl_segment_section *a, const struct sl_segment_section *b)
{
    return b->section.kind == SL_SECTION_KEYED && a->section.part == b->section.part &&
           strcmp(a->key, b->key) == 0;
}

static int begin_section(struct merging *merging, const struct sl_segment_section *section,
                         struct sl_error *err)
{
    merging->any = true;
    return sl_segment_begin(merging->writer, section->key, &section->section, err);
}

/* ---- batch sections: as they are ---- */

static int copy_section(struct merging *merging, struct sl_segment *segment,
                        const struct sl_segment_section *section, struct sl_error *err)
{
    struct sl_segment_rows rows;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    sl_segment_rows_init(&rows, segment, section);
    int r = begin_section(merging, section, err), more = 1;
    while (r == 0 && (more = sl_segment_rows_next(&rows, fields, &width, err)) > 0)
        r = sl_segment_row(merging->writer, fields, width, err);
    sl_segment_rows_done(&rows);
    return r < 0 ? r : more;
}

/* ---- keyed sections: of each key the newest row ---- */

struct head {
    struct sl_segment_rows rows;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    bool there;
};

static int advance(struct head *head, struct sl_error *err)
{
    int more = sl_segment_rows_next(&head->rows, head->fields, &head->width, err);
    head->there = more > 0;
    return more < 0 ? more : 0;
}

/* A heap of those that have a row: on top the smallest key, of equal ones the newest, which is the last.
 * Nearly all rows come from the largest segment: then a row costs a few comparisons however many segments
 * there are. */
struct heads {
    struct head **at;
    size_t count;
};

static bool comes_before(const struct head *a, const struct head *b)
{
    int order = sl_field_compare(&a->fields[0], &b->fields[0]);
    return order < 0 || (order == 0 && a > b);
}

/* Which of two neighbours comes first; the second need not be there. */
static size_t first_of_two(const struct heads *heads, size_t i)
{
    return i + 1 < heads->count && comes_before(heads->at[i + 1], heads->at[i]) ? i + 1 : i;
}

static void sift_down(struct heads *heads, size_t i)
{
    struct head *moved = heads->at[i];
    for (size_t child; (child = 2 * i + 1) < heads->count; i = child) {
        child = first_of_two(heads, child);
        if (!comes_before(heads->at[child], moved))
            break;
        heads->at[i] = heads->at[child];
    }
    heads->at[i] = moved;
}

static int advance_at(struct heads *heads, size_t i, struct sl_error *err)
{
    int r = advance(heads->at[i], err);
    if (!heads->at[i]->there)
        heads->at[i] = heads->at[--heads->count];
    if (i < heads->count)
        sift_down(heads, i);
    return r;
}

/* Moves the others off the key on top: the next one in order is below the top. */
static int skip_older(struct heads *heads, struct sl_error *err)
{
    int r = 0;
    while (r == 0 && heads->count > 1) {
        size_t next = first_of_two(heads, 1);
        if (sl_field_compare(&heads->at[next]->fields[0], &heads->at[0]->fields[0]) != 0)
            break;
        r = advance_at(heads, next, err);
    }
    return r;
}

static int begin_heads(struct head *head, size_t count, struct heads *heads, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        r = advance(&head[i], err);
        if (head[i].there)
            heads->at[heads->count++] = &head[i];
    }
    for (size_t i = heads->count / 2; i-- > 0;)
        sift_down(heads, i);
    return r;
}

static int merge_heads(struct merging *merging, struct head *head, size_t count, struct sl_error *err)
{
    struct heads heads = {.at = calloc(count, sizeof(struct head *))};
    int r = heads.at ? begin_heads(head, count, &heads, err) : sl_error_nomem(err);
    while (r == 0 && heads.count) {
        const struct head *newest = heads.at[0];
        if (atomic_load_explicit(merging->merge->stop, memory_order_relaxed)) {
            r = SL_ESTOP;
            break;
        }
        r = skip_older(&heads, err);
        if (r == 0 && (newest->width > 1 || !merging->merge->from_oldest))
            r = sl_segment_row(merging->writer, newest->fields, newest->width, err);
        if (r == 0)
            r = advance_at(&heads, 0, err);
    }
    free(heads.at);
    return r;
}

/* All sections of one state, from segment `first` on, where `section` is its oldest. */
static int merge_state(struct merging *merging, size_t first, const struct sl_segment_section *section,
                       struct sl_error *err)
{
    size_t sections = 0, count = 0;
    for (size_t s = first; s < merging->merge->count; s++)
        sections += merging->segment[s]->sections;
    struct head *head = calloc(sections, sizeof *head);
    if (!head)
        return sl_error_nomem(err);
    for (size_t s = first; s < merging->merge->count; s++)
        for (size_t i = 0; i < merging->segment[s]->sections; i++)
            if (same_state(section, &merging->segment[s]->section[i]))
                sl_segment_rows_init(&head[count++].rows, merging->segment[s],
                                     &merging->segment[s]->section[i]);
    int r = begin_section(merging, section, err);
    if (r == 0)
        r = merge_heads(merging, head, count, err);
    for (size_t i = 0; i < count; i++)
        sl_segment_rows_done(&head[i].rows);
    free(head);
    return r;
}

static bool came_before(const struct merging *merging, size_t segment, size_t index)
{
    const struct sl_segment_section *section = &merging->segment[segment]->section[index];
    for (size_t s = 0; s <= segment; s++)
        for (size_t i = 0; i < merging->segment[s]->sections && (s < segment || i < index); i++)
            if (same_state(section, &merging->segment[s]->section[i]))
                return true;
    return false;
}

static int merge_section(struct merging *merging, size_t s, size_t i, struct sl_error *err)
{
    const struct sl_segment_section *section = &merging->segment[s]->section[i];
    if (!is_wanted(merging, section))
        return 0;
    if (section->section.kind == SL_SECTION_BATCH)
        return copy_section(merging, merging->segment[s], section, err);
    return came_before(merging, s, i) ? 0 : merge_state(merging, s, section, err);
}

/* ---- the merge ---- */

static int open_inputs(struct merging *merging, struct sl_error *err)
{
    const struct sl_segment_merge *merge = merging->merge;
    int r = 0;
    for (size_t s = 0; s < merge->count && r == 0; s++)
        r = sl_segment_open(merge->io, merge->dirfd, merge->input[s].path, merge->input[s].bytes,
                            merge->input[s].hash, false, &merging->segment[s], err);
    return r;
}

static int merge_all(struct merging *merging, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < merging->merge->count && r == 0; s++)
        for (size_t i = 0; i < merging->segment[s]->sections && r == 0; i++) {
            if (atomic_load_explicit(merging->merge->stop, memory_order_relaxed))
                return SL_ESTOP;
            r = merge_section(merging, s, i, err);
        }
    return r;
}

static int write_result(struct merging *merging, uint64_t *ret_bytes, uint64_t *ret_hash,
                        struct sl_error *err)
{
    const struct sl_segment_merge *merge = merging->merge;
    int r = sl_segment_create(merge->io, merge->dirfd, merge->path, &merging->writer, err);
    if (r < 0)
        return r;
    r = merge_all(merging, err);
    if (r == 0 && merging->any)
        return sl_segment_finish(merging->writer, ret_bytes, ret_hash, err);
    sl_segment_abort(merging->writer);
    *ret_bytes = *ret_hash = 0;
    return r;
}

int sl_segment_merge_run(const struct sl_segment_merge *merge, uint64_t *ret_bytes, uint64_t *ret_hash,
                         struct sl_error *err)
{
    struct merging merging = {.merge = merge, .segment = calloc(merge->count, sizeof(struct sl_segment *))};
    if (!merging.segment)
        return sl_error_nomem(err);
    int r = open_inputs(&merging, err);
    if (r == 0)
        r = write_result(&merging, ret_bytes, ret_hash, err);
    for (size_t s = 0; s < merge->count; s++)
        sl_segment_close(merging.segment[s]);
    free(merging.segment);
    return r;
}
