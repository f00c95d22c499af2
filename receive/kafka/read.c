/* The rows of a split: (key, value), with meta a third field.
 *
 * Pieces of messages are pulled from the partition's tap under its lock and pushed as chunks without it; keys and values
 * are slices of the messages, which are released when the chunk was pushed. A split is over when a message at or beyond
 * its end is seen, or when the partition is known to hold none before it: offsets have gaps (markers of transactions,
 * aborted records, compaction). */
#include "core/base/array.h"
#include "core/base/limits.h"
#include "receive/kafka/source.h"
#include "receive/pairs.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_BYTES = 8 << 20, /* of one pull */
    FETCH_MS = 100,
    CHECK_MS = 500,
    STOPPED_MS = 1000, /* so long a run that was asked to end waits for brokers */
    SHORT_MS = 10000,  /* a partition may look shorter for so long while a broker starts */
    META_PAIRS = 5,
    NS_PER_MS = 1000000,
};

struct reading {
    struct sl_kafka_source *source;
    struct sl_kafka_split *split;
    struct sl_kafka_consumer *consumer;
    struct sl_task *task;
    struct sl_outlet *out;
    int64_t at; /* the next offset */
    int64_t progress_ns, short_ns;
    bool is_done;
    struct sl_kafka_message *piece;
    size_t count, capacity;
    char trouble[SL_KAFKA_DETAIL_MAX];
    uint32_t rows; /* in the chunk */
    uint32_t line[SL_CHUNK_ROWS];
    struct sl_field column[3][SL_CHUNK_ROWS];
};

