#include "engine/batch/rejects_entry.h"

#include "core/contract/operator.h"
#include "core/contract/site.h"
#include "text/digest.h"
#include "text/format.h"
#include "text/json.h"
#include "text/row_codec.h"

#include <string.h>

static bool valid_utf8(const struct sl_field *field)
{
    struct sl_buf ignored;
    uint64_t replaced = 0;
    sl_buf_init(&ignored);
    bool ok = sl_json_field(&ignored, field, &replaced) && replaced == 0;
    sl_buf_done(&ignored);
    return ok;
}

/* A received record: the source and the record's number, or what the source shows in its place. */
static void append_number(struct sl_buf *buf, const struct sl_reject_entry *entry)
{
    const struct sl_origin *origin = entry->origin;
    sl_buf_text(buf, ",\"source\":");
    sl_json_text(buf, origin->source);
    if (origin->place)
        sl_buf_printf(buf, ",%s,\"offset\":%llu", origin->place,
                      (unsigned long long)(origin->first + entry->line));
    else
        sl_buf_printf(buf, ",\"number\":%llu", (unsigned long long)(origin->first + entry->line));
}

static void append_place(struct sl_buf *buf, const struct sl_reject_entry *entry, sl_lines_before *before,
                         void *arg)
{
    if (!entry->origin || entry->line >= SL_GROUP_LINE)
        return;
    if (!entry->origin->path) {
        append_number(buf, entry);
        return;
    }
    uint64_t line = before(arg, entry->origin, entry->partition) + entry->line + 1;
    sl_buf_text(buf, ",\"file\":");
    sl_json_text(buf, entry->origin->path);
    sl_buf_printf(buf, ",\"line\":%llu", (unsigned long long)line);
}

static void append_base64(struct sl_buf *buf, const char *name, const void *bytes, size_t len)
{
    sl_buf_printf(buf, ",\"%s\":\"", name);
    sl_buf_base64(buf, bytes, len);
    sl_buf_byte(buf, '"');
}

/* A record that is one string is shown as it is, and in base64 where it is not UTF-8; others as JSON. */
static void append_record(struct sl_buf *buf, const struct sl_reject_entry *entry)
{
    struct sl_field record = entry->width == 1 ? entry->field[0] : sl_list(entry->field, entry->width);
    SL_CLEANUP(sl_buf_done) struct sl_buf raw = {0};
    sl_buf_text(buf, ",\"record\":");
    sl_json_field(buf, &record, NULL);
    if (entry->truncated)
        sl_buf_text(buf, ",\"truncated\":true");
    if (valid_utf8(&record))
        return;
    for (uint32_t i = 0; i < entry->width; i++) {
        if (i)
            sl_buf_byte(&raw, '\t');
        if (entry->field[i].tag == SL_STR)
            sl_buf_append(&raw, entry->field[i].str, entry->field[i].len);
        else
            sl_tsv_field(&raw, &entry->field[i], NULL);
    }
    append_base64(buf, "raw_base64", raw.bytes, raw.len);
    sl_buf_depends(buf, &raw);
}

/* ---- what replaying it needs: sources/letters.h ---- */

/* Text where it is UTF-8, else (also) base64 under another name. */
static void append_bytes(struct sl_buf *buf, const char *name, const char *base64_name, const void *bytes,
                         size_t len, bool always)
{
    uint64_t replaced = 0;
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    sl_json_string(&text, bytes, len, &replaced);
    sl_buf_depends(buf, &text);
    if (always) {
        sl_buf_printf(buf, ",\"%s\":", name);
        sl_buf_append(buf, text.bytes, text.len);
    }
    if (replaced)
        append_base64(buf, base64_name, bytes, len);
}

/* Whether `record`, as JSON shows it, is read back as it was. */
static bool is_exact(const struct sl_field *record)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    struct sl_arena arena;
    struct sl_field back;
    const char *message;
    size_t at;
    sl_arena_init(&arena);
    bool same = sl_json_field(&text, record, NULL) &&
                sl_json_parse(&arena, text.bytes, text.len, &back, &message, &at) == 0 &&
                sl_field_equals(&back, record);
    sl_arena_done(&arena);
    return same;
}

static void append_row(struct sl_buf *buf, const struct sl_reject_entry *entry)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf row = {0};
    struct sl_field record = entry->width == 1 ? entry->field[0] : sl_list(entry->field, entry->width);
    if (entry->width != 1)
        sl_buf_printf(buf, ",\"width\":%u", entry->width);
    if ((entry->width == 1 && record.tag == SL_STR) || is_exact(&record)) /* raw_base64 has a string whole */
        return;
    sl_row_codec_append(&row, entry->field, entry->width);
    sl_buf_depends(buf, &row);
    append_base64(buf, "row_base64", row.bytes, row.len);
}

static void append_replay(struct sl_buf *buf, const struct sl_rejects *rejects,
                          const struct sl_reject_entry *entry)
{
    const struct sl_origin *origin = entry->origin;
    SL_CLEANUP(sl_buf_done) struct sl_buf branch = {0};
    const char *key = rejects->key_of && origin && origin->node && entry->line < SL_GROUP_LINE
                          ? rejects->key_of(rejects->key_arg, origin->node)
                          : NULL;
    if (!key)
        return;
    append_bytes(buf, "source", "source_base64", key, strlen(key), true);
    if (!sl_pipelines_branch(rejects->pipelines, origin->node, entry->node, &branch))
        return;
    sl_buf_printf(buf, ",\"branch\":\"%.*s\"", (int)branch.len, (char *)branch.bytes);
    append_bytes(buf, "file", "file_base64", origin->path, strlen(origin->path), false);
    sl_buf_printf(buf, ",\"mtime\":%lld", (long long)origin->mtime_ms);
    append_row(buf, entry);
    if (entry->node == origin->node && origin->header.tag == SL_STR)
        append_bytes(buf, "header", "header_base64", origin->header.str, origin->header.len, true);
}

void sl_reject_entry_append(const struct sl_reject_entry *entry, const struct sl_rejects *rejects,
                            int64_t batch_ms, sl_lines_before *before, void *arg, struct sl_buf *buf)
{
    const struct sl_site *site = &entry->node->site;
    SL_CLEANUP(sl_buf_done) struct sl_buf place = {0};
    sl_buf_printf(&place, "%s:%d", site->file, site->line);
    sl_buf_depends(buf, &place);
    sl_buf_printf(buf, "{\"time\":%lld", (long long)batch_ms);
    if (entry->event_ms != SL_NO_TIME)
        sl_buf_printf(buf, ",\"event_time\":%lld", (long long)entry->event_ms);
    append_place(buf, entry, before, arg);
    sl_buf_printf(buf, ",\"operator\":\"%s\",\"job\":", site->name);
    sl_json_string(buf, place.bytes, place.len, NULL);
    sl_buf_text(buf, ",\"message\":");
    sl_json_text(buf, entry->message);
    append_record(buf, entry);
    if (entry->records)
        sl_buf_printf(buf, ",\"records\":%lld", (long long)entry->records);
    if (entry->window.from_ms != entry->window.to_ms)
        sl_buf_printf(buf, ",\"window\":{\"from\":%lld,\"to\":%lld}", (long long)entry->window.from_ms,
                      (long long)entry->window.to_ms);
    append_replay(buf, rejects, entry);
    sl_buf_text(buf, "}\n");
}
