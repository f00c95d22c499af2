/* What updateStateByKey keeps on disk: what a batch changed; the first save of a state that began with `initial` is all
 * of it. And what shards changed, which comes in the same form. */
#include "core/base/error.h"
#include "core/contract/row_buffer.h"
#include "core/contract/state_writer.h"
#include "ops/state/update_state.h"

#include <stdlib.h>

int sl_update_state_keep(struct sl_rows *rows, const struct sl_field *key, const struct sl_field *state)
{
    struct sl_field row[2];
    if (!sl_field_copy(&rows->arena, key, &row[0]) || (state && !sl_field_copy(&rows->arena, state, &row[1])))
        return SL_ENOMEM;
    row[0].flags = 0;
    return sl_rows_append_row(rows, row, state ? 2 : 1);
}

void sl_update_state_drop_sections(struct sl_update_state *memory)
{
    for (size_t i = 0; i < memory->sections; i++)
        sl_dataset_unref(memory->section[i]);
    free(memory->section);
    memory->section = NULL;
    memory->sections = 0;
}

int sl_update_state_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    struct sl_update_state *memory = stage->memory;
    bool whole = !memory->loaded && sl_node_option(stage->node, "initial").kind == SL_ARG_VALUE;
    const struct sl_dataset *rows = whole ? memory->state : memory->changed;
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_arena block = {0};
    struct sl_cursor cursor;
    uint32_t width;
    memory->loaded = true;
    if (!rows || (!rows->count && !whole))
        return 0;
    int r = keeper->ops->begin(keeper, &section);
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = keeper->ops->row(keeper, row, width);
    sl_arena_done(&block);
    return r;
}

/* Two sections that become one. */
struct merging {
    struct sl_cursor cursor[2]; /* the older one first */
    struct sl_arena block[2];
    struct sl_field row[2][SL_WIDTH_MAX];
    uint32_t width[2];
    bool has[2];
    bool oldest; /* nothing is older still: removals, rows of one field, are not needed */
    struct sl_row_buffers *piles;
    struct sl_row_buffer to;
    struct sl_task *task;
};

static void next_row(struct merging *merging, unsigned i)
{
    merging->has[i] = sl_cursor_next(&merging->cursor[i], merging->row[i], &merging->width[i]);
}

static int merge_row(struct merging *merging)
{
    int order = !merging->has[0]   ? 1
                : !merging->has[1] ? -1
                                   : sl_field_compare(&merging->row[0][0], &merging->row[1][0]);
    unsigned from = order < 0 ? 0 : 1;
    const struct sl_field *row = merging->row[from];
    bool is_removal = merging->width[from] == 1;
    int r = sl_row_buffer_make_room(merging->piles, &merging->to, merging->task);
    if (r == 0 && !(is_removal && merging->oldest))
        r = sl_update_state_keep(merging->to.rows, &row[0], is_removal ? NULL : &row[1]);
    if (order >= 0)
        next_row(merging, 1);
    if (order <= 0)
        next_row(merging, 0);
    return r;
}

static int merge_rows(struct merging *merging, const struct sl_dataset *old, const struct sl_dataset *newer)
{
    int r = 0;
    sl_cursor_pass(&merging->cursor[0], old, &merging->block[0]);
    sl_cursor_pass(&merging->cursor[1], newer, &merging->block[1]);
    next_row(merging, 0);
    next_row(merging, 1);
    while (r == 0 && (merging->has[0] || merging->has[1]))
        r = merge_row(merging);
    return r < 0 ? r : sl_row_buffer_end(merging->piles, &merging->to, merging->task);
}

/* The newer dataset is replaced by both. */
static int merge_sections(struct sl_stage *stage, struct sl_row_buffers *piles, const struct sl_dataset *old,
                          bool oldest, struct sl_dataset **newer)
{
    struct merging merging = {.oldest = oldest, .piles = piles, .task = &stage->tasks[0]};
    struct sl_dataset *both = sl_dataset_new(1);
    int r = both ? sl_row_buffer_init(&merging.to, NULL) : SL_ENOMEM;
    if (r == 0)
        r = merge_rows(&merging, old, *newer);
    if (r == 0)
        r = sl_row_buffer_show(&merging.to, both, 0);
    sl_row_buffer_done(&merging.to);
    sl_arena_done(&merging.block[0]);
    sl_arena_done(&merging.block[1]);
    sl_dataset_unref(r == 0 ? *newer : both);
    if (r == 0)
        *newer = both;
    return r;
}

