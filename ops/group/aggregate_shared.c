/* Groups of exact reducers that all workers combine in the same tables, where memory is not bounded.
 *
 * Where nearly every row brings another key, the table of each worker would come to have nearly all keys, and all of them
 * would have to be united at the end. So once such a table is too large for a second-level cache, its groups are moved to
 * tables that the workers share, one for each hash partition with a lock of its own, and the worker's rows go there: those
 * that a chunk has of a partition at once.
 *
 * No worker waits for another one's rows. A partition that another worker is at is tried again after the others; if it still
 * is not free, its rows go to the worker's own table, which is moved in its turn, and folded into the shared tables at the
 * end. So a key that has most of the rows is combined by every worker by itself. A table that has several rows for each of
 * its groups stays the worker's own: most rows find their groups in its cache, and no other processor writes there.
 *
 * While a partition is locked rows are merged or groups folded, which takes no other lock than those of aggregate->lock and
 * of the sink of record errors: exact reducers are native. */
#include "core/base/error.h"
#include "ops/group/aggregate_internal.h"

#include <stdlib.h>

enum {
    LOOK_GROUPS = 16 << 10, /* as many as half of a second-level cache holds */
    PARTS_PER_WORKER = 8,   /* so many that two workers seldom want the same */
    PARTS_MAX = 256,
};

/* ---- the tables ---- */

static struct sl_shared_table *shared_new(unsigned parts)
{
    struct sl_shared_table *shared = sl_apart_new(parts, sizeof *shared);
    for (unsigned p = 0; shared && p < parts; p++) {
        pthread_mutex_init(&shared[p].lock, NULL);
        sl_table_init(&shared[p].table, parts);
    }
    return shared;
}

void sl_aggregate_shared_done(struct sl_aggregate *aggregate)
{
    for (unsigned p = 0; aggregate->shared && p < aggregate->shared_parts; p++) {
        sl_table_done(&aggregate->shared[p].table);
        pthread_mutex_destroy(&aggregate->shared[p].lock);
    }
    free(aggregate->shared);
    aggregate->shared = NULL;
}

static unsigned choose_parts(const struct sl_aggregate *aggregate)
{
    unsigned wanted = PARTS_PER_WORKER * sl_pool_workers(aggregate->stage->pool), parts = 1;
    while (parts < wanted && parts < PARTS_MAX)
        parts *= 2;
    return parts;
}

/* The tables, which the first worker that wants them makes. NULL: out of memory. */
static struct sl_shared_table *shared_of(struct sl_aggregate *aggregate)
{
    pthread_mutex_lock(&aggregate->lock);
    if (!aggregate->shared) {
        aggregate->shared_parts = choose_parts(aggregate);
        aggregate->shared = shared_new(aggregate->shared_parts);
    }
    struct sl_shared_table *shared = aggregate->shared;
    pthread_mutex_unlock(&aggregate->lock);
    return shared;
}

/* The n-th partition of a worker: workers begin at different ones. */
static unsigned nth_part(const struct sl_aggregate *aggregate, const struct sl_task *task, unsigned n)
{
    unsigned workers = sl_pool_workers(aggregate->stage->pool), parts = aggregate->shared_parts;
    return (task->worker * parts / workers + n) & (parts - 1);
}

/* ---- from the worker's own table ---- */

static int move_part(struct sl_aggregate *aggregate, struct sl_task *task, unsigned part)
{
    struct sl_shared_table *to = &aggregate->own[task->worker].shared[part];
    const struct sl_fold fold = {.aggregate = aggregate,
                                 .task = task,
                                 .to = &to->table,
                                 .from = &aggregate->own[task->worker].table,
                                 .partition = part,
                                 .partitions = aggregate->shared_parts,
                                 .copies = true};
    pthread_mutex_lock(&to->lock);
    int r = sl_aggregate_fold(&fold);
    pthread_mutex_unlock(&to->lock);
    return r;
}

static int move_groups(struct sl_aggregate *aggregate, struct sl_task *task)
{
    struct sl_aggregate_own *own = &aggregate->own[task->worker];
    int r = 0;
    own->shared = shared_of(aggregate);
    if (!own->shared)
        return SL_ENOMEM;
    for (unsigned n = 0; n < aggregate->shared_parts && r == 0; n++)
        r = move_part(aggregate, task, nth_part(aggregate, task, n));
    sl_table_done(&own->table);
    sl_table_init(&own->table, 1);
    return r;
}

