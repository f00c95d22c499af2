/* How far partitions reach, and whether they are the ones that were read. */
#include "receive/kafka/watch_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- how far they reach ---- */

void sl_kafka_watch_doubt(const struct sl_kafka_watch *watch, struct sl_kafka_seen *seen)
{
    seen->since = watch->questions + 1;
    seen->newest_then = seen->earlier = -1;
}

int sl_kafka_watch_find_marks(struct sl_kafka_watch *watch, enum sl_kafka_end end, int timeout_ms,
                              struct sl_error *err)
{
    struct sl_kafka_list *found = &watch->found;
    struct sl_kafka_mark *mark = calloc(found->count + 1, sizeof *mark);
    size_t count = 0;
    const char *why = NULL;
    if (!mark)
        return sl_error_nomem(err);
    for (size_t i = 0; i < found->count; i++)
        if (end == SL_KAFKA_NEWEST || found->item[i].oldest < 0)
            mark[count++] = (struct sl_kafka_mark){found->item[i].topic, found->item[i].partition, -1};
    int r = count ? sl_kafka_consumer_marks(watch->consumer, end, mark, count, timeout_ms, &why, err) : 0;
    for (size_t i = 0, m = 0; i < found->count && r == 0; i++) {
        struct sl_kafka_seen *seen = &found->item[i];
        if (end == SL_KAFKA_OLDEST && seen->oldest >= 0)
            continue;
        int64_t offset = mark[m++].offset;
        if (end == SL_KAFKA_OLDEST)
            seen->oldest = offset;
        else if (offset >= 0)
            seen->newest = offset;
        if (seen->newest_first < 0)
            seen->newest_first = seen->newest;
        if (offset < 0)
            sl_kafka_watch_doubt(watch, seen);
        if (offset < 0)
            snprintf(watch->missing, sizeof watch->missing, "topic %.100s, partition %d: %s", seen->topic,
                     seen->partition, why ? why : "its leader does not answer");
    }
    free(mark);
    return r;
}

/* ---- whether they are the ones that were read ---- */

static void take_landmarks(struct sl_kafka_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    if (watch->has_new_marks) {
        sl_kafka_landmarks_done(&watch->marks);
        watch->marks = watch->new_marks;
        watch->new_marks = (struct sl_kafka_landmarks){0};
        watch->has_new_marks = false;
    }
    pthread_mutex_unlock(&watch->lock);
}

static const struct sl_kafka_landmark *landmark_of(const struct sl_kafka_watch *watch,
                                                   const struct sl_kafka_seen *seen)
{
    return sl_kafka_landmarks_find(&watch->marks, seen->topic, seen->partition);
}

enum { COMPARE_AGAIN_MS = 5000 };

/* Where something has come since its landmark was compared, and after a while again: a topic may be made anew between
 * two answers, and reach as far as the one before. */
static bool is_to_compare(const struct sl_kafka_watch *watch, const struct sl_kafka_seen *seen,
                          int64_t now_ns)
{
    const struct sl_kafka_landmark *at = landmark_of(watch, seen);
    bool is_due = seen->newest != seen->newest_then ||
                  now_ns - seen->compared_ns >= COMPARE_AGAIN_MS * INT64_C(1000000);
    return at && at->latest_ms >= 0 && seen->newest >= 0 && is_due &&
           !(seen->other && seen->other == at->hash);
}

static int compare_landmark(struct sl_kafka_watch *watch, struct sl_kafka_seen *seen, int64_t earlier,
                            int64_t now_ns, int timeout_ms, struct sl_error *err)
{
    const struct sl_kafka_landmark *at = landmark_of(watch, seen);
    bool is_other = false;
    seen->other = 0;
    if (earlier >= 0 && earlier <= at->offset && earlier != seen->earlier) {
        int r = sl_kafka_landmark_check(watch->consumer, seen->topic, seen->partition, at, earlier,
                                        timeout_ms, &is_other, err);
        if (r < 0)
            return r;
        seen->earlier = is_other ? -1 : earlier; /* a marker of a transaction, or what was aborted */
        seen->other = is_other ? at->hash : 0;
    }
    if (!is_other && earlier != SL_KAFKA_NO_ANSWER) {
        seen->newest_then = seen->newest;
        seen->compared_ns = now_ns;
    }
    return 0;
}

int sl_kafka_watch_find_others(struct sl_kafka_watch *watch, int timeout_ms, struct sl_error *err)
{
    struct sl_kafka_list *found = &watch->found;
    const char *why;
    const int64_t now_ns = sl_monotonic_ns();
    size_t count = 0;
    take_landmarks(watch);
    struct sl_kafka_mark *mark = watch->marks.count ? calloc(found->count + 1, sizeof *mark) : NULL;
    if (!mark)
        return watch->marks.count ? sl_error_nomem(err) : 0;
    for (size_t i = 0; i < found->count; i++)
        if (is_to_compare(watch, &found->item[i], now_ns))
            mark[count++] = (struct sl_kafka_mark){found->item[i].topic, found->item[i].partition,
                                                   landmark_of(watch, &found->item[i])->latest_ms + 1};
    int r =
        count ? sl_kafka_consumer_marks(watch->consumer, SL_KAFKA_AT_TIME, mark, count, timeout_ms, &why, err)
              : 0;
    for (size_t i = 0, m = 0; i < found->count && r == 0 && m < count; i++)
        if (is_to_compare(watch, &found->item[i], now_ns))
            r = compare_landmark(watch, &found->item[i], mark[m++].offset, now_ns, timeout_ms, err);
    free(mark);
    return r;
}
