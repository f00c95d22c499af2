/* Splits that are read in another process (core/contract/source.h: place, adopt, found, note). What travels is one row
 * (text/row_codec.h):
 *
 *     there      topic, partition, from, to, landmark of committed batches, is_checked, is_anew
 *     back       landmark of what was read, is_checked, is_anew, records that were gone: how many, from, to
 *
 * a landmark being offset, time, latest time, hash. */
#include "receive/kafka/source.h"
#include "text/row_codec.h"

#include <string.h>

enum {
    THERE_TOPIC,
    THERE_PARTITION,
    THERE_FROM,
    THERE_TO,
    THERE_KNOWN,
    BACK_KNOWN = 0,
    /* from there on */
    OFFSET = 0,
    TIME,
    LATEST,
    HASH,
    IS_CHECKED,
    IS_ANEW,
    KNOWN_FIELDS,

    THERE_FIELDS = THERE_KNOWN + KNOWN_FIELDS,
    BACK_LOST = BACK_KNOWN + KNOWN_FIELDS,
    BACK_LOST_FROM,
    BACK_LOST_TO,
    BACK_FIELDS,

    /* A worker fetches for one split at a time; what is fetched beyond it may be for another worker. */
    AHEAD_BYTES = 8 << 20,
};

static struct sl_kafka_source *own(struct sl_source *source)
{
    return (struct sl_kafka_source *)source;
}

/* With the lock of the tap, or without a batch that reads. */
static void put_known(const struct sl_kafka_partition *partition, const struct sl_kafka_landmark *mark,
                      struct sl_field *ret)
{
    ret[OFFSET] = sl_integer(mark->offset);
    ret[TIME] = sl_integer(mark->time_ms);
    ret[LATEST] = sl_integer(mark->latest_ms);
    ret[HASH] = sl_integer((int64_t)mark->hash);
    ret[IS_CHECKED] = sl_boolean(partition->is_checked);
    ret[IS_ANEW] = sl_boolean(partition->is_anew);
}

static struct sl_kafka_landmark take_landmark(const struct sl_field *known)
{
    return (struct sl_kafka_landmark){.offset = known[OFFSET].integer,
                                      .time_ms = known[TIME].integer,
                                      .latest_ms = known[LATEST].integer,
                                      .hash = (uint64_t)known[HASH].integer};
}

static bool are_integers(const struct sl_field *field, size_t count)
{
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        ok &= field[i].tag == SL_INT;
    return ok;
}

static bool are_known(const struct sl_field *known)
{
    return are_integers(known, IS_CHECKED) && known[IS_CHECKED].tag == SL_BOOL &&
           known[IS_ANEW].tag == SL_BOOL;
}

/* A row of `width` fields. Strings are copied. */
static int parse(const struct sl_field *bytes, uint32_t width, struct sl_arena *arena,
                 struct sl_field fields[SL_ROWCODE_WIDTH_MAX])
{
    size_t at = 0;
    uint32_t got;
    if (bytes->tag != SL_STR)
        return SL_EDAMAGED;
    int r = sl_row_codec_read(bytes->str, bytes->len, &at, arena, fields, &got);
    return r < 0 ? r : got == width && at == bytes->len ? 0 : SL_EDAMAGED;
}

/* ---- there ---- */

bool sl_kafka_place(struct sl_source *source, size_t p, struct sl_split_place *ret)
{
    struct sl_kafka_source *kafka = own(source);
    const struct sl_kafka_split *split = &kafka->split[p];
    struct sl_kafka_partition *partition = split->partition;
    struct sl_field fields[THERE_FIELDS];
    fields[THERE_TOPIC] = sl_string(partition->topic, strlen(partition->topic));
    fields[THERE_PARTITION] = sl_integer(partition->number);
    fields[THERE_FROM] = sl_integer(split->from);
    fields[THERE_TO] = sl_integer(split->to);
    put_known(partition, &partition->landmark, &fields[THERE_KNOWN]);
    sl_buf_clear(&kafka->travels);
    if (!sl_row_codec_append(&kafka->travels, fields, THERE_FIELDS))
        return false;
    *ret = (struct sl_split_place){.origin = &split->origin,
                                   .range = sl_string(kafka->travels.bytes, kafka->travels.len)};
    return true;
}

