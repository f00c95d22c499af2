#include "ops/key/sort_lists.h"

#include "core/base/bisect.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    BUCKET_ITEMS = 4096,
    BUCKETS_MAX = 256, /* their numbers fit a byte */
    SAMPLES_PER_BUCKET = 16,
    MANY_ITEMS = 1 << 20, /* worth giving back pages one by one */
};

/* An item with its place, so that equal keys may be cut between. */
struct splitter {
    struct sl_sort_item item;
    size_t list, at;
};

struct sort {
    const struct sl_sort_list *list;
    size_t lists;
    sl_sort_place *place;
    void *arg;
    size_t count, buckets;
    struct splitter splitter[BUCKETS_MAX]; /* the first of bucket i + 1 */
    uint64_t prefix[BUCKETS_MAX];          /* its prefix; UINT64_MAX where there is no such bucket */
    struct sl_sort_item *item;             /* [count]: bucket after bucket */
    uint8_t *number;                       /* [count]: the bucket of every item, list after list */
    size_t *at; /* [lists * buckets]: how many of a list belong to a bucket, then where they go */
    size_t start[BUCKETS_MAX + 1];
};

/* ---- where to cut ---- */

static void take_samples(const struct sort *sort, struct splitter *sample, size_t samples)
{
    size_t list = 0, before = 0; /* items of earlier lists */
    for (size_t s = 0; s < samples; s++) {
        size_t wanted = (size_t)((__uint128_t)s * sort->count / samples);
        while (wanted - before >= sort->list[list].count)
            before += sort->list[list++].count;
        sample[s] = (struct splitter){sort->list[list].item[wanted - before], list, wanted - before};
        sl_sort_items_prefix(&sample[s].item, 1);
    }
}

static int compare_places(const void *a, const void *b)
{
    const struct splitter *left = a, *right = b;
    int order = sl_sort_item_compare(&left->item, &right->item);
    if (order)
        return order;
    if (left->list != right->list)
        return left->list < right->list ? -1 : 1;
    return (left->at > right->at) - (left->at < right->at);
}

static int choose_splitters(struct sort *sort)
{
    sort->buckets = sort->count / BUCKET_ITEMS + 1;
    if (sort->buckets > BUCKETS_MAX)
        sort->buckets = BUCKETS_MAX;
    if (sort->buckets == 1)
        return 0;
    size_t samples = sort->buckets * SAMPLES_PER_BUCKET;
    struct splitter *sample = malloc(samples * sizeof *sample);
    if (!sample)
        return SL_ENOMEM;
    take_samples(sort, sample, samples);
    qsort(sample, samples, sizeof *sample, compare_places);
    for (size_t b = 1; b < sort->buckets; b++)
        sort->splitter[b - 1] = sample[b * SAMPLES_PER_BUCKET];
    free(sample);
    return 0;
}

static void note_prefixes(struct sort *sort)
{
    for (size_t i = 0; i < BUCKETS_MAX; i++)
        sort->prefix[i] = i + 1 < sort->buckets ? sort->splitter[i].item.prefix : UINT64_MAX;
}

/* How many splitters have a smaller prefix: a binary search without branches, which would often be mispredicted. */
static size_t smaller_prefixes(const struct sort *sort, uint64_t prefix)
{
    size_t at = 0;
    for (size_t step = BUCKETS_MAX / 2; step; step /= 2)
        at += sort->prefix[at + step - 1] < prefix ? step : 0;
    return at;
}

/* Among splitters with the same prefix keys and places decide. */
static size_t bucket_of(const struct sort *sort, const struct splitter *place)
{
    size_t at = smaller_prefixes(sort, place->item.prefix);
    if (sort->prefix[at] != place->item.prefix)
        return at;
    return SL_BISECT(i, at, sort->buckets - 1, compare_places(place, &sort->splitter[i]) >= 0);
}

/* ---- dealing ---- */

static size_t items_before(const struct sort *sort, size_t list)
{
    size_t before = 0;
    for (size_t i = 0; i < list; i++)
        before += sort->list[i].count;
    return before;
}

