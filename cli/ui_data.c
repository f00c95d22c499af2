#include "cli/ui_data.h"

#include "cli/kept.h"
#include "cli/standing.h"
#include "text/json.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCHES_MAX = 200,
    DETAILS_MAX = 50, /* batches with details in a page without a server */
    FILES_MAX = 200,  /* of a batch */
    QUARANTINED_MAX = 200,
    ROWS_MAX = 1000,   /* of a view */
    LETTERS_MAX = 100, /* of a batch */
    LETTERS_BYTES_MAX = 64 << 20,
};

/* A JSON list that is being written. */
struct list {
    struct sl_buf *buf;
    size_t count, count_max;
    bool is_cut; /* there was more */
};

/* Whether another member fits, and the comma before it. */
static bool list_next(struct list *list)
{
    list->is_cut = list->is_cut || list->count == list->count_max;
    return list->count < list->count_max && (!list->count++ || sl_buf_byte(list->buf, ','));
}

/* ---- status and batches ---- */

static bool add_standing(struct sl_target *target, const struct sl_standing *standing, struct sl_buf *buf)
{
    const struct sl_reading_progress *progress = &standing->progress;
    sl_buf_printf(buf, "{\"now\":%" PRId64 ",\"running\":%s,\"waiting\":%s,\"suspended\":%s,\"failed\":%s",
                  standing->now_ms, standing->pid ? "true" : "false", standing->waiting ? "true" : "false",
                  standing->suspended ? "true" : "false", standing->failed ? "true" : "false");
    sl_json_member(buf, "checkpoint", target->checkpoint);
    sl_buf_printf(buf,
                  ",\"lag_ms\":%" PRId64 ",\"batches\":%" PRIu64 ",\"files\":%" PRIu64
                  ",\"quarantined\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"status\":",
                  standing->lag_ms, progress->batches, progress->files, progress->quarantined,
                  progress->rejected);
    sl_json_field(buf, &target->status, NULL);
    return !buf->failed;
}

static int add_batch(void *arg, const struct sl_reading_batch *batch)
{
    struct list *list = arg;
    bool ok =
        list_next(list) &&
        sl_buf_printf(list->buf,
                      "{\"time\":%" PRId64 ",\"committed\":%s,\"files\":%" PRIu64 ",\"rejected\":%" PRIu64
                      ",\"written\":%" PRIu64 ",\"started_ms\":%" PRId64 ",\"finished_ms\":%" PRId64 "}",
                      batch->time_ms, batch->committed ? "true" : "false", batch->files, batch->rejected,
                      batch->output_records, batch->started_ms, batch->finished_ms);
    return ok ? 0 : SL_ENOMEM;
}

static int add_quarantined(void *arg, const struct sl_reading_file *file)
{
    struct list *list = arg;
    if (!list_next(list))
        return list->is_cut ? 1 : SL_ENOMEM;
    sl_buf_printf(list->buf, "{\"batch\":%" PRId64, file->batch_ms);
    sl_json_member(list->buf, "path", file->file.path);
    sl_json_member(list->buf, "reason", file->quarantined);
    sl_buf_byte(list->buf, '}');
    return list->buf->failed ? SL_ENOMEM : 0;
}

static int add_catalog(struct sl_target *target, struct sl_reading *reading, struct sl_buf *buf,
                       struct sl_error *err)
{
    struct sl_standing standing;
    struct list table = {buf, 0, BATCHES_MAX, false}, files = {buf, 0, QUARANTINED_MAX, false};
    int r = sl_standing_look(target, reading, &standing, err);
    if (r == 0 && (!add_standing(target, &standing, buf) || !sl_buf_text(buf, ",\"table\":[")))
        r = SL_ENOMEM;
    r = r < 0 ? r : sl_reading_batches(reading, BATCHES_MAX, add_batch, &table, err);
    if (r == 0 && !sl_buf_text(buf, "],\"quarantined_files\":["))
        r = SL_ENOMEM;
    r = r < 0 ? r : sl_reading_quarantined(reading, add_quarantined, &files, err);
    return r >= 0 && !sl_buf_text(buf, "]}") ? SL_ENOMEM : r < 0 ? r : 0;
}

