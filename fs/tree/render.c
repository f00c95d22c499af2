#include "fs/tree/render.h"

#include "fs/tree/changes.h"
#include "text/format.h"
#include "text/json.h"

#include <inttypes.h>
#include <string.h>

const char *sl_render_name(enum sl_render_kind kind)
{
    switch (kind) {
    case SL_RENDER_DATA:
        return "data";
    case SL_RENDER_JSON:
        return "data.json";
    case SL_RENDER_CSV:
        return "data.csv";
    case SL_RENDER_META:
        return "meta.json";
    case SL_RENDER_CHANGES:
        return "changes";
    case SL_RENDER_STAMPED:
        return NULL;
    }
    sl_assert(!"no such kind");
}

struct writer {
    struct sl_outlet outlet;
    const struct sl_format *format;
    struct sl_buf *buf;
    uint64_t replaced;
};

static int write_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct writer *writer = (struct writer *)outlet;
    return writer->format->rows(writer->buf, chunk, &writer->replaced) ? 0 : SL_ENOMEM;
}

static bool render_rows(const char *format, struct sl_dataset *rows, struct sl_buf *buf)
{
    struct writer writer = {{write_chunk}, sl_format_find(format, strlen(format)), buf, 0};
    sl_assert(writer.format);
    if (sl_dataset_resolve(rows, NULL) < 0)
        return false;
    for (size_t p = 0; p < rows->partitions; p++)
        if (sl_dataset_push(rows, p, 0, rows->partition[p].count, &writer.outlet) < 0)
            return false;
    return true;
}

static void render_meta(const struct sl_version *version, uint64_t bytes, struct sl_buf *buf)
{
    sl_buf_printf(buf,
                  "{\"time\": %" PRId64 ", \"window\": {\"from\": %" PRId64 ", \"to\": %" PRId64
                  "}, \"records\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"inputs\": {\"count\": %" PRIu64
                  ", \"first\": [",
                  version->time_ms, version->from_ms, version->to_ms, version->rows->count, bytes,
                  version->inputs);
    for (size_t i = 0; i < version->first_count; i++) {
        sl_buf_text(buf, i ? ", " : "");
        sl_json_text(buf, version->first[i]);
    }
    sl_buf_text(buf, "]}}\n");
}

/* Rows never hold a raw newline in tsv, so lines are rows. */
static bool render_stamped(int64_t time_ms, const struct sl_rendering *data, struct sl_buf *buf)
{
    const uint8_t *at = data->bytes, *end = data->bytes + data->len;
    while (at < end) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        const uint8_t *next = newline ? newline + 1 : end;
        if (!sl_buf_integer(buf, time_ms) || !sl_buf_byte(buf, '\t') ||
            !sl_buf_append(buf, at, (size_t)(next - at)))
            return false;
        at = next;
    }
    return true;
}

static bool render_into(enum sl_render_kind kind, const struct sl_version *version,
                        const struct sl_version *before, uint64_t data_len, const struct sl_rendering *data,
                        struct sl_buf *buf)
{
    switch (kind) {
    case SL_RENDER_DATA:
        return render_rows("tsv", version->rows, buf);
    case SL_RENDER_JSON:
        return render_rows("json", version->rows, buf);
    case SL_RENDER_CSV:
        return render_rows("csv", version->rows, buf);
    case SL_RENDER_META:
        render_meta(version, data_len, buf);
        return !buf->failed;
    case SL_RENDER_CHANGES:
        return sl_changes_render(version->rows, before ? before->rows : NULL, buf);
    case SL_RENDER_STAMPED:
        return render_stamped(version->time_ms, data, buf);
    }
    sl_assert(!"no such kind");
}

struct sl_rendering *sl_render(enum sl_render_kind kind, const struct sl_version *version,
                               const struct sl_version *before, uint64_t data_len,
                               const struct sl_rendering *data)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    if (render_into(kind, version, before, data_len, data, &buf))
        return sl_rendering_new(&buf);
    sl_buf_done(&buf);
    return NULL;
}