/* The consumer of all reads, opened by the first. */
static int take_consumer(struct sl_kafka_source *source, struct sl_kafka_consumer **ret, struct sl_error *err)
{
    char ahead[24];
    int64_t kilobytes = source->ahead_bytes / 1024 / (int64_t)(source->partitions ? source->partitions : 1);
    struct sl_kafka_setting ours[12] = {
        {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
        {"isolation.level", "read_committed"}, {"auto.offset.reset", "error"},
        {"allow.auto.create.topics", "false"}, {"enable.partition.eof", "true"},
    };
    size_t count = 6;
    snprintf(ahead, sizeof ahead, "%" PRId64, kilobytes < 64 ? 64 : kilobytes > 65536 ? 65536 : kilobytes);
    sl_kafka_default(&source->params, "queued.max.messages.kbytes", ahead, ours, &count);
    sl_kafka_default(&source->params, "queued.min.messages", "1000000", ours,
                     &count); /* bytes are the limit */
    /* the end of a partition is known when a fetch comes back empty */
    sl_kafka_default(&source->params, "fetch.wait.max.ms", "100", ours, &count);
    /* librdkafka leaves it out where it is not asked for; Java's client does it */
    sl_kafka_default(&source->params, "check.crcs", "true", ours, &count);
    int r = 0;
    pthread_mutex_lock(&source->lock);
    if (!source->reader)
        r = sl_kafka_consumer_open(&source->params, ours, &source->reader, err);
    *ret = source->reader;
    pthread_mutex_unlock(&source->lock);
    return r;
}

/* ---- what is in the way ---- */

static int64_t since_ms(int64_t ns)
{
    return (sl_monotonic_ns() - ns) / NS_PER_MS;
}

static int unreachable(struct reading *reading)
{
    const struct sl_kafka_partition *partition = reading->split->partition;
    const struct sl_site *site = &reading->source->source.node->site;
    (void)sl_kafka_consumer_trouble(reading->consumer, reading->trouble, sizeof reading->trouble);
    return sl_error_set(reading->task->err, SL_EUNREACHABLE,
                        "%s:%d: %s: %s: topic %s, partition %d, offset %" PRId64 ": %s", site->file,
                        site->line, site->name, reading->source->name, partition->topic, partition->number,
                        reading->at, reading->trouble[0] ? reading->trouble : "the brokers do not answer");
}

static bool is_asked_to_end(const struct sl_services *services)
{
    return services->stop && *services->stop;
}

/* Nothing came for a while. */
static int look_up(struct reading *reading)
{
    const struct sl_kafka_source *source = reading->source;
    int64_t ms = since_ms(reading->progress_ns);
    if (reading->task->stop && *reading->task->stop)
        return sl_error_set(reading->task->err, SL_ESTOP, "stopped while reading %s", source->name);
    bool gives_up =
        ms >= source->connect_timeout_ms || (is_asked_to_end(source->services) && ms >= STOPPED_MS);
    return gives_up ? unreachable(reading) : 0;
}

void sl_kafka_read_lost(struct sl_kafka_source *source, const struct sl_kafka_partition *partition,
                        int64_t count, int64_t from, int64_t to)
{
    const struct sl_site *site = &source->source.node->site;
    sl_log(source->services->log, SL_LOG_WARNING,
           "%s:%d: %s: topic %s, partition %d: %" PRId64 " records with offsets %" PRId64 " to %" PRId64
           " are gone before they were read",
           site->file, site->line, site->name, partition->topic, partition->number, count, from, to - 1);
    pthread_mutex_lock(&source->lock);
    source->dropped += (uint64_t)count;
    pthread_mutex_unlock(&source->lock);
}

/* Records of the batch are not there any more: up to `until`, where reading may continue. */
static int lose(struct reading *reading, int64_t until)
{
    struct sl_kafka_source *source = reading->source;
    const struct sl_kafka_partition *partition = reading->split->partition;
    const struct sl_site *site = &source->source.node->site;
    int64_t to = until > reading->split->to ? reading->split->to : until;
    if (source->fails_on_loss)
        return sl_error_set(
            reading->task->err, SL_EDAMAGED,
            "%s:%d: %s: topic %s, partition %d: the records with offsets %" PRId64 " to %" PRId64
            " are gone before they were read, by retention or with their topic; set failOnDataLoss = false to "
            "continue without them",
            site->file, site->line, site->name, partition->topic, partition->number, reading->at, to - 1);
    sl_kafka_read_lost(source, partition, to - reading->at, reading->at, to);
    struct sl_kafka_split *split = reading->split;
    split->lost_from = split->lost ? split->lost_from : reading->at;
    split->lost_to = to;
    split->lost += to - reading->at;
    reading->at = to;
    reading->is_done = to == reading->split->to;
    return 0;
}

/* The partition seemed to end before the end of the split, and nothing has come since, for so long that no broker that
 * starts is the reason: it is asked. */
static int look_short(struct reading *reading)
{
    struct sl_kafka_partition *partition = reading->split->partition;
    struct sl_kafka_mark newest = {partition->topic, partition->number, -1};
    const char *why;
    if (!reading->short_ns || since_ms(reading->short_ns) < SHORT_MS)
        return 0;
    int r = sl_kafka_consumer_marks(reading->consumer, SL_KAFKA_NEWEST, &newest, 1,
                                    (int)reading->source->connect_timeout_ms, &why, reading->task->err);
    if (r < 0 || newest.offset < 0 || newest.offset >= reading->split->to)
        return unreachable(reading); /* what is there does not come: the batch is read again */
    return lose(reading, reading->split->to);
}

/* The broker does not have the requested offset. */
static int find_loss(struct reading *reading)
{
    struct sl_kafka_partition *partition = reading->split->partition;
    struct sl_kafka_mark oldest = {partition->topic, partition->number, -1};
    const char *why;
    int r = sl_kafka_consumer_marks(reading->consumer, SL_KAFKA_OLDEST, &oldest, 1,
                                    (int)reading->source->connect_timeout_ms, &why, reading->task->err);
    if (r < 0 || oldest.offset < 0)
        return unreachable(reading);
    partition->tap.at = -1;
    partition->is_checked = false;
    if (oldest.offset > reading->at)
        return lose(reading, oldest.offset);
    if (!reading
             ->short_ns) /* it is beyond the end of the partition, which a broker that starts may not know */
        reading->short_ns = sl_monotonic_ns();
    (void)poll(NULL, 0, FETCH_MS); /* before it is asked again */
    return look_short(reading);
}

/* ---- pulling, with the lock of the tap ---- */

/* The topic is another one than the one that was read: what was planned is not in it. */
static int lose_topic(struct reading *reading)
{
    struct sl_kafka_partition *partition = reading->split->partition;
    const struct sl_site *site = &reading->source->source.node->site;
    if (reading->source->fails_on_loss)
        return sl_error_set(
            reading->task->err, SL_EDAMAGED,
            "%s:%d: %s: topic %s, partition %d: its topic was made anew: the records up to offset %" PRId64
            " are not those that were read; set failOnDataLoss = false to read it from its "
            "beginning",
            site->file, site->line, site->name, partition->topic, partition->number,
            partition->landmark.offset);
    partition->is_anew = true; /* the next batch begins with it */
    return lose(reading, reading->split->to);
}

/* Before anything is fetched: whether the last record that was read is where it was. */
static int check_topic(struct reading *reading)
{
    struct sl_kafka_partition *partition = reading->split->partition;
    bool is_other = partition->is_anew;
    int r = 0;
    if (partition->is_checked)
        return 0;
    if (partition->landmark.offset >= 0 && !is_other) {
        sl_kafka_tap_stop(&partition->tap); /* a consumer reads a partition at one place */
        while ((r = sl_kafka_landmark_check(reading->consumer, partition->topic, partition->number,
                                            &partition->landmark, partition->landmark.offset, CHECK_MS,
                                            &is_other, reading->task->err)) == SL_EUNREACHABLE) {
            r = look_up(reading);
            if (r < 0)
                return r;
        }
    }
    partition->is_checked = r == 0 && !is_other;
    return r < 0 || !is_other ? r : lose_topic(reading);
}

static int keep(struct reading *reading, const struct sl_kafka_message *message)
{
    struct sl_kafka_message *piece =
        sl_array_grow(reading->piece, reading->count, &reading->capacity, sizeof *piece);
    if (!piece)
        return sl_error_nomem(reading->task->err);
    reading->piece = piece;
    reading->piece[reading->count++] = *message;
    return 0;
}

/* The library passes over records that it cannot read: they are asked for again, as what came may be damaged and not what is
 * there. */
static int ask_again(struct reading *reading, struct sl_kafka_tap *tap,
                     const struct sl_kafka_message *message)
{
    snprintf(reading->trouble, sizeof reading->trouble, "%s", sl_kafka_message_text(message));
    sl_kafka_tap_stop(tap);
    (void)poll(NULL, 0, FETCH_MS);
    return look_up(reading);
}

/* 1: it was taken; 0: nothing of it is kept, or it belongs to a later split; or a failure. */
static int take_message(struct reading *reading, struct sl_kafka_tap *tap, struct sl_kafka_message *message)
{
    int r = 0;
    switch (message->kind) {
    case SL_KAFKA_MESSAGE:
        if (message->offset >= reading->split->to) {
            reading->is_done = true;
            return 0;
        }
        if (message->offset < reading->at)
            break;
        r = keep(reading, message);
        if (r < 0)
            return r;
        reading->at = message->offset + 1;
        sl_kafka_tap_drop(tap, false);
        return 1;
    case SL_KAFKA_END:
        tap->known = message->offset > tap->known ? message->offset : tap->known;
        reading->short_ns = message->offset < reading->split->to ? sl_monotonic_ns() : 0;
        break;
    case SL_KAFKA_GONE:
        sl_kafka_tap_drop(tap, true);
        return find_loss(reading);
    case SL_KAFKA_UNREADABLE:
        return ask_again(reading, tap, message);
    case SL_KAFKA_PROBLEM:
        snprintf(reading->trouble, sizeof reading->trouble, "%s", sl_kafka_message_text(message));
        break;
    }
    sl_kafka_tap_drop(tap, true);
    return 0;
}

static int wait_for_more(struct reading *reading)
{
    bool is_short = reading->short_ns && !is_asked_to_end(reading->source->services);
    return is_short ? look_short(reading) : look_up(reading);
}

/* Until the piece is large enough, or the split is over. */
static int pull(struct reading *reading)
{
    struct sl_kafka_partition *partition = reading->split->partition;
    struct sl_kafka_tap *tap = &partition->tap;
    size_t bytes = 0;
    int r = 0;
    while (r >= 0 && !reading->is_done && bytes < PIECE_BYTES) {
        r = sl_kafka_tap_move(tap, reading->consumer, partition->topic, partition->number, reading->at,
                              reading->task->err);
        if (r < 0)
            return r;
        if (reading->at >= reading->split->to || (!tap->count && tap->known >= reading->split->to)) {
            reading->is_done = true;
            break;
        }
        struct sl_kafka_message *message = sl_kafka_tap_peek(tap, FETCH_MS, &r, reading->task->err);
        if (message) {
            size_t size = message->kind == SL_KAFKA_MESSAGE ? message->key_len + message->value_len : 0;
            bool is_progress = message->kind == SL_KAFKA_MESSAGE || message->kind == SL_KAFKA_END;
            r = take_message(reading, tap, message);
            bytes += r == 1 ? size : 0;
            tap->at = tap->at < 0 ? -1 : reading->at;
            if (is_progress)
                reading->progress_ns = sl_monotonic_ns();
        } else if (r == 0) {
            r = wait_for_more(reading);
        }
    }
    if (r >= 0 && reading->is_done)
        reading->at = reading->split->to;
    if (r >= 0 && tap->at >= 0)
        tap->at = reading->at;
    return r < 0 ? r : 0;
}

/* ---- pushing ---- */

static void release(struct reading *reading, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        sl_kafka_message_release(&reading->piece[i]);
}

static struct sl_field text_of(const void *bytes, size_t len)
{
    return bytes ? sl_string(bytes, len) : sl_nil();
}

static struct sl_field name(const char *constant)
{
    return sl_string(constant, strlen(constant));
}

/* Of headers of one name the last counts. */
static bool headers_of(struct reading *reading, const struct sl_kafka_message *message, struct sl_field *ret)
{
    struct sl_arena *arena = reading->task->scratch;
    const char *header;
    const void *value;
    size_t len, count = 0;
    while (sl_kafka_message_header(message, count, &header, &value, &len))
        count++;
    struct sl_field *pairs = sl_arena_alloc(arena, (4 * count + 1) * sizeof *pairs);
    const struct sl_field **order = sl_arena_alloc(arena, (count + 1) * sizeof *order);
    if (!pairs || !order)
        return false;
    for (size_t i = 0; i < count && sl_kafka_message_header(message, i, &header, &value, &len); i++) {
        pairs[2 * i] = name(header);
        pairs[2 * i + 1] = text_of(value, len);
    }
    *ret = sl_map(&pairs[2 * count], sl_pairs_sort(pairs, count, order, &pairs[2 * count]));
    return true;
}

static bool meta_of(struct reading *reading, const struct sl_kafka_message *message, struct sl_field *ret)
{
    const struct sl_kafka_partition *partition = reading->split->partition;
    struct sl_field *pairs = sl_arena_alloc(reading->task->scratch, 2 * META_PAIRS * sizeof *pairs);
    int64_t ms = sl_kafka_message_time(message);
    if (!pairs || !headers_of(reading, message, &pairs[1]))
        return false;
    pairs[0] = name("headers");
    pairs[2] = name("offset");
    pairs[3] = sl_integer(message->offset);
    pairs[4] = name("partition");
    pairs[5] = sl_integer(partition->number);
    pairs[6] = name("timestamp");
    pairs[7] = ms < 0 ? sl_nil() : sl_integer(ms);
    pairs[8] = name("topic");
    pairs[9] = name(partition->topic);
    *ret = sl_map(pairs, META_PAIRS);
    return true;
}

/* SL_EREJECT, a failure that ends the batch, or 0. */
static int add_row(struct reading *reading, const struct sl_kafka_message *message)
{
    uint32_t row = reading->rows;
    uint64_t most = reading->source->services->record_bytes_max;
    reading->line[row] = (uint32_t)(message->offset - reading->split->origin.first);
    if (message->key_len > most || message->value_len > most - message->key_len)
        return sl_task_explain(reading->task, "record of more than %" PRIu64 " bytes (maxRecordBytes)", most);
    reading->column[0][row] = text_of(message->key, message->key_len);
    reading->column[1][row] = text_of(message->value, message->value_len);
    if (reading->source->has_meta && !meta_of(reading, message, &reading->column[2][row]))
        return sl_error_nomem(reading->task->err);
    reading->rows++;
    return 0;
}

static int reject(struct reading *reading, const struct sl_kafka_message *message)
{
    const struct sl_field fields[2] = {text_of(message->key, message->key_len),
                                       text_of(message->value, message->value_len)};
    uint32_t line = (uint32_t)(message->offset - reading->split->origin.first);
    const struct sl_chunk chunk = {.rows = 1,
                                   .width = 2,
                                   .origin = &reading->split->origin,
                                   .line = &line,
                                   .column = {&fields[0], &fields[1]}};
    return sl_task_reject(reading->task, reading->source->source.node->number, &chunk, 0);
}

static int push_rows(struct reading *reading)
{
    struct sl_chunk chunk = {
        .rows = reading->rows,
        .width = 2 + reading->source->has_meta,
        .origin = &reading->split->origin,
        .line = reading->line,
        .column = {reading->column[0], reading->column[1], reading->column[2]},
    };
    reading->rows = 0;
    if (reading->task->stop && *reading->task->stop)
        return sl_error_set(reading->task->err, SL_ESTOP, "stopped while reading %s", reading->source->name);
    int r = sl_push(reading->out, &chunk);
    sl_arena_reset(reading->task->scratch);
    return r;
}

static int push_piece(struct reading *reading)
{
    size_t released = 0;
    int r = 0;
    for (size_t i = 0; i < reading->count && r == 0; i++) {
        r = add_row(reading, &reading->piece[i]);
        if (r == SL_EREJECT)
            r = reject(reading, &reading->piece[i]);
        if (r == 0 && (reading->rows == SL_CHUNK_ROWS || i + 1 == reading->count)) {
            r = push_rows(reading);
            release(reading, released, i + 1);
            released = i + 1;
        }
    }
    release(reading, released, reading->count);
    reading->count = reading->rows = 0;
    return r;
}

/* ---- a split ---- */

static int read_piece(struct reading *reading)
{
    struct sl_kafka_tap *tap = &reading->split->partition->tap;
    if (!sl_kafka_tap_enter(tap, reading->split->number, reading->task->stop))
        return sl_error_set(reading->task->err, SL_ESTOP, "stopped while reading %s", reading->source->name);
    reading->progress_ns = sl_monotonic_ns();
    int r = check_topic(reading);
    r = r < 0 ? r : pull(reading);
    if (r < 0)
        tap->at = -1;
    else
        sl_kafka_landmark_move(&reading->split->partition->read, reading->piece, reading->count);
    sl_kafka_tap_leave(tap, reading->split->number, r < 0 || reading->is_done);
    if (r < 0)
        release(reading, 0, reading->count);
    return r < 0 ? r : push_piece(reading);
}

/* A reader that fails between two pieces lets the next one in. */
static void give_up(struct reading *reading)
{
    struct sl_kafka_tap *tap = &reading->split->partition->tap;
    pthread_mutex_lock(&tap->lock);
    bool is_owner = tap->owner == reading->split->number;
    if (is_owner)
        tap->at = -1;
    sl_kafka_tap_leave(tap, reading->split->number, is_owner);
}

int sl_kafka_read(struct sl_source *source, size_t p, struct sl_task *task, struct sl_outlet *out,
                  uint64_t *ret_lines)
{
    struct sl_kafka_source *own = (struct sl_kafka_source *)source;
    *ret_lines = 0;
    if (own->given)
        return sl_kafka_given_read(own, task, out);
    struct reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return sl_error_nomem(task->err);
    reading->source = own;
    reading->split = &own->split[p];
    reading->task = task;
    reading->out = out;
    reading->at = reading->split->from;
    int r = take_consumer(own, &reading->consumer, task->err);
    while (r == 0 && !reading->is_done)
        r = read_piece(reading);
    if (r < 0)
        give_up(reading);
    free(reading->piece);
    free(reading);
    return r;
}
