/* Which offsets a batch reads: arithmetic over what the watch has seen. Without threads. */
#include "receive/kafka/partitions.h"
#include "receive/kafka/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    SPLIT_OFFSETS = 32768, /* part of the contract with the checkpoint: a plan is cut in the same way again */
    SPLITS_MAX = 50000,
    SHORT_MS = 10000, /* a partition may look shorter for so long while a broker starts */
};

/* ---- partitions ---- */

static size_t place_of(const struct sl_kafka_source *source, const char *topic, int32_t number)
{
    size_t low = 0, high = source->partitions;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct sl_kafka_partition *at = source->partition[middle];
        if (sl_kafka_partition_compare(at->topic, at->number, topic, number) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct sl_kafka_partition *find(const struct sl_kafka_source *source, const char *topic,
                                       int32_t number)
{
    size_t at = place_of(source, topic, number);
    struct sl_kafka_partition *found = at < source->partitions ? source->partition[at] : NULL;
    return found && sl_kafka_partition_compare(found->topic, found->number, topic, number) == 0 ? found
                                                                                                : NULL;
}

static void partition_free(struct sl_kafka_partition *partition)
{
    sl_kafka_tap_done(&partition->tap);
    free(partition->topic);
    free(partition->place);
    free(partition);
}

/* Names of topics are plain (options.c). */
static bool describe(struct sl_kafka_partition *partition)
{
    uint64_t hash = XXH3_64bits(partition->topic, strlen(partition->topic));
    partition->channel = (uint32_t)(hash ^ hash >> 32) + (uint32_t)partition->number;
    return asprintf(&partition->place, "\"topic\":\"%s\",\"partition\":%" PRId32, partition->topic,
                    partition->number) >= 0;
}

static int add(struct sl_kafka_source *source, const char *topic, int32_t number, int64_t begin,
               struct sl_kafka_partition **ret, struct sl_error *err)
{
    size_t at = place_of(source, topic, number);
    struct sl_kafka_partition *partition = calloc(1, sizeof *partition);
    struct sl_kafka_partition **grown =
        reallocarray(source->partition, source->partitions + 1, sizeof(struct sl_kafka_partition *));
    if (grown)
        source->partition = grown;
    if (!partition || !grown) {
        free(partition);
        return sl_error_nomem(err);
    }
    *partition = (struct sl_kafka_partition){.topic = strdup(topic),
                                             .number = number,
                                             .begin = begin,
                                             .committed = begin,
                                             .next = begin,
                                             .newest = -1,
                                             .shown_newest = -1,
                                             .landmark = SL_KAFKA_NO_LANDMARK,
                                             .read = SL_KAFKA_NO_LANDMARK};
    sl_kafka_tap_init(&partition->tap);
    if (!partition->topic || !describe(partition)) {
        partition->place = NULL;
        partition_free(partition);
        return sl_error_nomem(err);
    }
    pthread_mutex_lock(&source->lock);
    memmove(&grown[at + 1], &grown[at], (source->partitions - at) * sizeof(struct sl_kafka_partition *));
    grown[at] = partition;
    source->partitions++;
    pthread_mutex_unlock(&source->lock);
    *ret = partition;
    return 0;
}

void sl_kafka_plan_done(struct sl_kafka_source *source)
{
    for (size_t i = 0; i < source->partitions; i++)
        partition_free(source->partition[i]);
    free(source->partition);
    free(source->split);
    sl_kafka_positions_done(&source->start);
}

/* Its topic is another one, of which nothing was read. Without a batch that reads. */
static void forget(struct sl_kafka_partition *partition)
{
    partition->landmark = partition->read = SL_KAFKA_NO_LANDMARK;
    partition->is_anew = false;
    partition->tap.at = -1;
}

/* ---- documents ---- */

int sl_kafka_plan_adopt(struct sl_kafka_source *source, const struct sl_buf *range, bool is_committed,
                        struct sl_error *err)
{
    SL_CLEANUP(sl_kafka_positions_done) struct sl_kafka_positions positions = {0};
    int r = sl_kafka_positions_parse(range->bytes, range->len, &positions, err);
    for (size_t i = 0; i < source->partitions && r == 0; i++)
        source->partition[i]->from = source->partition[i]->to = source->partition[i]->next;
    for (size_t i = 0; i < positions.count && r == 0; i++) {
        const struct sl_kafka_position *at = &positions.item[i];
        struct sl_kafka_partition *partition = find(source, at->topic, at->partition);
        const struct sl_kafka_position *start =
            sl_kafka_positions_find(&source->start, at->topic, at->partition);
        if (!partition)
            r = add(source, at->topic, at->partition, start ? start->to : at->from, &partition, err);
        if (r < 0)
            break;
        pthread_mutex_lock(&source->lock);
        /* the landmark is older than a batch that reads its topic from the beginning again */
        if ((is_committed ? at->to : at->from) <= partition->landmark.offset)
            forget(partition);
        partition->from = at->from;
        partition->to = partition->next = at->to;
        if (is_committed)
            partition->committed = at->to;
        pthread_mutex_unlock(&source->lock);
    }
    source->has_begun = true;
    return r;
}

int sl_kafka_plan_positions(const struct sl_kafka_source *source, struct sl_kafka_positions *ret,
                            struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; i < source->partitions && r == 0; i++) {
        const struct sl_kafka_partition *at = source->partition[i];
        r = sl_kafka_positions_add(ret, at->topic, at->number, at->from, at->to, err);
    }
    return r;
}

/* ---- the start ---- */

int sl_kafka_plan_load_start(struct sl_kafka_source *source, struct sl_error *err)
{
    char *text;
    size_t len;
    int r = sl_kafka_memory_load(source, "start", &text, &len, err);
    if (r < 0 || !text)
        return r;
    r = sl_kafka_positions_parse(text, len, &source->start, err);
    free(text);
    for (size_t i = 0; i < source->start.count && r == 0; i++) {
        const struct sl_kafka_position *at = &source->start.item[i];
        struct sl_kafka_partition *partition;
        r = add(source, at->topic, at->partition, at->to, &partition, err);
    }
    source->has_begun |= source->start.count > 0;
    r = r < 0 ? sl_error_wrap(err, "received/%s/start", source->name)
              : sl_kafka_memory_load_landmarks(source, err);
    return r;
}

/* Durable before it counts. */
static int save_start(struct sl_kafka_source *source, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    sl_kafka_positions_sort(&source->start);
    return sl_kafka_positions_append(&source->start, &text)
               ? sl_kafka_memory_save(source, "start", &text, err)
               : sl_error_nomem(err);
}

/* A long run reads nothing of a full disk's new partitions, and nothing else, until there is room for where they begin. */
static int save_new_start(struct sl_kafka_source *source, struct sl_error *err)
{
    const struct sl_site *site = &source->source.node->site;
    int r = save_start(source, err);
    if (r == SL_EFULL && !source->services->until_end) {
        if (!source->lacks_room)
            sl_log(source->services->log, SL_LOG_WARNING,
                   "%s:%d: %s: %s: %s; reading stops until there is room", site->file, site->line, site->name,
                   source->name, err->text);
        source->lacks_room = true;
        return 0;
    }
    source->lacks_room = source->lacks_room && r < 0;
    return r;
}

/* The option fromOffsets, or -1. */
static int64_t asked_offset(const struct sl_kafka_source *source, const struct sl_kafka_seen *seen)
{
    char key[512];
    int len = snprintf(key, sizeof key, "%s-%" PRId32, seen->topic, seen->partition);
    const struct sl_field *offset =
        source->from_offsets.tag == SL_MAP ? sl_map_get(&source->from_offsets, key, (size_t)len) : NULL;
    return offset ? offset->integer : -1;
}

static int decide_begin(const struct sl_kafka_source *source, const struct sl_kafka_seen *seen, int64_t *ret,
                        struct sl_error *err)
{
    int64_t asked = asked_offset(source, seen);
    if (asked >= 0 && (asked < seen->oldest || asked > seen->newest))
        return sl_error_set(err, SL_EFAIL,
                            "fromOffsets: topic %s, partition %d has the offsets %" PRId64 " to %" PRId64
                            ", not %" PRId64,
                            seen->topic, seen->partition, seen->oldest, seen->newest, asked);
    if (asked < 0 && !source->has_begun && source->reset == SL_KAFKA_NO_RESET)
        return sl_error_set(err, SL_EFAIL,
                            "topic %s, partition %d: a new checkpoint has no offset to begin at, and "
                            "auto.offset.reset is \"none\"; set fromOffsets",
                            seen->topic, seen->partition);
    *ret = asked >= 0                                                ? asked
           : source->has_begun || source->reset == SL_KAFKA_EARLIEST ? seen->oldest
                                                                     : seen->newest_first;
    return 0;
}

/* ---- what the watch has seen ---- */

struct merge {
    struct sl_kafka_source *source;
    bool has_new;
};

static int merge_one(void *arg, const struct sl_kafka_seen *seen, struct sl_error *err)
{
    struct merge *merge = arg;
    struct sl_kafka_source *source = merge->source;
    struct sl_kafka_partition *partition = find(source, seen->topic, seen->partition);
    int64_t begin;
    if (!partition) {
        int r = decide_begin(source, seen, &begin, err);
        r = r < 0 ? r : add(source, seen->topic, seen->partition, begin, &partition, err);
        r = r < 0 ? r
                  : sl_kafka_positions_add(&source->start, seen->topic, seen->partition, begin, begin, err);
        if (r < 0)
            return r;
        partition->from = partition->to = begin;
        merge->has_new = true;
    }
    pthread_mutex_lock(&source->lock);
    partition->newest = partition->shown_newest = seen->newest;
    pthread_mutex_unlock(&source->lock);
    if (partition->since != seen->since) { /* it was not there for a while */
        partition->since = seen->since;
        partition->is_checked = false;
        partition->tap.at = -1;
    }
    partition->is_anew |= partition->landmark.offset >= 0 && seen->other == partition->landmark.hash;
    if (seen->newest >= partition->next)
        partition->short_ns = 0;
    else if (!partition->short_ns)
        partition->short_ns = sl_monotonic_ns();
    return 0;
}

/* What shows that the partition is not the one that was read, into text[size]; false: nothing does. */
static bool find_change(const struct sl_kafka_partition *partition, char *text, size_t size)
{
    bool is_short =
        partition->short_ns && sl_monotonic_ns() - partition->short_ns > SHORT_MS * INT64_C(1000000);
    if (partition->is_anew)
        snprintf(text, size,
                 "its topic was made anew: the records up to offset %" PRId64 " are not those that were read",
                 partition->landmark.offset);
    else if (is_short)
        snprintf(text, size,
                 "the records from offset %" PRId64
                 " on are gone: it ends there now, and was read to %" PRId64
                 ", so its topic was made anew, or brokers have lost records",
                 partition->newest, partition->next);
    return partition->is_anew || is_short;
}

static int start_anew(struct sl_kafka_source *source, struct sl_kafka_partition *partition,
                      struct sl_error *err)
{
    const struct sl_site *site = &source->source.node->site;
    char change[SL_KAFKA_DETAIL_MAX];
    if (!find_change(partition, change, sizeof change))
        return 0;
    if (source->fails_on_loss)
        return sl_error_set(
            err, SL_EDAMAGED,
            "%s:%d: %s: topic %s, partition %d: %s; set failOnDataLoss = false to read it from "
            "its beginning",
            site->file, site->line, site->name, partition->topic, partition->number, change);
    sl_log(source->services->log, SL_LOG_WARNING,
           "%s:%d: %s: topic %s, partition %d: %s: it is read from its beginning", site->file, site->line,
           site->name, partition->topic, partition->number, change);
    pthread_mutex_lock(&source->lock);
    partition->next = partition->committed = partition->begin = partition->from = partition->to = 0;
    partition->short_ns = 0;
    pthread_mutex_unlock(&source->lock);
    forget(partition);
    return 0;
}

int sl_kafka_plan_merge(struct sl_kafka_source *source, struct sl_error *err)
{
    struct merge merge = {source, false};
    int r = sl_kafka_watch_each(source->watch, merge_one, &merge, err);
    if (r == 0 && (merge.has_new || source->lacks_room))
        r = save_new_start(source, err);
    source->has_begun |= merge.has_new;
    for (size_t i = 0; i < source->partitions && r == 0; i++)
        r = start_anew(source, source->partition[i], err);
    return r;
}

static int note_one(void *arg, const struct sl_kafka_seen *seen, struct sl_error *err)
{
    struct sl_kafka_source *source = arg;
    (void)err;
    pthread_mutex_lock(&source->lock);
    struct sl_kafka_partition *partition = find(source, seen->topic, seen->partition);
    if (partition)
        partition->shown_newest = seen->newest;
    pthread_mutex_unlock(&source->lock);
    return 0;
}

void sl_kafka_plan_note_newest(struct sl_kafka_source *source)
{
    struct sl_error none;
    (void)sl_kafka_watch_each(source->watch, note_one, source, &none); /* note_one does not fail */
}

/* ---- the batch ---- */

static int64_t of_interval(const struct sl_kafka_source *source, int64_t rate)
{
    int64_t interval_ms = source->source.node->interval_ms;
    int64_t most =
        rate > INT64_MAX / 100000000 ? INT64_MAX / 2 : (int64_t)((__int128)rate * interval_ms / 1000);
    return most < 1 ? 1 : most;
}

static int64_t waiting(const struct sl_kafka_partition *partition)
{
    return partition->newest > partition->next ? partition->newest - partition->next : 0;
}

/* What each partition may have where all together may have `total`: the largest share with which no more is taken. */
static int64_t share_of(const struct sl_kafka_source *source, int64_t total)
{
    int64_t low = 0, high = total;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2, sum = 0;
        for (size_t i = 0; i < source->partitions && sum <= total; i++) {
            int64_t some = waiting(source->partition[i]);
            sum += some < middle ? some : middle;
        }
        if (sum <= total)
            low = middle;
        else
            high = middle - 1;
    }
    return low < 1 ? 1 : low;
}

