/* What status and metrics show of the source. Called at any time of the run, also while a batch reads. */
#include "receive/kafka/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 1000 }; /* partitions in status */

static int64_t over(int64_t newest, int64_t from)
{
    return newest > from ? newest - from : 0;
}

struct sums {
    uint64_t received, lag;
};

/* Appends the lags by partition, NUL, the positions, NUL, with the lock held. False: out of memory. */
static bool add_partitions(struct sl_kafka_source *source, struct sums *sums, size_t *ret_positions)
{
    struct sl_buf *buf = &source->shown;
    size_t shown = source->partitions < SHOWN_MAX ? source->partitions : SHOWN_MAX;
    sl_buf_byte(buf, '{');
    for (size_t i = 0; i < source->partitions; i++) {
        const struct sl_kafka_partition *at = source->partition[i];
        int64_t newest = at->shown_newest, lag = over(newest, at->committed);
        sums->received += (uint64_t)over(newest > at->committed ? newest : at->committed, at->begin);
        sums->lag += (uint64_t)lag;
        if (i < shown)
            sl_buf_printf(buf, "%s\"%s-%" PRId32 "\":%" PRId64, i ? "," : "", at->topic, at->number, lag);
    }
    sl_buf_byte(buf, '}');
    sl_buf_byte(buf, 0);
    *ret_positions = buf->len;
    for (size_t i = 0; i < shown; i++)
        sl_buf_printf(buf, "%s%s-%" PRId32 ":%" PRId64, i ? " " : "", source->partition[i]->topic,
                      source->partition[i]->number, source->partition[i]->committed);
    sl_buf_byte(buf, 0);
    return !buf->failed;
}

static bool add_detail(struct sl_kafka_source *source)
{
    char trouble[SL_KAFKA_DETAIL_MAX];
    if (sl_kafka_watch_trouble(source->watch, trouble, sizeof trouble)) {
        sl_buf_text(&source->shown, trouble);
        sl_buf_byte(&source->shown, 0);
        return !source->shown.failed;
    }
    sl_buf_printf(&source->shown, "%s, %zu partition%s", source->servers, source->partitions,
                  source->partitions == 1 ? "" : "s");
    sl_buf_byte(&source->shown, 0);
    return !source->shown.failed;
}

/* Records of the last second or more. */
static void measure_rate(struct sl_kafka_source *source, uint64_t received)
{
    int64_t now = sl_monotonic_ns();
    if (!source->rate_ns || now - source->rate_ns >= 1000000000) {
        if (source->rate_ns)
            source->rate = received < source->rate_end ? 0
                                                       : (double)(received - source->rate_end) * 1e9 /
                                                             (double)(now - source->rate_ns);
        source->rate_end = received;
        source->rate_ns = now;
    }
}

void sl_kafka_report(struct sl_source *source, struct sl_source_report *ret)
{
    struct sl_kafka_source *kafka = (struct sl_kafka_source *)source;
    struct sums sums = {0, 0};
    size_t positions = 0;
    bool is_connected = sl_kafka_watch_is_connected(kafka->watch);
    sl_kafka_plan_note_newest(kafka);
    pthread_mutex_lock(&kafka->lock);
    sl_buf_clear(&kafka->shown);
    bool ok = add_partitions(kafka, &sums, &positions);
    uint64_t dropped = kafka->dropped;
    pthread_mutex_unlock(&kafka->lock);
    size_t detail = kafka->shown.len;
    ok = ok && add_detail(kafka);
    measure_rate(kafka, sums.received);
    const char *text = ok ? (const char *)kafka->shown.bytes : "";
    *ret = (struct sl_source_report){
        .connection = !is_connected       ? "waiting"
                      : kafka->is_settled ? "ended"
                                          : "connected",
        .detail = ok ? text + detail : "",
        .position = ok ? text + positions : "",
        .position_len = ok ? strlen(text + positions) : 0,
        .partitions = ok ? text : NULL,
        .received = sums.received,
        .lag = sums.lag,
        .dropped = dropped,
        .rate = kafka->rate,
    };
}
