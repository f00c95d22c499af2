#include "ops/state/state_find.h"

#include "core/base/bisect.h"
#include "core/base/error.h"

/* NULL: it cannot be read. */
static const struct sl_chunk *load_block(const struct sl_state_run *run, size_t block, struct sl_arena *arena)
{
    return sl_rows_chunk(run->rows->partition[0].slice[0].rows, block, arena);
}

/* Whether what is left of a key that was cut, which is not after `key`, says that the key itself is before `key`. */
static bool cut_says_before(const struct sl_field *cut, const struct sl_field *key)
{
    return cut->tag == SL_STR &&
           (key->tag != SL_STR || key->len < cut->len || memcmp(key->str, cut->str, cut->len) != 0);
}

/* Whether the block begins with a key that is not after this one. */
static bool begins_before(const struct sl_state_run *run, size_t block, const struct sl_field *key,
                          bool *failed)
{
    const struct sl_field *first = &run->first[block];
    if (sl_field_compare(first, key) > 0)
        return false;
    if (!(first->flags & SL_STATE_KEY_IS_CUT) || cut_says_before(first, key))
        return true;
    struct sl_arena arena SL_CLEANUP(sl_arena_done) = {0};
    const struct sl_chunk *chunk = load_block(run, block, &arena);
    *failed = *failed || !chunk;
    return chunk && sl_field_compare(&chunk->column[0][0], key) <= 0;
}

/* The block of the run that may have the key. 1; 0: none; or a failure. */
static int find_block(const struct sl_state_run *run, const struct sl_field *key, uint64_t hash, size_t *ret,
                      struct sl_error *err)
{
    bool failed = false;
    if (!sl_key_filter_may_have(&run->filter, hash))
        return 0;
    size_t after = SL_BISECT(i, 0, run->blocks, begins_before(run, i, key, &failed));
    if (failed)
        return sl_state_runs_cannot_be_read(err);
    *ret = after - 1;
    return after > 0;
}

static bool find_in_chunk(const struct sl_chunk *chunk, const struct sl_field *key,
                          struct sl_stored_cell *ret)
{
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t at = (uint32_t)SL_BISECT(i, 0, chunk->rows, sl_field_compare(&chunk->column[0][i], key) < 0);
    if (at == chunk->rows || !sl_field_equals(&chunk->column[0][at], key))
        return false;
    sl_chunk_row(chunk, at, row);
    *ret = sl_stored_cell_of(row);
    return true;
}

static const struct sl_chunk *keep_block(struct sl_state_found_block *kept, const struct sl_state_run *run,
                                         size_t block)
{
    if (kept->chunk && kept->number == block)
        return kept->chunk;
    sl_arena_reset(&kept->arena);
    kept->number = block;
    return kept->chunk = load_block(run, block, &kept->arena);
}

/* The newest row of the key. kept: blocks of the finder; NULL: what is loaded is in the arena. */
static int find_key(const struct sl_state_runs *runs, const struct sl_field *key, uint64_t hash,
                    struct sl_state_found_block *kept, struct sl_arena *arena, struct sl_stored_cell *ret,
                    struct sl_error *err)
{
    bool found = false;
    size_t block;
    for (size_t i = runs->count; i-- > 0 && !found;) {
        const struct sl_state_run *run = &runs->run[i];
        int r = find_block(run, key, hash, &block, err);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        const struct sl_chunk *chunk =
            kept ? keep_block(&kept[i], run, block) : load_block(run, block, arena);
        if (!chunk)
            return sl_state_runs_cannot_be_read(err);
        found = find_in_chunk(chunk, key, ret);
    }
    return found;
}

int sl_state_runs_find(const struct sl_state_runs *runs, const struct sl_field *key, uint64_t hash,
                       struct sl_arena *arena, struct sl_stored_cell *ret, struct sl_error *err)
{
    return find_key(runs, key, hash, NULL, arena, ret, err);
}

int sl_state_finder_find(struct sl_state_finder *finder, const struct sl_state_runs *runs,
                         const struct sl_field *key, uint64_t hash, struct sl_stored_cell *ret,
                         struct sl_error *err)
{
    return find_key(runs, key, hash, finder->block, NULL, ret, err);
}

void sl_state_finder_done(struct sl_state_finder *finder)
{
    for (size_t i = 0; i < SL_STATE_RUNS_MAX; i++)
        sl_arena_done(&finder->block[i].arena);
    *finder = (struct sl_state_finder){0};
}
