#include "engine/run/status_operators.h"

#include "engine/graph/graph_text.h"
#include "engine/run/status.h"
#include "text/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct sl_held sl_status_held(const struct sl_run *run, const struct sl_node *node)
{
    struct sl_held held = {-1, -1, -1, -1};
    const void *memory = run->memory ? run->memory[node->number] : NULL;
    if (node->op->wide && node->op->wide->held && memory)
        node->op->wide->held(memory, &held);
    else if (node->op->wide && node->op->wide->open && memory)
        held.keys = (int64_t)node->op->wide->open(memory);
    return held;
}

static void add_call(const struct sl_node *node, struct sl_buf *buf)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf call = {0};
    sl_graph_call(&call, node);
    sl_buf_depends(buf, &call);
    sl_buf_printf(buf, "{\"number\":%u,\"operator\":\"%s\",\"kind\":\"%s\",\"call\":", node->number,
                  node->op->name, sl_op_kind_name(node->op->kind));
    sl_json_string(buf, call.bytes, call.len, NULL);
    sl_buf_printf(buf, ",\"line\":%d", node->site.line);
    sl_json_member(buf, "name", node->name);
    sl_buf_text(buf, ",\"inputs\":[");
    for (unsigned i = 0; i < node->inputs; i++)
        sl_buf_printf(buf, "%s%u", i ? "," : "", node->input[i]->number);
    sl_buf_byte(buf, ']');
}

static void add_node(const struct sl_run *run, const struct sl_node *node, struct sl_buf *buf)
{
    static const struct sl_node_totals nothing;
    const struct sl_totals *totals = &run->status->totals;
    const struct sl_node_totals *sum = totals->node ? &totals->node[node->number] : &nothing;
    const struct sl_node_totals *last = totals->last ? &totals->last[node->number] : &nothing;
    bool has_in = node->op->kind != SL_OP_SOURCE && node->op->kind != SL_OP_META;
    bool has_out = node->op->kind != SL_OP_OUTPUT && node->op->kind != SL_OP_META;
    struct sl_held held = sl_status_held(run, node);
    add_call(node, buf);
    sl_json_member_integer(buf, "in", has_in, (int64_t)sum->in);
    sl_json_member_integer(buf, "out", has_out, (int64_t)sum->out);
    sl_json_member_integer(buf, "last_in", has_in, (int64_t)last->in);
    sl_json_member_integer(buf, "last_out", has_out, (int64_t)last->out);
    sl_json_member_integer(buf, "rejected", true, (int64_t)sum->rejected);
    sl_json_member_integer(buf, "keys", held.keys >= 0, held.keys);
    sl_json_member_integer(buf, "window_batches", held.batches >= 0, held.batches);
    sl_json_member_integer(buf, "held_bytes", held.bytes >= 0, held.bytes);
    sl_buf_byte(buf, '}');
}

void sl_status_operators(const struct sl_run *run, struct sl_buf *buf)
{
    sl_buf_text(buf, ",\"operators\":[");
    const char *separator = "";
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        if (!run->pipelines->used[n])
            continue;
        sl_buf_text(buf, separator);
        add_node(run, run->pipelines->node[n], buf);
        separator = ",";
    }
    sl_buf_byte(buf, ']');
}

/* Six numbers of at most 20 digits fit. */
void sl_status_recent_set(struct sl_status_recent *recent, const struct sl_status_batch *batch)
{
    int len = snprintf(
        recent->text, sizeof recent->text,
        "{\"time\":%" PRId64 ",\"records\":%" PRIu64 ",\"files\":%" PRIu64 ",\"rejected\":%" PRIu64
        ",\"scheduling_delay_ms\":%" PRId64 ",\"processing_ms\":%" PRId64 "}",
        batch->t, batch->rows, batch->files, batch->rejected, batch->scheduling_ms, batch->processing_ms);
    sl_assert(len > 0 && (size_t)len < sizeof recent->text);
    recent->len = (uint32_t)len;
}

void sl_status_recent(const struct sl_run *run, struct sl_buf *buf)
{
    const struct sl_status *status = run->status;
    sl_buf_text(buf, ",\"recent\":[");
    for (size_t i = 0; i < status->recent_count; i++) {
        const struct sl_status_recent *recent =
            &status->recent[(status->recent_first + i) % SL_STATUS_RECENT];
        sl_buf_text(buf, i ? "," : "");
        sl_buf_append(buf, recent->text, recent->len);
    }
    sl_buf_byte(buf, ']');
}