static int keep_section(struct sl_update_state *memory, const struct sl_dataset *rows)
{
    struct sl_dataset **grown =
        realloc(memory->section, (memory->sections + 1) * sizeof(struct sl_dataset *));
    if (!grown)
        return SL_ENOMEM;
    memory->section = grown;
    memory->section[memory->sections++] = sl_dataset_ref((struct sl_dataset *)rows);
    return 0;
}

int sl_update_state_load(struct sl_stage *stage, const struct sl_section *section,
                         const struct sl_dataset *rows)
{
    return keep_section(stage->memory, rows);
}

/* Folds the sections from the newest, which are small, to the oldest, which has most keys. */
static int fold_sections(struct sl_stage *stage, struct sl_row_buffers *piles, struct sl_dataset **ret)
{
    struct sl_update_state *memory = stage->memory;
    struct sl_dataset *newer = sl_dataset_new(1);
    int r = newer ? 0 : SL_ENOMEM;
    for (size_t i = memory->sections; r == 0 && i-- > 0;) {
        r = merge_sections(stage, piles, memory->section[i], i == 0, &newer);
        sl_dataset_unref(memory->section[i]);
        memory->sections--;
    }
    if (r == 0)
        *ret = newer;
    else
        sl_dataset_unref(newer);
    return r;
}

int sl_update_state_loaded(struct sl_stage *stage, int64_t last_ms)
{
    struct sl_update_state *memory = stage->memory;
    struct sl_row_buffers piles;
    struct sl_dataset *state;
    memory->loaded = memory->sections > 0;
    if (!memory->loaded)
        return 0;
    int r = sl_row_buffers_init(&piles, stage);
    if (r == 0)
        r = fold_sections(stage, &piles, &state);
    sl_row_buffers_done(&piles);
    sl_update_state_drop_sections(memory);
    if (r < 0)
        return r;
    sl_dataset_unref(memory->state);
    memory->state = state;
    return 0;
}

/* ---- shards ---- */

static int all(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_update_state *memory = stage->memory;
    *ret = memory->state ? sl_dataset_ref(memory->state) : NULL;
    return 0;
}

static int change(struct sl_stage *stage, const struct sl_dataset *rows)
{
    return keep_section(stage->memory, rows);
}

/* They have no key in common. Pairs become one, then pairs of these, so that a row is copied a logarithmic number of times. */
static int join_sections(struct sl_stage *stage, struct sl_row_buffers *piles, struct sl_dataset **ret)
{
    struct sl_update_state *memory = stage->memory;
    int r = 0;
    for (size_t step = 1; step < memory->sections; step *= 2)
        for (size_t i = 0; i + step < memory->sections && r == 0; i += 2 * step)
            r = merge_sections(stage, piles, memory->section[i + step], false, &memory->section[i]);
    *ret = r < 0 ? NULL : memory->sections ? sl_dataset_ref(memory->section[0]) : sl_dataset_new(1);
    return r == 0 && !*ret ? SL_ENOMEM : r;
}

/* The state as it was and what changed become what it is. */
static int apply(struct sl_stage *stage, struct sl_row_buffers *piles, struct sl_dataset *changed,
                 struct sl_dataset **ret)
{
    const struct sl_update_state *memory = stage->memory;
    struct sl_dataset *old = memory->state ? sl_dataset_ref(memory->state) : sl_dataset_new(1);
    struct sl_dataset *updated = sl_dataset_ref(changed);
    int r = old ? merge_sections(stage, piles, old, true, &updated) : SL_ENOMEM;
    sl_dataset_unref(old);
    if (r == 0)
        *ret = updated;
    else
        sl_dataset_unref(updated);
    return r;
}

static int revise(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_update_state *memory = stage->memory;
    struct sl_dataset *changed = NULL, *updated;
    struct sl_row_buffers piles;
    if (!sl_update_state_begin(stage))
        return 0;
    int r = sl_row_buffers_init(&piles, stage);
    r = r < 0 ? r : join_sections(stage, &piles, &changed);
    r = r < 0 ? r : apply(stage, &piles, changed, &updated);
    sl_row_buffers_done(&piles);
    sl_update_state_drop_sections(memory);
    if (r == 0)
        return sl_update_state_show(stage, updated, changed, ret);
    sl_dataset_unref(changed);
    return r;
}

const struct sl_sharded sl_update_state_sharded = {.all = all, .change = change, .revise = revise};