/* Whether hardly more rows came than groups. */
static bool is_of_little_use(const struct sl_aggregate_own *own)
{
    return own->rows / 5 < (own->table.used - own->groups) / 4;
}

int sl_aggregate_look(struct sl_aggregate *aggregate, struct sl_task *task, uint32_t rows, bool *ret_shares)
{
    struct sl_aggregate_own *own = &aggregate->own[task->worker];
    int r = 0;
    if (own->table.used >= LOOK_GROUPS && own->table.used >= 2 * own->groups) {
        r = is_of_little_use(own) ? move_groups(aggregate, task) : 0;
        own->groups = own->table.used;
        own->rows = 0;
    }
    own->rows += own->shared ? 0 : rows;
    *ret_shares = own->shared;
    return r;
}

/* ---- a chunk ---- */

/* The rows of a chunk by hash partition. */
struct deal {
    uint32_t start[PARTS_MAX + 1]; /* where those of a partition begin */
    uint16_t row[SL_CHUNK_ROWS];
    uint32_t hash[SL_CHUNK_ROWS];
    uint32_t left; /* partitions whose rows are not merged yet */
    uint32_t part[PARTS_MAX];
};

static void deal_rows(const struct sl_chunk_merge *merge, struct deal *deal)
{
    unsigned parts = merge->aggregate->shared_parts, shift = 32 - (unsigned)__builtin_ctz(parts);
    uint32_t rows = merge->in->rows, at[PARTS_MAX] = {0}, hash[SL_CHUNK_ROWS];
    for (uint32_t i = 0; i < rows; i++) {
        hash[i] = (uint32_t)sl_field_hash(&merge->pairs.key[i], merge->task->seed);
        at[hash[i] >> shift]++;
    }
    deal->start[0] = 0;
    for (unsigned p = 0; p < parts; p++) {
        deal->start[p + 1] = deal->start[p] + at[p];
        at[p] = deal->start[p];
    }
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t to = at[hash[i] >> shift]++;
        deal->row[to] = (uint16_t)i;
        deal->hash[to] = hash[i];
    }
}

static void list_parts(const struct sl_chunk_merge *merge, struct deal *deal)
{
    deal->left = 0;
    for (unsigned n = 0; n < merge->aggregate->shared_parts; n++) {
        unsigned part = nth_part(merge->aggregate, merge->task, n);
        if (deal->start[part] < deal->start[part + 1])
            deal->part[deal->left++] = part;
    }
}

static uint32_t rows_of(const struct deal *deal, uint32_t part)
{
    return deal->start[part + 1] - deal->start[part];
}

static int merge_part(struct sl_chunk_merge *merge, const struct deal *deal, uint32_t part,
                      struct sl_table *table)
{
    uint32_t from = deal->start[part];
    return sl_aggregate_merge_rows(merge, table, deal->row + from, deal->hash + from, rows_of(deal, part));
}

/* The rows of the partitions that no other worker is at. */
static int merge_free(struct sl_chunk_merge *merge, struct deal *deal)
{
    struct sl_shared_table *shared = merge->aggregate->own[merge->task->worker].shared;
    uint32_t count = deal->left;
    int r = 0;
    deal->left = 0;
    for (uint32_t i = 0; i < count && r == 0; i++) {
        uint32_t part = deal->part[i];
        if (pthread_mutex_trylock(&shared[part].lock)) {
            deal->part[deal->left++] = part;
            continue;
        }
        r = merge_part(merge, deal, part, &shared[part].table);
        pthread_mutex_unlock(&shared[part].lock);
    }
    return r;
}

int sl_aggregate_merge_shared(struct sl_chunk_merge *merge)
{
    struct sl_aggregate_own *own = &merge->aggregate->own[merge->task->worker];
    struct deal deal; /* its arrays are filled as far as they are used */
    deal_rows(merge, &deal);
    list_parts(merge, &deal);
    int r = merge_free(merge, &deal);
    r = r < 0 ? r : merge_free(merge, &deal);
    for (uint32_t i = 0; i < deal.left && r == 0; i++) {
        own->rows += rows_of(&deal, deal.part[i]);
        r = merge_part(merge, &deal, deal.part[i], &own->table);
    }
    return r;
}
