/* Sorting groups by key: pieces become lists of items (ops/key/sort_lists.h). All steps run on the stage's
 * workers. */
#include "core/base/error.h"
#include "ops/key/sort_lists.h"
#include "ops/key/sorted_groups.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_ENTRIES = 16 << 10 };

struct sort {
    struct sl_group_entry *entry, *out;
    struct sl_sort_item *item;
    struct sl_sort_list *list; /* [pieces] */
    size_t count, pieces;
};

static int list_piece(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    struct sort *sort = arg;
    const struct sl_sort_list *list = &sort->list[index];
    for (size_t i = 0; i < list->count; i++)
        list->item[i].key = &sort->entry[index * PIECE_ENTRIES + i].key;
    return 0;
}

static void place(void *arg, size_t at, const struct sl_sort_item *item, size_t count)
{
    struct sort *sort = arg;
    for (size_t i = 0; i < count; i++) {
        if (i + SL_KEYS_AHEAD < count)
            __builtin_prefetch(item[i + SL_KEYS_AHEAD].key);
        sort->out[at + i] = *(const struct sl_group_entry *)item[i].key; /* its first member */
    }
}

static int copy_back(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    struct sort *sort = arg;
    size_t from = index * PIECE_ENTRIES;
    memcpy(sort->entry + from, sort->out + from, sort->list[index].count * sizeof *sort->out);
    return 0;
}

static int sort_in_pieces(struct sl_stage *stage, struct sort *sort)
{
    for (size_t p = 0; p < sort->pieces; p++) {
        size_t from = p * PIECE_ENTRIES, left = sort->count - from;
        sort->list[p] =
            (struct sl_sort_list){sort->item + from, left < PIECE_ENTRIES ? left : PIECE_ENTRIES, NULL};
    }
    int r = sl_pool_run(stage->pool, sort->pieces, list_piece, sort, stage->err);
    r = r < 0 ? r : sl_sort_lists(stage, sort->list, sort->pieces, place, sort);
    return r < 0 ? r : sl_pool_run(stage->pool, sort->pieces, copy_back, sort, stage->err);
}

int sl_group_entries_sort(struct sl_stage *stage, struct sl_group_entry *entry, size_t count)
{
    struct sort sort = {
        .entry = entry, .count = count, .pieces = (count + PIECE_ENTRIES - 1) / PIECE_ENTRIES};
    if (count < 2)
        return 0;
    sort.out = malloc(count * sizeof *sort.out);
    sort.item = malloc(count * sizeof *sort.item);
    sort.list = malloc(sort.pieces * sizeof *sort.list);
    int r = sort.out && sort.item && sort.list ? sort_in_pieces(stage, &sort) : SL_ENOMEM;
    free(sort.out);
    free(sort.item);
    free(sort.list);
    return r;
}
