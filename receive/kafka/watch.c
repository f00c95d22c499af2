#include "receive/kafka/watch.h"

#include "core/base/array.h"
#include "core/base/condition.h"
#include "core/contract/operator.h"
#include "receive/kafka/partitions.h"
#include "receive/kafka/watch_internal.h"
#include "text/regex.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUESTION_FIRST_MS = 2000, /* how long an answer is waited for: the thread cannot be woken meanwhile */
    QUESTION_MAX_MS = 4000,
    PAUSE_FIRST_MS = 100, /* after a question without answer */
    PAUSE_MAX_MS = 1000,
    TROUBLE_EVERY_MS = 60000,
    TELL_EVERY_MS = 1000, /* how often it says that there are more records */
    NS_PER_MS = 1000000,
    PARTITIONS_MAX = 100000,
};

/* ---- lists ---- */

static void list_done(struct sl_kafka_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->item[i].topic);
    free(list->item);
    *list = (struct sl_kafka_list){0};
}

static int compare(const void *a, const void *b)
{
    const struct sl_kafka_seen *left = a, *right = b;
    return sl_kafka_partition_compare(left->topic, left->partition, right->topic, right->partition);
}

static int list_add(struct sl_kafka_list *list, const struct sl_kafka_seen *seen)
{
    struct sl_kafka_seen *grown = sl_array_grow(list->item, list->count, &list->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    list->item = grown;
    grown[list->count] = *seen;
    grown[list->count].topic = strdup(seen->topic);
    if (!grown[list->count].topic)
        return SL_ENOMEM;
    list->count++;
    return 0;
}

static struct sl_kafka_seen *list_find(const struct sl_kafka_list *list, const struct sl_kafka_seen *wanted)
{
    return list->count ? bsearch(wanted, list->item, list->count, sizeof *list->item, compare) : NULL;
}

/* ---- which topics ---- */

static bool is_pattern(const char *topic)
{
    return topic[0] == '^';
}

static int open_topic(struct sl_kafka_watch *watch, size_t i, struct sl_error *err)
{
    const char *name = watch->options.topics.name[i];
    if (!is_pattern(name))
        return sl_kafka_consumer_name(watch->consumer, name, err);
    int r = sl_regex_new(name, strlen(name), &watch->pattern[i], err);
    return r < 0 ? sl_error_wrap(err, "topics: \"%s\"", name) : 0;
}

/* Topics whose names begin with "__" are Kafka's own. */
static bool is_wanted(const struct sl_kafka_watch *watch, const char *topic)
{
    const struct sl_kafka_topics *topics = &watch->options.topics;
    struct sl_task task = {0}; /* the patterns are this thread's */
    for (size_t i = 0; i < topics->count; i++) {
        if (!watch->pattern[i] && strcmp(topics->name[i], topic) == 0)
            return true;
        if (watch->pattern[i] && strncmp(topic, "__", 2) != 0 &&
            sl_regex_match(watch->pattern[i], &task, topic, strlen(topic), NULL, 0, NULL) == 1)
            return true;
    }
    return false;
}

struct finding {
    struct sl_kafka_watch *watch;
    struct sl_kafka_list list;
    bool *is_there; /* [topics.count], for names */
};

static int find_topic(void *arg, const char *topic, int32_t partitions, const char *why)
{
    struct finding *finding = arg;
    struct sl_kafka_watch *watch = finding->watch;
    int r = 0;
    if (!is_wanted(watch, topic))
        return 0;
    if (partitions < 0)
        snprintf(watch->missing, sizeof watch->missing, "topic %.100s: %s", topic, why);
    for (size_t i = 0; i < watch->options.topics.count; i++)
        finding->is_there[i] |= strcmp(watch->options.topics.name[i], topic) == 0;
    for (int32_t p = 0; p < partitions && r == 0; p++) {
        const struct sl_kafka_seen wanted = {(char *)topic, p, -1, -1, -1, watch->questions, 0, -1, -1, 0};
        const struct sl_kafka_seen *known = list_find(&watch->found, &wanted);
        r = finding->list.count < PARTITIONS_MAX ? list_add(&finding->list, known ? known : &wanted)
                                                 : SL_EFAIL;
    }
    return r;
}

static int find_topics(struct sl_kafka_watch *watch, int timeout_ms, struct sl_error *err)
{
    const struct sl_kafka_topics *topics = &watch->options.topics;
    struct finding finding = {.watch = watch, .is_there = calloc(topics->count + 1, sizeof(bool))};
    if (!finding.is_there)
        return sl_error_nomem(err);
    watch->missing[0] = 0;
    int r = sl_kafka_consumer_topics(watch->consumer, topics->has_patterns, timeout_ms, find_topic, &finding,
                                     err);
    for (size_t i = 0; r == 0 && i < topics->count; i++)
        if (!watch->pattern[i] && !finding.is_there[i])
            snprintf(watch->missing, sizeof watch->missing, "topic %.100s: there is no such topic",
                     topics->name[i]);
    free(finding.is_there);
    if (r < 0) {
        list_done(&finding.list);
        return r == SL_ENOMEM ? sl_error_nomem(err)
               : r == SL_EFAIL
                   ? sl_error_set(err, r, "the topics have more than %d partitions", PARTITIONS_MAX)
                   : r;
    }
    if (finding.list.count)
        qsort(finding.list.item, finding.list.count, sizeof *finding.list.item, compare);
    list_done(&watch->found);
    watch->found = finding.list;
    watch->topics_ns = watch->missing[0] ? 0 : sl_monotonic_ns();
    return 0;
}

static int64_t sum_of_newest(const struct sl_kafka_list *list)
{
    int64_t sum = 0;
    for (size_t i = 0; i < list->count; i++)
        sum += list->item[i].newest;
    return sum;
}

/* Partitions of which not all is known yet are left out; the first view has all there are. */
static int publish(struct sl_kafka_watch *watch, struct sl_error *err)
{
    struct sl_kafka_list view = {0};
    int r = 0;
    bool is_whole = true, is_first = watch->view.count == 0; /* only this thread writes it */
    for (size_t i = 0; i < watch->found.count && r == 0; i++) {
        const struct sl_kafka_seen *seen = &watch->found.item[i];
        if (seen->oldest >= 0 && seen->newest >= 0)
            r = list_add(&view, seen);
        else
            is_whole = false;
    }
    if (r < 0 || (is_first && !is_whole)) {
        list_done(&view);
        return r < 0 ? sl_error_nomem(err) : 0;
    }
    watch->has_moved |= sum_of_newest(&view) != sum_of_newest(&watch->view);
    pthread_mutex_lock(&watch->lock);
    struct sl_kafka_list old = watch->view;
    watch->view = view;
    pthread_mutex_unlock(&watch->lock);
    list_done(&old);
    return 0;
}

static int question(struct sl_kafka_watch *watch, int timeout_ms, struct sl_error *err)
{
    int64_t since_ns = sl_monotonic_ns() - watch->topics_ns;
    int r = 0;
    watch->questions++;
    if (!watch->topics_ns || since_ns >= watch->options.topics_ms * NS_PER_MS)
        r = find_topics(watch, timeout_ms, err);
    r = r < 0 ? r : sl_kafka_watch_find_marks(watch, SL_KAFKA_OLDEST, timeout_ms, err);
    r = r < 0 ? r : sl_kafka_watch_find_marks(watch, SL_KAFKA_NEWEST, timeout_ms, err);
    r = r < 0 ? r : sl_kafka_watch_find_others(watch, timeout_ms, err);
    for (size_t i = 0; r < 0 && i < watch->found.count; i++)
        sl_kafka_watch_doubt(watch, &watch->found.item[i]);
    if (r < 0)
        watch->topics_ns = 0; /* the library learns of a topic that is there again with the answer */
    return r < 0 ? r : publish(watch, err);
}

/* ---- telling ---- */

static void log_trouble(struct sl_kafka_watch *watch, const char *text)
{
    const struct sl_site *site = &watch->options.node->site;
    int64_t now = sl_monotonic_ns();
    bool is_new = !watch->logged[0];
    if (!text[0]) {
        if (!is_new)
            sl_log(watch->options.services->log, SL_LOG_INFO, "%s:%d: %s: %s: connected", site->file,
                   site->line, site->name, watch->options.name);
        watch->logged[0] = 0;
        return;
    }
    if (!is_new && now - watch->logged_ns < TROUBLE_EVERY_MS * (int64_t)NS_PER_MS)
        return;
    watch->logged_ns = now;
    snprintf(watch->logged, sizeof watch->logged, "%s", text);
    sl_log(watch->options.services->log, SL_LOG_WARNING, "%s:%d: %s: %s: %s%s", site->file, site->line,
           site->name, watch->options.name, text, is_new ? "" : " still");
}

static void tell_changed(struct sl_kafka_watch *watch, bool is_urgent)
{
    const struct sl_services *services = watch->options.services;
    int64_t now = sl_monotonic_ns();
    bool is_due = watch->has_moved && now - watch->told_ns >= TELL_EVERY_MS * (int64_t)NS_PER_MS;
    if (!services->changed || (!is_urgent && !is_due))
        return;
    watch->told_ns = now;
    watch->has_moved = false;
    services->changed(services->changed_arg);
}

/* The library says once why a broker is not reached; what it gives afterwards names neither. */
static bool says_less(const struct sl_kafka_watch *watch, const char *text)
{
    return !watch->is_connected && watch->trouble[0] && strncmp(text, "Local: ", strlen("Local: ")) == 0;
}

/* What came of a question. */
static void tell(struct sl_kafka_watch *watch, int r, const struct sl_error *err, uint64_t number)
{
    char text[SL_KAFKA_DETAIL_MAX];
    snprintf(text, sizeof text, "%.240s", r < 0 ? err->text : watch->missing);
    bool ends = r < 0 && (r != SL_EUNREACHABLE || !watch->options.retries);
    if (r < 0 && says_less(watch, text)) /* only this thread writes what it reads */
        memcpy(text, watch->trouble, sizeof text);
    pthread_mutex_lock(&watch->lock);
    bool is_other = watch->is_connected != (r == 0) || strcmp(watch->trouble, text) != 0;
    watch->is_connected = r == 0;
    memcpy(watch->trouble, text, sizeof text);
    watch->ended = number;
    if (r == 0)
        watch->answered = number;
    if (ends) {
        watch->failed = r == SL_EUNREACHABLE ? SL_EFAIL : r;
        watch->failure = *err;
        watch->failure.code = watch->failed;
    }
    pthread_cond_broadcast(&watch->heard);
    pthread_mutex_unlock(&watch->lock);
    if (!ends)
        log_trouble(watch, text);
    tell_changed(watch, is_other);
}

/* ---- the thread ---- */

/* Offsets that batches have committed since. */
static void commit(struct sl_kafka_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    struct sl_kafka_positions positions = watch->to_commit;
    watch->to_commit = (struct sl_kafka_positions){0};
    pthread_mutex_unlock(&watch->lock);
    struct sl_kafka_mark *mark = positions.count ? calloc(positions.count, sizeof *mark) : NULL;
    struct sl_error err;
    for (size_t i = 0; mark && i < positions.count; i++)
        mark[i] = (struct sl_kafka_mark){positions.item[i].topic, positions.item[i].partition,
                                         positions.item[i].to};
    if (mark && sl_kafka_consumer_commit(watch->consumer, mark, positions.count, &err) < 0)
        sl_log(watch->options.services->log, SL_LOG_DEBUG, "%s: committing to the group: %s",
               watch->options.name, err.text); /* the next batch commits what follows */
    free(mark);
    sl_kafka_positions_done(&positions);
}

/* The number of the question that is to be asked now; 0: none, the source is closed. */
static uint64_t next_question(struct sl_kafka_watch *watch, int64_t pause_ms)
{
    struct timespec until = sl_condition_end(pause_ms);
    int timed_out = 0;
    pthread_mutex_lock(&watch->lock);
    while (!watch->is_stopping && !timed_out &&
           (!watch->is_connected || (watch->requested <= watch->begun && !watch->to_commit.count)))
        timed_out = pthread_cond_timedwait(&watch->wanted, &watch->lock, &until);
    uint64_t number = watch->is_stopping ? 0 : ++watch->begun;
    pthread_mutex_unlock(&watch->lock);
    return number;
}

static void *run(void *arg)
{
    struct sl_kafka_watch *watch = arg;
    int64_t question_ms = watch->options.retries ? QUESTION_FIRST_MS : watch->options.timeout_ms,
            pause_ms = 0;
    uint64_t number;
    sigset_t all;
    int r = 0;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
    while ((r == 0 || r == SL_EUNREACHABLE) && (number = next_question(watch, pause_ms))) {
        struct sl_error err = {0};
        r = question(watch, (int)question_ms, &err);
        tell(watch, r, &err, number);
        if (r == 0)
            commit(watch);
        else if (!watch->options.retries)
            break;
        question_ms = r == 0 || question_ms * 2 > QUESTION_MAX_MS ? QUESTION_FIRST_MS : question_ms * 2;
        pause_ms = r == 0                        ? watch->options.period_ms
                   : pause_ms < PAUSE_FIRST_MS   ? PAUSE_FIRST_MS
                   : pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS
                                                 : pause_ms * 2;
    }
    if (r == 0)
        commit(watch);
    return NULL;
}

/* ---- outside ---- */

static int open_consumer(struct sl_kafka_watch *watch, struct sl_error *err)
{
    static const struct sl_kafka_setting ours[] = {
        {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
        {"isolation.level", "read_committed"}, {"auto.offset.reset", "error"},
        {"allow.auto.create.topics", "false"}, {NULL, NULL},
    };
    int r = sl_kafka_consumer_open(&watch->options.params, ours, &watch->consumer, err);
    for (size_t i = 0; r == 0 && i < watch->options.topics.count; i++)
        r = open_topic(watch, i, err);
    return r;
}

int sl_kafka_watch_open(const struct sl_kafka_watch_options *options, struct sl_kafka_watch **ret,
                        struct sl_error *err)
{
    struct sl_kafka_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return sl_error_nomem(err);
    watch->options = *options;
    pthread_mutex_init(&watch->lock, NULL);
    sl_condition_init(&watch->wanted);
    sl_condition_init(&watch->heard);
    watch->pattern = calloc(options->topics.count + 1, sizeof(struct sl_regex *));
    if (!watch->pattern) {
        sl_kafka_watch_close(watch);
        return sl_error_nomem(err);
    }
    *ret = watch;
    return 0;
}

int sl_kafka_watch_start(struct sl_kafka_watch *watch, struct sl_error *err)
{
    int r = open_consumer(watch, err);
    if (r < 0)
        return r;
    int failed = pthread_create(&watch->thread, NULL, run, watch);
    watch->is_started = failed == 0;
    return failed ? sl_error_thread(err, failed, "starting a thread") : 0;
}

void sl_kafka_watch_close(struct sl_kafka_watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->is_stopping = true;
    pthread_cond_broadcast(&watch->wanted);
    pthread_mutex_unlock(&watch->lock);
    if (watch->is_started)
        pthread_join(watch->thread, NULL);
    sl_kafka_consumer_close(watch->consumer);
    for (size_t i = 0; watch->pattern && i < watch->options.topics.count; i++)
        sl_regex_free(watch->pattern[i]);
    free(watch->pattern);
    list_done(&watch->found);
    list_done(&watch->view);
    sl_kafka_positions_done(&watch->to_commit);
    sl_kafka_landmarks_done(&watch->marks);
    sl_kafka_landmarks_done(&watch->new_marks);
    pthread_cond_destroy(&watch->wanted);
    pthread_cond_destroy(&watch->heard);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

int sl_kafka_watch_ask(struct sl_kafka_watch *watch, int64_t wait_ms, bool insists, uint64_t *question,
                       bool *ret_is_fresh, struct sl_error *err)
{
    struct timespec until = sl_condition_end(wait_ms);
    int timed_out = 0;
    pthread_mutex_lock(&watch->lock);
    bool waits = watch->is_started && (watch->is_connected || insists);
    uint64_t number = *question ? *question : watch->begun + 1; /* one that begins after this */
    if (waits && watch->requested < number)
        watch->requested = number;
    if (waits)
        pthread_cond_broadcast(&watch->wanted);
    while (waits && !timed_out && !watch->failed && watch->ended < number)
        timed_out = pthread_cond_timedwait(&watch->heard, &watch->lock, &until);
    *ret_is_fresh = waits && watch->answered >= number;
    *question = waits && watch->ended < number ? number : 0;
    int r = watch->failed;
    if (r < 0)
        *err = watch->failure;
    pthread_mutex_unlock(&watch->lock);
    return r;
}

int sl_kafka_watch_each(struct sl_kafka_watch *watch,
                        int (*each)(void *arg, const struct sl_kafka_seen *seen, struct sl_error *err),
                        void *arg, struct sl_error *err)
{
    int r = 0;
    pthread_mutex_lock(&watch->lock);
    for (size_t i = 0; i < watch->view.count && r == 0; i++)
        r = each(arg, &watch->view.item[i], err);
    pthread_mutex_unlock(&watch->lock);
    return r;
}

bool sl_kafka_watch_trouble(struct sl_kafka_watch *watch, char *text, size_t size)
{
    pthread_mutex_lock(&watch->lock);
    snprintf(text, size, "%s", watch->trouble);
    pthread_mutex_unlock(&watch->lock);
    return text[0] != 0;
}

bool sl_kafka_watch_is_connected(struct sl_kafka_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    bool is_connected = watch->is_connected;
    pthread_mutex_unlock(&watch->lock);
    return is_connected;
}

void sl_kafka_watch_commit(struct sl_kafka_watch *watch, struct sl_kafka_positions *positions)
{
    pthread_mutex_lock(&watch->lock);
    struct sl_kafka_positions old = watch->to_commit;
    watch->to_commit = *positions;
    pthread_cond_broadcast(&watch->wanted);
    pthread_mutex_unlock(&watch->lock);
    *positions = (struct sl_kafka_positions){0};
    sl_kafka_positions_done(&old);
}

void sl_kafka_watch_landmarks(struct sl_kafka_watch *watch, struct sl_kafka_landmarks *marks)
{
    pthread_mutex_lock(&watch->lock);
    struct sl_kafka_landmarks old = watch->new_marks;
    watch->new_marks = *marks;
    watch->has_new_marks = true;
    pthread_mutex_unlock(&watch->lock);
    *marks = (struct sl_kafka_landmarks){0};
    sl_kafka_landmarks_done(&old);
}
