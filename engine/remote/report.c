#include "engine/remote/report.h"

#include "engine/batch/counters.h"
#include "engine/batch/rejects_entry.h"
#include "engine/remote/counts.h"

#include <string.h>

/* ---- what was found in a file ---- */

bool sl_report_put_found(struct sl_buf *buf, const struct sl_split_found *found)
{
    sl_wire_put_integer(buf, (int64_t)found->records);
    sl_wire_put_integer(buf, (int64_t)found->errors);
    sl_wire_put_integer(buf, found->error_line);
    sl_wire_put_integer(buf, found->error_node);
    sl_wire_put_text(buf, found->error_message);
    sl_wire_put_integer(buf, found->lines);
    sl_wire_put_text(buf, found->reason);
    sl_wire_put_field(buf, found->header ? *found->header : sl_nil());
    sl_wire_put_field(buf, found->learned);
    return !buf->failed;
}

void sl_report_take_found(struct sl_wire *wire, struct sl_split_found *ret)
{
    struct sl_field *header = sl_arena_alloc(wire->arena, sizeof *header);
    *ret = (struct sl_split_found){
        .records = (uint64_t)sl_wire_integer(wire),
    };
    ret->errors = (uint64_t)sl_wire_integer(wire);
    ret->error_line = (uint32_t)sl_wire_integer(wire);
    ret->error_node = (unsigned)sl_wire_integer(wire);
    ret->error_message = sl_wire_text(wire);
    ret->lines = sl_wire_integer(wire);
    ret->reason = sl_wire_text(wire);
    struct sl_field got = sl_wire_field(wire);
    if (!header)
        wire->failed = SL_ENOMEM;
    else
        *header = got;
    ret->header = header;
    ret->learned = sl_wire_field(wire);
}

/* ---- records ---- */

static void put_rows(struct sl_buf *buf, const _Atomic uint64_t *rows, const _Atomic uint64_t *rows_out,
                     size_t nodes)
{
    int64_t count = 0;
    for (size_t n = 0; n < nodes; n++)
        count += rows[n] || rows_out[n];
    sl_wire_put_integer(buf, count);
    for (size_t n = 0; n < nodes; n++)
        if (rows[n] || rows_out[n]) {
            sl_wire_put_integer(buf, (int64_t)n);
            sl_wire_put_integer(buf, (int64_t)rows[n]);
            sl_wire_put_integer(buf, (int64_t)rows_out[n]);
        }
}

static unsigned take_node(struct sl_wire *wire, size_t nodes)
{
    int64_t n = sl_wire_integer(wire);
    if (n < 0 || (size_t)n >= nodes)
        wire->failed = wire->failed ? wire->failed : SL_EDAMAGED;
    return wire->failed ? 0 : (unsigned)n;
}

static void take_rows(struct sl_wire *wire, struct sl_batch *batch)
{
    size_t nodes = batch->run->pipelines->nodes, count = sl_wire_count(wire);
    for (size_t i = 0; i < count && !wire->failed; i++) {
        unsigned node = take_node(wire, nodes);
        atomic_fetch_add(&batch->rows[node], (uint64_t)sl_wire_integer(wire));
        atomic_fetch_add(&batch->rows_out[node], (uint64_t)sl_wire_integer(wire));
    }
}

/* ---- record errors ---- */

static void put_failed(struct sl_buf *buf, const struct sl_rejects *rejects, size_t nodes)
{
    int64_t count = 0;
    for (size_t n = 0; n < nodes; n++)
        count += rejects->failed[n] != 0;
    sl_wire_put_integer(buf, count);
    for (size_t n = 0; n < nodes; n++)
        if (rejects->failed[n]) {
            sl_wire_put_integer(buf, (int64_t)n);
            sl_wire_put_integer(buf, (int64_t)rejects->failed[n]);
            sl_wire_put_integer(buf, (int64_t)rejects->by_file[n]);
        }
}