void sl_kafka_plan_take(struct sl_kafka_source *source, bool takes_nothing, bool has_rates)
{
    int64_t most = INT64_MAX;
    if (has_rates && source->partition_rate_max)
        most = of_interval(source, source->partition_rate_max);
    if (has_rates && source->rate_max) {
        int64_t share = share_of(source, of_interval(source, source->rate_max));
        most = share < most ? share : most;
    }
    for (size_t i = 0; i < source->partitions; i++) {
        struct sl_kafka_partition *partition = source->partition[i];
        int64_t some = waiting(partition);
        partition->from = partition->next;
        partition->to = partition->next += takes_nothing ? 0 : some < most ? some : most;
    }
}

static void forget_all(struct sl_kafka_source *source)
{
    for (size_t i = 0; i < source->partitions; i++)
        partition_free(source->partition[i]);
    source->partitions = 0;
}

int sl_kafka_plan_only(struct sl_kafka_source *source, const char *topic, int32_t number, int64_t from,
                       int64_t to, struct sl_error *err)
{
    struct sl_kafka_partition *partition = find(source, topic, number);
    int r = 0;
    if (!partition) {
        forget_all(source);
        r = add(source, topic, number, from, &partition, err);
    }
    if (r == 0 && !source->split)
        source->split = calloc(1, sizeof *source->split);
    if (r < 0 || !source->split)
        return r < 0 ? r : sl_error_nomem(err);
    partition->from = from;
    partition->to = partition->next = to;
    sl_kafka_tap_begin(&partition->tap);
    source->splits = 1;
    source->split[0] = (struct sl_kafka_split){
        .partition = partition,
        .from = from,
        .to = to,
        .origin = {.source = source->name, .first = (uint64_t)from, .place = partition->place}};
    return 0;
}

