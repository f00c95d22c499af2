/* Merging in the background: a thread reads segments, which never change, and writes one in their
 * place; the next batch that commits takes it into the list. */
#include "core/base/array.h"
#include "core/base/error.h"
#include "state/store/store_internal.h"

#include <stdlib.h>
#include <string.h>

static void *merge_main(void *arg)
{
    struct sl_store *store = arg;
    store->merge_result =
        sl_segment_merge_run(&store->merge, &store->merged.bytes, &store->merged.hash, &store->merge_error);
    atomic_store(&store->done, 1);
    return NULL;
}

static bool note_gone(struct sl_store *store, uint64_t number)
{
    uint64_t *grown = sl_array_grow(store->gone_number, store->gone, &store->gone_capacity, sizeof *grown);
    if (!grown)
        return false;
    store->gone_number = grown;
    store->gone_number[store->gone++] = number;
    return true;
}

/* The merged segment takes the place of its inputs. */
static int replace_merged(struct sl_store *store, struct sl_error *err)
{
    struct sl_store_list *list = &store->list;
    size_t first = 0, count = store->merge.count;
    while (list->entry[first].number != store->merge_first)
        first++;
    for (size_t i = 0; i < count; i++)
        if (!note_gone(store, list->entry[first + i].number))
            return sl_error_nomem(err);
    bool any = store->merged.bytes > 0;
    if (any)
        list->entry[first] = store->merged;
    size_t rest = first + count;
    memmove(&list->entry[first + any], &list->entry[rest], (list->count - rest) * sizeof *list->entry);
    list->count -= count - any;
    return 0;
}

void sl_store_free_merge(struct sl_store *store)
{
    free(store->input);
    free(store->path);
    store->input = NULL;
    store->path = NULL;
    store->merging = store->is_awaited = false;
}

/* Takes in a merge that is done. A failed one is reported and changes nothing. */
int sl_store_collect_merge(struct sl_store *store, struct sl_error *err)
{
    if (!store->merging || !(store->is_awaited || atomic_load(&store->done)))
        return 0;
    pthread_join(store->thread, NULL);
    int r = store->merge_result == 0 ? replace_merged(store, err) : 0;
    if (store->merge_result < 0 && store->merge_result != SL_ESTOP)
        sl_log(store->log, SL_LOG_WARNING, "merging segments of state: %s", store->merge_error.text);
    if (store->merge_result == SL_EDAMAGED) {
        *err = store->merge_error;
        r = SL_EDAMAGED;
    }
    sl_store_free_merge(store);
    return r;
}

enum { SEGMENTS_MIN = 8, LEFT_MAX = 32 };

/* How many segments may be merged: those before the newest, which are kept apart while they take no more room than the
 * others or next to none. */
static size_t count_mergeable(const struct sl_store *store)
{
    const struct sl_store_list *list = &store->list;
    uint64_t all = 0, apart = 0;
    size_t count = list->count;
    for (size_t i = 0; i < list->count; i++)
        all += list->entry[i].bytes;
    uint64_t room = all / 2 > SL_STORE_APART_BYTES ? all / 2 : SL_STORE_APART_BYTES;
    while (count && list->count - count < store->apart && apart + list->entry[count - 1].bytes <= room)
        apart += list->entry[--count].bytes;
    return count;
}

/* Of `count` segments, newer ones that together have grown to the size of the one before them are merged with it. */
static size_t choose_first(const struct sl_store_list *list, size_t count)
{
    uint64_t newer = 0;
    size_t first = count;
    for (size_t i = count; i-- > 0;) {
        if (i + 1 < count && newer >= list->entry[i].bytes)
            first = i;
        newer += list->entry[i].bytes;
    }
    return first;
}

/* Of the segments from `first` on, `count`. */
static bool prepare_merge(struct sl_store *store, size_t first, size_t count)
{
    store->input = calloc(count, sizeof *store->input);
    store->path = calloc(count + 1, sizeof *store->path);
    if (!store->input || !store->path)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct sl_store_entry *entry = &store->list.entry[first + i];
        sl_store_path(entry->number, store->path[i]);
        store->input[i] = (struct sl_segment_merge_input){store->path[i], entry->bytes, entry->hash};
    }
    store->merge_first = store->list.entry[first].number;
    store->merged = (struct sl_store_entry){.number = store->next++};
    sl_store_path(store->merged.number, store->path[count]);
    store->merge = (struct sl_segment_merge){
        .io = store->io,
        .dirfd = store->dirfd,
        .count = count,
        .input = store->input,
        .from_oldest = first == 0,
        .last_ms = store->last_ms,
        .drop = store->drops ? store->drop : NULL,
        .path = store->path[count],
        .stop = &store->stop,
    };
    return true;
}

/* Starts a merge where it is due. Without memory or threads there is none: the next batch tries again. */
void sl_store_start_merge(struct sl_store *store)
{
    size_t count = count_mergeable(store), first = choose_first(&store->list, count);
    if (store->merging || count < SEGMENTS_MIN || first >= count)
        return;
    atomic_store(&store->done, 0);
    store->merging = prepare_merge(store, first, count - first) &&
                     pthread_create(&store->thread, NULL, merge_main, store) == 0;
    if (!store->merging)
        sl_store_free_merge(store);
}

void sl_store_merge_left(struct sl_store *store)
{
    if (store->drops || count_mergeable(store) < LEFT_MAX)
        return;
    sl_store_start_merge(store);
    store->is_awaited = store->merging;
}

/* A merge under way is given up: the one that drops takes in all that it would have. */
static void abandon_merge(struct sl_store *store)
{
    if (!store->merging)
        return;
    atomic_store(&store->stop, 1);
    pthread_join(store->thread, NULL);
    atomic_store(&store->stop, 0);
    sl_store_free_merge(store);
}

int sl_store_purge(struct sl_store *store, struct sl_error *err)
{
    if (!store->drops || !store->list.count)
        return 0;
    abandon_merge(store);
    int r = prepare_merge(store, 0, store->list.count)
                ? sl_segment_merge_run(&store->merge, &store->merged.bytes, &store->merged.hash, err)
                : sl_error_nomem(err);
    if (r == 0)
        r = replace_merged(store, err);
    sl_store_free_merge(store);
    store->drops = r == 0 ? 0 : store->drops;
    return r;
}
