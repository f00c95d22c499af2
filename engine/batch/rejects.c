#include "engine/batch/rejects.h"

#include "core/base/array.h"
#include "core/contract/operator.h"
#include "core/contract/site.h"
#include "engine/batch/rejects_entry.h"
#include "text/json.h"
#include "text/time_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int keep(struct sl_rejects *rejects, struct sl_task *task, unsigned node,
                const struct sl_field *fields, uint32_t width, const struct sl_origin *origin, uint32_t line);
static void append_window(struct sl_buf *buf, const struct sl_field *key, const struct sl_span *window);

/* onRecordError = "stop" */
static int stop(const struct sl_rejects *rejects, const struct sl_task *task, unsigned node,
                const struct sl_field *fields, uint32_t line)
{
    const struct sl_site *site = &rejects->pipelines->node[node]->site;
    SL_CLEANUP(sl_buf_done) struct sl_buf window = {0};
    if (line == SL_GROUP_LINE)
        append_window(&window, fields, &task->group_window);
    return sl_error_set(task->err, SL_EFAIL,
                        "%s:%d: %s: %s%.*s; the run stops because onRecordError is \"stop\"", site->file,
                        site->line, site->name, sl_site_strip(site, task->message), (int)window.len,
                        (const char *)window.bytes);
}

static int reject(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                  const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                  uint32_t line)
{
    struct sl_rejects *rejects = (struct sl_rejects *)sink;
    if (rejects->stop)
        return stop(rejects, task, node, fields, line);
    pthread_mutex_lock(&rejects->lock);
    rejects->total++;
    rejects->failed[node]++;
    /* That a replayed dead letter fails again says nothing about the job. */
    bool is_of_file = task->is_counted_by_file || (origin && origin->once_more);
    rejects->by_file[node] += line == SL_GROUP_LINE ? task->is_counted_elsewhere : is_of_file;
    if (origin && origin->node)
        rejects->by_source[origin->node->number]++;
    int r = keep(rejects, task, node, fields, width, origin, line);
    pthread_mutex_unlock(&rejects->lock);
    return r;
}

/* Of several messages the first in order, whichever worker had it first. */
static void postpone(struct sl_reject_sink *sink, struct sl_task *task, unsigned node)
{
    struct sl_rejects *rejects = (struct sl_rejects *)sink;
    struct sl_postponed *postponed = &rejects->postponed[node];
    pthread_mutex_lock(&rejects->lock);
    postponed->groups++;
    if (!postponed->message || strcmp(task->message, postponed->message) < 0)
        postponed->message = sl_arena_text(&rejects->arena, task->message, strlen(task->message));
    pthread_mutex_unlock(&rejects->lock);
}

/* ---- times in messages ---- */

/* "2024-02-29T12:00:00Z", or words. */
static void show_time(int64_t ms, char *text, size_t size)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    struct sl_time_memo memo = {0};
    struct sl_time_format *format;
    if (ms == SL_END_OF_TIME)
        snprintf(text, size, "the end");
    else if (!sl_time_is_valid(ms) || sl_time_format_new("iso8601", 7, NULL, 0, &format, NULL) < 0)
        snprintf(text, size, "%lld", (long long)ms);
    else {
        if (sl_time_print(format, &memo, ms, &buf))
            snprintf(text, size, "%.*s", (int)buf.len, (const char *)buf.bytes);
        sl_time_format_free(format);
    }
}

/* " (key "a", window 2024-02-29T12:00:00Z to 2024-02-29T12:05:00Z)"; nothing where there is no window. */
static void append_window(struct sl_buf *buf, const struct sl_field *key, const struct sl_span *window)
{
    enum { KEY_BYTES = 100 };
    char from[40], to[40];
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    if (window->from_ms == window->to_ms)
        return;
    show_time(window->from_ms, from, sizeof from);
    show_time(window->to_ms, to, sizeof to);
    sl_json_field(&text, key, NULL);
    size_t len = text.len < KEY_BYTES ? text.len : KEY_BYTES;
    while (len && len < text.len && (text.bytes[len] & 0xC0) == 0x80) /* within a character */
        len--;
    sl_buf_printf(buf, " (key %.*s%s, window %s to %s)", (int)len, (const char *)text.bytes,
                  len < text.len ? "..." : "", from, to);
}

/* ---- late records ---- */

static int keep_late(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                     const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                     uint32_t line)
{
    const struct sl_rejects *rejects = (const struct sl_rejects *)sink;
    struct sl_rejects *late = rejects->late;
    char time[40] = "", watermark[40] = "";
    show_time(task->event_ms, time, sizeof time);
    show_time(rejects->watermark ? rejects->watermark[node] : SL_NO_TIME, watermark, sizeof watermark);
    snprintf(task->message, sizeof task->message,
             "the record is late: its time is %s, the watermark %s, and all it belongs to is closed", time,
             watermark);
    pthread_mutex_lock(&late->lock);
    late->total++;
    late->failed[node]++;
    int r = keep(late, task, node, fields, width, origin, line);
    pthread_mutex_unlock(&late->lock);
    return r;
}

