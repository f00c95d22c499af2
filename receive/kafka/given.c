/* In a trial rows are given (sluice test), or lines, each the value of a record without a key (sluice try). */
#include "core/base/io.h"
#include "core/base/limits.h"
#include "receive/kafka/source.h"
#include "text/row_codec.h"

#include <stdlib.h>
#include <string.h>

enum { GIVEN_BYTES_MAX = 1 << 30, FIELDS = 3 };

static struct sl_field name(const char *constant)
{
    return sl_string(constant, strlen(constant));
}

/* What the record would come with, where the row that is given does not say it. */
static int add_meta(struct sl_kafka_source *source, struct sl_field *ret, struct sl_error *err)
{
    struct sl_field *pairs = sl_arena_alloc(&source->rows, 10 * sizeof *pairs);
    if (!pairs)
        return sl_error_nomem(err);
    const struct sl_field all[] = {name("headers"),   sl_map(pairs, 0),
                                   name("offset"),    sl_integer(source->number),
                                   name("partition"), sl_integer(0),
                                   name("timestamp"), sl_nil(),
                                   name("topic"),     name(source->topics.name[0])};
    memcpy(pairs, all, sizeof all);
    *ret = sl_map(pairs, 5);
    return 0;
}

static int add(struct sl_kafka_source *source, const struct sl_field *fields, uint32_t width,
               struct sl_error *err)
{
    uint32_t wanted = 2 + source->has_meta;
    struct sl_field *grown = reallocarray(source->row, (source->row_count + 1) * FIELDS, sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    source->row = grown;
    if (width != 2 && width != wanted)
        return sl_error_set(err, SL_EUSAGE,
                            "%s: a record that is given has a key and a value%s, not %u field%s",
                            source->name, source->has_meta ? ", and may have a third field" : "", width,
                            width == 1 ? "" : "s");
    memcpy(&grown[source->row_count * FIELDS], fields, width * sizeof *fields);
    int r = width < wanted ? add_meta(source, &grown[source->row_count * FIELDS + 2], err) : 0;
    source->row_count += r == 0;
    source->number += r == 0;
    return r;
}

static int add_rows(struct sl_kafka_source *source, const uint8_t *bytes, size_t len, struct sl_error *err)
{
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    uint32_t width;
    int r = 0;
    for (size_t at = 0; at < len && r == 0;) {
        r = sl_row_codec_read(bytes, len, &at, &source->rows, fields, &width);
        r = r < 0 ? sl_error_set(err, r, "the rows that are given cannot be read")
                  : add(source, fields, width, err);
    }
    return r;
}

static int add_lines(struct sl_kafka_source *source, const char *bytes, size_t len, struct sl_error *err)
{
    const uint8_t *copy = sl_arena_copy(&source->rows, bytes, len);
    int r = copy || !len ? 0 : sl_error_nomem(err);
    for (size_t at = 0; at < len && r == 0;) {
        const uint8_t *newline = memchr(copy + at, '\n', len - at);
        size_t end = newline ? (size_t)(newline - copy) : len;
        const struct sl_field fields[2] = {
            sl_nil(), sl_string(copy + at, end - at - (end > at && copy[end - 1] == '\r'))};
        r = add(source, fields, 2, err);
        at = end + 1;
    }
    return r;
}

static int add_file(struct sl_kafka_source *source, const struct sl_file *file, struct sl_error *err)
{
    char *bytes;
    size_t len;
    int r = sl_io_read_file(source->services->io, source->services->job_dirfd, file->path, GIVEN_BYTES_MAX,
                            &bytes, &len, err);
    if (r < 0)
        return r;
    bool has_rows = len > SL_GIVEN_ROWS_LEN && memcmp(bytes, SL_GIVEN_ROWS, SL_GIVEN_ROWS_LEN) == 0;
    r = has_rows ? add_rows(source, (uint8_t *)bytes + SL_GIVEN_ROWS_LEN, len - SL_GIVEN_ROWS_LEN - 1,
                            err) /* the last byte is a newline */
                 : add_lines(source, bytes, len, err);
    free(bytes);
    return r;
}

int sl_kafka_given_take(struct sl_kafka_source *source, struct sl_error *err)
{
    struct sl_files files = {0};
    sl_arena_reset(&source->rows);
    source->row_count = 0;
    int r = source->given->ops->take(source->given, UINT64_MAX, UINT64_MAX, &files, err);
    for (size_t i = 0; i < files.count && r == 0; i++)
        r = add_file(source, &files.file[i], err);
    sl_files_done(&files);
    return r;
}

int sl_kafka_given_read(struct sl_kafka_source *source, struct sl_task *task, struct sl_outlet *out)
{
    struct sl_origin origin = {.source = source->name,
                               .first = (uint64_t)(source->number - (int64_t)source->row_count)};
    struct sl_builder builder;
    int r = 0;
    (void)task;
    sl_builder_init(&builder, out);
    builder.chunk.origin = &origin;
    builder.chunk.line = builder.line;
    for (size_t i = 0; i < source->row_count && r == 0; i++)
        r = sl_builder_add(&builder, &source->row[i * FIELDS], 2 + source->has_meta, (uint32_t)i);
    r = r < 0 ? r : sl_builder_flush(&builder);
    sl_builder_done(&builder);
    return r;
}