int sl_ui_data(struct sl_target *target, struct sl_buf *buf, struct sl_error *err)
{
    struct sl_reading *reading;
    int r = sl_target_read_status(target, err);
    r = r < 0 ? r : sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    r = add_catalog(target, reading, buf, err);
    sl_reading_close(reading);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

/* ---- one batch ---- */

static int add_file(void *arg, const struct sl_reading_file *file)
{
    struct list *list = arg;
    if (!list_next(list))
        return list->is_cut ? 1 : SL_ENOMEM;
    sl_buf_printf(list->buf, "{\"size\":%" PRId64, file->file.size);
    sl_json_member(list->buf, "path", file->file.path);
    sl_json_member(list->buf, "quarantined", file->quarantined);
    sl_buf_byte(list->buf, '}');
    return list->buf->failed ? SL_ENOMEM : 0;
}

static int add_range(void *arg, const struct sl_reading_range *range)
{
    struct list *list = arg;
    bool ok = list_next(list) && sl_buf_printf(list->buf, "{\"number\":%" PRId64, range->source_id) &&
              sl_json_member(list->buf, "source", range->source) &&
              sl_json_member(list->buf, "range", range->range) && sl_buf_byte(list->buf, '}');
    return ok ? 0 : SL_ENOMEM;
}

static int add_output(void *arg, const struct sl_reading_output *output)
{
    struct list *list = arg;
    bool ok = list_next(list) && sl_buf_printf(list->buf, "{\"records\":%" PRIu64, output->records) &&
              sl_json_member(list->buf, "path", output->path) && sl_buf_byte(list->buf, '}');
    return ok ? 0 : SL_ENOMEM;
}

static bool add_letter_lines(const char *text, struct list *list)
{
    bool ok = true;
    for (size_t len; ok && *text && !list->is_cut; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        ok = (list_next(list) && sl_json_string(list->buf, text, len, NULL)) || list->is_cut;
    }
    return ok;
}

/* There may be none. */
static int add_letters(const struct sl_target *target, int64_t time_ms, struct list *list,
                       struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    const char *path = sl_buf_path(&buf, "%s/deadletter/%" PRId64 ".jsonl", target->checkpoint, time_ms);
    struct sl_error ignored;
    char *text = NULL;
    size_t len;
    if (!path)
        return sl_error_nomem(err);
    int r = sl_io_read_file(&sl_io_system, AT_FDCWD, path, LETTERS_BYTES_MAX, &text, &len, &ignored);
    bool ok = r < 0 || add_letter_lines(text, list);
    free(text);
    return ok ? 0 : SL_ENOMEM;
}

static int add_details(const struct sl_target *target, struct sl_reading *reading, int64_t t,
                       struct sl_buf *buf, struct sl_error *err)
{
    struct list files = {buf, 0, FILES_MAX, false}, ranges = {buf, 0, FILES_MAX, false},
                outputs = {buf, 0, FILES_MAX, false}, letters = {buf, 0, LETTERS_MAX, false};
    int r = sl_buf_text(buf, "{\"files\":[") ? 0 : SL_ENOMEM;
    r = r < 0 ? r : sl_reading_files(reading, NULL, t, t, add_file, &files, err);
    if (r >= 0)
        r = sl_buf_printf(buf, "],\"files_left\":%s,\"ranges\":[", files.is_cut ? "true" : "false")
                ? 0
                : SL_ENOMEM;
    r = r < 0 ? r : sl_reading_ranges(reading, t, t, add_range, &ranges, err);
    if (r >= 0)
        r = sl_buf_text(buf, "],\"outputs\":[") ? 0 : SL_ENOMEM;
    r = r < 0 ? r : sl_reading_outputs(reading, NULL, t, t, add_output, &outputs, err);
    if (r >= 0)
        r = sl_buf_text(buf, "],\"letters\":[") ? 0 : SL_ENOMEM;
    r = r < 0 ? r : add_letters(target, t, &letters, err);
    if (r < 0)
        return r;
    return sl_buf_printf(buf, "],\"letters_left\":%s}", letters.is_cut ? "true" : "false") ? 0 : SL_ENOMEM;
}

int sl_ui_batch(struct sl_target *target, int64_t time_ms, struct sl_buf *buf, struct sl_error *err)
{
    struct sl_reading *reading;
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    r = add_details(target, reading, time_ms, buf, err);
    sl_reading_close(reading);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

/* ---- views ---- */

static bool add_row(struct sl_buf *buf, const struct sl_field *row, uint32_t width)
{
    sl_buf_byte(buf, '[');
    for (uint32_t i = 0; i < width; i++) {
        if (i)
            sl_buf_byte(buf, ',');
        sl_json_field(buf, &row[i], NULL);
    }
    sl_buf_byte(buf, ']');
    return !buf->failed;
}

static bool add_rows(const struct sl_dataset *rows, struct sl_buf *buf)
{
    struct list list = {buf, 0, ROWS_MAX, false};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    bool ok = true;
    sl_cursor_init(&cursor, rows);
    while (ok && !list.is_cut && sl_cursor_next(&cursor, row, &width))
        ok = (list_next(&list) && add_row(buf, row, width)) || list.is_cut;
    return ok;
}

static bool add_version(const struct sl_shown *shown, struct sl_buf *buf)
{
    if (!shown->rows)
        return sl_buf_text(buf, "{\"time\":null,\"total\":0,\"rows\":[]}");
    return sl_dataset_resolve(shown->rows, NULL) == 0 &&
           sl_buf_printf(buf, "{\"time\":%" PRId64 ",\"total\":%" PRIu64 ",\"rows\":[", shown->time_ms,
                         shown->rows->count) &&
           add_rows(shown->rows, buf) && sl_buf_text(buf, "]}");
}

static int read_list(void *arg, char **ret, struct sl_error *err)
{
    return sl_reading_segments(arg, ret, err);
}

static int add_view(struct sl_target *target, struct sl_reading *reading, const char *name,
                    struct sl_buf *buf, struct sl_error *err)
{
    struct sl_snapshot *snapshot;
    struct sl_shown shown;
    int r = sl_kept_open(target->checkpoint, read_list, reading, &snapshot, err);
    if (r < 0)
        return r;
    r = sl_kept_view(snapshot, name, &shown, err);
    if (r == 0) {
        r = add_version(&shown, buf) ? 0 : sl_error_nomem(err);
        sl_shown_done(&shown);
    }
    sl_snapshot_close(snapshot);
    return r;
}

static bool is_view(const struct sl_target *target, const char *name)
{
    struct sl_field views = sl_target_status(target, NULL, "views");
    for (uint32_t i = 0; views.tag == SL_LIST && i < views.len; i++)
        if (views.items[i].tag == SL_STR && views.items[i].len == strlen(name) &&
            memcmp(views.items[i].str, name, strlen(name)) == 0)
            return true;
    return false;
}

int sl_ui_view(struct sl_target *target, const char *name, struct sl_buf *buf, struct sl_error *err)
{
    struct sl_reading *reading;
    if (!is_view(target, name))
        return sl_error_set(err, SL_EUSAGE, "the job has no view of this name");
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    r = add_view(target, reading, name, buf, err);
    sl_reading_close(reading);
    return r;
}

/* ---- everything ---- */

struct times {
    size_t count;
    int64_t t[DETAILS_MAX];
};

static int keep_time(void *arg, const struct sl_reading_batch *batch)
{
    struct times *times = arg;
    times->t[times->count++] = batch->time_ms;
    return 0;
}

static int add_all_details(struct sl_target *target, struct sl_buf *buf, struct sl_error *err)
{
    struct times times = {0};
    struct sl_reading *reading;
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    r = sl_reading_batches(reading, DETAILS_MAX, keep_time, &times, err);
    for (size_t i = 0; r == 0 && i < times.count; i++)
        r = sl_buf_printf(buf, "%s\"%" PRId64 "\":", i ? "," : "", times.t[i])
                ? add_details(target, reading, times.t[i], buf, err)
                : SL_ENOMEM;
    sl_reading_close(reading);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

static int add_all_views(struct sl_target *target, struct sl_buf *buf, struct sl_error *err)
{
    struct sl_field views = sl_target_status(target, NULL, "views");
    int r = 0;
    bool any = false;
    for (uint32_t i = 0; r == 0 && views.tag == SL_LIST && i < views.len; i++) {
        SL_CLEANUP(sl_buf_done) struct sl_buf name = {0};
        const struct sl_field *view = &views.items[i];
        if (view->tag != SL_STR)
            continue; /* written by another version */
        bool ok = sl_buf_append(&name, view->str, view->len) && sl_buf_byte(&name, 0) &&
                  sl_buf_text(buf, any ? "," : "") && sl_json_field(buf, view, NULL) && sl_buf_byte(buf, ':');
        r = ok ? sl_ui_view(target, (const char *)name.bytes, buf, err) : sl_error_nomem(err);
        any = true;
    }
    return r;
}

int sl_ui_all(struct sl_target *target, struct sl_buf *buf, struct sl_error *err)
{
    int r = sl_buf_text(buf, "{\"data\":") ? sl_ui_data(target, buf, err) : sl_error_nomem(err);
    if (r == 0)
        r = sl_buf_text(buf, ",\"details\":{") ? add_all_details(target, buf, err) : sl_error_nomem(err);
    if (r == 0)
        r = sl_buf_text(buf, "},\"views\":{") ? add_all_views(target, buf, err) : sl_error_nomem(err);
    return r == 0 && !sl_buf_text(buf, "}}") ? sl_error_nomem(err) : r;
}