static size_t splits_of(int64_t offsets, int64_t size)
{
    return (size_t)((offsets + size - 1) / size);
}

int sl_kafka_plan_cut(struct sl_kafka_source *source, struct sl_error *err)
{
    int64_t all = 0, size = SPLIT_OFFSETS;
    size_t count = 0;
    for (size_t i = 0; i < source->partitions; i++)
        all += source->partition[i]->to - source->partition[i]->from;
    while (all / size > SPLITS_MAX)
        size *= 2;
    for (size_t i = 0; i < source->partitions; i++)
        count += splits_of(source->partition[i]->to - source->partition[i]->from, size);
    free(source->split);
    source->splits = 0;
    source->split = calloc(count + 1, sizeof *source->split);
    if (!source->split)
        return sl_error_nomem(err);
    for (size_t i = 0; i < source->partitions; i++) {
        struct sl_kafka_partition *partition = source->partition[i];
        size_t number = 0;
        sl_kafka_tap_begin(&partition->tap);
        for (int64_t from = partition->from; from < partition->to; from += size)
            source->split[source->splits++] = (struct sl_kafka_split){
                .partition = partition,
                .number = number++,
                .from = from,
                .to = partition->to - from < size ? partition->to : from + size,
                .origin = {.source = source->name, .first = (uint64_t)from, .place = partition->place},
            };
    }
    source->has_batch = true;
    return 0;
}
