#include "engine/remote/shard.h"

#include "core/base/array.h"
#include "core/contract/services.h"
#include "state/store/segment.h"
#include "state/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sl_shard_done(struct sl_shard *shard)
{
    free(shard->file);
    *shard = (struct sl_shard){0};
}

bool sl_shard_add(struct sl_shard *shard, const struct sl_shard_file *file)
{
    struct sl_shard_file *grown = sl_array_grow(shard->file, shard->files, &shard->capacity, sizeof *grown);
    if (!grown)
        return false;
    shard->file = grown;
    shard->file[shard->files++] = *file;
    return true;
}

bool sl_shard_copy(struct sl_shard *shard, const struct sl_shard *from, int64_t t)
{
    bool ok = true;
    shard->files = 0;
    for (size_t i = 0; ok && i < from->files; i++)
        if (from->file[i].until_ms > t)
            ok = sl_shard_add(shard, &from->file[i]);
    return ok;
}

/* ---- messages ---- */

void sl_shard_file_put(struct sl_buf *buf, const struct sl_shard_file *file)
{
    sl_wire_put_text(buf, file->bytes ? file->name : NULL);
    sl_wire_put_integer(buf, (int64_t)file->bytes);
    sl_wire_put_integer(buf, (int64_t)file->hash);
    sl_wire_put_integer(buf, file->until_ms);
}

struct sl_shard_file sl_shard_file_take(struct sl_wire *wire)
{
    struct sl_shard_file file = {0};
    const char *name = sl_wire_text(wire);
    file.bytes = (uint64_t)sl_wire_integer(wire);
    file.hash = (uint64_t)sl_wire_integer(wire);
    file.until_ms = sl_wire_integer(wire);
    bool is_plain =
        name && name[0] && name[0] != '.' && !strchr(name, '/') && strlen(name) < sizeof file.name;
    if (!wire->failed && (file.bytes ? !is_plain : name != NULL))
        wire->failed = SL_EDAMAGED;
    if (wire->failed)
        return (struct sl_shard_file){0};
    snprintf(file.name, sizeof file.name, "%s", name ? name : "");
    return file;
}

/* ---- reading ---- */

static int visit(void *arg, const struct sl_section *section, const struct sl_dataset *rows)
{
    struct sl_stage *stage = arg;
    const struct sl_wide *wide = stage->node->op->wide;
    return stage->is_shard ? wide->load(stage, section, rows) : wide->sharded->change(stage, rows);
}

int sl_shard_file_load(struct sl_io *io, int dirfd, const struct sl_shard_file *file, struct sl_stage *stage,
                       struct sl_error *err)
{
    struct sl_spill *spill = stage->node->op->wide->bounded ? stage->services->spill : NULL;
    struct sl_segment *segment;
    int r = sl_segment_open(io, dirfd, file->name, file->bytes, file->hash, false, &segment, err);
    if (r == 0) {
        r = sl_segment_load(segment, stage->node->op->name, spill, visit, stage, err);
        sl_segment_close(segment);
    }
    if (r == SL_EDAMAGED)
        return sl_error_set(
            err, SL_EDAMAGED,
            "%s, which has state of %s, is missing from the work directory or damaged; the next "
            "start makes it anew from the checkpoint",
            file->name, stage->node->op->name);
    return r;
}

/* ---- writing ---- */

static int begin_section(struct sl_state_writer *keeper, const struct sl_section *section)
{
    struct sl_shard_writer *writer = (struct sl_shard_writer *)keeper;
    if (writer->file.until_ms < section->until_ms)
        writer->file.until_ms = section->until_ms;
    int r = writer->segment ? 0
                            : sl_segment_create(writer->io, writer->dirfd, writer->file.name,
                                                &writer->segment, &writer->error);
    return r < 0 ? r : sl_segment_begin(writer->segment, writer->key, section, &writer->error);
}

static int write_row(struct sl_state_writer *keeper, const struct sl_field *fields, uint32_t width)
{
    struct sl_shard_writer *writer = (struct sl_shard_writer *)keeper;
    return sl_segment_row(writer->segment, fields, width, &writer->error);
}

static const struct sl_state_writer_ops ops = {begin_section, write_row};

void sl_shard_writer_init(struct sl_shard_writer *writer, struct sl_io *io, int dirfd, const char *name,
                          const struct sl_stage *stage)
{
    *writer =
        (struct sl_shard_writer){.keeper = {&ops}, .io = io, .dirfd = dirfd, .key = stage->node->op->name};
    snprintf(writer->file.name, sizeof writer->file.name, "%s", name);
}

int sl_shard_writer_finish(struct sl_shard_writer *writer, struct sl_shard_file *ret, struct sl_error *err)
{
    int r = writer->error.code;
    if (r < 0)
        *err = writer->error;
    else if (writer->segment) {
        r = sl_segment_finish(writer->segment, &writer->file.bytes, &writer->file.hash, err);
        writer->segment = NULL;
    }
    if (r == 0)
        *ret = writer->file;
    return r;
}

void sl_shard_writer_done(struct sl_shard_writer *writer)
{
    sl_segment_abort(writer->segment);
    writer->segment = NULL;
}

/* ---- dealing ---- */

struct dealing {
    struct sl_state_writer keeper; /* first */
    uint64_t partitions, first;
    struct sl_shard_writer *writer;
    size_t writers;
};

static int deal_section(struct sl_state_writer *keeper, const struct sl_section *section)
{
    struct dealing *dealing = (struct dealing *)keeper;
    int r = 0;
    for (size_t i = 0; i < dealing->writers && r == 0; i++)
        r = begin_section(&dealing->writer[i].keeper, section);
    return r;
}

static int deal_row(struct sl_state_writer *keeper, const struct sl_field *fields, uint32_t width)
{
    struct dealing *dealing = (struct dealing *)keeper;
    uint64_t p = sl_field_partition_hash(&fields[0]) % dealing->partitions;
    bool is_wanted = p >= dealing->first && p < dealing->first + dealing->writers;
    return is_wanted ? write_row(&dealing->writer[p - dealing->first].keeper, fields, width) : 0;
}

static const struct sl_state_writer_ops dealing_ops = {deal_section, deal_row};

static int deal_rows(struct dealing *dealing, const struct sl_dataset *rows)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_arena block = {0};
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = deal_row(&dealing->keeper, row, width);
    sl_arena_done(&block);
    return r;
}

static int deal_state(struct dealing *dealing, struct sl_stage *stage)
{
    const struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    struct sl_dataset *rows = NULL;
    int r = stage->node->op->wide->sharded->all(stage, &rows);
    r = r < 0 ? r : deal_section(&dealing->keeper, &section);
    if (r == 0 && rows)
        r = deal_rows(dealing, rows);
    sl_dataset_unref(rows);
    return r;
}

int sl_shard_deal(struct sl_stage *stage, uint64_t partitions, uint64_t first, struct sl_shard_writer *writer,
                  size_t writers)
{
    const struct sl_sharded *sharded = stage->node->op->wide->sharded;
    struct dealing dealing = {{&dealing_ops}, partitions, first, writer, writers};
    return sharded->write ? sharded->write(stage, &dealing.keeper) : deal_state(&dealing, stage);
}
