#include "receive/kafka/landmark.h"

#include "core/base/array.h"
#include "core/base/clock.h"
#include "receive/kafka/partitions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { FETCH_MS = 100, PIECE = 16, FIELDS = 4, HASH_DIGITS = 16 };

/* ---- the list ---- */

void sl_kafka_landmarks_done(struct sl_kafka_landmarks *marks)
{
    for (size_t i = 0; i < marks->count; i++)
        free(marks->item[i].topic);
    free(marks->item);
    *marks = (struct sl_kafka_landmarks){0};
}

int sl_kafka_landmarks_add(struct sl_kafka_landmarks *marks, const char *topic, int32_t partition,
                           const struct sl_kafka_landmark *at, struct sl_error *err)
{
    struct sl_kafka_landmark_of *grown =
        sl_array_grow(marks->item, marks->count, &marks->capacity, sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    marks->item = grown;
    char *copy = strdup(topic);
    if (!copy)
        return sl_error_nomem(err);
    grown[marks->count++] = (struct sl_kafka_landmark_of){copy, partition, *at};
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct sl_kafka_landmark_of *left = a, *right = b;
    return sl_kafka_partition_compare(left->topic, left->partition, right->topic, right->partition);
}

const struct sl_kafka_landmark *sl_kafka_landmarks_find(const struct sl_kafka_landmarks *marks,
                                                        const char *topic, int32_t partition)
{
    const struct sl_kafka_landmark_of wanted = {.topic = (char *)topic, .partition = partition};
    const struct sl_kafka_landmark_of *found =
        marks->count ? bsearch(&wanted, marks->item, marks->count, sizeof *marks->item, compare) : NULL;
    return found ? &found->at : NULL;
}

/* ---- the document ---- */

bool sl_kafka_landmarks_append(const struct sl_kafka_landmarks *marks, struct sl_buf *ret)
{
    const char *topic = NULL;
    for (const struct sl_kafka_landmark_of *of = marks->item; of < marks->item + marks->count; of++) {
        sl_kafka_partitions_next(ret, &topic, of->topic, of->partition);
        sl_buf_printf(ret, "[%" PRId64 ",%" PRId64 ",%" PRId64 ",\"%016" PRIx64 "\"]", of->at.offset,
                      of->at.time_ms, of->at.latest_ms, of->at.hash);
    }
    sl_kafka_partitions_end(ret, topic);
    return !ret->failed;
}

static bool read_hash(const struct sl_field *text, uint64_t *ret)
{
    char digits[HASH_DIGITS + 1] = "", *end;
    if (text->tag != SL_STR || text->len != HASH_DIGITS)
        return false;
    memcpy(digits, text->str, HASH_DIGITS);
    *ret = strtoull(digits, &end, 16);
    return *end == 0;
}

static bool read_mark(const struct sl_field *fields, struct sl_kafka_landmark *ret)
{
    bool ok = fields->tag == SL_LIST && fields->len == FIELDS && read_hash(&fields->items[3], &ret->hash);
    for (size_t i = 0; ok && i < 3; i++)
        ok = fields->items[i].tag == SL_INT && fields->items[i].integer >= -1;
    if (ok) {
        ret->offset = fields->items[0].integer;
        ret->time_ms = fields->items[1].integer;
        ret->latest_ms = fields->items[2].integer;
    }
    return ok && ret->offset >= 0;
}

static int read_partition(void *arg, const char *topic, int32_t partition, const struct sl_field *fields,
                          struct sl_error *err)
{
    struct sl_kafka_landmark at;
    return read_mark(fields, &at) ? sl_kafka_landmarks_add(arg, topic, partition, &at, err) : SL_EDAMAGED;
}

int sl_kafka_landmarks_parse(const void *text, size_t len, struct sl_kafka_landmarks *ret,
                             struct sl_error *err)
{
    *ret = (struct sl_kafka_landmarks){0};
    int r =
        sl_kafka_partitions_parse(text, len, "the last records of a Kafka source", read_partition, ret, err);
    if (r == 0 && ret->count)
        qsort(ret->item, ret->count, sizeof *ret->item, compare);
    return r;
}

/* ---- records ---- */

/* A missing key is another one than an empty key. */
static uint64_t hash_of(const struct sl_kafka_message *message)
{
    uint64_t key = message->key ? XXH3_64bits(message->key, message->key_len) : 0;
    return message->value ? XXH3_64bits_withSeed(message->value, message->value_len, key) : ~key;
}

/* Splits may come in any order. */
void sl_kafka_landmark_join(struct sl_kafka_landmark *at, const struct sl_kafka_landmark *other)
{
    int64_t latest_ms = other->latest_ms > at->latest_ms ? other->latest_ms : at->latest_ms;
    if (other->offset > at->offset)
        *at = *other;
    at->latest_ms = latest_ms;
}

void sl_kafka_landmark_move(struct sl_kafka_landmark *at, const struct sl_kafka_message *message,
                            size_t count)
{
    struct sl_kafka_landmark piece = SL_KAFKA_NO_LANDMARK;
    for (size_t i = 0; i < count; i++) {
        piece.time_ms = sl_kafka_message_time(&message[i]);
        piece.latest_ms = piece.time_ms > piece.latest_ms ? piece.time_ms : piece.latest_ms;
    }
    if (count) {
        piece.offset = message[count - 1].offset;
        piece.hash = hash_of(&message[count - 1]);
    }
    sl_kafka_landmark_join(at, &piece);
}

/* 1: the message decides, and *ret_is_other says how; 0: it says nothing. */
static int judge(const struct sl_kafka_landmark *at, int64_t from, const struct sl_kafka_message *message,
                 bool *ret_is_other)
{
    if (message->kind == SL_KAFKA_PROBLEM || (message->kind == SL_KAFKA_MESSAGE && message->offset < from))
        return 0;
    if (message->kind != SL_KAFKA_MESSAGE) /* before the landmark there is something, as the caller knows */
        return from == at->offset;
    if (message->offset <= at->offset) {
        int64_t time_ms = sl_kafka_message_time(message);
        *ret_is_other = time_ms > at->latest_ms || (message->offset == at->offset &&
                                                    (time_ms != at->time_ms || hash_of(message) != at->hash));
    }
    return 1;
}

int sl_kafka_landmark_check(struct sl_kafka_consumer *consumer, const char *topic, int32_t partition,
                            const struct sl_kafka_landmark *at, int64_t from, int timeout_ms,
                            bool *ret_is_other, struct sl_error *err)
{
    struct sl_kafka_message message[PIECE];
    struct sl_kafka_reader *reader;
    int64_t end_ns = sl_monotonic_ns() + timeout_ms * INT64_C(1000000);
    int is_decided = 0;
    *ret_is_other = false;
    int r = sl_kafka_reader_start(consumer, topic, partition, from, &reader, err);
    if (r < 0)
        return r;
    while (r >= 0 && !is_decided && sl_monotonic_ns() < end_ns) {
        r = sl_kafka_reader_fetch(reader, FETCH_MS, message, PIECE, err);
        bool is_readable = true; /* else the record that would decide may be passed over */
        for (int i = 0; i < r; i++) {
            is_readable = is_readable && message[i].kind != SL_KAFKA_UNREADABLE;
            if (!is_decided && is_readable)
                is_decided = judge(at, from, &message[i], ret_is_other);
            sl_kafka_message_release(&message[i]);
        }
        if (!is_readable)
            break;
    }
    sl_kafka_reader_stop(reader);
    return r < 0 ? r
           : is_decided
               ? 0
               : sl_error_set(err, SL_EUNREACHABLE,
                              "topic %s, partition %d: the record at offset %" PRId64 " is not answered",
                              topic, partition, from);
}
