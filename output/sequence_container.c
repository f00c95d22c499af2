/* Sequence files as an output writes them (text/sequence_file.h): the key is the first field, the value the second, or
 * the fields after the key as tsv. Where the job names no classes, the first record of the batch decides; a record that
 * does not fit is a record error.
 *
 * The sync marker is a digest of the output's name in this batch and the part, so that a batch that is done again
 * writes the same bytes. */
#include "output/container.h"
#include "text/format.h"
#include "text/sequence_file.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct sequence {
    const struct sl_sequence_settings *settings;
    char *name;
    size_t part;
    enum sl_writable kind[2]; /* of keys and values; SL_WRITABLES: not known yet */
    struct sl_sequence_writer writer;
    bool has_head;
    struct sl_buf side[2], text; /* of one record */
};

static void *open_batch(const struct sl_save_settings *settings, const char *name)
{
    struct sequence *sequence = calloc(1, sizeof *sequence);
    if (!sequence)
        return NULL;
    sequence->settings = &settings->sequence;
    sequence->kind[0] = settings->sequence.key;
    sequence->kind[1] = settings->sequence.value;
    sequence->name = strdup(name);
    if (sequence->name)
        return sequence;
    free(sequence);
    return NULL;
}

static void begin_part(void *state, size_t index)
{
    struct sequence *sequence = state;
    sequence->part = index;
    sequence->has_head = false;
}

/* A part without a record in a batch without records has classes, too. */
static enum sl_writable class_or_text(enum sl_writable kind)
{
    return kind == SL_WRITABLES ? SL_WRITABLE_TEXT : kind;
}

static int write_head(struct sequence *sequence, struct sl_buf *out, struct sl_error *err)
{
    XXH128_canonical_t sync;
    if (sequence->has_head)
        return 0;
    struct sl_sequence_layout layout = {
        .key = class_or_text(sequence->kind[0]),
        .value = class_or_text(sequence->kind[1]),
        .compression = sequence->settings->compression,
        .codec = sequence->settings->codec,
    };
    XXH128_hash_t hash = XXH3_128bits_withSeed(sequence->name, strlen(sequence->name), sequence->part);
    XXH128_canonicalFromHash(&sync, hash);
    memcpy(layout.sync, sync.digest, SL_SEQUENCE_SYNC_LEN);
    sequence->has_head = true;
    return sl_sequence_write_head(&sequence->writer, &layout, out, err);
}

/* The fields after the key as one: tsv where there are several. */
static int value_of(struct sequence *sequence, const struct sl_field *fields, uint32_t width,
                    struct sl_task *task, struct sl_field *ret)
{
    struct sl_buf *text = &sequence->text;
    uint64_t replaced = 0;
    sl_buf_clear(text);
    *ret = fields[1];
    if (width == 2)
        return 0;
    for (uint32_t i = 1; i < width; i++)
        if ((i > 1 && !sl_buf_byte(text, '\t')) || !sl_tsv_field(text, &fields[i], &replaced))
            return sl_error_nomem(task->err);
    if (replaced)
        return sl_task_explain(task, "a list or map has bytes that are not UTF-8, as JSON is");
    if (text->len > INT32_MAX)
        return sl_task_explain(task, "a record of more than 2 GiB; sequence files take less");
    *ret = sl_string(text->bytes, (uint32_t)text->len);
    return 0;
}

static int refuse(struct sl_task *task, const char *side, enum sl_writable kind, const struct sl_field *field,
                  const char *why)
{
    return sl_task_explain(task, "the %s is %s, which does not fit class %s: %s", side,
                           sl_tag_phrase((enum sl_tag)field->tag), sl_writable_name(kind), why);
}

/* Where the job names no class, a value is of the class of the first one, without conversion. */
static int append(struct sequence *sequence, int side, enum sl_writable kind, bool is_given,
                  const struct sl_field *field, struct sl_task *task)
{
    static const char *const names[] = {"key", "value"};
    const char *why = "the first record of the batch decides; name the classes with key and value";
    int r = SL_EREJECT;
    sequence->side[side].len = 0;
    if (is_given || sl_writable_of(field) == kind)
        r = sl_writable_append(&sequence->side[side], kind, field, &why);
    return r == SL_EREJECT ? refuse(task, names[side], kind, field, why)
           : r < 0         ? sl_error_nomem(task->err)
                           : 0;
}

static int write_row(void *state, const struct sl_field *fields, uint32_t width, struct sl_task *task,
                     struct sl_buf *out)
{
    enum { PACKED_MORE = 1 << 20 };
    struct sequence *sequence = state;
    const enum sl_writable given[2] = {sequence->settings->key, sequence->settings->value};
    enum sl_writable kind[2];
    struct sl_field field[2] = {fields[0]};
    int r = value_of(sequence, fields, width, task, &field[1]);
    for (int side = 0; side < 2 && r == 0; side++) {
        bool is_known = sequence->kind[side] != SL_WRITABLES;
        kind[side] = is_known ? sequence->kind[side] : sl_writable_of(&field[side]);
        r = append(sequence, side, kind[side], given[side] != SL_WRITABLES, &field[side], task);
    }
    if (r == 0 && sequence->side[0].len + sequence->side[1].len > INT32_MAX - PACKED_MORE)
        r = sl_task_explain(task, "a record of about 2 GiB; sequence files take less");
    if (r < 0)
        return r;
    memcpy(sequence->kind, kind, sizeof kind); /* the first that is written has decided */
    r = write_head(sequence, out, task->err);
    return r < 0 ? r
                 : sl_sequence_write_record(&sequence->writer, &sequence->side[0], &sequence->side[1], out,
                                            task->err);
}

static int end_part(void *state, struct sl_buf *out, struct sl_error *err)
{
    struct sequence *sequence = state;
    int r = write_head(sequence, out, err);
    return r < 0 ? r : sl_sequence_write_end(&sequence->writer, out, err);
}

static void close_batch(void *state)
{
    struct sequence *sequence = state;
    if (!sequence)
        return;
    sl_sequence_writer_done(&sequence->writer);
    sl_buf_done(&sequence->side[0]);
    sl_buf_done(&sequence->side[1]);
    sl_buf_done(&sequence->text);
    free(sequence->name);
    free(sequence);
}

const struct sl_container sl_container_sequence = {
    .name = "sequence",
    .open = open_batch,
    .part = begin_part,
    .row = write_row,
    .end = end_part,
    .close = close_batch,
};