enum { ITEMS_AT_ONCE = 1024 }; /* whose keys stay in the cache between prefix and bucket */

static int count_list(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    struct sort *sort = arg;
    const struct sl_sort_list *list = &sort->list[index];
    uint8_t *number = sort->number + items_before(sort, index);
    size_t *count = sort->at + index * sort->buckets;
    for (size_t i = 0, end; i < list->count; i = end) {
        end = i + ITEMS_AT_ONCE < list->count ? i + ITEMS_AT_ONCE : list->count;
        sl_sort_items_prefix(list->item + i, end - i);
        for (size_t k = i; k < end; k++) {
            number[k] = (uint8_t)bucket_of(sort, &(struct splitter){list->item[k], index, k});
            count[number[k]]++;
        }
    }
    return 0;
}

/* From how many to where. */
static void find_places(struct sort *sort)
{
    size_t place = 0;
    for (size_t b = 0; b < sort->buckets; b++) {
        sort->start[b] = place;
        for (size_t l = 0; l < sort->lists; l++) {
            size_t *at = &sort->at[l * sort->buckets + b], count = *at;
            *at = place;
            place += count;
        }
    }
    sort->start[sort->buckets] = place;
    sl_assert(place == sort->count);
}

static int deal_list(void *arg, size_t index, unsigned worker, struct sl_error *err)
{
    struct sort *sort = arg;
    const struct sl_sort_list *list = &sort->list[index];
    const uint8_t *number = sort->number + items_before(sort, index);
    size_t *at = sort->at + index * sort->buckets;
    for (size_t i = 0; i < list->count; i++)
        sort->item[at[number[i]]++] = list->item[i];
    if (list->owner) {
        free(*list->owner);
        *list->owner = NULL;
    }
    return 0;
}

/* ---- sorting ---- */

/* Items that were placed: what they are placed in grows as fast. */
static void give_back(const struct sl_sort_item *item, size_t count)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)item + page - 1) & ~(page - 1), to = (uintptr_t)(item + count) & ~(page - 1);
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_DONTNEED); /* else they stay a little longer */
}

static int sort_bucket(void *arg, size_t bucket, unsigned worker, struct sl_error *err)
{
    struct sort *sort = arg;
    size_t from = sort->start[bucket], count = sort->start[bucket + 1] - from;
    struct sl_sort_item *spare = malloc((count + 1) * sizeof *spare);
    if (!spare)
        return SL_ENOMEM;
    sl_sort_items(sort->item + from, spare, count);
    free(spare);
    sort->place(sort->arg, from, sort->item + from, count);
    if (sort->count >= MANY_ITEMS)
        give_back(sort->item + from, count);
    return 0;
}

static int sort_all(struct sort *sort, struct sl_stage *stage)
{
    int r = choose_splitters(sort);
    if (r == 0)
        note_prefixes(sort);
    sort->item = malloc(sort->count * sizeof *sort->item);
    sort->number = malloc(sort->count);
    sort->at = calloc(sort->lists * sort->buckets, sizeof *sort->at);
    if (!sort->item || !sort->number || !sort->at)
        r = SL_ENOMEM;
    r = r < 0 ? r : sl_pool_run(stage->pool, sort->lists, count_list, sort, stage->err);
    if (r < 0)
        return r;
    find_places(sort);
    r = sl_pool_run(stage->pool, sort->lists, deal_list, sort, stage->err);
    return r < 0 ? r : sl_pool_run(stage->pool, sort->buckets, sort_bucket, sort, stage->err);
}

int sl_sort_lists(struct sl_stage *stage, const struct sl_sort_list *list, size_t lists, sl_sort_place *place,
                  void *arg)
{
    struct sort sort; /* its arrays are filled as far as they are used */
    sort.list = list, sort.lists = lists, sort.place = place, sort.arg = arg;
    sort.buckets = 0, sort.item = NULL, sort.number = NULL, sort.at = NULL;
    sort.count = items_before(&sort, lists);
    int r = sort.count ? sort_all(&sort, stage) : 0;
    free(sort.item);
    free(sort.number);
    free(sort.at);
    return r;
}