static bool is_split(const struct sl_field *fields)
{
    return fields[THERE_TOPIC].tag == SL_STR && are_integers(&fields[THERE_PARTITION], 3) &&
           are_known(&fields[THERE_KNOWN]) && fields[THERE_PARTITION].integer >= 0 &&
           fields[THERE_PARTITION].integer <= INT32_MAX && fields[THERE_FROM].integer >= 0 &&
           fields[THERE_FROM].integer <= fields[THERE_TO].integer;
}

static int adopt(struct sl_kafka_source *source, const struct sl_field *fields, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf topic = {0};
    const struct sl_field *known = &fields[THERE_KNOWN];
    sl_buf_append(&topic, fields[THERE_TOPIC].str, fields[THERE_TOPIC].len);
    sl_buf_byte(&topic, 0);
    if (topic.failed)
        return sl_error_nomem(err);
    int r = sl_kafka_plan_only(source, (const char *)topic.bytes, (int32_t)fields[THERE_PARTITION].integer,
                               fields[THERE_FROM].integer, fields[THERE_TO].integer, err);
    if (r < 0)
        return r;
    struct sl_kafka_partition *partition = source->split[0].partition;
    partition->landmark = take_landmark(known);
    partition->read = SL_KAFKA_NO_LANDMARK;
    partition->is_checked = known[IS_CHECKED].boolean;
    partition->is_anew = known[IS_ANEW].boolean;
    if (!partition->is_checked)
        partition->tap.at = -1; /* what was fetched may be of another topic of that name */
    if (source->ahead_bytes > AHEAD_BYTES)
        source->ahead_bytes = AHEAD_BYTES;
    return 0;
}

int sl_kafka_adopt(struct sl_source *source, const struct sl_field *range, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_done) struct sl_arena arena = {0};
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    int r = parse(range, THERE_FIELDS, &arena, fields);
    if (r == 0 && !is_split(fields))
        r = SL_EDAMAGED;
    if (r == SL_EDAMAGED)
        return sl_error_set(err, r, "%s: the offsets of a task are damaged", own(source)->name);
    return r < 0 ? sl_error_nomem(err) : adopt(own(source), fields, err);
}

/* ---- back ---- */

void sl_kafka_found(struct sl_source *source, size_t p, struct sl_split_found *ret)
{
    struct sl_kafka_source *kafka = own(source);
    const struct sl_kafka_split *split = &kafka->split[p];
    struct sl_field fields[BACK_FIELDS];
    put_known(split->partition, &split->partition->read, &fields[BACK_KNOWN]);
    fields[BACK_LOST] = sl_integer(split->lost);
    fields[BACK_LOST_FROM] = sl_integer(split->lost_from);
    fields[BACK_LOST_TO] = sl_integer(split->lost_to);
    sl_buf_clear(&kafka->travels);
    (void)sl_row_codec_append(&kafka->travels, fields, BACK_FIELDS); /* without memory: note refuses it */
    *ret = (struct sl_split_found){.learned = sl_string(kafka->travels.bytes, kafka->travels.len)};
}

int sl_kafka_note(struct sl_source *source, size_t p, const struct sl_split_found *found,
                  struct sl_error *err)
{
    SL_CLEANUP(sl_arena_done) struct sl_arena arena = {0};
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    struct sl_kafka_partition *partition = own(source)->split[p].partition;
    int r = parse(&found->learned, BACK_FIELDS, &arena, fields);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (r < 0 || !are_known(&fields[BACK_KNOWN]) || !are_integers(&fields[BACK_LOST], 3))
        return SL_EDAMAGED;
    const struct sl_kafka_landmark read = take_landmark(&fields[BACK_KNOWN]);
    pthread_mutex_lock(&partition->tap.lock);
    sl_kafka_landmark_join(&partition->read, &read);
    partition->is_checked = fields[BACK_KNOWN + IS_CHECKED].boolean;
    partition->is_anew |= fields[BACK_KNOWN + IS_ANEW].boolean;
    pthread_mutex_unlock(&partition->tap.lock);
    if (fields[BACK_LOST].integer > 0) /* the worker's own warning does not reach the driver's log */
        sl_kafka_read_lost(own(source), partition, fields[BACK_LOST].integer, fields[BACK_LOST_FROM].integer,
                           fields[BACK_LOST_TO].integer);
    return 0;
}