static void put_letter(struct sl_buf *buf, const struct sl_reject_entry *entry)
{
    sl_wire_put_integer(buf, entry->node->number);
    sl_wire_put_integer(buf, entry->origin != NULL);
    sl_wire_put_integer(buf, entry->partition);
    sl_wire_put_integer(buf, entry->line);
    sl_wire_put_integer(buf, (int64_t)entry->sequence);
    sl_wire_put_integer(buf, entry->truncated);
    sl_wire_put_integer(buf, entry->records);
    sl_wire_put_field(buf, sl_list(entry->field, entry->width));
    sl_wire_put_text(buf, entry->message);
}

static void put_rejects(struct sl_buf *buf, const struct sl_rejects *rejects, size_t nodes)
{
    put_failed(buf, rejects, nodes);
    sl_wire_put_integer(buf, (int64_t)rejects->kept);
    for (size_t i = 0; i < rejects->kept; i++)
        put_letter(buf, rejects->entry[i]);
}

const struct sl_origin *sl_report_origin(struct sl_source *source, size_t partitions, size_t p)
{
    struct sl_split_place place = {0};
    bool is_known = source && source->ops->place && p < partitions;
    return is_known && source->ops->place(source, p, &place) ? place.origin : NULL;
}

static int take_letter(struct sl_wire *wire, struct sl_batch *batch, struct sl_source *source,
                       size_t partitions, uint64_t sequence)
{
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    struct sl_reject_entry entry = {.node = pipelines->node[take_node(wire, pipelines->nodes)]};
    bool has_origin = sl_wire_integer(wire) != 0;
    entry.partition = (uint32_t)sl_wire_integer(wire);
    entry.origin = has_origin ? sl_report_origin(source, partitions, entry.partition) : NULL;
    entry.line = (uint32_t)sl_wire_integer(wire);
    entry.sequence = sequence + (uint64_t)sl_wire_integer(wire);
    entry.truncated = sl_wire_integer(wire) != 0;
    entry.records = sl_wire_integer(wire);
    struct sl_field record = sl_wire_field(wire);
    entry.message = sl_wire_text(wire);
    entry.event_ms = SL_NO_TIME;
    entry.field = record.items;
    entry.width = record.len;
    if (!wire->failed && (record.tag != SL_LIST || !entry.message || record.len > SL_WIDTH_MAX))
        wire->failed = SL_EDAMAGED;
    return wire->failed ? 0 : sl_rejects_keep(&batch->run->rejects, &entry);
}

static int take_rejects(struct sl_wire *wire, struct sl_batch *batch, struct sl_source *source,
                        size_t partitions, uint64_t sequence)
{
    int r = 0;
    size_t count = sl_wire_count(wire);
    for (size_t i = 0; i < count && !wire->failed; i++) {
        unsigned node = take_node(wire, batch->run->pipelines->nodes);
        uint64_t failed = (uint64_t)sl_wire_integer(wire), by_file = (uint64_t)sl_wire_integer(wire);
        if (!wire->failed)
            sl_rejects_count(&batch->run->rejects, node, failed, by_file);
    }
    count = sl_wire_count(wire);
    for (size_t i = 0; r == 0 && i < count && !wire->failed; i++)
        r = take_letter(wire, batch, source, partitions, sequence);
    return r;
}

/* ---- all of it ---- */

bool sl_report_put_counts(struct sl_buf *buf, struct sl_run *run, const _Atomic uint64_t *rows,
                          const _Atomic uint64_t *rows_out)
{
    size_t nodes = run->pipelines->nodes;
    put_rows(buf, rows, rows_out, nodes);
    put_rejects(buf, &run->rejects, nodes);
    sl_counts_put(buf, run);
    return !buf->failed;
}

int sl_report_take_counts(struct sl_wire *wire, struct sl_batch *batch, struct sl_source *source,
                          size_t partitions, uint64_t sequence, struct sl_error *err)
{
    take_rows(wire, batch);
    int r = take_rejects(wire, batch, source, partitions, sequence);
    r = r < 0 ? r : sl_counts_take(wire, batch->run);
    return r < 0 ? sl_error_nomem(err) : 0;
}
