/* saveToTable(url, table [, options]): the rows of each batch in a table of a database, exactly once
 * (sinks/list.c has the protocol). */
#include "sinks/table/save.h"

#include "core/base/error.h"
#include "core/contract/collect.h"
#include "core/contract/site.h"
#include "sinks/table/connect.h"
#include "sinks/table/sqlite_file.h"
#include "sinks/table/writer.h"
#include "text/framed_rows.h"

struct save {
    struct sl_table_writer writer;
    struct sl_sequence sequence;
    bool begun;
};

static int check(struct sl_node *node, struct sl_error *err)
{
    struct sl_table_settings settings;
    int r = sl_table_settings_read(node, &settings, err);
    sl_table_settings_done(&settings);
    return r;
}

static int memory_open(const struct sl_node *node, void *memory, struct sl_error *err)
{
    struct sl_table_memory *own = memory;
    own->database = NULL;
    return sl_table_settings_read(node, &own->settings, err);
}

static void memory_done(void *memory)
{
    struct sl_table_memory *own = memory;
    sl_table_disconnect(own);
    sl_table_settings_done(&own->settings);
}

/* ---- rows ---- */

static int begin(struct sl_stage *stage)
{
    struct save *save = stage->state;
    sl_table_writer_init(&save->writer, stage, stage->memory);
    sl_sequence_init(&save->sequence, sl_sequence_is_dense(stage->node), sl_table_writer_rows, &save->writer);
    save->begun = true;
    return 0;
}

static int lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    struct save *save = stage->state;
    return sl_sequence_lane_open(&save->sequence, lane);
}

static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct save *save = stage->state;
    struct sl_sequence_item *item = lane->state;
    if (!stage->emits)
        return 0;
    for (uint32_t row = 0; row < in->rows; row++)
        if (!sl_framed_row_append(&item->buf, lane->task->ordinal, in, row))
            return sl_error_nomem(lane->task->err);
    return sl_sequence_lane_grown(&save->sequence, lane);
}

static int lane_close(struct sl_stage *stage, struct sl_lane *lane)
{
    struct save *save = stage->state;
    return sl_sequence_lane_close(&save->sequence, lane);
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct save *save = stage->state;
    int r = sl_sequence_finish(&save->sequence, stage->err);
    return r < 0 || !stage->emits ? r : sl_table_writer_finish(&save->writer, stage->said, stage->err);
}

static void done(struct sl_stage *stage)
{
    struct save *save = stage->state;
    if (!save->begun)
        return;
    sl_sequence_done(&save->sequence);
    sl_table_writer_done(&save->writer);
    save->begun = false;
}

/* ---- the steps of the commit ---- */

static int reveal(struct sl_stage *stage)
{
    struct save *save = stage->state;
    return sl_table_writer_commit(&save->writer, stage->err);
}

/* The table is named URL#table; its rows are one "file". */
static int manifest(struct sl_stage *stage, struct sl_manifest *manifest)
{
    const struct save *save = stage->state;
    const struct sl_table_settings *settings = &save->writer.memory->settings;
    if (!save->writer.is_begun)
        return 0;
    return sl_manifest_of_one(manifest, save->writer.records, "rows", stage->err, "%s#%s", settings->url,
                              settings->table);
}

/* ---- before the first batch ---- */

static int describe(struct sl_table_memory *memory, const struct sl_services *services,
                    struct sl_table_shape *ret, struct sl_arena *arena, struct sl_error *err)
{
    memory->settings.retry_ms = 0;
    int r = sl_table_connect(memory, services, NULL, err);
    return r < 0 ? r : memory->database->ops->describe(memory->database, arena, ret, err);
}

/* A check makes no file. */
static int look(struct sl_table_memory *memory, const struct sl_services *services, bool is_check,
                struct sl_table_shape *ret, uint32_t *ret_width, struct sl_arena *arena, struct sl_error *err)
{
    struct sl_table_column column[SL_WIDTH_MAX];
    uint32_t count;
    int r = 0;
    *ret = (struct sl_table_shape){0};
    if (!is_check || !sl_sqlite_file_is_to_be_made(&memory->settings, services))
        r = describe(memory, services, ret, arena, err);
    return r < 0 ? r : sl_table_match(&memory->settings, ret, column, &count, ret_width, err);
}

/* SL_EUNREACHABLE is for the caller to judge. */
static int look_once(const struct sl_node *node, const struct sl_services *services, bool is_check,
                     struct sl_table_shape *ret, uint32_t *ret_width, struct sl_error *err)
{
    struct sl_table_memory memory = {0};
    struct sl_arena arena = {0};
    int r = sl_table_settings_read(node, &memory.settings, err);
    r = r < 0 ? r : look(&memory, services, is_check, ret, ret_width, &arena, err);
    sl_table_disconnect(&memory);
    sl_table_settings_done(&memory.settings);
    sl_arena_done(&arena);
    return r;
}

static int open_table(const struct sl_node *node, const struct sl_services *services, struct sl_error *err)
{
    struct sl_table_shape shape;
    uint32_t width;
    int r = look_once(node, services, false, &shape, &width, err);
    if (r == SL_EUNREACHABLE) {
        sl_log(services->log, SL_LOG_WARNING, "%s:%d: %s: %s; it is tried again with the first batch",
               node->site.file, node->site.line, node->op->name, err->text);
        return 0;
    }
    return r < 0 ? sl_site_wrap(&node->site, err) : 0;
}

static int probe(const struct sl_node *node, const struct sl_services *services, struct sl_buf *found,
                 struct sl_error *err)
{
    struct sl_table_settings settings;
    struct sl_table_shape shape;
    uint32_t width = 0;
    int r = look_once(node, services, true, &shape, &width, err);
    if (r < 0 && r != SL_EUNREACHABLE)
        return r;
    struct sl_error ignored; /* *err says why it is not reached */
    int read = sl_table_settings_read(node, &settings, &ignored);
    bool ok = read == 0 && sl_buf_printf(found, "%s#%s: ", settings.url, settings.table);
    if (ok && r == SL_EUNREACHABLE)
        ok = sl_buf_printf(found, "cannot be reached now: %s\n", err->text);
    else if (ok)
        ok = sl_buf_printf(found,
                           shape.exists
                               ? "the table is there and takes records of %u field%s\n"
                               : "the table is made with the first batch, for records of %u field%s\n",
                           width, width == 1 ? "" : "s");
    sl_table_settings_done(&settings);
    return ok ? 0 : sl_error_nomem(err);
}

static const struct sl_wide wide = {
    .state_size = sizeof(struct save),
    .begin = begin,
    .lane_open = lane_open,
    .push = push,
    .lane_close = lane_close,
    .takes_pieces = sl_collect_takes_pieces,
    .finish = finish,
    .done = done,
    .memory_size = sizeof(struct sl_table_memory),
    .memory_open = memory_open,
    .memory_done = memory_done,
};

static const struct sl_output steps = {
    .reveal = reveal,
    .manifest = manifest,
    .open = open_table,
    .probe = probe,
};

const struct sl_op sl_sink_table = {
    .name = "saveToTable",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary = "Writes the rows of each batch to a table of PostgreSQL or SQLite, exactly once",
    .example = "s:map(sluice.pair(1)):reduceByKey(sluice.sum):columns(\"line\", \"n\")"
               ":saveToTable(\"sqlite:out.db\", \"counts\", { create = true })",
    .params = sl_table_params,
    .options = sl_table_options,
    .wide = &wide,
    .output = &steps,
    .check = check,
};