int sl_rejects_init(struct sl_rejects *rejects, const struct sl_pipelines *pipelines, bool stop)
{
    *rejects =
        (struct sl_rejects){.sink = {reject, keep_late, postpone}, .pipelines = pipelines, .stop = stop};
    pthread_mutex_init(&rejects->lock, NULL);
    rejects->failed = calloc(pipelines->nodes + 1, sizeof *rejects->failed);
    rejects->by_file = calloc(pipelines->nodes + 1, sizeof *rejects->by_file);
    rejects->by_source = calloc(pipelines->nodes + 1, sizeof *rejects->by_source);
    rejects->postponed = calloc(pipelines->nodes + 1, sizeof *rejects->postponed);
    return rejects->failed && rejects->by_file && rejects->by_source && rejects->postponed ? 0 : SL_ENOMEM;
}

void sl_rejects_done(struct sl_rejects *rejects)
{
    if (!rejects->failed)
        return;
    sl_arena_done(&rejects->arena);
    free(rejects->entry);
    free(rejects->failed);
    free(rejects->by_file);
    free(rejects->by_source);
    free(rejects->postponed);
    pthread_mutex_destroy(&rejects->lock);
    *rejects = (struct sl_rejects){0};
}

void sl_rejects_reset(struct sl_rejects *rejects)
{
    if (!rejects->failed)
        return;
    sl_arena_reset(&rejects->arena);
    rejects->kept = 0;
    rejects->last = NULL;
    rejects->total = 0;
    memset(rejects->failed, 0, rejects->pipelines->nodes * sizeof *rejects->failed);
    memset(rejects->by_file, 0, rejects->pipelines->nodes * sizeof *rejects->by_file);
    memset(rejects->by_source, 0, rejects->pipelines->nodes * sizeof *rejects->by_source);
    memset(rejects->postponed, 0, rejects->pipelines->nodes * sizeof *rejects->postponed);
}

/* ---- which ones are kept ---- */

/* What failed decides where nothing else does: tasks of two sources may say the same of where they are. */
static int compare_fields(const struct sl_reject_entry *x, const struct sl_reject_entry *y)
{
    int order = 0;
    for (uint32_t i = 0; order == 0 && i < x->width && i < y->width; i++)
        order = sl_field_compare(&x->field[i], &y->field[i]);
    return order;
}

static int compare_windows(const struct sl_span *x, const struct sl_span *y)
{
    int order = (x->from_ms > y->from_ms) - (x->from_ms < y->from_ms);
    return order ? order : (x->to_ms > y->to_ms) - (x->to_ms < y->to_ms);
}

/* Groups by key, for hash tables meet them in an order of their own; those of one key by window and partition. */
static int compare_groups(const struct sl_reject_entry *x, const struct sl_reject_entry *y)
{
    int order = sl_field_compare(x->field, y->field);
    order = order ? order : compare_windows(&x->window, &y->window);
    if (order == 0)
        order = (x->partition > y->partition) - (x->partition < y->partition);
    return order ? order : compare_fields(x, y);
}

/* The order of dead letters: operator, partition, then as they came within the partition. Groups follow the
 * operator's records. */
static int compare_entries(const void *a, const void *b)
{
    const struct sl_reject_entry *x = *(struct sl_reject_entry *const *)a,
                                 *y = *(struct sl_reject_entry *const *)b;
    if (x->node != y->node)
        return x->node->number < y->node->number ? -1 : 1;
    bool x_group = x->line == SL_GROUP_LINE, y_group = y->line == SL_GROUP_LINE;
    int order = x_group && y_group ? compare_groups(x, y) : x_group - y_group;
    if (order)
        return order;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* Keeps the first SL_REJECTED_KEPT_MAX in order whenever twice as many have gathered. */
static void prune(struct sl_rejects *rejects)
{
    qsort(rejects->entry, rejects->kept, sizeof *rejects->entry, compare_entries);
    if (rejects->kept < SL_REJECTED_KEPT_MAX)
        return;
    rejects->kept = SL_REJECTED_KEPT_MAX;
    rejects->last = rejects->entry[SL_REJECTED_KEPT_MAX - 1];
}

static bool make_room(struct sl_rejects *rejects)
{
    if (rejects->kept == 2 * SL_REJECTED_KEPT_MAX)
        prune(rejects);
    struct sl_reject_entry **grown =
        sl_array_grow(rejects->entry, rejects->kept, &rejects->capacity, sizeof *grown);
    if (!grown)
        return false;
    rejects->entry = grown;
    return true;
}

/* A copy of the record; of a long string its beginning. */
static const struct sl_field *copy_record(struct sl_arena *arena, const struct sl_field *fields,
                                          uint32_t width, bool *ret_truncated)
{
    struct sl_field *copy = sl_arena_alloc(arena, width * sizeof *copy);
    *ret_truncated = false;
    for (uint32_t i = 0; copy && i < width; i++) {
        struct sl_field field = fields[i];
        if (field.tag == SL_STR && field.len > SL_REJECTED_RECORD_BYTES_MAX) {
            field.len = SL_REJECTED_RECORD_BYTES_MAX;
            *ret_truncated = true;
        }
        if (!sl_field_copy(arena, &field, &copy[i]))
            return NULL;
    }
    return copy;
}

static int keep_copy(struct sl_rejects *rejects, const struct sl_reject_entry *given)
{
    const struct sl_reject_entry *wanted = given;
    if (rejects->last && compare_entries(&wanted, &rejects->last) > 0)
        return 0;
    struct sl_reject_entry *entry = sl_arena_alloc(&rejects->arena, sizeof *entry);
    bool is_cut;
    if (!entry || !make_room(rejects))
        return SL_ENOMEM;
    *entry = *given;
    entry->field = copy_record(&rejects->arena, given->field, given->width, &is_cut);
    entry->truncated |= is_cut;
    entry->message = sl_arena_text(&rejects->arena, given->message, strlen(given->message));
    if (!entry->field || !entry->message)
        return SL_ENOMEM;
    rejects->entry[rejects->kept++] = entry;
    return 0;
}

static int keep(struct sl_rejects *rejects, struct sl_task *task, unsigned node,
                const struct sl_field *fields, uint32_t width, const struct sl_origin *origin, uint32_t line)
{
    const struct sl_reject_entry entry = {
        .node = rejects->pipelines->node[node],
        .origin = origin,
        .partition = task->ordinal,
        .line = line,
        .sequence = rejects->total,
        .event_ms = rejects->is_late ? task->event_ms : SL_NO_TIME,
        .records = line == SL_GROUP_LINE ? task->group_records : 0,
        .window = line == SL_GROUP_LINE ? task->group_window : (struct sl_span){0, 0},
        .truncated = task->is_record_cut,
        .width = width,
        .field = fields,
        .message = task->message,
    };
    return keep_copy(rejects, &entry);
}

/* ---- those of other processes ---- */

int sl_rejects_keep(struct sl_rejects *rejects, const struct sl_reject_entry *entry)
{
    pthread_mutex_lock(&rejects->lock);
    int r = keep_copy(rejects, entry);
    pthread_mutex_unlock(&rejects->lock);
    return r;
}

void sl_rejects_count(struct sl_rejects *rejects, unsigned node, uint64_t failed, uint64_t by_file)
{
    pthread_mutex_lock(&rejects->lock);
    rejects->total += failed;
    rejects->failed[node] += failed;
    rejects->by_file[node] += by_file;
    pthread_mutex_unlock(&rejects->lock);
}

/* ---- dead letters ---- */

bool sl_rejects_format(struct sl_rejects *rejects, int64_t batch_ms, sl_lines_before *before, void *arg,
                       struct sl_buf *buf)
{
    size_t from = buf->len, written = 0;
    prune(rejects);
    for (; written < rejects->kept && !buf->failed; written++) {
        size_t len = buf->len;
        sl_reject_entry_append(rejects->entry[written], rejects, batch_ms, before, arg, buf);
        if (buf->len - from > SL_DEADLETTER_BATCH_BYTES_MAX) {
            buf->len = len;
            break;
        }
    }
    if (rejects->total > written)
        sl_buf_printf(buf, "{\"time\":%lld,\"message\":\"%llu more records were %s\"}\n", (long long)batch_ms,
                      (unsigned long long)(rejects->total - written),
                      rejects->is_late ? "late" : "set aside");
    return !buf->failed;
}

/* Messages of Lua functions have their place already. */
static void append_message(struct sl_buf *buf, const struct sl_reject_entry *entry)
{
    const struct sl_site *site = &entry->node->site;
    size_t len = strlen(site->file);
    bool has_place = len && strncmp(entry->message, site->file, len) == 0 && entry->message[len] == ':';
    bool has_name = strncmp(entry->message, site->name, strlen(site->name)) == 0;
    if (!has_place)
        sl_buf_printf(buf, "%s:%d: ", site->file, site->line);
    if (!has_place && !has_name)
        sl_buf_printf(buf, "%s: ", site->name);
    sl_buf_text(buf, entry->message);
}

void sl_rejects_append_first(struct sl_rejects *rejects, sl_lines_before *before, void *arg,
                             struct sl_buf *buf)
{
    prune(rejects);
    if (!rejects->kept) {
        sl_buf_text(buf, "not kept");
        return;
    }
    const struct sl_reject_entry *entry = rejects->entry[0];
    append_message(buf, entry);
    append_window(buf, entry->field, &entry->window);
    if (buf->failed || !entry->origin || !entry->origin->path || entry->line >= SL_GROUP_LINE)
        return;
    uint64_t line = before(arg, entry->origin, entry->partition) + entry->line + 1;
    sl_buf_printf(buf, " (%s:%llu)", entry->origin->path, (unsigned long long)line);
}

const char *sl_rejects_example(const struct sl_rejects *rejects, unsigned node)
{
    for (size_t i = 0; i < rejects->kept; i++)
        if (rejects->entry[i]->node->number == node)
            return rejects->entry[i]->message;
    return rejects->postponed[node].message;
}
